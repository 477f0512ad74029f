"""Accuracy and seconds beside the peers, on the lab's own question: where in the day's range does the close lie?

RealMLP (Holzmüller et al., 2024, https://arxiv.org/abs/2407.04491) and TabM (Gorishniy et al., 2024,
https://arxiv.org/abs/2410.24210) are those of pytabkit with its defaults: ``pip install 'labcode[bench]'``.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import root_mean_squared_error
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from benchmarks.training import FloatArray, bare_loop, machine, plain_skorch, take_turns
from labcode.data.prices import load_prices
from labcode.lab.regression.network import position, position_inputs
from labcode.nets.device import pick_device
from labcode.nets.estimators import TabularRegressor

#: All hand-made networks: hidden layers of 64 and 32 units, Adam at 0.001, these epochs and batches.
EPOCHS, BATCH = 20, 128
Predict = Callable[[FloatArray], NDArray[Any]]


def position_rows(rows: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Scaled inputs and positions of earlier days and, after them, of as many later ones."""
    days = load_prices().frame.sort_values("date", kind="stable")
    days = days.iloc[:: max(1, len(days) // (2 * rows))].iloc[: 2 * rows]
    X, y = position_inputs(days), position(days, days["close"]).astype(np.float32)
    half = len(days) // 2
    X = StandardScaler().fit(X[:half]).transform(X).astype(np.float32)
    return X[:half], y[:half], X[half:], y[half:]


def _bare(X: FloatArray, y: FloatArray) -> Predict:
    network = bare_loop(X, y, BATCH, EPOCHS)
    return lambda others: _torch_predictions(network, others)


def _torch_predictions(network: Any, X: FloatArray) -> NDArray[Any]:
    import torch

    with torch.inference_mode():
        return np.asarray(network(torch.from_numpy(X).to(pick_device())).cpu())[:, 0]


def _skorch(X: FloatArray, y: FloatArray) -> Predict:
    network = plain_skorch(X.shape[1], batch_size=BATCH, max_epochs=EPOCHS).fit(X, y[:, None])
    return lambda others: np.asarray(network.predict(others))[:, 0]


def _estimator(make: Callable[[], Any]) -> Callable[[FloatArray, FloatArray], Predict]:
    def fitted(X: FloatArray, y: FloatArray) -> Predict:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            predict: Predict = make().fit(X, y).predict
        return predict

    return fitted


def contestants() -> dict[str, Callable[[FloatArray, FloatArray], Predict]]:
    """What turns training rows into a way to predict, by name."""
    network: Any = {"batch_size": BATCH, "random_state": 0}
    sizes: Any = {"hidden_layer_sizes": (64, 32), "max_iter": EPOCHS, **network}
    found = {
        "ours": _estimator(lambda: TabularRegressor(max_epochs=EPOCHS, **network)),
        "ours, onecycle": _estimator(
            lambda: TabularRegressor(max_epochs=EPOCHS, schedule="onecycle", lr=3e-3, **network)
        ),
        "bare loop": _bare,
        "plain skorch": _skorch,
        "scikit-learn MLPRegressor": _estimator(lambda: MLPRegressor(**sizes)),
        "HistGradientBoosting": _estimator(lambda: HistGradientBoostingRegressor(random_state=0)),
    }
    if find_spec("pytabkit"):
        from pytabkit import RealMLP_TD_Regressor, TabM_D_Regressor

        common: Any = {"device": pick_device().type, "random_state": 0, "n_threads": 1, "verbosity": 0}
        found["RealMLP"] = _estimator(lambda: RealMLP_TD_Regressor(**common))
        found["TabM"] = _estimator(lambda: TabM_D_Regressor(**common))
    return found


def bench_peers(repeats: int = 1, rows: int = 10_000) -> dict[str, Any]:
    """Root mean squared error and seconds of a fit, for each contestant.

    Parameters
    ----------
    repeats
        Rounds in which all contestants take turns; the medians of their seconds are reported.
    rows
        Earlier days to train on, and as many later ones to predict.

    Returns
    -------
    dict
        ``rmse: …`` (of positions, which lie between -1 and 1) and ``seconds: …``; RealMLP and TabM only where pytabkit
        is installed.
    """
    X, y, X_later, y_later = position_rows(rows)
    errors = {"the mean": float(root_mean_squared_error(y_later, np.full(len(y_later), y.mean())))}

    def timed(name: str, fit: Callable[[FloatArray, FloatArray], Predict]) -> float:
        started = time.perf_counter()
        predict = fit(X, y)
        seconds = time.perf_counter() - started
        errors[name] = float(root_mean_squared_error(y_later, predict(X_later)))
        return seconds

    seconds = take_turns({name: (lambda n=name, f=fit: timed(n, f)) for name, fit in contestants().items()}, repeats)  # type: ignore[misc]
    figures: dict[str, Any] = {f"rmse: {name}": value for name, value in errors.items()}
    return figures | {f"seconds: {name}": value for name, value in seconds.items()} | {"rows": len(X), **machine()}

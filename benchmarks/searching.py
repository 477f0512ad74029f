"""The speed of a search: all candidates trained as one, beside scikit-learn's grid search over plain skorch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier, NeuralNetRegressor

from benchmarks.training import FloatArray, made_up_rows, take_turns
from labcode.nets.device import describe_device, pick_device
from labcode.nets.estimators import TabularClassifier, TabularRegressor
from labcode.nets.mlp import MLP
from labcode.nets.search import BatchedSearchCV
from labcode.results.cluster import connect

#: The original's grid and settings.
ORIGINAL_GRID = {"lr": [0.001, 0.01], "hidden": [(32, 32), (64, 32)]}
ORIGINAL_SETTINGS: dict[str, Any] = {"max_epochs": 5, "batch_size": 128}
#: 24 candidates for the maintenance rows.
MAINTENANCE_GRID = {
    "lr": [1e-3, 3e-3, 1e-2],
    "hidden": [(64, 32), (64, 64)],
    "dropout": [0.0, 0.2],
    "weight_decay": [0.0, 1e-4],
}
MAINTENANCE_SETTINGS: dict[str, Any] = {"max_epochs": 10, "batch_size": 128}
Rows = tuple[FloatArray, np.ndarray]


def bench_tuning(repeats: int = 3, rows: int = 680_632, maintenance_rows: int = 8_000) -> dict[str, Any]:
    """Search speed beside ``GridSearchCV`` over plain skorch with its defaults, on rows made up for it.

    Parameters
    ----------
    repeats
        Rounds in which all contestants take turns; the medians are reported.
    rows, maintenance_rows
        Rows of four columns for the original's grid, and of six columns and six classes for the other.

    Returns
    -------
    dict
        Ratios of medians: ``speedup_original_grid`` (2 x 2 candidates, 2 folds, 5 epochs, batches of 128, the search
        alone), ``…_with_refit``, ``speedup_maintenance_24x5``, ``speedup_over_own_grid_search`` (the same estimators in
        ``GridSearchCV``), ``cluster_2_vs_1`` (one local worker over two). ``max_score_difference`` (relative) and
        ``same_winner`` compare the scores with those of ``GridSearchCV`` on the same estimators.
        ``cluster_start_seconds``, ``seconds_…``, ``device``, ``threads`` and ``load_average`` as in
        :func:`benchmarks.training.bench_training`.
    """
    device = pick_device()
    prices, machines = made_up_rows(rows), made_up_classes(maintenance_rows)
    warm_up = partial(search_ours, TabularClassifier, MAINTENANCE_GRID, {"max_epochs": 1}, made_up_classes(600), cv=2)
    warm_up()
    contestants: dict[str, Callable[[], float]] = {
        "original_ours": partial(search_ours, TabularRegressor, ORIGINAL_GRID, ORIGINAL_SETTINGS, prices, cv=2),
        "original_skorch": partial(search_skorch, NeuralNetRegressor, ORIGINAL_GRID, ORIGINAL_SETTINGS, prices, cv=2),
        "refit_ours": partial(refit, own_network(TabularRegressor, ORIGINAL_SETTINGS), prices),
        "refit_skorch": partial(refit, plain_skorch(NeuralNetRegressor, ORIGINAL_SETTINGS, prices), prices),
        "maintenance_ours": partial(search_ours, TabularClassifier, MAINTENANCE_GRID, MAINTENANCE_SETTINGS, machines),
        "maintenance_skorch": partial(
            search_skorch, NeuralNetClassifier, MAINTENANCE_GRID, MAINTENANCE_SETTINGS, machines
        ),
    }
    seconds = take_turns(contestants, repeats)
    seconds |= cluster_seconds(machines, repeats)
    return {
        "speedup_original_grid": seconds["original_skorch"] / seconds["original_ours"],
        "speedup_original_grid_with_refit": (seconds["original_skorch"] + seconds["refit_skorch"])
        / (seconds["original_ours"] + seconds["refit_ours"]),
        "speedup_maintenance_24x5": seconds["maintenance_skorch"] / seconds["maintenance_ours"],
        **own_grid_search(machines, seconds["maintenance_ours"]),
        "cluster_2_vs_1": seconds["cluster_1"] / seconds["cluster_2"],
        "cluster_2_vs_processes": seconds["maintenance_ours"] / seconds["cluster_2"],
        "cluster_start_seconds": seconds.pop("cluster_start"),
        "rows": rows,
        "maintenance_rows": maintenance_rows,
        "repeats": repeats,
        "device": describe_device(device),
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[0],
        **{f"seconds_{name}": value for name, value in seconds.items()},
    }


def made_up_classes(rows: int) -> Rows:
    """Standard normal inputs ``(rows, 6)`` and six classes in the mix of the maintenance rows, told by their inputs."""
    X = np.random.default_rng(0).standard_normal((rows, 6), dtype=np.float32)
    limits = np.quantile(X[:, 0] * X[:, 1] + X[:, 2], [0.965, 0.976, 0.986, 0.993, 0.998])
    return X, np.searchsorted(limits, X[:, 0] * X[:, 1] + X[:, 2]).astype(np.int64)


def search_ours(
    kind: type[BaseEstimator], grid: dict[str, list[Any]], settings: dict[str, Any], rows: Rows, cv: int = 5
) -> float:
    """Seconds of a :class:`~labcode.nets.search.BatchedSearchCV` on all cores."""
    started = time.perf_counter()
    own_search(kind, grid, settings, cv, n_jobs=-1).fit(*rows)
    return time.perf_counter() - started


def own_search(
    kind: type[BaseEstimator], grid: dict[str, list[Any]], settings: dict[str, Any], cv: int, **options: Any
) -> Any:
    """An unfitted batched search; ``search=GridSearchCV`` among the options takes scikit-learn's instead."""
    search = options.pop("search", BatchedSearchCV)
    scoring = "neg_mean_squared_error" if kind is TabularRegressor else "f1_macro"
    grid = {f"model__{name}": levels for name, levels in grid.items()}
    pipeline = own_network(kind, settings)
    return search(pipeline, grid, scoring=scoring, cv=_folds(kind, cv), refit=False, **options)


def own_network(kind: type[BaseEstimator], settings: dict[str, Any]) -> Pipeline:
    """A scaler and one of our estimators."""
    network = kind(random_state=0, **settings)
    return Pipeline([("scale", StandardScaler()), ("model", network)])


def _folds(kind: type[BaseEstimator], cv: int) -> Any:
    return cv if kind in (TabularRegressor, NeuralNetRegressor) else StratifiedKFold(cv, shuffle=True, random_state=0)


def search_skorch(
    kind: type[BaseEstimator], grid: dict[str, list[Any]], settings: dict[str, Any], rows: Rows, cv: int = 5
) -> float:
    """Seconds of scikit-learn's ``GridSearchCV`` over a plain skorch net with all its defaults."""
    names = {"lr": "lr", "weight_decay": "optimizer__weight_decay"}
    renamed = {f"{names.get(name, f'module__{name}')}": levels for name, levels in grid.items()}
    renamed = {f"{kind.__name__.lower()}__{name}": levels for name, levels in renamed.items()}
    scoring = "neg_mean_squared_error" if kind is NeuralNetRegressor else "f1_macro"
    net = plain_skorch(kind, settings, rows)
    search = GridSearchCV(net, renamed, scoring=scoring, cv=_folds(kind, cv), refit=False)
    started = time.perf_counter()
    search.fit(rows[0], _as_skorch_wants(rows[1]))
    return time.perf_counter() - started


def plain_skorch(kind: type[BaseEstimator], settings: dict[str, Any], rows: Rows) -> Pipeline:
    """A scaler and a skorch net with its defaults, its inner validation split included."""
    outputs = 1 if kind is NeuralNetRegressor else len(np.unique(rows[1]))
    more = {} if kind is NeuralNetRegressor else {"criterion": torch.nn.CrossEntropyLoss}
    net = kind(
        MLP,
        module__n_features=rows[0].shape[1],
        module__n_outputs=outputs,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        verbose=0,
        device=str(pick_device()),
        **settings,
        **more,
    )
    return make_pipeline(StandardScaler(), net)


def _as_skorch_wants(y: np.ndarray) -> np.ndarray:
    return y.reshape(-1, 1) if y.dtype == np.float32 else y


def refit(estimator: Pipeline, rows: Rows) -> float:
    """Seconds of fitting the best candidate on all rows, which every search ends with."""
    X, y = rows
    started = time.perf_counter()
    estimator.fit(X, y if isinstance(estimator[-1], (TabularRegressor, TabularClassifier)) else _as_skorch_wants(y))
    return time.perf_counter() - started


def own_grid_search(rows: Rows, batched_seconds: float) -> dict[str, Any]:
    """The same estimators in scikit-learn's ``GridSearchCV``: how its scores and its seconds compare."""
    arguments = (TabularClassifier, MAINTENANCE_GRID, MAINTENANCE_SETTINGS, 5)
    batched = own_search(*arguments, n_jobs=-1).fit(*rows).cv_results_["mean_test_score"]
    started = time.perf_counter()
    alone = own_search(*arguments, search=GridSearchCV).fit(*rows).cv_results_["mean_test_score"]
    seconds = time.perf_counter() - started
    return {
        "speedup_over_own_grid_search": seconds / batched_seconds,
        "max_score_difference": float(np.max(np.abs(batched - alone) / np.abs(alone))),
        "same_winner": bool(batched.argmax() == alone.argmax()),
    }


def cluster_seconds(rows: Rows, repeats: int) -> dict[str, float]:
    """Seconds of the maintenance search on one and on two local workers, and of starting two."""
    started = time.perf_counter()
    with connect("local:2"):
        start = time.perf_counter() - started
    search = partial(search_ours, TabularClassifier, MAINTENANCE_GRID, MAINTENANCE_SETTINGS, rows)

    def on(workers: int) -> float:
        with connect(f"local:{workers}"):
            search_ours(TabularClassifier, MAINTENANCE_GRID, {"max_epochs": 1}, made_up_classes(600), cv=2)
            return search()

    return {"cluster_start": start} | take_turns({"cluster_1": partial(on, 1), "cluster_2": partial(on, 2)}, repeats)

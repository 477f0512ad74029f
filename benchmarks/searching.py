"""The speed of a search: all candidates trained as one, beside scikit-learn's grid search over plain skorch."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier

from benchmarks.training import Contestant, FloatArray, machine, made_up_rows, plain_skorch, take_turns
from labcode.nets.device import pick_device
from labcode.nets.estimators import TabularClassifier, TabularRegressor
from labcode.nets.mlp import MLP
from labcode.nets.search import BatchedSearchCV
from labcode.results.cluster import connect

#: Our first version's grid and settings.
FIRST_GRID: dict[str, list[Any]] = {"lr": [0.001, 0.01], "hidden": [(32, 32), (64, 32)]}
FIRST_SETTINGS: dict[str, Any] = {"max_epochs": 5, "batch_size": 128}
#: 24 candidates for the machines.
MACHINES_GRID: dict[str, list[Any]] = {
    "lr": [1e-3, 3e-3, 1e-2],
    "hidden": [(64, 32), (64, 64)],
    "dropout": [0.0, 0.2],
    "weight_decay": [0.0, 1e-4],
}
MACHINES_SETTINGS: dict[str, Any] = {"max_epochs": 10, "batch_size": 128}
Rows = tuple[FloatArray, np.ndarray[Any, Any]]


def made_up_classes(rows: int) -> Rows:
    """Standard normal inputs ``(rows, 6)`` and six classes in the mix of the machines, told by their inputs."""
    X = np.random.default_rng(0).standard_normal((rows, 6), dtype=np.float32)
    limits = np.quantile(X[:, 0] * X[:, 1] + X[:, 2], [0.965, 0.976, 0.986, 0.993, 0.998])
    return X, np.searchsorted(limits, X[:, 0] * X[:, 1] + X[:, 2]).astype(np.int64)


def search_of(model: Any, grid: dict[str, list[Any]], kind: Any = BatchedSearchCV, **options: Any) -> Any:
    """An unfitted search over a scaler and a network; two folds for a regression, five for classes."""
    regression = "Regressor" in type(model).__name__
    cv = KFold(2) if regression else StratifiedKFold(5, shuffle=True, random_state=0)
    scoring = "neg_mean_squared_error" if regression else "f1_macro"
    steps = Pipeline([("scale", StandardScaler()), ("model", model)])
    return kind(
        steps, {f"model__{name}": v for name, v in grid.items()}, scoring=scoring, cv=cv, refit=False, **options
    )


def skorch_names(grid: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The grid in skorch's words."""
    names = {"lr": "lr", "weight_decay": "optimizer__weight_decay"}
    return {names.get(name, f"module__{name}"): values for name, values in grid.items()}


def seconds_of(search: Any, X: Any, y: Any) -> float:
    """Seconds of a search."""
    started = time.perf_counter()
    search.fit(X, y)
    return time.perf_counter() - started


def bench_tuning(repeats: int = 3, rows: int = 680_632, machine_rows: int = 8_000) -> dict[str, Any]:
    """Search speed beside ``GridSearchCV`` over plain skorch with its defaults, on rows made up for it.

    Parameters
    ----------
    repeats
        Rounds in which all contestants take turns; the medians are reported.
    rows, machine_rows
        Rows of four columns for our first version's grid, and of six columns and six classes for the other.

    Returns
    -------
    dict
        Ratios of medians: ``speedup_first_grid`` (2 x 2 candidates, 2 folds, 5 epochs, batches of 128),
        ``speedup_machines_24x5``, ``speedup_over_own_grid_search`` (the same estimators in ``GridSearchCV``, once),
        ``cluster_2_vs_processes`` (two local workers). ``max_score_difference`` (relative) and ``same_winner`` compare
        the scores with those of ``GridSearchCV``.
    """
    (X, y), (X_machines, classes) = made_up_rows(rows), made_up_classes(machine_rows)
    more: Any = {"criterion": torch.nn.CrossEntropyLoss, "optimizer": torch.optim.Adam, "verbose": 0}
    net = NeuralNetClassifier(
        MLP, module__n_features=6, module__n_outputs=6, device=str(pick_device()), **more, **MACHINES_SETTINGS
    )
    ours = search_of(TabularClassifier(random_state=0, **MACHINES_SETTINGS), MACHINES_GRID, n_jobs=-1)
    first = TabularRegressor(random_state=0, **FIRST_SETTINGS)
    seconds_of(ours, *made_up_classes(600))
    contestants: dict[str, Contestant] = {
        "first_ours": partial(seconds_of, search_of(first, FIRST_GRID, n_jobs=-1), X, y),
        "first_skorch": partial(
            seconds_of,
            search_of(plain_skorch(4, **FIRST_SETTINGS), skorch_names(FIRST_GRID), GridSearchCV),
            X,
            y[:, None],
        ),
        "machines_ours": partial(seconds_of, ours, X_machines, classes),
        "machines_skorch": partial(
            seconds_of, search_of(net, skorch_names(MACHINES_GRID), GridSearchCV), X_machines, classes
        ),
        "cluster_2": partial(seconds_on_two_workers, ours, X_machines, classes),
    }
    seconds = take_turns(contestants, repeats)
    own = search_of(TabularClassifier(random_state=0, **MACHINES_SETTINGS), MACHINES_GRID, GridSearchCV)
    own_seconds = seconds_of(own, X_machines, classes)
    batched, alone = (search.cv_results_["mean_test_score"] for search in (ours, own))
    return {
        "speedup_first_grid": seconds["first_skorch"] / seconds["first_ours"],
        "speedup_machines_24x5": seconds["machines_skorch"] / seconds["machines_ours"],
        "speedup_over_own_grid_search": own_seconds / seconds["machines_ours"],
        "max_score_difference": float(np.max(np.abs(batched - alone) / np.abs(alone))),
        "same_winner": bool(batched.argmax() == alone.argmax()),
        "cluster_2_vs_processes": seconds["machines_ours"] / seconds["cluster_2"],
        **machine(),
        **{f"seconds_{name}": value for name, value in seconds.items()},
    }


def seconds_on_two_workers(search: Any, X: Any, y: Any) -> float:
    """Seconds of a search on two local workers, once they have their code and PyTorch."""
    with connect("local:2"):
        seconds_of(search, *made_up_classes(600))
        return seconds_of(search, X, y)

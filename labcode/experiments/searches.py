"""What the tuning experiments share: a search as a table, what a fit costs, and which candidates are neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

Grid = list[dict[str, list[Any]]]
#: Optimisers to search over: name, weight decay, and what the learning rates are multiplied by.
OPTIMIZERS = (("adam", 0.0, 1.0), ("adamw", 0.01, 1.0), ("sgd", 0.0, 10.0))


def optimizer_grids(lrs: Sequence[float], names: Sequence[str], **others: Sequence[Any]) -> Grid:
    """A grid for each optimiser: its learning rates and weight decay, times all combinations of the others.

    SGD gets ten times the learning rates, since Adam's steps do not shrink with the gradient; AdamW decays the weights.

    Examples
    --------
    >>> optimizer_grids([0.01], ["sgd"], dropout=(0.0, 0.1))
    [{'model__optimizer': ['sgd'], 'model__lr': [0.1], 'model__weight_decay': [0.0], 'model__dropout': [0.0, 0.1]}]
    """
    rest = {f"model__{name}": list(levels) for name, levels in others.items()}
    return [
        {
            "model__optimizer": [name],
            "model__lr": [float(f"{factor * lr:.3g}") for lr in lrs],
            "model__weight_decay": [decay],
            **rest,
        }
        for name, decay, factor in OPTIMIZERS
        if name in names
    ]


def penalty_grids(lrs: Sequence[float], dropout: float, decay: float) -> Grid:
    """Dropout, L2 and both with Adam, and dropout with AdamW's decoupled decay."""
    pairs = [("adam", dropout, 0.0), ("adam", 0.0, decay), ("adam", dropout, decay), ("adamw", dropout, decay)]
    return [
        {
            "model__optimizer": [name],
            "model__lr": list(lrs),
            "model__dropout": [p],
            "model__weight_decay": [w],
        }
        for name, p, w in pairs
    ]


def candidate_table(found: Mapping[str, Any], defaults: Mapping[str, Any], n_splits: int) -> pd.DataFrame:
    """A search's ``cv_results_`` as a frame: a row for each candidate, in the order of the search.

    Parameters
    ----------
    found
        ``cv_results_``, its parameters with or without a prefix such as ``model__``.
    defaults
        Columns to keep, without prefix, and the value of each where a candidate does not set it.
    n_splits
        Number of folds.

    Returns
    -------
    DataFrame
        The hyperparameters as plain values, ``score`` (mean over folds), ``score_sd`` and ``fold 1`` and so on.
    """
    rows = []
    for i, params in enumerate(found["params"]):
        own = {**defaults, **{name.rpartition("__")[2]: value for name, value in params.items()}}
        scores = {f"fold {k + 1}": float(found[f"split{k}_test_score"][i]) for k in range(n_splits)}
        row = {name: _plain(own[name]) for name in defaults}
        rows.append({**row, "score": float(found["mean_test_score"][i]), "score_sd": float(found["std_test_score"][i])})
        rows[-1] |= scores
    return pd.DataFrame(rows)


def _plain(value: Any) -> Any:
    """Values that a table can hold: layers as ``64-32``, a sampler by its name."""
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    if value is None or isinstance(value, (bool, int, float, str)):
        return "none" if value is None else value
    return type(value).__name__


def multiplications(hidden: str, n_features: int, n_outputs: int, rows: int, epochs: int) -> float:
    """Multiplications of a training, in billions: each weight once forward and twice backward for each row."""
    widths = [n_features, *map(int, hidden.split("-")), n_outputs]
    return 3.0 * sum(a * b for a, b in pairwise(widths)) * rows * epochs / 1e9


def rows_matching(table: pd.DataFrame, settings: Mapping[str, Any]) -> pd.Series:
    """Whether each candidate has all of these settings."""
    return pd.Series(np.logical_and.reduce([table[name] == value for name, value in settings.items()]), table.index)


def best_first(table: pd.DataFrame, most: int | None = None) -> Sequence[int]:
    """Positions of the candidates, the best score first; of equal ones, the first tried."""
    return [int(i) for i in np.argsort(-table["score"].to_numpy(), kind="stable")[:most]]

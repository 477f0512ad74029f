"""What is found at equally many needless stops, by how rare classes are treated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


def _share(says: str) -> Quantity:
    return Quantity(says=says, decimals=3, least=0, most=1, over="rows")


def _gain(says: str) -> Quantity:
    return Quantity(says=says, decimals=3, least=-1, most=1, over="rows")


def _loss(says: str) -> Quantity:
    return Quantity(says=says, decimals=3, least=0, over="rows")


def _rows(says: str) -> Quantity:
    return Quantity(says=says, decimals=0, least=0, over="rows")


def _more(says: str) -> Quantity:
    return Quantity(says=says, decimals=0, over="rows")


@dataclass(frozen=True, kw_only=True)
class Balanced(Results):
    """A way to treat rare classes: out of fold, means over seeds; gains are over doing nothing, on the same rows.

    ``…_undone`` is computed from probabilities whose weights or copies of rare classes are divided out; limits of
    ``…_joint`` hold for all ways together (Bonferroni).
    """

    average_precision: Annotated[Number, _share("average precision of the probability of any failure")]
    average_precision_gain_joint: Annotated[
        Number, _gain("average precision above doing nothing, with limits for all ways together")
    ]
    average_precision_undone: Annotated[Number, _share("average precision with the weights divided out")]
    found: Annotated[Mapping[int, Number], _rows("failures found, by needless stops")]
    found_at_smote: Annotated[Number, _rows("failures found at as many needless stops as SMOTE's most probable class")]
    found_at_smote_gain_joint: Annotated[
        Number,
        _more("failures found beyond doing nothing at SMOTE's needless stops, with limits for all ways together"),
    ]
    tuned_found: Annotated[
        Mapping[int, Number], _rows("failures found by a threshold from inner folds, by the needless stops asked for")
    ]
    tuned_needless: Annotated[
        Mapping[int, Number], _rows("needless stops by a threshold from inner folds, by those asked for")
    ]
    called_needless: Annotated[Number, _rows("healthy rows called some failure by the most probable class")]
    log_loss: Annotated[Number, _loss("log loss")]
    log_loss_undone: Annotated[Number, _loss("log loss with the weights divided out")]
    macro_f1: Annotated[Number, _share("macro-F1")]
    gain: Annotated[Number, _gain("macro-F1 above doing nothing")]
    seed_sd: Annotated[Number, Quantity(says="standard deviation of average precision over seeds", decimals=3, least=0)]
    updates: Annotated[Number, Quantity(says="optimiser steps", decimals=0, least=1)]


@dataclass(frozen=True, kw_only=True)
class EqualAlarms(Results):
    """All ways to treat rare classes, on the same folds.

    Shape
    -----
    ``needless`` ``(k,)``; ``curves`` ``(n_methods, k)``: failures found at so many needless stops,
    means over seeds, in the order of ``methods``.
    """

    experiment = "classification/equal-alarms"
    methods: Annotated[Mapping[str, Balanced], Quantity(name="")]
    seeds: int
    failures: Annotated[Number, Quantity(says="rows with a failure", decimals=0, least=1)]
    healthy: Annotated[Number, Quantity(says="rows without a failure", decimals=0, least=1)]
    best: str
    needless: Annotated[np.ndarray, Quantity(least=0)]
    curves: Annotated[np.ndarray, Quantity(least=0)]

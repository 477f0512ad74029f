"""What is found at equally many needless stops, by how rare classes are treated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.lab.quantities import counted, gain, positive, score
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


@dataclass(frozen=True, kw_only=True)
class Balanced(Results):
    """A way to treat rare classes: out of fold, means over seeds; gains are over doing nothing, on the same rows.

    ``…_undone`` is computed from probabilities whose weights or copies of rare classes are divided out; limits of
    ``…_joint`` hold for all ways together (Bonferroni). Thresholds of ``tuned_…`` come from inner folds.
    """

    average_precision: Annotated[Number, score("average precision of the probability of any failure")]
    average_precision_gain_joint: Annotated[
        Number, gain("average precision above doing nothing, with limits for all ways together")
    ]
    average_precision_undone: Annotated[Number, score("average precision with the weights divided out")]
    found: Annotated[Mapping[int, Number], counted("failures found, by needless stops", over="rows")]
    found_at_smote: Annotated[
        Number, counted("failures found at as many needless stops as SMOTE's most probable class", over="rows")
    ]
    found_at_smote_gain_joint: Annotated[
        Number,
        Quantity(
            says="failures found beyond doing nothing at SMOTE's needless stops, with limits for all ways together",
            decimals=0,
            over="rows",
        ),
    ]
    tuned_found: Annotated[
        Mapping[int, Number],
        counted("failures found by a threshold from inner folds, by the needless stops asked for", over="rows"),
    ]
    tuned_needless: Annotated[
        Mapping[int, Number], counted("needless stops by a threshold from inner folds, by those asked for", over="rows")
    ]
    called_needless: Annotated[
        Number, counted("healthy rows called some failure by the most probable class", over="rows")
    ]
    log_loss: Annotated[Number, positive("log loss", 3, "rows")]
    log_loss_undone: Annotated[Number, positive("log loss with the weights divided out", 3, "rows")]
    macro_f1: Annotated[Number, score("macro-F1")]
    gain: Annotated[Number, gain("macro-F1 above doing nothing")]
    seed_sd: Annotated[Number, positive("standard deviation of average precision over seeds", 3)]
    updates: Annotated[Number, counted("optimiser steps", least=1)]


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
    failures: Annotated[Number, counted("rows with a failure", least=1)]
    healthy: Annotated[Number, counted("rows without a failure", least=1)]
    best: str
    needless: Annotated[np.ndarray, Quantity(least=0)]
    curves: Annotated[np.ndarray, Quantity(least=0)]

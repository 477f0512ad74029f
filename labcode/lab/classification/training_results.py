"""What the experiments on training return: how rare classes are treated, and how the network is held back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from labcode.lab.quantities import ByNumber, counted, gain, gained_share, positive, score
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results

_found = partial(counted, over="rows")


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
    found: Annotated[ByNumber, _found("failures found, by needless stops")]
    found_at_smote: Annotated[Number, _found("failures found at as many needless stops as SMOTE's most probable class")]
    found_at_smote_gain_joint: Annotated[
        Number,
        Quantity(
            says="failures found beyond doing nothing at SMOTE's needless stops, with limits for all ways together",
            decimals=0,
            over="rows",
        ),
    ]
    tuned_found: Annotated[
        ByNumber, _found("failures found by a threshold from inner folds, by the needless stops asked for")
    ]
    tuned_needless: Annotated[ByNumber, _found("needless stops by a threshold from inner folds, by those asked for")]
    called_needless: Annotated[Number, _found("healthy rows called some failure by the most probable class")]
    log_loss: Annotated[Number, positive("log loss", 3, "rows")]
    log_loss_undone: Annotated[Number, positive("log loss with the weights divided out", 3, "rows")]
    macro_f1: Annotated[Number, score("macro-F1")]
    seed_sd: Annotated[Number, positive("standard deviation of average precision over seeds", 3)]
    updates: Annotated[Number, counted("optimiser steps", least=1)]


@dataclass(frozen=True, kw_only=True)
class EqualAlarms(Results):
    """All ways to treat rare classes, on the same folds.

    ``curves`` ``(n_methods, k)`` are failures found at ``needless`` ``(k,)`` stops, means over seeds, in the order of
    ``methods``.
    """

    experiment = "classification/equal-alarms"
    methods: Annotated[Mapping[str, Balanced], Quantity(name="")]
    seeds: int
    failures: Annotated[Number, counted("rows with a failure", least=1)]
    healthy: Annotated[Number, counted("rows without a failure", least=1)]
    needless: Annotated[np.ndarray, Quantity(least=0)]
    curves: Annotated[np.ndarray, Quantity(least=0)]


@dataclass(frozen=True, kw_only=True)
class HeldBackBy(Results):
    """A technique, out of fold, its strength chosen in inner folds; gains are over none, on the same rows and seeds.

    Log losses are of probabilities whose class weights are divided out. Limits of ``…_joint`` hold for both measures of
    all techniques together (Bonferroni).
    """

    log_loss: Annotated[Number, positive("log loss of held-out rows", 4, "rows and seeds")]
    log_loss_gain_joint: Annotated[
        Number,
        gained_share(
            "log loss saved against none, with limits for all techniques together", 0, "rows and seeds", -np.inf
        ),
    ]
    macro_f1: Annotated[Number, score("macro-F1 of held-out rows", over="rows and seeds")]
    gain_joint: Annotated[
        Number, gain("macro-F1 above none, with limits for all techniques together", over="rows and seeds")
    ]
    train_macro_f1: Annotated[Number, score("macro-F1 of training rows", over=None)]
    strength: Annotated[Number, positive("median chosen strength", 4)]


@dataclass(frozen=True, kw_only=True)
class HeldBack(Results):
    """All techniques on the same folds and seeds.

    ``curves`` and ``accuracy_curves`` ``(n_techniques, n_epochs, 2)``: log loss and accuracy of training and of
    held-out rows after each epoch, means over folds, first seed, in the order of ``techniques``.
    """

    experiment = "classification/held-back"
    techniques: Annotated[Mapping[str, HeldBackBy], Quantity(name="")]
    seeds: int
    folds: int
    epochs: int
    best: str
    least_loss_epoch: Annotated[Number, counted("epoch with the lowest held-out loss without regularization", least=1)]
    least_loss: Annotated[Number, positive("lowest held-out loss of an epoch without regularization", 3)]
    last_loss: Annotated[Number, positive("held-out loss of the last epoch without regularization", 3)]
    curves: Annotated[np.ndarray, Quantity(least=0)]
    accuracy_curves: Annotated[np.ndarray, Quantity(least=0, most=1)]

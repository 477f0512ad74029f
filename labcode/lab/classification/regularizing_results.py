"""What holding the network back does, technique by technique."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.lab.quantities import counted, gain, gained_share, positive, score
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


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
    gain: Annotated[Number, gain("macro-F1 above none", over="rows and seeds")]
    gain_joint: Annotated[
        Number, gain("macro-F1 above none, with limits for all techniques together", over="rows and seeds")
    ]
    train_macro_f1: Annotated[Number, score("macro-F1 of training rows", over=None)]
    strength: Annotated[Number, positive("median chosen strength", 4)]


@dataclass(frozen=True, kw_only=True)
class HeldBack(Results):
    """All techniques on the same folds and seeds.

    Shape
    -----
    ``curves`` and ``accuracy_curves`` ``(n_techniques, n_epochs, 2)``: log loss and accuracy of training and of
    held-out rows after each epoch, means over folds, first seed, in the order of ``techniques``.
    """

    experiment = "classification/held-back"
    techniques: Annotated[Mapping[str, HeldBackBy], Quantity(name="")]
    seeds: int
    folds: int
    epochs: int
    tried: Annotated[Number, counted("techniques tried", least=1)]
    best: str
    least_loss_epoch: Annotated[Number, counted("epoch with the lowest held-out loss without regularization", least=1)]
    least_loss: Annotated[Number, positive("lowest held-out loss of an epoch without regularization", 3)]
    last_loss: Annotated[Number, positive("held-out loss of the last epoch without regularization", 3)]
    curves: Annotated[np.ndarray, Quantity(least=0)]
    accuracy_curves: Annotated[np.ndarray, Quantity(least=0, most=1)]

"""What holding the network back does, technique by technique."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


def _score(says: str) -> Quantity:
    return Quantity(says=says, decimals=3, least=0, most=1, over="rows and seeds")


def _difference(says: str) -> Quantity:
    return Quantity(says=says, decimals=3, least=-1, most=1, over="rows and seeds")


def _reduction(says: str) -> Quantity:
    return Quantity(says=says, unit="%", decimals=0, most=1, over="rows and seeds")


@dataclass(frozen=True, kw_only=True)
class HeldBackBy(Results):
    """A technique, out of fold, its strength chosen in inner folds; gains are over none, on the same rows and seeds.

    Log losses are of probabilities whose class weights are divided out. Limits of ``…_joint`` hold for both measures of
    all techniques together (Bonferroni).
    """

    log_loss: Annotated[Number, Quantity(says="log loss of held-out rows", decimals=4, least=0, over="rows and seeds")]
    log_loss_gain_joint: Annotated[
        Number, _reduction("log loss saved against none, with limits for all techniques together")
    ]
    macro_f1: Annotated[Number, _score("macro-F1 of held-out rows")]
    gain: Annotated[Number, _difference("macro-F1 above none")]
    gain_joint: Annotated[Number, _difference("macro-F1 above none, with limits for all techniques together")]
    train_macro_f1: Annotated[Number, Quantity(says="macro-F1 of training rows", decimals=3, least=0, most=1)]
    strength: Annotated[Number, Quantity(says="median chosen strength", decimals=4, least=0)]


@dataclass(frozen=True, kw_only=True)
class HeldBack(Results):
    """All techniques on the same folds and seeds.

    Shape
    -----
    ``chosen`` ``(n_techniques, n_folds)``: strengths, the last epoch (from 1) of an early stop, 0 where there is
    nothing to choose. ``curves`` and ``accuracy_curves`` ``(n_techniques, n_epochs, 2)``: log loss and accuracy of
    training and of held-out rows after each epoch, means over folds, first seed. All in the order of ``techniques``.
    """

    experiment = "classification/held-back"
    techniques: Annotated[Mapping[str, HeldBackBy], Quantity(name="")]
    seeds: int
    folds: int
    epochs: int
    tried: Annotated[Number, Quantity(says="techniques tried", decimals=0, least=1)]
    best: str
    least_loss_epoch: Annotated[
        Number, Quantity(says="epoch with the lowest held-out loss without regularization", decimals=0, least=1)
    ]
    least_loss: Annotated[
        Number, Quantity(says="lowest held-out loss of an epoch without regularization", decimals=3, least=0)
    ]
    last_loss: Annotated[
        Number, Quantity(says="held-out loss of the last epoch without regularization", decimals=3, least=0)
    ]
    chosen: Annotated[np.ndarray, Quantity(least=0)]
    curves: Annotated[np.ndarray, Quantity(least=0)]
    accuracy_curves: Annotated[np.ndarray, Quantity(least=0, most=1)]

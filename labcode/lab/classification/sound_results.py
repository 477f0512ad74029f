"""What the contest between the network and its rivals returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.results.number import Number, Quantity
from labcode.results.typed import Results
from labcode.scoring.scores import accuracy

_MACRO = Quantity(says="macro-F1", decimals=3, least=0, most=1, over="rows")


def _share(says: str, name: str) -> Quantity:
    return Quantity(says=says, decimals=3, least=0, most=1, over="rows", name=name)


@dataclass(frozen=True, kw_only=True)
class Scores(Results):
    """One model's answers out of fold, means over the repeats, and on fresh simulated rows.

    Shape
    -----
    ``confusion`` ``(repeats, 6, 6)``: actual classes in rows, called ones in columns;
    ``train_confusion`` ``(6, 6)``: the training rows of all folds and repeats together.
    """

    macro_f1: Annotated[Number, _MACRO]
    accuracy: Annotated[Number, Quantity(says="accuracy", unit="%", decimals=1, least=0, most=1, over="rows")]
    train_macro_f1: Annotated[Number, Quantity(says="macro-F1 of training rows", decimals=3, least=0, most=1)]
    fresh_macro_f1: Annotated[
        Number, Quantity(says="macro-F1 on fresh simulated rows", decimals=3, least=0, most=1, over="rows")
    ]
    recall: Annotated[Mapping[str, Number], _share("rows of the class that are found", "recall")]
    precision: Annotated[Mapping[str, Number], _share("calls of the class that are right", "precision")]
    f1: Annotated[Mapping[str, Number], _share("F1", "f1")]
    confusion: Annotated[np.ndarray, Quantity(least=0)]
    train_confusion: Annotated[np.ndarray, Quantity(least=0)]

    @property
    def train_accuracy(self) -> Number:
        """Share of the training rows that are called right."""
        shown = Quantity(says="accuracy of training rows", unit="%", decimals=1, least=0, most=1)
        return Number(float(accuracy(self.train_confusion)), quantity=shown)


@dataclass(frozen=True, kw_only=True)
class Chances(Results):
    """One model's chances, as fitted (its class weights undone) and after temperature and hazard; and what was chosen.

    Shape
    -----
    ``chosen`` ``(n_settings,)``: outer folds in which each setting was chosen.
    ``reliability`` ``(bins, 2)``: mean chance of any failure and share of failures, in bins of equally many rows.
    """

    log_loss: Annotated[Number, Quantity(says="log loss", decimals=4, least=0, over="rows")]
    fresh_log_loss: Annotated[
        Number, Quantity(says="log loss on fresh simulated rows", decimals=4, least=0, over="rows")
    ]
    calibration_error_before: Annotated[
        Number, Quantity(says="calibration error as fitted", unit="%", decimals=2, least=0, most=1)
    ]
    calibration_error: Annotated[Number, Quantity(says="calibration error", unit="%", decimals=2, least=0, most=1)]
    chosen: Annotated[np.ndarray, Quantity(least=0)]
    reliability: Annotated[np.ndarray, Quantity(least=0, most=1)]


@dataclass(frozen=True, kw_only=True)
class Gain(Results):
    """How much further the network is than another, on the same rows."""

    macro_f1: Annotated[
        Number, Quantity(says="gain in macro-F1", decimals=3, least=-1, most=1, over="rows", name="rows")
    ]
    folds: Annotated[
        Number, Quantity(says="mean gain in macro-F1 of single folds", decimals=3, least=-1, most=1, over="folds")
    ]
    fresh: Annotated[
        Number, Quantity(says="gain in macro-F1 on fresh simulated rows", decimals=3, least=-1, most=1, over="rows")
    ]


@dataclass(frozen=True, kw_only=True)
class LossGain(Results):
    """How much lower the network's log loss is than another's, on the same rows."""

    log_loss: Annotated[Number, Quantity(says="log loss saved", decimals=4, over="rows")]
    fresh: Annotated[Number, Quantity(says="log loss saved on fresh simulated rows", decimals=4, over="rows")]


@dataclass(frozen=True, kw_only=True)
class Contest(Results):
    """The network and its rivals, each with and without the decision for macro-F1.

    Shape
    -----
    ``y`` ``(n,)``: actual classes.
    """

    experiment = "classification/contest"
    repeats: int
    folds: int
    seeds: int
    network: Annotated[Scores, Quantity(says="the network")]
    network_without_rule: Annotated[Scores, Quantity(says="the network, most probable class")]
    forest: Annotated[Scores, Quantity(says="the forest, most probable class")]
    forest_with_rule: Annotated[Scores, Quantity(says="the forest")]
    boosting: Annotated[Scores, Quantity(says="boosting, most probable class")]
    boosting_with_rule: Annotated[Scores, Quantity(says="boosting")]
    logistic: Annotated[Scores, Quantity(says="logistic regression, most probable class")]
    logistic_with_rule: Annotated[Scores, Quantity(says="logistic regression")]
    chances: Mapping[str, Chances]
    gains: Annotated[Mapping[str, Gain], Quantity(name="gain_over")]
    loss_gains: Annotated[Mapping[str, LossGain], Quantity(name="loss_gain_over")]
    y: Annotated[np.ndarray, Quantity(least=0)]

"""What the contest between the network and its rivals returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.lab.quantities import gain, positive, score, share
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results
from labcode.scoring.scores import accuracy


@dataclass(frozen=True, kw_only=True)
class Scores(Results):
    """One model's answers out of fold, means over the repeats, and on fresh simulated rows.

    Shape
    -----
    ``confusion`` ``(repeats, 6, 6)``: actual classes in rows, called ones in columns;
    ``train_confusion`` ``(6, 6)``: the training rows of all folds and repeats together.
    """

    macro_f1: Annotated[Number, score("macro-F1")]
    accuracy: Annotated[Number, share("accuracy", over="rows")]
    train_macro_f1: Annotated[Number, score("macro-F1 of training rows", over=None)]
    fresh_macro_f1: Annotated[Number, score("macro-F1 on fresh simulated rows")]
    recall: Annotated[Mapping[str, Number], score("rows of the class that are found", name="recall")]
    precision: Annotated[Mapping[str, Number], score("calls of the class that are right", name="precision")]
    f1: Annotated[Mapping[str, Number], score("F1", name="f1")]
    confusion: Annotated[np.ndarray, Quantity(least=0)]
    train_confusion: Annotated[np.ndarray, Quantity(least=0)]

    @property
    def train_accuracy(self) -> Number:
        """Share of the training rows that are called right."""
        return Number(float(accuracy(self.train_confusion)), quantity=share("accuracy of training rows"))


@dataclass(frozen=True, kw_only=True)
class Chances(Results):
    """One model's chances, its class weights undone, after temperature and hazard."""

    log_loss: Annotated[Number, positive("log loss", 4, "rows")]
    fresh_log_loss: Annotated[Number, positive("log loss on fresh simulated rows", 4, "rows")]
    calibration_error: Annotated[Number, share("calibration error", 2)]


@dataclass(frozen=True, kw_only=True)
class Gain(Results):
    """How much further the network is than another, on the same rows."""

    macro_f1: Annotated[Number, gain("gain in macro-F1", name="rows")]
    folds: Annotated[Number, gain("mean gain in macro-F1 of single folds", over="folds")]
    fresh: Annotated[Number, gain("gain in macro-F1 on fresh simulated rows")]


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

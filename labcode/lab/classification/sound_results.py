"""What the experiments on the sound network return: the ceiling above it, its contest, its tuning, and decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.lab.quantities import ByName, ByNumber, counted, gain, positive, score, share
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results
from labcode.scoring.scores import accuracy


@dataclass(frozen=True, kw_only=True)
class Decision(Results):
    """A classifier that knows the rules, on all rows."""

    macro_f1: Annotated[Number, score("macro-F1")]
    accuracy: Annotated[Number, share("accuracy", over="rows")]
    f1: Annotated[ByName, score("F1", 2)]


@dataclass(frozen=True, kw_only=True)
class Ceiling(Results):
    """The best that a classifier can do on these rows, and on simulated tables.

    Decisions on the rows know the rules as published; ``best_measured`` knows how long tools last in the table. Those
    on simulated tables know the rules by which these were drawn. No decision has read a label.
    """

    experiment = "classification/ceiling"
    most_probable: Annotated[Decision, Quantity(says="most probable class")]
    best: Annotated[Decision, Quantity(says="best decision")]
    best_measured: Annotated[Decision, Quantity(says="best decision, tool lives as in the table")]
    most_probable_printed: Annotated[Decision, Quantity(says="most probable class at 0.1 K")]
    best_printed: Annotated[Decision, Quantity(says="best decision at 0.1 K")]
    row_order: Annotated[Decision, Quantity(says="best decision that knows the next row")]
    gain_of_deciding: Annotated[Number, gain("gain of the best decision over the most probable class")]
    artefact_best: Annotated[Number, gain("macro-F1 of the best decision that is float64 noise")]
    log_loss: Annotated[Number, positive("log loss of the published probabilities", 4, "rows")]
    edge_rows: Annotated[Number, counted("slow rows whose temperatures are 8.6 K apart as printed")]
    edge_failures: Annotated[Number, counted("of these, heat dissipation failures")]
    edge_right: Annotated[ByName, counted("of these, right at best by the difference in")]
    draws: int
    simulated: Annotated[ByName, score("macro-F1 on simulated tables", over="draws")]
    leak_bound: Annotated[
        ByNumber, score("highest macro-F1 of the best decision on any simulated table, by rows", over=None)
    ]

    def bound(self, rows: int) -> Number:
        """What a score on so many rows should not exceed: that of the largest simulated tables with no more rows."""
        sizes = [size for size in self.leak_bound if size <= rows] or [min(self.leak_bound)]
        return self.leak_bound[max(sizes)]


@dataclass(frozen=True, kw_only=True)
class Scores(Results):
    """One model's answers out of fold, means over the repeats, and on fresh simulated rows.

    ``confusion`` ``(repeats, 6, 6)`` has actual classes in rows, called ones in columns; ``train_confusion`` ``(6, 6)``
    has the training rows of all folds and repeats together.
    """

    macro_f1: Annotated[Number, score("macro-F1")]
    accuracy: Annotated[Number, share("accuracy", over="rows")]
    train_macro_f1: Annotated[Number, score("macro-F1 of training rows", over=None)]
    fresh_macro_f1: Annotated[Number, score("macro-F1 on fresh simulated rows")]
    recall: Annotated[ByName, score("rows of the class that are found")]
    precision: Annotated[ByName, score("calls of the class that are right")]
    f1: Annotated[ByName, score("F1")]
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


@dataclass(frozen=True, kw_only=True)
class Contest(Results):
    """The network and its rivals, each with and without the decision for macro-F1; ``y`` ``(n,)``: actual classes."""

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


@dataclass(frozen=True, kw_only=True)
class Searched(Results):
    """A setting that the search may choose."""

    weights: Annotated[Number, positive("exponent of the class weights", 1)]
    l1: Annotated[Number, positive("factor of the sum of absolute weights", 5)]
    lr: Annotated[Number, positive("learning rate at its peak", 3)]
    epochs: Annotated[Number, counted("epochs")]
    layers: str
    chosen: Annotated[Number, counted("outer folds that choose it")]


@dataclass(frozen=True, kw_only=True)
class Tuned(Results):
    """What choosing in inner folds gains over the first setting, out of fold, both calibrated inside and by a rule.

    ``edge_chosen`` counts the least and the largest L1 factor and the largest exponent; at an exponent of 0 all rows
    weigh alike, so that less of it means nothing.
    """

    experiment = "classification/tuned"
    start_macro_f1: Annotated[Number, score("macro-F1 of the first setting")]
    macro_f1: Annotated[Number, score("macro-F1 of the chosen settings")]
    gain: Annotated[Number, gain("macro-F1 that choosing gains")]
    edge_chosen: Annotated[Number, counted("outer folds at an end of the L1 or the strongest weights")]
    settings: Annotated[Mapping[int, Searched], Quantity(name="setting")]


@dataclass(frozen=True, kw_only=True)
class Cost(Results):
    """What a policy costs where a missed failure costs so many needless stops."""

    cost: Annotated[Number, counted("cost in needless stops a thousand rows", over="rows")]
    saved: Annotated[
        Number, Quantity(says="cost above that of stopping by the network's chance", decimals=1, over="rows")
    ]
    missed: Annotated[Number, counted("failures missed")]
    needless: Annotated[Number, counted("needless stops")]


@dataclass(frozen=True, kw_only=True)
class Fall(Results):
    """How far the F1 of each class falls when an input's values are shuffled among the rows held out."""

    f1: Annotated[ByName, gain("fall of F1", 2, name="f1_drop")]


@dataclass(frozen=True, kw_only=True)
class Plane(Results):
    """A plane of made-up rows of quality L: what most of the networks call each point, and what the rules say.

    ``x`` ``(k,)``, ``y`` ``(m,)``; ``learned``, ``rule`` ``(m, k)``: class numbers.
    """

    x: np.ndarray
    y: np.ndarray
    learned: Annotated[np.ndarray, Quantity(least=0)]
    rule: Annotated[np.ndarray, Quantity(least=0)]


@dataclass(frozen=True, kw_only=True)
class Decided(Results):
    """The contest's network in its first repeat: calibration, cost, what drives each failure, and its boundaries.

    Intervals resample rows; the networks and the shuffles stay as they are. ``reliability…`` ``(bins, 2)``: mean chance
    of any failure and share of failures, in bins of equally many rows. ``curves`` ``(n_policies, n_ratios)``: cost in
    needless stops a thousand rows at the ``ratios`` ``(n_ratios,)``.
    """

    experiment = "classification/decision"
    calibration_error_before: Annotated[Number, share("calibration error as fitted", 2)]
    calibration_error: Annotated[Number, share("calibration error calibrated", 2)]
    reliability_before: Annotated[np.ndarray, Quantity(least=0, most=1)]
    reliability: Annotated[np.ndarray, Quantity(least=0, most=1)]
    costs: Annotated[Mapping[str, Cost], Quantity(name="")]
    threshold: Annotated[
        ByNumber,
        Quantity(says="chance of a failure above which stopping is cheaper, at ratio", unit="%", decimals=1, least=0),
    ]
    always_cheaper_from: Annotated[
        Number, positive("cost ratio from which always stopping is no dearer than the network", 0)
    ]
    ratios: Annotated[np.ndarray, Quantity(least=0)]
    curves: Annotated[np.ndarray, Quantity(least=0)]
    importance: Mapping[str, Fall]
    torque_speed: Annotated[Plane, Quantity(says="torque over speed")]
    wear_torque: Annotated[Plane, Quantity(says="torque over tool wear")]
    temperatures: Annotated[Plane, Quantity(says="process over air temperature")]

    def at(self, policy: str, ratio: int) -> Cost:
        """What a policy costs at a stated ratio."""
        return self.costs[f"{policy}_{ratio}"]

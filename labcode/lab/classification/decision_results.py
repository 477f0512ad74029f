"""What the experiment on the decision returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


def _fall(says: str, name: str | None = None) -> Quantity:
    return Quantity(says=says, decimals=2, least=-1, most=1, over="rows", name=name)


def _error(says: str) -> Quantity:
    return Quantity(says=says, unit="%", decimals=2, least=0, most=1)


@dataclass(frozen=True, kw_only=True)
class Cost(Results):
    """What a policy costs where a missed failure costs so many needless stops."""

    cost: Annotated[Number, Quantity(says="cost in needless stops a thousand rows", decimals=0, least=0, over="rows")]
    saved: Annotated[
        Number, Quantity(says="cost above that of stopping by the network's chance", decimals=1, over="rows")
    ]
    missed: Annotated[Number, Quantity(says="failures missed", decimals=0, least=0)]
    needless: Annotated[Number, Quantity(says="needless stops", decimals=0, least=0)]


@dataclass(frozen=True, kw_only=True)
class Fall(Results):
    """How far scores fall when an input's values are shuffled among the rows held out, by class."""

    macro_f1: Annotated[Number, _fall("fall of macro-F1", "macro_f1_drop")]
    f1: Annotated[Mapping[str, Number], _fall("fall of F1", "f1_drop")]
    recall: Annotated[Mapping[str, Number], _fall("fall of the share found", "recall_drop")]


@dataclass(frozen=True, kw_only=True)
class Plane(Results):
    """A plane of made-up rows of quality L: what most of the networks call each point, and what the rules say.

    Shape
    -----
    ``x`` ``(k,)``, ``y`` ``(m,)``; ``learned``, ``rule`` ``(m, k)``: class numbers.
    """

    x: np.ndarray
    y: np.ndarray
    learned: Annotated[np.ndarray, Quantity(least=0)]
    rule: Annotated[np.ndarray, Quantity(least=0)]
    agreement: Annotated[
        Number, Quantity(says="share of a plane on which network and rule agree", unit="%", decimals=0, least=0, most=1)
    ]
    held: Annotated[Mapping[str, Number], Quantity(says="value held still, of", decimals=1)]


@dataclass(frozen=True, kw_only=True)
class SlicedPlane(Plane):
    """A plane that is also there for each quality and each level of a sensor.

    Shape
    -----
    ``slices`` ``(3, n_levels, m, k)``, class numbers; ``levels`` ``(n_levels,)``, ``slice_x`` ``(k,)``, ``slice_y``
    ``(m,)``.
    """

    slices: Annotated[np.ndarray, Quantity(least=0)]
    levels: np.ndarray
    slice_x: np.ndarray
    slice_y: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Decided(Results):
    """The contest's network in its first repeat: calibration, cost, what drives each failure, and its boundaries.

    Intervals resample rows; the networks and the shuffles stay as they are.

    Shape
    -----
    ``reliability…`` ``(bins, 2)``: mean chance of any failure and share of failures, in bins of equally many rows.
    ``ratios`` ``(n_ratios,)``, ``curves`` ``(n_policies, n_ratios)``: cost in needless stops a thousand rows.
    """

    experiment = "classification/decision"
    folds: int
    seeds: int
    failures: Annotated[Number, Quantity(says="share of rows with a failure", unit="%", decimals=2, least=0, most=1)]
    macro_f1: Annotated[Number, Quantity(says="macro-F1 of the network", decimals=3, least=0, most=1, over="rows")]
    log_loss: Annotated[Number, Quantity(says="log loss calibrated", decimals=4, least=0, over="rows")]
    calibration_error_before: Annotated[Number, _error("calibration error as fitted")]
    calibration_error: Annotated[Number, _error("calibration error calibrated")]
    reliability_before: Annotated[np.ndarray, Quantity(least=0, most=1)]
    reliability: Annotated[np.ndarray, Quantity(least=0, most=1)]
    costs: Annotated[Mapping[str, Cost], Quantity(name="")]
    threshold: Annotated[
        Mapping[int, Number],
        Quantity(says="chance of a failure above which stopping is cheaper, at ratio", unit="%", decimals=1, least=0),
    ]
    always_cheaper_from: Annotated[
        Number, Quantity(says="cost ratio from which always stopping is cheaper than the network", decimals=0, least=0)
    ]
    ratios: Annotated[np.ndarray, Quantity(least=0)]
    curves: Annotated[np.ndarray, Quantity(least=0)]
    importance: Annotated[Mapping[str, Fall], Quantity(name="importance")]
    torque_speed: Annotated[SlicedPlane, Quantity(says="torque over speed")]
    wear_torque: Annotated[SlicedPlane, Quantity(says="torque over tool wear")]
    temperatures: Annotated[Plane, Quantity(says="process over air temperature")]

    def at(self, policy: str, ratio: int) -> Cost:
        """What a policy costs at a stated ratio."""
        return self.costs[f"{policy}_{ratio}"]

"""What the experiment on the decision returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.lab.quantities import counted, gain, positive, share
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


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

    f1: Annotated[Mapping[str, Number], gain("fall of F1", 2, name="f1_drop")]


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
    calibration_error_before: Annotated[Number, share("calibration error as fitted", 2)]
    calibration_error: Annotated[Number, share("calibration error calibrated", 2)]
    reliability_before: Annotated[np.ndarray, Quantity(least=0, most=1)]
    reliability: Annotated[np.ndarray, Quantity(least=0, most=1)]
    costs: Annotated[Mapping[str, Cost], Quantity(name="")]
    threshold: Annotated[
        Mapping[int, Number],
        Quantity(says="chance of a failure above which stopping is cheaper, at ratio", unit="%", decimals=1, least=0),
    ]
    always_cheaper_from: Annotated[
        Number, positive("cost ratio from which always stopping is cheaper than the network", 0)
    ]
    ratios: Annotated[np.ndarray, Quantity(least=0)]
    curves: Annotated[np.ndarray, Quantity(least=0)]
    importance: Annotated[Mapping[str, Fall], Quantity(name="importance")]
    torque_speed: Annotated[Plane, Quantity(says="torque over speed")]
    wear_torque: Annotated[Plane, Quantity(says="torque over tool wear")]
    temperatures: Annotated[Plane, Quantity(says="process over air temperature")]

    def at(self, policy: str, ratio: int) -> Cost:
        """What a policy costs at a stated ratio."""
        return self.costs[f"{policy}_{ratio}"]

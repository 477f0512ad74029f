"""What a named figure can be: a score outside its range or its own interval is a fault, not a result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from labcode.store import Result


class Bound(NamedTuple):
    """Names, as shell patterns, and the lowest and highest value that these figures can have."""

    patterns: tuple[str, ...]
    low: float
    high: float


class Fault(NamedTuple):
    """A figure that cannot be, and why."""

    name: str
    reason: str


#: The first bound whose patterns match the name counts. Prices are in USD, and the dearest share costs four figures.
BOUNDS = (
    Bound(("*seconds*",), 0, 1e6),
    Bound(("*log_loss*gain*",), -100, 100),
    Bound(("*log_loss*", "*_loss_epoch_*"), -1, 20),
    Bound(("*brier*",), 0, 2),
    Bound(("*accuracy_epoch_*", "regularised_*accuracy*", "regularised_*macro_f1*"), -1, 2),
    Bound(("*mcc*", "*correlation*", "slope*"), -1, 5),
    Bound(("*added_mse*",), -1e4, 1e4),
    Bound(("*gain*", "*skill*", "*_r2*", "r2*", "over_*", "nested*", "promised*", "drift*", "*gap*"), -1e6, 1),
    Bound(("*_mse_*", "mse_*", "*_mse", "variance"), 0, 1e5),
    Bound(("*best_score*", "*_score*", "*saved*"), -1e5, 1e5),
    Bound(("*rmse*", "*percent*", "*_error*", "median_error*"), 0, 1e3),
    Bound(("*f1*", "*recall*", "*precision*", "*specificity*", "*sensitivity*", "*accuracy*", "*auc*"), 0, 1),
    Bound(
        ("*share*", "*expected_failures*", "*calibration*", "*threshold*", "direction*", "rising*", "failures"), 0, 1
    ),
    Bound(("*epoch*", "*lr*", "*hidden1*", "*steps*"), 0, 1e7),
)
#: Figures that count something, or are settings and mean values: any plain number below ten million.
ANYTHING = Bound(("*",), -1e7, 1e7)
_ENDS = ("_low", "_high")


def bound_of(name: str) -> Bound:
    """The bound that a figure has to keep."""
    plain = name
    for end in _ENDS:
        plain = plain.removesuffix(end)
    return next((bound for bound in BOUNDS if any(fnmatchcase(plain, each) for each in bound.patterns)), ANYTHING)


def faults(result: Result) -> Iterator[Fault]:
    """Figures of a result that are out of bounds or outside their own interval."""
    numbers = {name: float(value) for name, value in result.scalars.items() if not isinstance(value, str)}
    for name, value in numbers.items():
        reason = _reason(name, value, numbers)
        if reason:
            yield Fault(name, reason)


def _reason(name: str, value: float, numbers: Mapping[str, float]) -> str:
    low, high = bound_of(name)[1:]
    if not math.isfinite(value):
        # A single seed has no interval: then neither end is a number that is finite, and the figure itself is there.
        ends = [numbers.get(f"{name.rpartition('_')[0]}{end}", value) for end in _ENDS]
        return "" if name.endswith(_ENDS) and not any(map(math.isfinite, ends)) else "it is not a finite number"
    if not low <= value <= high:
        return f"expected {low:g} to {high:g}"
    ends = [numbers.get(f"{name}{end}", math.nan) for end in _ENDS]
    slack = 1e-9 * max(1.0, abs(value))
    if all(map(math.isfinite, ends)) and not ends[0] - slack <= value <= ends[1] + slack:
        return f"its own interval is {ends[0]:.4g} to {ends[1]:.4g}"
    return ""

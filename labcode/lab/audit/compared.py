"""Our figure beside each figure of our first version, and whether that comes out again.

Where ours is, says the field ``ours`` in data/reference.toml: an expression on results, as in the conditions there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labcode.book.reference import Cell, figures
from labcode.errors import LabcodeError
from labcode.lab import load
from labcode.lab.classification.first_results import AsSubmitted
from labcode.lab.quantities import next_seed
from labcode.lab.verdicts import KINDS
from labcode.results.number import Number, decimals
from labcode.scoring.scores import weighted_f1

Outcome = Literal["yes", "no", "one seed"]
#: How far a figure that was given as approximate may lie off ours, as a share of ours.
ABOUT = 0.02
#: What the sections of our first version's report are about.
PARTS = {
    "2.1": "prices",
    "2.3": "regression",
    "2.4": "grid search",
    "2.5": "regularised regression",
    "3.1": "machines",
    "3.4": "classification",
    "3.5": "matrix and report",
    "3.6": "regularised classification",
}


@dataclass(frozen=True)
class Compared:
    """A figure of our first version, ours, and whether the first comes out again."""

    part: str
    cell: Cell
    ours: Number
    outcome: Outcome


def most_seeds(values: NDArray[Any]) -> Number:
    """What most seeds ``(n_seeds,)`` choose, as both limits too; a single seed gives infinite limits."""
    chosen, counts = np.unique(values, return_counts=True)
    found = float(chosen[counts.argmax()])
    return Number(found, found, found) if len(values) > 1 else Number(found, -math.inf, math.inf)


def root(loss: Number) -> Number:
    """The root of a loss, or of a score, which is minus a loss; the smaller limit comes first."""
    low, high = sorted(abs(limit) ** 0.5 for limit in (loss.low, loss.high))
    return Number(abs(loss.value) ** 0.5, low, high)


def report_of(first: AsSubmitted) -> dict[str, Mapping[int, Number]]:
    """The columns of the classification report, by class."""
    plain = first.plain
    return {"precision": plain.precision, "recall": plain.recall, "f1": plain.f1, "support": first.support}


def with_limits(number: Number, places: int) -> str:
    """A figure with its limits, to so many decimals; alone where it has none, as for a single seed."""
    value = decimals(number.value, places)
    if not math.isfinite(number.high - number.low):
        return value
    return f"{value} ({decimals(number.low, places)} to {decimals(number.high, places)})"


#: What an expression may use beside results.
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{each.__name__: each for each in (most_seeds, root, report_of, weighted_f1)},
    "over_seeds": next_seed,
}


def ours(expression: str) -> Number:
    """Our figure by an expression such as ``"regression_as_submitted.test_mse_epoch[40]"``.

    `LabcodeError` if it names what is not there, or is no figure.
    """
    named = set(re.findall(r"\w+", expression))
    names = {name: load(kind) for name, kind in KINDS.items() if name in named}
    try:
        found = eval(expression, {**_FUNCTIONS, **names})
        return found if isinstance(found, Number) else Number(float(found))
    except Exception as error:
        raise LabcodeError(
            f"data/reference.toml: {expression!r} is not there ({type(error).__name__}: {error})."
        ) from None


def comes_out(cell: Cell, own: Number) -> Outcome:
    """Whether a figure comes out again.

    One that depends on the seed must lie where one more of our seeds should fall, give or take half a unit of its last
    digit; a limit must hold; all else must agree to the digits printed, or within :data:`ABOUT` where it was given as
    approximate. One seed cannot tell.

    >>> cell = Cell(id="x", label="", section="", value=0.78, places=2, ours="")
    >>> comes_out(cell, Number(0.77, 0.75, 0.79)), comes_out(cell, Number(0.77))
    ('yes', 'no')
    """
    half = 0.5 * 10**-cell.places
    if cell.relation != "equal":
        holds = own.value < cell.value if cell.relation == "below" else own.value > 0.5
    elif math.isnan(own.low):
        allowed = max(half, ABOUT * abs(own.value)) if cell.about else half
        holds = abs(own.value - cell.value) <= allowed * (1 + 1e-9)
    elif math.isfinite(own.high - own.low):
        holds = own.low - half <= cell.value <= own.high + half
    else:
        return "one seed"
    return "yes" if holds else "no"


def compared() -> list[Compared]:
    """Every figure of the report, in its order."""
    found = [(cell, ours(cell.ours)) for cell in figures()]
    return [Compared(PARTS[cell.section], cell, own, comes_out(cell, own)) for cell, own in found]

"""Our number beside each number of the original, and whether the original's comes out again.

Where ours is, says the field ``ours`` of data/reference.toml, in the notation that is explained there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from labcode.book.reference import Cell
from labcode.confusion import f1_scores, precisions, recalls, weighted_f1
from labcode.data.columns import FAILURE, PRICE_FEATURES, PRICE_TARGET
from labcode.data.maintenance import load_maintenance
from labcode.data.prices import load_prices
from labcode.errors import LabcodeError
from labcode.experiments import catalog
from labcode.metrics import macro_f1, prediction_interval
from labcode.store import Result

Outcome = Literal["yes", "no", "one seed"]
Facts = Mapping[str, float]
#: How far a number that the original gives as approximate may lie off ours, as a share of ours.
ABOUT = 0.02
_NOTATION = re.compile(r"([a-z]+/[a-z-]+):(?:(\w+)\()?([\w.]+)\)?(?:\[([\d,]+)\])?")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Our number, and where one more seed should fall.

    Attributes
    ----------
    value
        The number, or its mean over seeds.
    low, high
        Limits for one more seed: infinite for a single seed, None for a number without luck.
    choices
        What each seed chose, where the number is a choice; empty otherwise.
    """

    value: float
    low: float | None = None
    high: float | None = None
    choices: tuple[float, ...] = ()


@dataclass
class Sources:
    """Where our numbers come from: results of experiments, and facts of the rows; each is looked up once."""

    load: Callable[[str], Result] = catalog.load
    results: dict[str, Result] = field(default_factory=dict)
    rows: dict[str, Facts] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Result:
        """The result of an experiment."""
        if name not in self.results:
            self.results[name] = self.load(name)
        return self.results[name]

    def number(self, experiment: str, name: str) -> float:
        """A scalar of an experiment."""
        return float(self[experiment].scalars[name])

    def facts(self, name: str) -> Facts:
        """Facts of ``data/prices`` or ``data/maintenance``."""
        if name not in self.rows:
            self.rows[name] = _FACTS[name]()
        return self.rows[name]


def _price_facts() -> Facts:
    frame = load_prices().frame
    between = frame[["open", "close", "high", "low"]].corr().to_numpy()
    close = frame[PRICE_TARGET]
    return {
        "rows": len(frame),
        "columns": frame.shape[1],
        "features": len(PRICE_FEATURES),
        "price_correlation": float(between.min()),
        "volume_correlation": float(frame["volume"].corr(close)),
        "below_200": float((close < 200).mean()),
        "std": float(close.std()),
        "skew": float(close.skew()),
    }


def _maintenance_facts() -> Facts:
    counts = load_maintenance().frame[FAILURE].value_counts()
    return {
        "rows": int(counts.sum()),
        "types": len(counts),
        "majority": int(counts.iloc[0]),
        "second": int(counts.iloc[1]),
        "rarest": int(counts.iloc[-1]),
        "majority_share": float(counts.iloc[0] / counts.sum()),
    }


_FACTS: Mapping[str, Callable[[], Facts]] = {"data/prices": _price_facts, "data/maintenance": _maintenance_facts}


def measure(ours: str, sources: Sources) -> Measured:
    """Find our number.

    Parameters
    ----------
    ours
        Such as ``"classification/as-submitted:recall(confusion_plain_test)[4]"``.
    sources
        Where to look.

    Raises
    ------
    LabcodeError
        If the text is not in the notation, or names what is not there.
    """
    parts = _NOTATION.fullmatch(ours)
    if parts is None:
        raise LabcodeError(f"data/reference.toml: {ours!r} is not in the notation, such as regression/sound:rmse.")
    source, function, name, place = parts.groups()
    try:
        return _find(sources, source, function, name, tuple(map(int, place.split(","))) if place else ())
    except (KeyError, IndexError, TypeError) as error:
        raise LabcodeError(f"data/reference.toml: {ours!r} is not there ({type(error).__name__}: {error}).") from None


def _find(sources: Sources, source: str, function: str | None, name: str, place: tuple[int, ...]) -> Measured:
    if source in _FACTS:
        return Measured(value=sources.facts(source)[name])
    result = sources[source]
    if function is not None:
        return _FUNCTIONS[function](result, name, place)
    if name.startswith("spec."):
        found: Any = result.meta["spec"]
        for part in name.removeprefix("spec.").split("."):
            found = found[part]
        return Measured(value=float(found[place[0]] if place else found))
    if place:
        return _over_seeds(result.arrays[name][(slice(None), *place)])
    limits = {end: result.scalars.get(f"{name}_{end}") for end in ("low", "high")}
    low, high = (None if limit is None else float(limit) for limit in limits.values())
    return Measured(value=float(result.scalars[name]), low=low, high=high)


def _over_seeds(values: np.ndarray) -> Measured:
    found = prediction_interval(values)
    return Measured(value=found.value, low=found.low, high=found.high)


def _score(result: Result, name: str, place: tuple[int, ...], *, score: Callable[[np.ndarray], np.ndarray]) -> Measured:
    """A score of confusion counts ``(n_seeds, 6, 6)``, seed by seed."""
    return _over_seeds(score(result.arrays[name].astype(np.float64))[(slice(None), *place)])


def _support(result: Result, name: str, place: tuple[int, ...]) -> Measured:
    """Rows of a class: the split decides, not the seed."""
    return Measured(value=float(result.arrays[name][0].sum(axis=-1)[place]))


def _root(result: Result, name: str, place: tuple[int, ...]) -> Measured:
    """The root of a mean squared error, or of a score, which is minus one; the smaller limit comes first."""
    value, *limits = (abs(float(result.scalars[f"{name}{end}"])) ** 0.5 for end in ("", "_low", "_high"))
    if not all(map(math.isfinite, limits)):
        return Measured(value=value, low=-math.inf, high=math.inf)
    return Measured(value=value, low=min(limits), high=max(limits))


def _choice(result: Result, name: str, place: tuple[int, ...]) -> Measured:
    """What the search chooses with each seed, under the original's loss."""
    best = result.arrays[name][result.arrays["scores"].argmax(axis=1)].astype(float)
    levels, counts = np.unique(best, return_counts=True)
    return Measured(value=float(levels[counts.argmax()]), choices=tuple(best.tolist()))


_FUNCTIONS: Mapping[str, Callable[[Result, str, tuple[int, ...]], Measured]] = {
    "precision": partial(_score, score=precisions),
    "recall": partial(_score, score=recalls),
    "f1": partial(_score, score=f1_scores),
    "macro_f1": partial(_score, score=macro_f1),
    "weighted_f1": partial(_score, score=weighted_f1),
    "support": _support,
    "root": _root,
    "choice": _choice,
}


def comes_out(cell: Cell, ours: Measured) -> Outcome:
    """Whether the original's number comes out again.

    A number that depends on the seed must lie where one more of our seeds should fall, give or take half a unit of its
    last digit; a choice must be that of most seeds; a limit must hold; all else must agree to the digits printed, or
    within :data:`ABOUT` where the original gives it as approximate. One seed cannot tell.

    Examples
    --------
    >>> cell = Cell(id="x", label="", section="", value=0.78, places=2, ours="")
    >>> comes_out(cell, Measured(value=0.77, low=0.75, high=0.79)), comes_out(cell, Measured(value=0.77))
    ('yes', 'no')
    """
    half = 0.5 * 10**-cell.places
    if cell.relation != "equal":
        return _said(ours.value < cell.value if cell.relation == "below" else ours.value > 0.5)
    if ours.choices:
        if len(ours.choices) < 2:
            return "one seed"
        return _said(2 * ours.choices.count(cell.value) > len(ours.choices))
    if ours.low is None or ours.high is None:
        allowed = max(half, ABOUT * abs(ours.value)) if cell.about else half
        return _said(abs(ours.value - cell.value) <= allowed * (1 + 1e-9))
    if not math.isfinite(ours.high - ours.low):
        return "one seed"
    return _said(ours.low - half <= cell.value <= ours.high + half)


def _said(holds: bool) -> Outcome:
    return "yes" if holds else "no"

"""What the figures of several chapters are, and how errors over dates and resamples become figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from labcode.data.types import Dataset
from labcode.results.number import Number, Over, Quantity
from labcode.results.store import Result
from labcode.scoring import intervals
from labcode.scoring.intervals import DATE_BLOCK, Interval
from labcode.scoring.scores import Floats

#: What an experiment is handed: the data sets and the results that it asked for, by name.
Data = Mapping[str, Dataset]
Stored = Mapping[str, Result]
#: A figure for each of some numbers, such as epochs, or for each of some names, such as classes.
ByNumber = Mapping[int, Number]
ByName = Mapping[str, Number]


def counted(says: str, least: int = 0, over: Over | None = None, name: str | None = None) -> Quantity:
    """A number of rows, seeds, steps and the like."""
    return Quantity(says=says, decimals=0, least=least, over=over, name=name)


def share(says: str, decimals: int = 1, over: Over | None = None, name: str | None = None) -> Quantity:
    """A share of a whole, printed in per cent."""
    return Quantity(says=says, unit="%", decimals=decimals, least=0, most=1, over=over, name=name)


def gained_share(says: str, decimals: int = 1, over: Over | None = None, least: float = -1) -> Quantity:
    """A difference of two shares, or a share that may be negative; printed in per cent."""
    return Quantity(says=says, unit="%", decimals=decimals, least=least, most=1, over=over)


def score(says: str, decimals: int = 3, over: Over | None = "rows", name: str | None = None) -> Quantity:
    """A score from 0 to 1, such as macro-F1."""
    return Quantity(says=says, decimals=decimals, least=0, most=1, over=over, name=name)


def gain(says: str, decimals: int = 3, over: Over | None = "rows", name: str | None = None) -> Quantity:
    """A difference of two such scores."""
    return Quantity(says=says, decimals=decimals, least=-1, most=1, over=over, name=name)


def positive(says: str, decimals: int, over: Over | None = None, name: str | None = None) -> Quantity:
    """A figure without a unit that is never below 0, such as a log loss or a learning rate."""
    return Quantity(says=says, decimals=decimals, least=0, over=over, name=name)


def dollars(says: str, decimals: int = 3, over: Over | None = None, name: str | None = None) -> Quantity:
    """A price or an error in USD."""
    return Quantity(says=says, unit="USD", decimals=decimals, least=0, over=over, name=name)


def squared_dollars(says: str, over: Over | None = None, name: str | None = None) -> Quantity:
    """A loss in USD²."""
    return Quantity(says=says, unit="USD²", decimals=0, least=0, over=over, name=name)


def skill(says: str, over: Over | None = "dates", decimals: int = 3) -> Quantity:
    """A share of squared error or of variance that is saved or explained; below zero if error is added."""
    return Quantity(says=says, decimals=decimals, most=1, over=over)


def correlation(says: str, decimals: int = 2, over: Over | None = None) -> Quantity:
    """A correlation, or a place between -1 and 1."""
    return Quantity(says=says, decimals=decimals, least=-1, most=1, over=over)


def number(interval: Interval) -> Number:
    """An interval as a figure of a result."""
    return Number(float(interval.value), float(interval.low), float(interval.high))


def estimate(draws: Floats, tried: int = 1) -> Number:
    """The first of ``(draws + 1,)``, and percentile limits of the others for so many statements together (Bonferroni).

    >>> import numpy as np
    >>> estimate(np.array([0.5, 0.4, 0.6])).value
    0.5
    """
    return number(intervals.percentile_interval(draws[0], draws[1:], tried))


def next_seed(values: ArrayLike) -> Number:
    """The mean over seeds ``(n,)``, and where one more seed should fall; no shape is assumed."""
    return number(intervals.next_draw_interval(values))


def mean_of_seeds(values: ArrayLike) -> Number:
    """The mean over seeds ``(n,)``, and its interval by Student's t."""
    return number(intervals.mean_of_seeds(values))


def over_range(values: Floats) -> Number:
    """Mean, lowest and highest of values ``(n,)``, such as the scores of seeds."""
    return Number(float(values.mean()), float(values.min()), float(values.max()))


def rmse_of(errors: ArrayLike, dates: Any) -> Number:
    """Root mean squared error; its limits draw months."""
    return number(intervals.rmse_interval(errors, dates, block=DATE_BLOCK))


def skill_of(squared: ArrayLike, reference: ArrayLike, dates: Any) -> Number:
    """Share of the reference's squared error that is saved; its limits draw months."""
    return number(intervals.skill_interval(squared, reference, dates, block=DATE_BLOCK))

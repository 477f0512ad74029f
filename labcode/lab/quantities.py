"""What the figures of several chapters are, and how errors over dates become figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from labcode.data.types import Dataset
from labcode.results.number import Number, Over, Quantity
from labcode.results.store import Result
from labcode.scoring.intervals import DATE_BLOCK, Interval, rmse_interval, skill_interval

#: What an experiment is handed: the data sets and the results that it asked for, by name.
Data = Mapping[str, Dataset]
Stored = Mapping[str, Result]


def counted(says: str, least: int = 0) -> Quantity:
    """A number of rows, seeds, steps and the like."""
    return Quantity(says=says, decimals=0, least=least)


def share(says: str, decimals: int = 1, over: Over | None = None) -> Quantity:
    """A share of a whole, printed in per cent."""
    return Quantity(says=says, unit="%", decimals=decimals, least=0, most=1, over=over)


def dollars(says: str, decimals: int = 3, over: Over | None = None, name: str | None = None) -> Quantity:
    """A price or an error in USD."""
    return Quantity(says=says, unit="USD", decimals=decimals, least=0, over=over, name=name)


def squared_dollars(says: str, over: Over | None = None, name: str | None = None) -> Quantity:
    """A loss in USD²."""
    return Quantity(says=says, unit="USD²", decimals=0, least=0, over=over, name=name)


def skill(says: str, over: Over | None = "dates") -> Quantity:
    """A share of squared error that is saved; below zero if error is added."""
    return Quantity(says=says, decimals=3, most=1, over=over)


def correlation(says: str, decimals: int = 2) -> Quantity:
    """A correlation."""
    return Quantity(says=says, decimals=decimals, least=-1, most=1)


def number(interval: Interval) -> Number:
    """An interval as a figure of a result."""
    return Number(float(interval.value), float(interval.low), float(interval.high))


def rmse_of(errors: ArrayLike, dates: Any) -> Number:
    """Root mean squared error; its limits draw months."""
    return number(rmse_interval(errors, dates, block=DATE_BLOCK))


def skill_of(squared: ArrayLike, reference: ArrayLike, dates: Any) -> Number:
    """Share of the reference's squared error that is saved; its limits draw months."""
    return number(skill_interval(squared, reference, dates, block=DATE_BLOCK))

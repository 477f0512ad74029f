"""Calendar dates as files write them: year first, or with slashes in an order that the weekdays must tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.intp]
EXPECTED = "a calendar date such as 2016-01-05"
_MIDNIGHT = r"[T ]0?0:00(?::00(?:\.0+)?)?Z?$"
_YEAR_FIRST, _SLASHES = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}"
#: Ways to read dates with slashes, by name.
_ORDERS = {"month/day/year": "%m/%d/%Y", "day/month/year": "%d/%m/%Y"}


class UnclearDate(ValueError):
    """A date that cannot be read; ``row`` says where it stands, ``expected`` what would be understood."""

    def __init__(self, row: int, expected: str) -> None:
        super().__init__(expected)
        self.row, self.expected = row, expected


def parse_dates(text: pd.Series) -> pd.Series:
    """Read ``2016-01-05``, ``2016-01-05 00:00:00``, ``1/5/2016`` or ``5/1/2016`` as dates at midnight.

    A column, ``(n_rows,)``, may mix the forms, but all its dates with slashes have one order: the only one in which all
    are dates on which an exchange can be open, Monday to Friday. If a cell is no date, or if both orders, or none, make
    sense, `UnclearDate` is raised.

    >>> parse_dates(pd.Series(["4/1/2016", "5/1/2016", "6/1/2016", "7/1/2016", "8/1/2016"])).dt.month.tolist()
    [1, 1, 1, 1, 1]
    """
    codes, cells = pd.factorize(text)  # a column repeats its dates
    stamps = pd.Series(cells, dtype="str").str.strip().str.replace(_MIDNIGHT, "", regex=True)
    year_first, slashes = stamps.str.fullmatch(_YEAR_FIRST), stamps.str.fullmatch(_SLASHES)
    dates = pd.to_datetime(stamps.where(year_first), format="%Y-%m-%d", errors="coerce").astype("datetime64[ms]")
    _refuse(codes, dates.isna() & ~slashes, EXPECTED)
    if slashes.any():
        dates = dates.where(~slashes, _with_slashes(codes, stamps.where(slashes), slashes))
    return pd.Series(dates.to_numpy()[codes], index=text.index, name=text.name)


def _with_slashes(codes: Codes, stamps: pd.Series, slashes: pd.Series) -> pd.Series:
    readings = {
        order: pd.to_datetime(stamps, format=form, errors="coerce").astype("datetime64[ms]")
        for order, form in _ORDERS.items()
    }
    wrong = {order: slashes & ~(dates.dt.day_of_week < 5) for order, dates in readings.items()}
    month_first, day_first = _ORDERS
    _refuse(codes, readings[month_first].isna() & readings[day_first].isna() & slashes, EXPECTED)
    right = [order for order in _ORDERS if not wrong[order].any()]
    if not right:
        likelier = min(_ORDERS, key=lambda order: int(wrong[order].sum()))
        _refuse(codes, wrong[likelier], f"a day from Monday to Friday as {likelier}, the order of most of its dates")
    differing = slashes & (readings[month_first] != readings[day_first])
    if len(right) == 2:
        _refuse(codes, differing, "a date as year-month-day, since day and month cannot be told apart")
    return readings[right[0]]


def _refuse(codes: Codes, bad: pd.Series, expected: str) -> None:
    rows = bad.to_numpy(dtype=bool)[codes].nonzero()[0]
    if len(rows):
        raise UnclearDate(int(rows[0]), expected)

"""Calendar dates as files write them: year first or with slashes, in an order that the weekdays tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Codes = NDArray[np.intp]
EXPECTED = "a calendar date such as 2016-01-05"
_MIDNIGHT = r"[T ]0?0:00(?::00(?:\.0+)?)?Z?$"
#: The forms of a date: how it looks, and the orders in which it can be read, by name.
_FORMS = {
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}": {"year-month-day": "%Y-%m-%d", "year-day-month": "%Y-%d-%m"},
    r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}": {"month/day/year": "%m/%d/%Y", "day/month/year": "%d/%m/%Y"},
}


class UnclearDate(ValueError):
    """A date that cannot be read; ``row`` says where it stands, ``expected`` what would be understood."""

    def __init__(self, row: int, expected: str) -> None:
        super().__init__(expected)
        self.row, self.expected = row, expected


def parse_dates(text: pd.Series) -> pd.Series:
    """Read ``2016-01-05``, ``2016-01-05 00:00:00``, ``1/5/2016`` or ``5/1/2016`` as dates at midnight.

    A column, ``(n_rows,)``, may mix the forms, but all its dates of a form have one order: the only one in which all
    are dates on which an exchange can be open, Monday to Friday. Dates that begin with the year may have the day next
    (``2016-05-01``), if as year-month-day some would fall on a weekend. If a cell is no date, or if both orders of
    dates with slashes, or no order, make sense, `UnclearDate` is raised.

    >>> parse_dates(pd.Series(["4/1/2016", "5/1/2016", "6/1/2016", "7/1/2016", "8/1/2016"])).dt.month.tolist()
    [1, 1, 1, 1, 1]
    """
    codes, cells = pd.factorize(text)  # a column repeats its dates
    stamps = pd.Series(cells, dtype="str").str.strip().str.replace(_MIDNIGHT, "", regex=True)
    dates = pd.Series(pd.NaT, index=stamps.index, dtype="datetime64[ms]")
    written = {form: stamps.str.fullmatch(form) for form in _FORMS}
    _refuse(codes, ~pd.DataFrame(written).any(axis=1), EXPECTED)
    for form, rows in written.items():
        dates = dates.where(~rows, _in_one_order(codes, stamps.where(rows), rows, _FORMS[form]))
    return pd.Series(dates.to_numpy()[codes], index=text.index, name=text.name)


def _in_one_order(codes: Codes, stamps: pd.Series, rows: pd.Series, orders: dict[str, str]) -> pd.Series:
    readings = {
        order: pd.to_datetime(stamps, format=form, errors="coerce").astype("datetime64[ms]")
        for order, form in orders.items()
    }
    wrong = {order: rows & ~(dates.dt.day_of_week < 5) for order, dates in readings.items()}
    first, second = orders
    _refuse(codes, readings[first].isna() & readings[second].isna() & rows, EXPECTED)
    right = [order for order in orders if not wrong[order].any()]
    if not right:
        likelier = min(orders, key=lambda order: int(wrong[order].sum()))
        _refuse(codes, wrong[likelier], f"a day from Monday to Friday as {likelier}, the order of most of its dates")
    if len(right) == 2 and first != "year-month-day":
        differing = rows & (readings[first] != readings[second])
        _refuse(codes, differing, "a date as year-month-day, since day and month cannot be told apart")
    return readings[right[0]]


def _refuse(codes: Codes, bad: pd.Series, expected: str) -> None:
    rows = bad.to_numpy(dtype=bool)[codes].nonzero()[0]
    if len(rows):
        raise UnclearDate(int(rows[0]), expected)

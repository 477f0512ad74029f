"""What rows must have for an experiment: looked at before it runs, so that odd rows end in a sentence.

Each function tells in words what is needed and what was found; an empty text where nothing is lacking.
"""

from __future__ import annotations

from functools import partial

from labcode.data.columns import FAILURE, SENSORS
from labcode.data.prices import untrustworthy
from labcode.lab.classification.classes import CLASSES
from labcode.lab.classification.settings import First
from labcode.lab.config import configured, experiment
from labcode.lab.quantities import Data
from labcode.lab.regression.network import day_range
from labcode.lab.regression.split import split_by_date
from labcode.settings import profile

#: Fewer trading days leave too little on one side of a split.
DAYS = 30


def closes(data: Data) -> str:
    """For a random split of the rows: closes that differ."""
    close = data["prices"].frame["close"]
    return f"closes that differ, but all are {close.iloc[0]:g} USD" if close.nunique() < 2 else ""


def days(data: Data) -> str:
    """For a split by date: also enough days, and before and after it days with a range whose rows can be right."""
    prices = data["prices"].frame
    found = prices["date"].nunique()
    if lack := closes(data):
        return lack
    if found < DAYS:
        return f"at least {DAYS} trading days, but the prices have {found}"
    for part, when in zip(split_by_date(prices), ("before", "on")):
        usable = part[(day_range(part) > 0) & ~untrustworthy(part)]
        if usable["date"].nunique() < DAYS // 6 or usable["close"].nunique() < 2:
            return (
                f"closes that differ, between a low and a higher high, on at least {DAYS // 6} days {when} the last "
                "fifth of the dates, but these prices have not"
            )
    return ""


def moving_days(data: Data) -> str:
    """For forecasts: also closes that change from one test date to the next."""
    if lack := days(data):
        return lack
    _, test = split_by_date(data["prices"].frame)
    still = test.groupby("symbol", observed=True)["close"].nunique().max() < 2
    return "closes that change from day to day, but on the last fifth of the dates none does" if still else ""


def days_of_companies(data: Data) -> str:
    """For what companies have in common on a day: also two symbols."""
    symbols = data["prices"].frame["symbol"].nunique()
    return days(data) or ("" if symbols > 1 else "at least 2 symbols, but the prices have one")


def varied(data: Data) -> str:
    """For facts of the machines: two kinds of them, and sensors that vary."""
    machines = data["maintenance"].frame
    if machines[FAILURE].nunique() < 2:
        return f"at least two kinds of machines, but all have {machines[FAILURE].iloc[0]!r} as their failure type"
    still = [sensor for sensor in SENSORS if machines[sensor].nunique() < 2]
    return f"sensors that vary, but {' and '.join(still)} is always the same" if still else ""


def enough_of_each(data: Data) -> str:
    """For training and test: also twice as many rows of each failure type as SMOTE draws from, a row and neighbours."""
    least = 2 * (1 + configured(First, "classification.first", profile=profile()).smote_neighbors)
    counts = data["maintenance"].frame[FAILURE].value_counts()
    few = [f"{counts.get(label, 0)} of {label!r}" for label in CLASSES if counts.get(label, 0) < least]
    return varied(data) or (
        f"at least {least} rows of each failure type, but there are {', '.join(few)}" if few else ""
    )


#: An experiment on prices that are split by date, and one on machines, as :func:`labcode.lab.config.experiment`.
on_prices = partial(experiment, datasets=("prices",), lacks=days)
on_machines = partial(experiment, datasets=("maintenance",), lacks=enough_of_each)

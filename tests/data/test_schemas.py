"""What can be in a column, to its very bounds, and how a message says so."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from pandera.errors import SchemaErrors

from labcode.data import schemas
from labcode.data.prices import load_prices
from labcode.errors import DataError

SAYS = {
    "open": "a number from 0.0001 to 1,000,000 USD",
    "low": "a number from 0.0001 to 1,000,000 USD",
    "high": "a number from 0.0001 to 1,000,000 USD",
    "close": "a number from 0.0001 to 1,000,000 USD",
    "volume": "a whole number from 0 to 100,000,000,000 shares",
    "UDI": "a whole number from 1 to 1,000,000,000 (a row number)",
    "Air temperature [K]": "a number from 250 to 350 K",
    "Process temperature [K]": "a number from 250 to 350 K",
    "Rotational speed [rpm]": "a number from 0 to 20,000 rpm",
    "Torque [Nm]": "a number from 0 to 1,000 Nm",
    "Tool wear [min]": "a number from 0 to 10,000 min",
    "Target": "a whole number from 0 to 1",
}


def test_every_number_has_bounds() -> None:
    assert {name: schemas.expected(name) for name in schemas.RANGES} == SAYS


@pytest.mark.parametrize("column", SAYS)
def test_a_bound_can_be_and_what_lies_beyond_or_between_whole_numbers_cannot(column: str) -> None:
    schema = schemas.prices_schema() if column in schemas.PRICE_COLUMNS else schemas.maintenance_schema()
    low, high, _ = schemas.RANGES[column]
    numbers = schema.select_columns([column])
    numbers.validate(pd.DataFrame({column: [low, high]}, dtype="float64"))
    fraction = [low + 0.5] if column in schemas.WHOLE else []
    for value in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf), *fraction):
        with pytest.raises(SchemaErrors):
            numbers.validate(pd.DataFrame({column: [value]}, dtype="float64"), lazy=True)


@pytest.mark.parametrize(("day", "good"), [("1961-12-29", 0), ("1962-01-01", 1), ("2099-12-31", 1), ("2100-01-04", 0)])
def test_a_hundred_rows_from_1962_to_2100_are_enough(
    folder: Path, good_prices: pd.DataFrame, day: str, good: bool
) -> None:
    rows = good_prices[:100].assign(date=day)
    rows.to_csv(folder / "prices.csv", index=False)
    if good:
        assert len(load_prices().frame) == 100
        rows[:99].to_csv(folder / "prices.csv", index=False)
    with pytest.raises(DataError, match="found 99 rows, expected at least 100" if good else "a date from 1962 to 2100"):
        load_prices()

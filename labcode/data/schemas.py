"""What a row must look like: types, ranges and units, as pandera schemas.

The ranges are wide. They refuse what cannot be (a negative price, a temperature in degrees Celsius), not what is odd;
odd rows are counted and reported instead.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

from labcode.data.columns import PRICE_FEATURES, QUALITIES, SENSORS
from labcode.data.labels import FAILURE_MODES, NO_FAILURE
from labcode.data.tables import Cells, fault

if TYPE_CHECKING:
    from pandera.pandas import Check, Column, DataFrameSchema

PRICE_COLUMNS = ("date", "symbol", "open", "close", "low", "high", "volume")
MAINTENANCE_COLUMNS = ("UDI", "Product ID", "Type", *SENSORS, "Target", "Failure Type")
UCI_FLAGS = tuple(FAILURE_MODES)
FAILURE_TYPES = (NO_FAILURE, *FAILURE_MODES.values())
UCI_COLUMNS = (*MAINTENANCE_COLUMNS[:8], "Machine failure", *UCI_FLAGS)

#: Lowest and highest value that can be, and the unit, by column.
RANGES: dict[str, tuple[float, float, str]] = {
    **dict.fromkeys([*PRICE_FEATURES[:3], "close"], (1e-4, 1e6, "USD")),
    "volume": (0, 1e11, "shares"),
    "UDI": (1, 1e9, "(a row number)"),
    "Air temperature [K]": (250, 350, "K"),
    "Process temperature [K]": (250, 350, "K"),
    "Rotational speed [rpm]": (0, 20_000, "rpm"),
    "Torque [Nm]": (0, 1_000, "Nm"),
    "Tool wear [min]": (0, 10_000, "min"),
    "Target": (0, 1, ""),
}
FIRST_DATE, LAST_DATE = pd.Timestamp("1962-01-01"), pd.Timestamp("2100-01-01")
MIN_ROWS = 100
#: Columns without fractions.
WHOLE = ("UDI", "Target", "volume")


def expected(column: str) -> str:
    """What a column holds, for messages: ``a number from 250 to 350 K``."""
    low, high, unit = RANGES[column]
    whole = "whole " if column in WHOLE else ""
    return f"a {whole}number from {low:,.12g} to {high:,.12g} {unit}".strip()


@cache
def prices_schema() -> DataFrameSchema:
    """Schema of the NYSE prices: one row per symbol and day, prices in USD, volume in shares."""
    import pandera.pandas as pa  # costs a second; only an unparsed file needs it

    says = f"a date from {FIRST_DATE:%Y} to {LAST_DATE:%Y}"
    dates = pa.Column("datetime64[ms]", pa.Check.in_range(FIRST_DATE, LAST_DATE, error=says))
    numbers = {name: _number(name) for name in PRICE_COLUMNS[2:]}
    return pa.DataFrameSchema({"date": dates, "symbol": pa.Column("category"), **numbers}, strict=True, ordered=True)


@cache
def maintenance_schema() -> DataFrameSchema:
    """Schema of the maintenance rows, one per product; temperatures in K, speed in rpm, torque in Nm, wear in min."""
    import pandera.pandas as pa

    def one_of(*names: str) -> Check:
        return pa.Check.isin(names, error=f"one of {', '.join(names)}")

    columns = {name: _number(name) for name in MAINTENANCE_COLUMNS if name in RANGES}
    columns["Product ID"] = pa.Column("str")
    columns["Type"] = pa.Column("str", one_of(*QUALITIES))
    columns["Failure Type"] = pa.Column("str", one_of(*FAILURE_TYPES))
    return pa.DataFrameSchema({name: columns[name] for name in MAINTENANCE_COLUMNS}, strict=True, ordered=True)


def _number(column: str) -> Column:
    import pandera.pandas as pa

    low, high, _ = RANGES[column]
    checks = [pa.Check.in_range(low, high, error=expected(column))]
    if column in WHOLE:
        checks.append(pa.Check(lambda values: values % 1 == 0, error=expected(column)))
    return pa.Column("float64", checks)


def validate(cells: Cells, frame: pd.DataFrame, schema: DataFrameSchema) -> None:
    """Refuse a frame with too few rows to learn from, or the first value that lies outside what can be."""
    from pandera.errors import SchemaErrors

    if len(frame) < MIN_ROWS:
        problem = f"found {len(frame)} rows, expected at least {MIN_ROWS}"
        raise fault(cells.path, problem, "The file was cut short; download it again, whole.")
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        first = error.failure_cases.sort_values("index", kind="stable").iloc[0]
        raise cells.bad_cell(int(first["index"]), str(first["column"]), str(first["check"])) from None

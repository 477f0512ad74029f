"""What a row must look like: types, ranges and units, as pandera schemas.

The ranges are wide. They refuse what cannot be (a negative price, a temperature in degrees Celsius), not what is odd;
odd rows are counted and reported instead.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from labcode.data.labels import FAILURE_MODES, NO_FAILURE
from labcode.data.tables import fault

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

PRICE_COLUMNS = ("date", "symbol", "open", "close", "low", "high", "volume")
MAINTENANCE_COLUMNS = (
    "UDI",
    "Product ID",
    "Type",
    "Air temperature [K]",
    "Process temperature [K]",
    "Rotational speed [rpm]",
    "Torque [Nm]",
    "Tool wear [min]",
    "Target",
    "Failure Type",
)
UCI_FLAGS = tuple(FAILURE_MODES)
FAILURE_TYPES = (NO_FAILURE, *FAILURE_MODES.values())
UCI_COLUMNS = (*MAINTENANCE_COLUMNS[:8], "Machine failure", *UCI_FLAGS)

#: Lowest and highest value that can be, and the unit, by column.
RANGES: dict[str, tuple[float, float, str]] = {
    "open": (1e-4, 1e6, "USD"),
    "close": (1e-4, 1e6, "USD"),
    "low": (1e-4, 1e6, "USD"),
    "high": (1e-4, 1e6, "USD"),
    "volume": (0, 1e11, "shares"),
    "UDI": (1, 1e9, "(a row number)"),
    "Air temperature [K]": (250, 350, "K"),
    "Process temperature [K]": (250, 350, "K"),
    "Rotational speed [rpm]": (0, 20_000, "rpm"),
    "Torque [Nm]": (0, 1_000, "Nm"),
    "Tool wear [min]": (0, 10_000, "min"),
    "Target": (0, 1, "(0 or 1)"),
}
FIRST_DATE, LAST_DATE = pd.Timestamp("1962-01-01"), pd.Timestamp("2100-01-01")
MIN_ROWS = 100


def expected(column: str) -> str:
    """What a column holds, for messages: ``a number from 250 to 350 K``."""
    low, high, unit = RANGES[column]
    return f"a number from {low:,.10g} to {high:,.10g} {unit}"


@cache
def prices_schema() -> DataFrameSchema:
    """Schema of the NYSE prices: one row per symbol and day, prices in USD, volume in shares."""
    import pandera.pandas as pa  # costs a second; only an unparsed file needs it

    dates = pa.Check.in_range(FIRST_DATE, LAST_DATE, error=f"a date from {FIRST_DATE:%Y} to {LAST_DATE:%Y}")
    return pa.DataFrameSchema(
        {
            "date": pa.Column("datetime64[ms]", dates),
            "symbol": pa.Column("category"),
            **{name: _number(name) for name in PRICE_COLUMNS[2:]},
        },
        strict=True,
        ordered=True,
    )


@cache
def maintenance_schema() -> DataFrameSchema:
    """Schema of the maintenance rows, one per product; temperatures in K, speed in rpm, torque in Nm, wear in min."""
    import pandera.pandas as pa

    def one_of(names: tuple[str, ...]) -> pa.Check:
        return pa.Check.isin(names, error=f"one of {', '.join(names)}")

    numbers = {name: _number(name) for name in ("UDI", *MAINTENANCE_COLUMNS[3:9])}
    numbers["Target"] = _number("Target", whole=True)
    columns = {
        **numbers,
        "Product ID": pa.Column("str"),
        "Type": pa.Column("str", one_of(("L", "M", "H"))),
        "Failure Type": pa.Column("str", one_of(FAILURE_TYPES)),
    }
    return pa.DataFrameSchema({name: columns[name] for name in MAINTENANCE_COLUMNS}, strict=True, ordered=True)


def _number(column: str, *, whole: bool = False) -> pa.Column:  # noqa: F821
    import pandera.pandas as pa

    low, high, _ = RANGES[column]
    checks = [pa.Check.in_range(low, high, error=expected(column))]
    if whole:
        checks.append(pa.Check(lambda values: values % 1 == 0, error="0 or 1"))
    return pa.Column("float64", checks, description=expected(column))


def validate(path: Path, frame: pd.DataFrame, schema: DataFrameSchema) -> None:
    """Check a parsed frame, whose row ``i`` was line ``i + 2`` of the file.

    Raises
    ------
    DataError
        If there are too few rows to learn from, or a value lies outside what can be; the first one is named.
    """
    from pandera.errors import SchemaErrors

    if len(frame) < MIN_ROWS:
        raise fault(
            path,
            f"found {len(frame)} rows, expected at least {MIN_ROWS}",
            mend="The file was cut short; download it again, whole.",
        )
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        case = error.failure_cases.sort_values("index", kind="stable").iloc[0]
        raise fault(
            path,
            f"found {_shown(case['failure_case'])}, expected {case['check']}",
            line=None if pd.isna(case["index"]) else int(case["index"]) + 2,
            column=str(case["column"]),
            mend="Repair that line, or download the file again.",
        ) from None


def _shown(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return f"{value:,.10g}" if isinstance(value, int | float) else repr(value)

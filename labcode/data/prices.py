"""Daily prices of New York Stock Exchange companies: one row per symbol and trading day.

The layout is that of the Kaggle data set ``dgawlik/nyse``: prices in USD, volume in shares.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from labcode.data import schemas, tables
from labcode.data.sources import Oddity, TableSpec, load
from labcode.data.types import Dataset

SMALL_SYMBOLS = 12
_ADJUSTED = "These are the split-adjusted prices, not the prices as traded that the original lab used."


def load_prices() -> Dataset:
    """Load the daily prices, in the order of the file, and where they came from.

    ``frame`` has ``date`` (midnight), ``symbol`` (category), ``open``, ``close``, ``low``, ``high`` (USD), ``volume``
    (shares), shape ``(n_rows, 7)``. A file that must be refused raises `DataError`, which names line and column.
    """
    return load(PRICES)


def parse_prices(path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Parse and validate a prices file; every row is kept, in the order of the file."""
    cells = tables.read_cells(path, PRICES.filenames)
    cells = cells.pick(schemas.PRICE_COLUMNS, {"the maintenance data": schemas.MAINTENANCE_COLUMNS[2:8]})
    numbers = {name: cells.numbers(name, schemas.expected(name)) for name in schemas.PRICE_COLUMNS[2:]}
    symbols = cells.labels("symbol").astype("category")
    frame = pd.DataFrame({"date": cells.dates("date"), "symbol": symbols, **numbers})
    schemas.validate(cells, frame, schemas.prices_schema())
    adjusted = "split-adjusted" in path.name
    return frame, (*cells.notes, *((_ADJUSTED,) if adjusted else ()))


def inverted(frame: pd.DataFrame) -> pd.Series:
    """Rows whose high is below their low."""
    return frame["high"] < frame["low"]


def outside_range(frame: pd.DataFrame) -> pd.Series:
    """Rows whose close lies outside [low, high]."""
    return (frame["close"] < frame["low"]) | (frame["close"] > frame["high"])


def repeated(frame: pd.DataFrame) -> pd.Series:
    """Rows whose (date, symbol) stood in an earlier row."""
    return frame.duplicated(["date", "symbol"])


def untrustworthy(frame: pd.DataFrame) -> pd.Series:
    """Rows that the sound protocol does not train on: inverted, outside their range, or repeated."""
    return inverted(frame) | outside_range(frame) | repeated(frame)


def _simulated(small: bool) -> pd.DataFrame:
    from labcode.data import simulate  # loads scipy, which rows from a file do not need

    frame = simulate.simulate_prices(n_symbols=SMALL_SYMBOLS) if small else simulate.simulate_prices()
    return frame.astype({"date": "datetime64[ms]", "symbol": "category"})


_SOUND = "kept as published; the sound protocol does not train on them, and scores them like any row"

PRICES = TableSpec(
    name="prices",
    filenames=("prices.csv", "prices-split-adjusted.csv"),
    published_rows=851_264,
    parse=parse_prices,
    simulate=_simulated,
    oddities=(
        Oddity(name="high below low", rule=_SOUND, find=inverted),
        Oddity(name="close outside [low, high]", rule=_SOUND, find=outside_range),
        Oddity(name="repeated (date, symbol)", rule=_SOUND, find=repeated),
        Oddity(name="zero volume", rule="kept; log(volume + 1) is defined there", find=lambda f: f["volume"] == 0),
    ),
)

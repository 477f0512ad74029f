"""Predictive maintenance: one row per product, five sensors, and how the machine failed, if it did.

The layout is that of the Kaggle data set ``shivamb/machine-predictive-maintenance-classification``, which repackages
UCI's AI4I 2020 (doi:10.24432/C5HS5C); UCI's own file is read as well, its label derived from its failure flags.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from labcode.data import schemas, tables
from labcode.data.labels import NO_FAILURE, failure_type
from labcode.data.sources import Oddity, TableSpec, load
from labcode.data.types import Dataset

SMALL_ROWS = 3_000
_NUMBERS = ("UDI", *schemas.MAINTENANCE_COLUMNS[3:9])


def load_maintenance() -> Dataset:
    """Load the maintenance rows.

    Returns
    -------
    Dataset
        ``frame`` with the columns of the Kaggle file: ``UDI`` and ``Target`` (int64), ``Product ID``, ``Type`` (L, M or
        H), two temperatures (K), ``Rotational speed [rpm]``, ``Torque [Nm]``, ``Tool wear [min]`` (float64) and
        ``Failure Type`` (str), in the order of the file; and ``provenance``.

    Raises
    ------
    DataError
        If a file is there but must be refused; the message names line and column.
    """
    return load(MAINTENANCE)


def parse_maintenance(path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Parse and validate a maintenance file, in Kaggle's layout or in UCI's."""
    text = tables.read_strings(path, MAINTENANCE.filenames)
    notes = []
    if {"machine failure", *map(str.casefold, schemas.UCI_FLAGS)} <= {name.casefold() for name in text.columns}:
        notes.append("`Failure Type` was derived from UCI's five failure flags, `Target` is its `Machine failure`.")
        notes += tables.extra_columns(text, (*schemas.UCI_COLUMNS, "Target", "Failure Type"))
        text = _from_uci(path, text)
    else:
        notes += tables.extra_columns(text, schemas.MAINTENANCE_COLUMNS)
    picked = tables.pick_columns(path, text, schemas.MAINTENANCE_COLUMNS, {"the prices": schemas.PRICE_COLUMNS})
    frame = picked.apply(lambda column: _parsed(path, column))
    schemas.validate(path, frame, schemas.maintenance_schema())
    return _typed(frame), tuple(notes)


def _parsed(path: Path, column: pd.Series) -> pd.Series:
    if column.name in _NUMBERS:
        return tables.to_numbers(path, column, what=schemas.expected(str(column.name)))
    return tables.to_labels(path, column)


def _from_uci(path: Path, text: pd.DataFrame) -> pd.DataFrame:
    picked = tables.pick_columns(path, text, schemas.UCI_COLUMNS, {})
    flags = picked[list(schemas.UCI_FLAGS)].apply(lambda column: _flag(path, column))
    renamed = picked.rename(columns={"Machine failure": "Target"})
    return renamed[list(schemas.MAINTENANCE_COLUMNS[:9])].assign(**{"Failure Type": failure_type(flags)})


def _flag(path: Path, column: pd.Series) -> pd.Series:
    numbers = tables.to_numbers(path, column, what="0 or 1")
    return tables.one_of(path, numbers, (0, 1)).astype(bool)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    sensors = dict.fromkeys(schemas.MAINTENANCE_COLUMNS[3:8], "float64")
    return frame.astype({"UDI": "int64", "Target": "int64", **sensors})


def _simulated(small: bool) -> pd.DataFrame:
    from labcode.data import simulate  # loads scipy, which rows from a file do not need

    return _typed(simulate.simulate_maintenance(n_rows=SMALL_ROWS) if small else simulate.simulate_maintenance())


MAINTENANCE = TableSpec(
    name="maintenance",
    filenames=("predictive_maintenance.csv", "ai4i2020.csv"),
    published_rows=10_000,
    parse=parse_maintenance,
    simulate=_simulated,
    oddities=(
        Oddity(
            name="Target says failure, Failure Type says none",
            rule="kept as published; the label is Failure Type, and the sound protocol never sees Target",
            find=lambda frame: (frame["Target"] == 1) & (frame["Failure Type"] == NO_FAILURE),
        ),
        Oddity(
            name="Target says none, Failure Type says failure",
            rule="kept as published; the label is Failure Type, and the sound protocol never sees Target",
            find=lambda frame: (frame["Target"] == 0) & (frame["Failure Type"] != NO_FAILURE),
        ),
        Oddity(
            name="process not warmer than air",
            rule="kept; UCI describes the process as about 10 K warmer",
            find=lambda frame: frame["Process temperature [K]"] <= frame["Air temperature [K]"],
        ),
        Oddity(
            name="repeated UDI",
            rule="kept; UDI is never a feature",
            find=lambda frame: frame.duplicated("UDI"),
        ),
    ),
)

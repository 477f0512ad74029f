"""Predictive maintenance: one row per product, five sensors, and how the machine failed, if it did.

The layout is that of the Kaggle data set ``shivamb/machine-predictive-maintenance-classification``, which repackages
UCI's AI4I 2020 (doi:10.24432/C5HS5C); UCI's own file is read as well, its label derived from its failure flags.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from labcode.data import schemas, tables
from labcode.data.columns import SENSORS
from labcode.data.labels import NO_FAILURE, failure_type
from labcode.data.sources import Oddity, TableSpec, load
from labcode.data.tables import Cells
from labcode.data.types import Dataset

SMALL_ROWS = 3_000
_DERIVED = "`Failure Type` was derived from UCI's five failure flags, `Target` is its `Machine failure`."
_ORDER = ", ".join(schemas.UCI_FLAGS)


def load_maintenance() -> Dataset:
    """Load the maintenance rows, in the order of the file, and where they came from.

    ``frame`` has the columns of Kaggle's file, shape ``(n_rows, 10)``: ``UDI`` and ``Target`` (int64), ``Product ID``,
    ``Type`` (L, M or H), two temperatures (K), ``Rotational speed [rpm]``, ``Torque [Nm]``, ``Tool wear [min]``
    (float64) and ``Failure Type`` (str). A file that must be refused raises `DataError`, which names line and column.
    """
    return load(MAINTENANCE)


def parse_maintenance(path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Parse and validate a maintenance file, in Kaggle's layout or in UCI's."""
    cells = tables.read_cells(path, MAINTENANCE.filenames)
    if {"machine failure", *map(str.casefold, schemas.UCI_FLAGS)} <= {name.casefold() for name in cells.frame.columns}:
        cells = _from_uci(cells)
    cells = cells.pick(schemas.MAINTENANCE_COLUMNS, {"the prices": schemas.PRICE_COLUMNS})
    frame = pd.DataFrame({name: _parsed(cells, name) for name in schemas.MAINTENANCE_COLUMNS})
    schemas.validate(cells, frame, schemas.maintenance_schema())
    _refuse_conflicts(cells, frame)
    return _typed(frame), cells.notes


def _parsed(cells: Cells, column: str) -> pd.Series:
    if column not in schemas.RANGES:
        return cells.labels(column)
    read = cells.whole_numbers if column in schemas.WHOLE else cells.numbers
    return read(column, schemas.expected(column))


def _from_uci(cells: Cells) -> Cells:
    """UCI's file in Kaggle's layout, its label derived; a label that the file holds beside the flags must agree."""
    given = {name.casefold() for name in cells.frame.columns} & {"target", "failure type"}
    picked = cells.pick([*schemas.UCI_COLUMNS, *sorted(name.title() for name in given)])
    flags = pd.DataFrame({flag: _flag(picked, flag) for flag in ("Machine failure", *schemas.UCI_FLAGS)})
    labels, target = failure_type(flags), flags["Machine failure"].astype(int)
    says = "what the flags in that line say"
    if "failure type" in given:
        picked.refuse("Failure Type", picked.labels("Failure Type") != labels, f"{says}, with the first of {_ORDER}")
    if "target" in given:
        picked.refuse("Target", picked.whole_numbers("Target", "0 or 1") != target, says)
    frame = picked.frame[list(schemas.MAINTENANCE_COLUMNS[:8])].assign(
        **{"Target": target.astype("str"), "Failure Type": labels}
    )
    return replace(picked, frame=frame, notes=(_DERIVED, *picked.notes))


def _flag(cells: Cells, column: str) -> pd.Series:
    flags = cells.whole_numbers(column, "0 or 1")
    cells.refuse(column, ~flags.isin((0, 1)), "0 or 1")
    return flags.astype(bool)


def _refuse_conflicts(cells: Cells, frame: pd.DataFrame) -> None:
    """A product's identifier cannot contradict its type, nor can one set of measurements have two labels."""
    letter = frame["Product ID"].str.extract(r"^([LMH])[0-9]+$", expand=False)
    says = "an identifier that begins with the letter of that line's Type"
    cells.refuse("Product ID", letter.notna() & (letter != frame["Type"]), says)
    measured = list(schemas.MAINTENANCE_COLUMNS[:8])
    conflicts = frame.duplicated(measured) & ~frame.duplicated()
    for column in ("Failure Type", "Target"):
        first = frame.groupby(measured, sort=False)[column].transform("first") if conflicts.any() else frame[column]
        cells.refuse(column, frame[column] != first, "the label that an earlier line gives the same product")


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"UDI": "int64", "Target": "int64", **dict.fromkeys(SENSORS, "float64")})


def _simulated(small: bool) -> pd.DataFrame:
    from labcode.data import simulate  # loads scipy, which rows from a file do not need

    return _typed(simulate.simulate_maintenance(n_rows=SMALL_ROWS) if small else simulate.simulate_maintenance())


_TARGET_RULE = "kept as published; the label is Failure Type, and the sound protocol never sees Target"

MAINTENANCE = TableSpec(
    name="maintenance",
    filenames=("predictive_maintenance.csv", "ai4i2020.csv"),
    published_rows=10_000,
    parse=parse_maintenance,
    simulate=_simulated,
    oddities=(
        Oddity(
            name="Target says failure, Failure Type says none",
            rule=_TARGET_RULE,
            find=lambda frame: (frame["Target"] == 1) & (frame["Failure Type"] == NO_FAILURE),
        ),
        Oddity(
            name="Target says none, Failure Type says failure",
            rule=_TARGET_RULE,
            find=lambda frame: (frame["Target"] == 0) & (frame["Failure Type"] != NO_FAILURE),
        ),
        Oddity(
            name="process not warmer than air",
            rule="kept; UCI describes the process as about 10 K warmer",
            find=lambda frame: frame["Process temperature [K]"] <= frame["Air temperature [K]"],
        ),
        Oddity(name="repeated UDI", rule="kept; UDI is never a feature", find=lambda frame: frame.duplicated("UDI")),
    ),
)

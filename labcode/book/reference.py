"""What the original report states, from data/reference.toml, which explains its own fields."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from labcode.errors import LabcodeError
from labcode.settings import project_root

Kind = Literal["figure", "conclusion"]
Relation = Literal["equal", "below", "most below"]
_FILE = "data/reference.toml"


@dataclass(frozen=True, kw_only=True)
class Stated:
    """One figure, table or sentence of the original report, with its section and its own words.

    The fields are explained at the top of data/reference.toml.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    id: str
    kind: Kind
    section: str
    quote: str
    label: str = ""
    value: float | int | None = None
    values: list[list[float | int]] | None = None
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    places: int = 0
    unit: str = ""
    about: bool = False
    relation: Relation = "equal"
    printed: bool = False
    ours: str = ""
    evidence: str = ""
    holds: str = ""
    fails: str = ""
    because: str = ""


_STATED = TypeAdapter(Stated)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One number that the original states, and where ours is; a table of the original has many."""

    id: str
    label: str
    section: str
    value: float
    places: int
    ours: str
    unit: str = ""
    about: bool = False
    relation: Relation = "equal"
    row: int = 0
    column: int = 0


def read_reference(text: str) -> Mapping[str, Stated]:
    """Parse and check the file's text.

    Raises
    ------
    LabcodeError
        If an entry is wrong; the message names its id and the field.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LabcodeError(f"{_FILE} is not valid TOML: {error}.") from None
    entries: dict[str, Stated] = {}
    for number, table in enumerate(tables.get("stated", ()), start=1):
        entry = _built(table, number)
        if entry.id in entries:
            raise _fault(entry.id, "id", "is there twice; every id must be its own")
        _check_stated(entry)
        entries[entry.id] = entry
    return entries


def _built(table: Mapping[str, Any], number: int) -> Stated:
    """An entry from a table of the file, with every field of the right type."""
    try:
        return _STATED.validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
    words = {
        "missing": "is missing",
        "unexpected_keyword_argument": f"is no field; the fields are {', '.join(each.name for each in fields(Stated))}",
    }
    expected = f"is {first['input']!r}, but {first['msg'].replace('Input', 'it')}"
    name = str(table.get("id", f"entry {number}"))
    raise _fault(name, str(first["loc"][0]), words.get(first["type"], expected))


def _check_stated(entry: Stated) -> None:
    """What each kind of entry needs."""
    numbers = entry.value is not None or entry.values is not None
    rows, columns = len(entry.rows), len(entry.columns)
    faults = {
        "value": (entry.kind == "figure" and not numbers, "is missing; a figure needs value or values"),
        "evidence": (
            entry.kind == "conclusion" and not entry.evidence.startswith("@"),
            "should be a cross-reference such as @tbl-baselines; a conclusion needs one",
        ),
        "label": (numbers and not entry.label, "is missing; a number needs one"),
        "ours": (numbers and not entry.ours, "is missing; say where our number is, such as regression_sound.rmse"),
        "values": (
            entry.values is not None and [len(row) for row in entry.values] != [columns] * rows,
            f"should have {rows} rows of {columns}, as rows and columns say",
        ),
    }
    for name, (wrong, what) in faults.items():
        if wrong:
            raise _fault(entry.id, name, what)


def _fault(name: str, field: str, what: str) -> LabcodeError:
    return LabcodeError(f"{_FILE}: in {name!r}, the field {field!r} {what}.")


@cache
def reference() -> Mapping[str, Stated]:
    """All that the original states, by id."""
    return read_reference((project_root() / _FILE).read_text("utf-8"))


def stated(name: str) -> Stated:
    """Look up what the original report states under this id.

    Raises
    ------
    LabcodeError
        If data/reference.toml has no such id; the message lists its neighbours.
    """
    entries = reference()
    if name not in entries:
        near = ", ".join(key for key in entries if key.split(".")[0] == name.split(".")[0]) or ", ".join(entries)
        raise LabcodeError(f"{_FILE} has no id {name!r}; it has {near}.")
    return entries[name]


def cells(entry: Stated) -> Iterator[Cell]:
    """The numbers of an entry: one, or those of its table row by row; none if it states none."""
    shared = {name: getattr(entry, name) for name in ("id", "section", "about", "relation")}
    if entry.value is not None:
        alone = {name: getattr(entry, name) for name in ("label", "value", "places", "unit", "ours")}
        yield Cell(**shared, **alone)
    for i, row in enumerate(entry.values or ()):
        for j, value in enumerate(row):
            column = entry.columns[j]
            yield Cell(
                label=f"{entry.rows[i]}, {column}",
                value=value,
                # A count in a table of scores has no decimals.
                places=0 if isinstance(value, int) else entry.places,
                ours=entry.ours.format(row=i, column=column),
                row=i,
                column=j,
                **shared,
            )


def figures(prefix: str = "") -> list[Cell]:
    """Every number that can be measured again, of the ids that start with this."""
    entries = [entry for entry in reference().values() if entry.id.startswith(prefix)]
    return [cell for entry in entries for cell in cells(entry)]


def of_kind(kind: Kind) -> list[Stated]:
    """Entries of one kind, in the order of the file."""
    return [entry for entry in reference().values() if entry.kind == kind]

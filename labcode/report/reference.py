"""What the original report states, from data/reference.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache

from labcode.errors import LabcodeError
from labcode.settings import project_root


@dataclass(frozen=True, kw_only=True)
class Stated:
    """One figure, table or sentence of the original report, with its section and its own words."""

    id: str
    section: str
    quote: str
    value: float | None = None
    values: list[list[float]] | None = None


@cache
def _all() -> dict[str, Stated]:
    entries = tomllib.loads((project_root() / "data" / "reference.toml").read_text("utf-8"))["stated"]
    return {entry["id"]: Stated(**entry) for entry in entries}


def stated(name: str) -> Stated:
    """Look up what the original report states under this id.

    Raises
    ------
    LabcodeError
        If data/reference.toml has no such id; the message lists its neighbours.
    """
    entries = _all()
    if name not in entries:
        near = ", ".join(key for key in entries if key.split(".")[0] == name.split(".")[0]) or ", ".join(entries)
        raise LabcodeError(f"data/reference.toml has no id {name!r}; it has {near}.")
    return entries[name]

"""Which edition of the report is made, and what ``_quarto.yml`` says of it.

The base lists the chapters that are handed in; ``_quarto-full.yml`` adds the appendices, and ``_quarto-handin.yml``
names the other folder. Quarto takes the edition from ``QUARTO_PROFILE``, and so does everything here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from labcode.errors import LabcodeError

Edition = Literal["full", "handin"]
VARIABLE = "QUARTO_PROFILE"


def edition() -> Edition:
    """The edition that is made: that of ``QUARTO_PROFILE``, else the full one."""
    wanted = os.environ.get(VARIABLE, "").split(",")
    return next((name for name in get_args(Edition) if name in wanted), "full")


@contextmanager
def chosen(wanted: Edition) -> Iterator[None]:
    """Make this edition meanwhile, here and in processes that start; other profiles of Quarto's stay."""
    before = os.environ.get(VARIABLE)
    others = [name for name in (before or "").split(",") if name and name not in get_args(Edition)]
    os.environ[VARIABLE] = ",".join([wanted, *others])
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


def profiles() -> list[str]:
    """The edition, and the other profiles that ``QUARTO_PROFILE`` names."""
    named = os.environ.get(VARIABLE, "").split(",")
    return [edition(), *(name for name in named if name and name not in get_args(Edition))]


def files(root: Path) -> list[Path]:
    """The files that the settings are in: the base, and those of the profiles."""
    found = (root / f"_quarto-{name}.yml" for name in profiles())
    return [root / "_quarto.yml", *(path for path in found if path.is_file())]


def settings(root: Path) -> dict[str, Any]:
    """The settings of the book in this edition, merged as Quarto merges them: mappings key by key, lists in a row.

    Raises
    ------
    OSError, yaml.YAMLError
        If a file cannot be read.
    LabcodeError
        If a file holds no settings.
    """
    found: dict[str, Any] = {}
    for path in files(root):
        own = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(own, dict):
            raise LabcodeError(f"{path} holds no settings; mend it with: git restore {path.name}")
        found = merged(found, own)
    return found


def merged(base: Any, more: Any) -> Any:
    """Two values as Quarto merges those of a profile.

    >>> merged({"a": [1], "b": {"c": 2}}, {"a": [3], "b": {"d": 4}})
    {'a': [1, 3], 'b': {'c': 2, 'd': 4}}
    """
    if isinstance(base, dict) and isinstance(more, dict):
        return base | {key: merged(base[key], value) if key in base else value for key, value in more.items()}
    if isinstance(base, list) and isinstance(more, list):
        return [*base, *(each for each in more if each not in base)]
    return more


def output_dir(root: Path) -> Path:
    """Folder that this edition is written into."""
    return root / str((settings(root).get("project") or {}).get("output-dir", "_book"))

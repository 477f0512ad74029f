"""The book as ``_quarto.yml`` states it, in the edition that is made: settings, chapters, title page.

The base lists the chapters that are handed in; ``_quarto-full.yml`` adds the appendices, and ``_quarto-handin.yml``
names the other folder. Quarto takes the edition from ``QUARTO_PROFILE``, and so does everything here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from labcode.errors import LabcodeError, RenderError
from labcode.settings import project_root

Edition = Literal["full", "handin"]
VARIABLE = "QUARTO_PROFILE"
#: The author that ``_quarto.yml`` comes with.
PLACEHOLDER = "Your name"


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
    LabcodeError
        If a file cannot be read or holds no settings.
    """
    found: dict[str, Any] = {}
    for path in files(root):
        try:
            read = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise LabcodeError(f"{path} cannot be read ({error}); mend it with: git restore {path.name}") from error
        if not isinstance(read, dict):
            raise LabcodeError(f"{path} holds no settings; mend it with: git restore {path.name}")
        found = merged(found, read)
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


def chapter_list(entries: Sequence[Any]) -> list[str]:
    """Files of a book's chapters in order; parts are flattened."""
    files: list[str] = []
    for entry in entries:
        if isinstance(entry, str):
            files.append(entry)
        elif "chapters" in entry:
            files += [part for part in [str(entry.get("part", ""))] if part.endswith(".qmd")]
            files += chapter_list(entry["chapters"])
        else:
            files.append(entry.get("href") or entry["file"])
    return files


def sources(root: Path) -> list[str]:
    """Files of all chapters and appendices of this edition that are there, relative to the project.

    Raises
    ------
    LabcodeError
        If the settings list no chapters.
    """
    try:
        book = settings(root)["book"]
        listed = chapter_list([*book["chapters"], *(book.get("appendices") or [])])
    except (KeyError, TypeError, AttributeError) as error:
        raise LabcodeError(f"{root / '_quarto.yml'}: not a Quarto book with a list of chapters ({error}).") from error
    return [file for file in listed if (root / file).is_file()]


def bibliography(root: Path) -> list[str]:
    """The files of the bibliography, relative to the project."""
    listed = settings(root).get("bibliography") or []
    return listed if isinstance(listed, list) else [listed]


def chapter_files(names: Sequence[str], root: Path | None = None) -> list[str]:
    """Turn chapter names (``eda``, ``chapters/eda.qmd``, ``index``) into paths relative to the project.

    Raises
    ------
    RenderError
        If a chapter does not exist; the message lists those that do.
    """
    known = {Path(file).stem: file for file in sources(root or project_root())}
    unknown = [name for name in names if Path(name).stem not in known]
    if unknown:
        raise RenderError(f"There is no chapter {unknown[0]!r}; the chapters are {', '.join(sorted(known))}.")
    return [known[Path(name).stem] for name in names]


@dataclass(frozen=True, kw_only=True)
class TitlePage:
    """Who hands in what, as ``_quarto.yml`` states it; ``stem`` names the files."""

    title: str
    authors: tuple[str, ...]
    day: date
    stem: str


def title_page(root: Path) -> TitlePage:
    """Read title, authors and day.

    Raises
    ------
    LabcodeError
        If there is no author or no day, or the author is the one that ``_quarto.yml`` comes with.
    """
    path = root / "_quarto.yml"
    book = settings(root).get("book")
    if not isinstance(book, dict):
        raise LabcodeError(f"{path}: not a Quarto book; mend it with: git restore _quarto.yml")
    authors = _names(book.get("author"))
    if not authors or PLACEHOLDER in authors:
        found = "still names the author as it came" if authors else "names no author"
        raise LabcodeError(f'{path} {found}; under "book:", give yours, such as author: "Ada Lovelace".')
    stem = Path(str(book.get("output-file") or "report")).name
    return TitlePage(title=str(book.get("title", "")), authors=authors, day=_day(path, book.get("date")), stem=stem)


def _names(given: Any) -> tuple[str, ...]:
    """Names of authors, given as texts or with Quarto's fields; a name may have its parts apart."""
    listed = given if isinstance(given, list) else [given]
    names = [each.get("name") if isinstance(each, dict) else each for each in listed]
    whole = [" ".join(map(str, name.values())) if isinstance(name, dict) else str(name or "") for name in names]
    return tuple(name.strip() for name in whole if name.strip())


def _day(path: Path, given: object) -> date:
    try:
        return given if isinstance(given, date) else date.fromisoformat(str(given))
    except ValueError:
        found = "names no date" if given is None else f"has the date {given!r}"
        raise LabcodeError(
            f'{path} {found}; under "book:", give the day of the hand-in itself, such as date: 2026-01-31.'
        ) from None

"""The book as ``_quarto.yml`` states it, in the edition that is made: settings, chapters, cover, title page.

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
from typing import Any, Literal, cast, get_args

import yaml
from IPython.display import Markdown

from labcode.book.text import escaped, marked
from labcode.errors import LabcodeError, RenderError
from labcode.settings import project_root

Edition = Literal["full", "handin"]
VARIABLE = "QUARTO_PROFILE"
#: The author that ``_quarto.yml`` comes with.
PLACEHOLDER = "Your name"


def profiles() -> list[str]:
    """The edition that is made, which is the full one where ``QUARTO_PROFILE`` names none, and its other profiles."""
    named = [name for name in os.environ.get(VARIABLE, "").split(",") if name]
    editions = get_args(Edition)
    made = next((name for name in editions if name in named), "full")
    return [made, *(name for name in named if name not in editions)]


def edition() -> Edition:
    """The edition that is made."""
    return cast(Edition, profiles()[0])


@contextmanager
def chosen(wanted: Edition) -> Iterator[None]:
    """Make this edition meanwhile, here and in processes that start; other profiles of Quarto's stay."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = ",".join([wanted, *profiles()[1:]])
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


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


def book(root: Path) -> dict[str, Any]:
    """What stands under ``book:`` in the settings.

    Raises
    ------
    LabcodeError
        If it is no book with a list of chapters.
    """
    found = settings(root).get("book")
    if not isinstance(found, dict) or not isinstance(found.get("chapters"), list):
        raise LabcodeError(f"{root / '_quarto.yml'}: not a Quarto book with a list of chapters; mend it under `book:`.")
    return found


def sources(root: Path) -> list[str]:
    """Files of all chapters and appendices of this edition that are there, relative to the project."""
    found = book(root)
    listed = chapter_list([*found["chapters"], *(found.get("appendices") or [])])
    return [file for file in listed if (root / file).is_file()]


def chapter_files(names: Sequence[str], root: Path | None = None) -> list[str]:
    """Turn chapter names (``eda``, ``chapters/eda.qmd``, ``index``) into paths relative to the project.

    Raises
    ------
    RenderError
        If a chapter does not exist; the message lists those that do.
    """
    listed = sources(root or project_root())
    known = {Path(file).stem: file for file in listed}
    found = {name: name if name in listed else known.get(Path(name).stem) for name in names}
    if unknown := [name for name, file in found.items() if file is None]:
        raise RenderError(f"There is no chapter {unknown[0]!r}; the chapters are {', '.join(sorted(known))}.")
    return [file for file in found.values() if file]


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
    path, found = root / "_quarto.yml", book(root)
    authors, day = names(found.get("author")), found.get("date")
    if not authors or PLACEHOLDER in authors:
        fault = "still names the author as it came" if authors else "names no author"
        raise LabcodeError(f'{path} {fault}; under "book:", give yours, such as author: "Ada Lovelace".')
    try:
        day = day if isinstance(day, date) else date.fromisoformat(str(day))
    except ValueError:
        fault = "names no date" if day is None else f"has the date {day!r}"
        raise LabcodeError(
            f'{path} {fault}; under "book:", give the day of the hand-in itself, such as date: 2026-01-31.'
        ) from None
    stem = Path(str(found.get("output-file") or "report")).name
    return TitlePage(title=str(found.get("title", "")), authors=authors, day=day, stem=stem)


def names(given: Any) -> tuple[str, ...]:
    """Names of authors, given as texts or with Quarto's fields; a name may have its parts apart."""
    listed = given if isinstance(given, list) else [given]
    names = [each.get("name") if isinstance(each, dict) else each for each in listed]
    whole = [" ".join(map(str, name.values())) if isinstance(name, dict) else str(name or "") for name in names]
    return tuple(name.strip() for name in whole if name.strip())


def course(root: Path) -> list[str]:
    """Course and instructor, which stand on the cover, as far as they are named."""
    lab = settings(root).get("lab") or {}
    return [str(lab[name]) for name in ("course", "instructor") if lab.get(name)]


def course_line() -> Markdown:
    """Course and instructor, for pages: in the PDF, they stand on the cover.

    Raises
    ------
    LabcodeError
        If one is missing.
    """
    root = project_root()
    if len(found := course(root)) < 2:
        path = root / "_quarto.yml"
        raise LabcodeError(
            f'{path}: under "lab:", a course or its instructor is missing; add course: "…", instructor: "…".'
        )
    line = " · ".join(map(escaped, found))
    return marked(f'::: {{.content-visible when-format="html"}}\n{line}\n:::')

"""What ``_quarto.yml`` says about the book: titles, chapters and their numbers, and the defaults of a cell."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from labcode.book import cover, edition
from labcode.errors import LabcodeError, RenderError

_CELL = dict.fromkeys(("echo", "output", "include", "eval", "warning"), True) | {"error": False, "code-fold": False}
_UNNUMBERED = re.compile(r"^# .*\{[^}]*(\.unnumbered|[\s{]-[\s}])", re.MULTILINE)
_LABEL = re.compile(r"(?:\{[^}\n]*#|^#\| *label: *)((?:fig|tbl|sec|eq)-[\w-]+)", re.MULTILINE)


@dataclass(frozen=True)
class Chapter:
    """A source file of the book, with its number, a letter for an appendix, or None for an unnumbered one."""

    file: str
    number: int | str | None
    labels: frozenset[str]

    @property
    def name(self) -> str:
        """Name of its page, without ``.html``."""
        return Path(self.file).stem


@dataclass(frozen=True)
class Book:
    """A Quarto book project, as far as the portable engine reads it."""

    root: Path
    titles: dict[str, Any]
    chapters: tuple[Chapter, ...]
    bibliography: tuple[str, ...]
    csl: str | None
    lang: str
    number_sections: bool
    toc_depth: int
    cell: dict[str, Any]
    pdf_echo: bool
    output_file: str
    edition: str = "full"
    downloads: tuple[tuple[str, str], ...] = ()
    elsewhere: frozenset[str] = frozenset()

    def offering(self, files: Collection[str]) -> Book:
        """The same book with those of its downloads that are among `files`."""
        return replace(self, downloads=tuple((text, file) for text, file in self.downloads if file in files))

    def only(self, names: Sequence[str]) -> Book:
        """The same book with the named chapters alone, given as ``eda`` or ``chapters/eda.qmd``."""
        known = {key: chapter for chapter in self.chapters for key in (chapter.name, chapter.file)}
        if unknown := [name for name in names if name not in known]:
            choice = ", ".join(chapter.name for chapter in self.chapters)
            raise RenderError(f"No chapter {unknown[0]!r} in {self.root / '_quarto.yml'}; choose from: {choice}.")
        kept = tuple(chapter for chapter in self.chapters if chapter in [known[name] for name in names])
        left = [chapter for chapter in self.chapters if chapter not in kept]
        elsewhere = frozenset().union(*(chapter.labels for chapter in left), (chapter.file for chapter in left))
        return replace(self, chapters=kept, elsewhere=elsewhere, output_file="-".join(c.name for c in kept) + ".pdf")


def read_book(root: Path) -> Book:
    """Read ``_quarto.yml`` in `root`.

    Raises
    ------
    RenderError
        If it is missing or broken, or names a chapter that does not exist.
    """
    path = root / "_quarto.yml"
    try:
        config = edition.settings(root)
        book = config["book"]
        files, appendices = list(_files(book["chapters"])), list(_files(book.get("appendices") or []))
    except (OSError, yaml.YAMLError, KeyError, TypeError, LabcodeError) as fault:
        raise RenderError(f"{path}: not a Quarto book with a list of chapters ({fault}).") from fault
    html, pdf = ({} if value in (None, "default") else value for value in _formats(config))
    execute = config.get("execute") or {}
    folded = {key: html[key] for key in ("code-fold", "code-summary") if key in html}
    return Book(
        root=root,
        titles=_titles(book) | {"about": cover.about(config)},
        chapters=(*_chapters(root, files), *_chapters(root, appendices, letters=True)),
        bibliography=tuple(_listed(config.get("bibliography") or book.get("bibliography"))),
        csl=config.get("csl"),
        lang=config.get("lang", "en"),
        number_sections=bool(html.get("number-sections", config.get("number-sections", True))),
        toc_depth=int(html.get("toc-depth", 3)),
        cell=_CELL | execute | folded,
        pdf_echo=bool(pdf.get("echo", True)),
        output_file=f"{book.get('output-file') or re.sub(r'[^0-9A-Za-z]+', '-', str(book['title'])).strip('-')}.pdf",
        edition=edition.edition(),
        downloads=tuple(_downloads(book)),
    )


def _titles(book: dict[str, Any]) -> dict[str, Any]:
    authors = [author["name"] if isinstance(author, dict) else author for author in _listed(book.get("author"))]
    day = book.get("date")
    if isinstance(day, date) and book.get("date-format") == "long":
        day = f"{day.day} {day:%B %Y}"
    titles = {"title": book["title"], "subtitle": book.get("subtitle"), "date": day}
    return {key: str(text) for key, text in titles.items() if text} | {"author": authors}


def _downloads(book: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Text and file of each link in the menus of the sidebar's tools."""
    for tool in (book.get("sidebar") or {}).get("tools") or ():
        yield from ((str(entry["text"]), str(entry["href"])) for entry in tool.get("menu") or ())


def _formats(config: dict[str, Any]) -> tuple[Any, Any]:
    formats = config.get("format") or {}
    formats = {formats: None} if isinstance(formats, str) else formats
    return formats.get("html"), formats.get("typst", formats.get("pdf"))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _files(entries: list[Any]) -> Iterator[str]:
    """Files of the chapters in order; parts are flattened."""
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        elif "href" in entry or "file" in entry:
            yield entry.get("href") or entry["file"]
        else:
            yield from _files([part for part in [entry["part"]] if part.endswith(".qmd")] + entry["chapters"])


def _chapters(root: Path, files: list[str], *, letters: bool = False) -> Iterator[Chapter]:
    number = 0
    for file in files:
        if not (root / file).is_file():
            raise RenderError(f"{root / '_quarto.yml'}: chapter {file} does not exist.")
        text = (root / file).read_text(encoding="utf-8")
        numbered = not _UNNUMBERED.search(text)
        number += numbered
        shown = chr(ord("A") + number - 1) if letters else number
        yield Chapter(file, shown if numbered else None, frozenset(_LABEL.findall(text)))

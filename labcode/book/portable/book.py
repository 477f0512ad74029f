"""What ``_quarto.yml`` and the heads of the chapters say about the book, checked for what the engine does not know."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from babel import Locale
from babel.dates import format_date

from labcode.book import edition
from labcode.book.fences import places
from labcode.book.portable import known
from labcode.book.portable.reader import Line, front_matter, labels, read_lines
from labcode.errors import RenderError

_CELL = dict.fromkeys(("echo", "output", "include", "eval", "warning"), True) | {"error": False, "code-fold": False}
_UNNUMBERED = re.compile(r"\{[^}]*(\.unnumbered|[\s{]-[\s}])")


@dataclass(frozen=True)
class Chapter:
    """A source file of the book: its number (a letter for an appendix), the name of its page, its cells' defaults."""

    file: str
    number: int | str | None
    labels: frozenset[str]
    name: str
    title: str | None = None
    cell: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Book:
    """A Quarto book project, as far as the portable engine reads it; `authors` have their places behind the name."""

    root: Path
    titles: dict[str, str]
    authors: list[list[str]]
    lab: dict[str, str]
    chapters: tuple[Chapter, ...]
    bibliography: list[str]
    csl: str | None
    lang: str
    number_sections: bool
    toc_depth: tuple[int, int]
    cell: dict[str, Any]
    pdf_echo: bool
    output_file: str
    in_project: bool
    runs: bool = True
    downloads: tuple[tuple[str, str], ...] = ()
    elsewhere: frozenset[str] = frozenset()

    def only(self, files: Collection[str]) -> Book:
        """The same book with some of its chapters alone."""
        kept = tuple(chapter for chapter in self.chapters if chapter.file in files)
        left = [chapter for chapter in self.chapters if chapter not in kept]
        elsewhere = frozenset().union(*(chapter.labels for chapter in left), (chapter.file for chapter in left))
        return replace(self, chapters=kept, elsewhere=elsewhere, output_file="-".join(c.name for c in kept) + ".pdf")


def read_book(root: Path) -> Book:
    """Read ``_quarto.yml`` in `root`, and the heads of the chapters.

    Raises
    ------
    RenderError
        If it is missing or broken, names a chapter that does not exist, or says what the engine does not know; if a
        label stands twice.
    """
    path = root / "_quarto.yml"
    try:
        for file in edition.files(root):
            known.read_yaml(file.read_text("utf-8"), known.SETTINGS, file.name)
        config = edition.settings(root)
        book, execute = config["book"], config.get("execute") or {}
        chapters = _chapters(root, book["chapters"], book.get("appendices") or [])
        title = str(book["title"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as fault:
        raise RenderError(f"{path}: not a Quarto book with a title and a list of chapters ({fault!r}).") from fault
    formats = config.get("format") or {}
    html, pdf = ({} if (value := formats.get(name)) in (None, "default") else value for name in ("html", "typst"))
    lang = config.get("lang", "en")
    titles = {"title": title, "subtitle": book.get("subtitle"), "date": _date(path, book, lang)}
    tools = (book.get("sidebar") or {}).get("tools") or ()
    return Book(
        root=root,
        titles={key: str(text) for key, text in titles.items() if text},
        authors=list(filter(None, map(_author, _listed(book.get("author"))))),
        lab=config.get("lab") or {},
        chapters=chapters,
        bibliography=_listed(config.get("bibliography")),
        csl=config.get("csl"),
        lang=lang,
        number_sections=bool(html.get("number-sections", config.get("number-sections", True))),
        toc_depth=(int(html.get("toc-depth", 3)), int(pdf.get("toc-depth", 2))),
        cell=_CELL | execute | {key: html[key] for key in ("code-fold", "code-summary") if key in html},
        pdf_echo=bool(pdf.get("echo", True)),
        output_file=f"{_file_name(book.get('output-file') or title) or _file_name(root.name) or 'book'}.pdf",
        in_project=(config.get("project") or {}).get("execute-dir") == "project",
        downloads=tuple((str(link["text"]), str(link["href"])) for tool in tools for link in tool.get("menu") or ()),
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _file_name(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().removesuffix(".pdf")
    return re.sub(r"[^0-9A-Za-z._]+", "-", plain).strip("-.")


def _author(author: Any) -> list[str]:
    """Name, affiliations and addresses of an author."""
    if not isinstance(author, dict):
        return [str(author)]
    places = [*_listed(author.get("affiliation")), *_listed(author.get("affiliations"))]
    named = [each["name"] if isinstance(each, dict) else each for each in places]
    orcid = [f"ORCID {author['orcid']}"] if "orcid" in author else []
    return [*edition.names(author), *(str(each) for each in (*named, *_listed(author.get("email")), *orcid))]


def _date(path: Path, book: dict[str, Any], lang: str) -> str:
    """The date as Quarto prints it, whose English is that of the United States as long as none is named."""
    day, style = book.get("date"), book.get("date-format", "long")
    if day is None:
        return ""
    try:
        day = date.today() if day in ("today", "now") else date.fromisoformat(str(day))
    except ValueError as fault:
        expected = 'such as 2026-11-22, or "today"'
        raise RenderError(f"{path}: cannot print the date {book['date']!r}; expected {expected}") from fault
    locale = Locale.parse("en-US" if lang == "en" else lang, sep="-")
    return day.isoformat() if style == "iso" else format_date(day, style, locale)


def _chapters(root: Path, chapters: list[Any], appendices: list[Any]) -> tuple[Chapter, ...]:
    found: list[Chapter] = []
    seen: dict[str, Line] = {}
    for letters, entries in ((False, chapters), (True, appendices)):
        number = 0
        for file in edition.chapter_list(entries):
            head, below = front_matter(_lines(root, file))
            own = list(labels(below))
            for label, line in own:
                if seen.setdefault(label, line) is not line:
                    raise RenderError(f"{line}: the label {label} is already at {seen[label]}")
            numbered = not _UNNUMBERED.search(head.get("title") or _first_heading(below))
            number += numbered
            shown = (chr(ord("A") + number - 1) if letters else number) if numbered else None
            names, execute = frozenset(label for label, _ in own), head.get("execute") or {}
            found.append(Chapter(file, shown, names, _page(file, found), head.get("title"), execute))
    return tuple(found)


def _lines(root: Path, file: str) -> Iterator[Line]:
    if not (root / file).is_file():
        raise RenderError(f"{root / '_quarto.yml'}: chapter {file} does not exist.")
    if Path(file).suffix not in (".qmd", ".md"):
        raise RenderError(f"{file}: the portable engine renders .qmd and .md; make one of it: quarto convert {file}")
    return read_lines(root, file)


def _first_heading(lines: list[Line]) -> str:
    prose = (line.text for line, place in zip(lines, places(each.text for each in lines)) if place == "prose")
    return next((text for text in prose if re.match(r"#{1,6}\s", text)), "")


def _page(file: str, others: list[Chapter]) -> str:
    """Name of a page: that of its file, with the folder before it where another page has the same."""
    stem, whole = (re.sub(r"[^\w.-]+", "-", str(name)) for name in (Path(file).stem, Path(file).with_suffix("")))
    return whole if stem in {chapter.name for chapter in others} else stem

"""What ``_quarto.yml`` and the heads of the chapters say about the book, checked for what the engine does not know."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from babel import Locale
from babel.dates import format_date

from labcode.book import edition
from labcode.book.fences import fence_after
from labcode.book.portable import known
from labcode.book.portable.reader import Line, front_matter, labels, read_lines
from labcode.errors import RenderError

_CELL = dict.fromkeys(("echo", "output", "include", "eval", "warning"), True) | {"error": False, "code-fold": False}
_UNNUMBERED = re.compile(r"\{[^}]*(\.unnumbered|[\s{]-[\s}])")
#: Quarto's signs for parts of a date, and Unicode's.
_DATE_SIGNS = {"YYYY": "yyyy", "YY": "yy", "DD": "dd", "D": "d", "dddd": "EEEE", "ddd": "EEE"} | {
    months: months for months in ("MMMM", "MMM", "MM", "M")
}


@dataclass(frozen=True)
class Chapter:
    """A source file of the book.

    Attributes
    ----------
    file
        Relative to the project.
    number
        A letter for an appendix, None for an unnumbered one.
    name
        Name of its page, without ``.html``.
    title
        From its head; without, its first heading is its title.
    part
        Title of the part that begins with it.
    cell
        Defaults of its cells.
    """

    file: str
    number: int | str | None
    labels: frozenset[str]
    name: str
    title: str | None = None
    part: str | None = None
    cell: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Book:
    """A Quarto book project, as far as the portable engine reads it."""

    root: Path
    titles: dict[str, Any]
    authors: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    bibliography: tuple[str, ...]
    csl: str | None
    lang: str
    number_sections: bool
    toc_depth: int
    cell: dict[str, Any]
    pdf_echo: bool
    output_file: str
    in_project: bool
    runs: bool = True
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
    people = [_author(each) for each in _listed(book.get("author"))]
    lang = config.get("lang", "en")
    titles = {"title": title, "subtitle": book.get("subtitle"), "date": _date(path, book, lang)}
    return Book(
        root=root,
        titles={key: str(text) for key, text in titles.items() if text}
        | {"author": [", ".join(each) for each in people], "about": edition.course(root)},
        authors=tuple(each[0] for each in people),
        chapters=chapters,
        bibliography=tuple(_listed(config.get("bibliography"))),
        csl=config.get("csl"),
        lang=lang,
        number_sections=bool(html.get("number-sections", config.get("number-sections", True))),
        toc_depth=int(html.get("toc-depth", 3)),
        cell=_CELL | execute | {key: html[key] for key in ("code-fold", "code-summary") if key in html},
        pdf_echo=bool(pdf.get("echo", True)),
        output_file=f"{_file_name(book.get('output-file') or title) or _file_name(root.name) or 'book'}.pdf",
        in_project=(config.get("project") or {}).get("execute-dir") == "project",
        edition=edition.edition(),
        downloads=tuple(_downloads(book)),
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
    name = author["name"]
    if isinstance(name, dict):
        name = name.get("literal") or " ".join(name[key] for key in ("given", "family") if key in name)
    places = [*_listed(author.get("affiliation")), *_listed(author.get("affiliations"))]
    named = [each["name"] if isinstance(each, dict) else each for each in places]
    orcid = [f"ORCID {author['orcid']}"] if "orcid" in author else []
    return [str(each) for each in (name, *named, *_listed(author.get("email")), *orcid)]


def _date(path: Path, book: dict[str, Any], lang: str) -> str:
    """The date as Quarto prints it."""
    day, style = book.get("date"), str(book.get("date-format", "long"))
    if day is None:
        return ""
    try:
        day = date.today() if day in ("today", "now") else date.fromisoformat(str(day))
        if style == "iso":
            return day.isoformat()
        if style not in ("full", "long", "medium", "short"):
            style = re.sub(
                r"\[([^]]*)\]|[A-Za-z]+", lambda sign: f"'{sign[1]}'" if sign[1] else _DATE_SIGNS[sign[0]], style
            )
        # Quarto's English is that of the United States, as long as none is named.
        return format_date(day, style, Locale.parse("en-US" if lang == "en" else lang, sep="-"))
    except (ValueError, KeyError) as fault:
        raise RenderError(
            f'{path}: cannot print the date {book["date"]!r} as {style!r}; expected such as "2026-11-22", "today", and '
            f'"long" or "DD.MM.YYYY"'
        ) from fault


def _downloads(book: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Text and file of each link in the menus of the sidebar's tools."""
    for tool in (book.get("sidebar") or {}).get("tools") or ():
        yield from ((str(entry["text"]), str(entry["href"])) for entry in tool.get("menu") or ())


def _files(entries: list[Any], part: str | None = None) -> Iterator[tuple[str, str | None, bool]]:
    """File of each chapter in order, the title of a part that begins with it, and whether it has a number."""
    for entry in entries:
        if isinstance(entry, str) or not {"part", "chapters"} & {*entry}:
            yield entry if isinstance(entry, str) else entry.get("href") or entry["file"], part, True
        elif re.search(r"\.(q?md|ipynb)$", str(entry.get("part"))):
            yield entry["part"], part, False
            yield from _files(entry.get("chapters") or [])
        else:
            yield from _files(entry["chapters"], str(entry["part"]))
        part = None


def _chapters(root: Path, chapters: list[Any], appendices: list[Any]) -> tuple[Chapter, ...]:
    found: list[Chapter] = []
    seen: dict[str, Line] = {}
    for letters, entries in ((False, chapters), (True, appendices)):
        number = 0
        for file, part, counts in _files(entries):
            lines = _lines(root, file)
            head, below = front_matter(lines)
            for label, line in labels(below):
                if label in seen:
                    raise RenderError(f"{line}: the label {label} is already at {seen[label]}")
                seen[label] = line
            numbered = counts and not _UNNUMBERED.search(head.get("title") or _first_heading(below))
            number += numbered
            shown = (chr(ord("A") + number - 1) if letters else number) if numbered else None
            own = frozenset(label for label, line in labels(below))
            found.append(
                Chapter(file, shown, own, _page(file, found), head.get("title"), part, head.get("execute") or {})
            )
    return tuple(found)


def _lines(root: Path, file: str) -> list[Line]:
    if not (root / file).is_file():
        raise RenderError(f"{root / '_quarto.yml'}: chapter {file} does not exist.")
    if Path(file).suffix not in (".qmd", ".md"):
        raise RenderError(f"{file}: the portable engine renders .qmd and .md; make one of it: quarto convert {file}")
    return list(read_lines(root, file))


def _first_heading(lines: list[Line]) -> str:
    fence = ""
    for line in lines:
        fence = fence_after(fence, line.text)
        if not fence and re.match(r"#{1,6}\s", line.text):
            return line.text
    return ""


def _page(file: str, others: list[Chapter]) -> str:
    """Name of a page: that of its file, with the folder before it where another page has the same."""
    stem = re.sub(r"[^\w.-]+", "-", Path(file).stem)
    taken = {chapter.name for chapter in others}
    return stem if stem not in taken else re.sub(r"[^\w.-]+", "-", str(Path(file).with_suffix("")))

"""What a page gets after Pandoc has written it: marks in its contents, downloads, pictures that load late, an index."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

from labcode.book.notebooks import NOTEBOOK
from labcode.book.pictures import load_late
from labcode.book.portable.book import Book

START = "start-page"
_PREVIOUS_OF_FIRST = re.compile(r'<a rel="prev" href="index\.html">.*?</a>', re.DOTALL)
_LINE_ANCHOR = re.compile(r'<a href="#cb[\d-]+"\s+aria-hidden="true" tabindex="-1"></a>')
_EMPTY_HEADER = re.compile(r"<th([^>]*)></th>")
_HEADINGS = ("h1", "h2", "h3", "h4")
_BLOCKS = ("p", "div", "li", "th", "td", "figcaption", "label", "pre")
_UNREAD = ("script", "style", "nav", "annotation", "details", "figure")


def finish(page: Path, book: Book) -> str:
    """The text of a page as Pandoc wrote it, made ready to read; its pictures and notebook lie beside it."""
    text, name = page.read_text(encoding="utf-8"), page.name
    text = _PREVIOUS_OF_FIRST.sub("", text).replace(f"{START}.html", "index.html")
    text = re.sub(rf'<a href="{name}#[^"]*" id="toc-({START}|{Path(name).stem})"', r'\g<0> aria-current="page"', text)
    title = _title_block(book) if name == "index.html" else ""
    return _framed(load_late(text, page.parent), book, title, _downloads(book, page.with_suffix(".ipynb")))


def finish_onefile(text: str, book: Book) -> str:
    """The book on one page as Pandoc wrote it, made ready to read."""
    return _framed(text, book, _title_block(book), "")


def _framed(text: str, book: Book, title: str, downloads: str) -> str:
    text = _EMPTY_HEADER.sub(r"<td\1></td>", _LINE_ANCHOR.sub("", text)).replace("<pre", '<pre tabindex="0"')
    text = text.replace("<!-- downloads -->", downloads).replace("<!-- title -->", title)
    for chapter in book.chapters:
        if chapter.part:
            link = rf'<li><a\s[^>]*id="toc-{START if chapter.name == "index" else re.escape(chapter.name)}"'
            part = f'<li class="part">{html.escape(chapter.part)}</li>'
            text = re.sub(link, lambda found, part=part: part + found[0], text, count=1)  # type: ignore[misc]
    return text.replace("<!-- policy -->", _policy(text))


def _policy(text: str) -> str:
    """What the page may load: its own files, pictures inside it, scripts of its frame; no script that it shows."""
    frame = re.sub(r"<main.*</main>", "", text, flags=re.DOTALL)
    scripts = re.findall(r"<script>(.*?)</script>", frame, re.DOTALL)
    known = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in known)])
    rules = f"default-src 'self' data:; style-src 'self' data: 'unsafe-inline'; script-src {allowed}; object-src 'none'"
    return f'<meta http-equiv="Content-Security-Policy" content="{rules}">'


def _downloads(book: Book, notebook: Path) -> str:
    links = [f'<a href="{html.escape(file)}">{html.escape(text)}</a>' for text, file in book.downloads]
    links += [f'<a href="{notebook.name}" download>{NOTEBOOK}</a>'] if notebook.is_file() else []
    return f'<p class="downloads">Download: {" ".join(links)}</p>' if links else ""


def _title_block(book: Book) -> str:
    lines = [book.titles.get("subtitle"), *book.titles["author"], book.titles.get("date")]
    shown = "".join(f"<p>{html.escape(str(line))}</p>" for line in lines if line)
    return f'<div class="title" dir="auto"><p class="name">{html.escape(book.titles["title"])}</p>{shown}</div>'


def search_index(pages: Sequence[Path]) -> str:
    """A script that holds the sections of the pages, for the search: a page opened from a disk may not fetch data."""
    entries = [entry for page in pages for entry in _Sections.of(page)]
    return f"window.searchIndex = {json.dumps(entries, ensure_ascii=False, separators=(',', ':'))};\n"


class _Sections(HTMLParser):
    """Splits a page's main part at its headings; captions, table cells and shown code count, folded text does not."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.found: list[dict[str, str]] = []
        self.open: list[str] = []
        self.section = ""

    @classmethod
    def of(cls, page: Path) -> list[dict[str, str]]:
        """The sections of a page, with their titles, chapter and text."""
        parser = cls(page.name)
        main = page.read_text(encoding="utf-8").partition("<main")[2].partition("</main>")[0]
        parser.feed(f"<main{main}")
        chapter = " ".join(parser.found[0]["title"].split()) if parser.found else ""
        clean = [{key: " ".join(value.split()) for key, value in entry.items()} for entry in parser.found]
        return [entry | {"chapter": chapter} for entry in clean]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = dict(attrs).get("id") or ""
        if tag == "section":
            self.section = name
        if tag in _HEADINGS:
            self.found.append({"page": self.page, "id": name or self.section, "title": "", "text": ""})
        if tag in (*_HEADINGS, *_UNREAD, "figcaption", "table"):
            self.open.append(tag)
        if tag in _BLOCKS:
            self._add(" ")

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self._add(data)

    def _add(self, text: str) -> None:
        inside = self.open[-1] if self.open else ""
        if self.found and inside not in _UNREAD:
            self.found[-1]["title" if inside in _HEADINGS else "text"] += text

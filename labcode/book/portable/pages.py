"""Turn the executed chapters into HTML pages and a PDF, with Pandoc and Typst."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Literal

import pypandoc
import typst

from labcode.book.notebooks import notebook_text
from labcode.book.portable.book import Book, Chapter
from labcode.book.portable.finish import START, finish, finish_onefile
from labcode.book.portable.reader import read_lines
from labcode.errors import RenderError

_LOG = logging.getLogger(__name__)
_ASSETS = Path(__file__).parent / "assets"
_PARTS = ("style.css", "views.css", "book.js", "tables.js", "views.js")


def write_book_file(book: Book, texts: list[str], work: Path) -> None:
    """Write ``book.json``, which the Lua filter reads: titles, executed chapters, labels that are not rendered."""
    content = {
        "meta": book.titles
        | {"lang": book.lang, "language": book.lang[:2], "numbered": book.number_sections}
        | ({"lists": True} if book.edition == "full" else {}),
        "number_sections": book.number_sections,
        "pdf_echo": book.pdf_echo,
        "edition": book.edition,
        "elsewhere": dict.fromkeys(book.elsewhere, True),
        "chapters": [_chapter(chapter, text) for chapter, text in zip(book.chapters, texts, strict=True)],
    }
    (work / "book.json").write_text(json.dumps(content), encoding="utf-8")


def _chapter(chapter: Chapter, text: str) -> dict[str, str]:
    folder = Path(chapter.file).parent.as_posix()
    page = START if chapter.name == "index" else chapter.name
    return {"file": chapter.file, "folder": folder, "name": chapter.name, "page": page, "text": text} | (
        {"number": str(chapter.number)} if chapter.number else {}
    )


def write_html(book: Book, work: Path, out: Path) -> Path:
    """Write a page for each chapter into `out`, its notebook beside it, and return the first page."""
    options = ["--mathml", "--toc", f"--toc-depth={book.toc_depth}", "--split-level=1", "--chunk-template=%i.html"]
    _pandoc(book, work, "chunkedhtml", "page.html", "site", *options)
    site = work / "site"
    for name in ("sitemap.json", "index.html"):
        (site / name).unlink()
    if (site / f"{START}.html").exists():
        (site / f"{START}.html").rename(site / "index.html")
    for chapter in book.chapters:
        if text := notebook_text(book.root / chapter.file):
            (site / f"{chapter.name}.ipynb").write_text(text, encoding="utf-8")
    for page in site.glob("*.html"):
        page.write_text(finish(page, book), encoding="utf-8")
    for name in _PARTS:
        shutil.copy(_ASSETS / name, site)
    shutil.copytree(site, out, dirs_exist_ok=True)
    return out / f"{book.chapters[0].name}.html"


def write_onefile(book: Book, work: Path, out: Path) -> Path:
    """Write all chapters into one page in `out`, with pictures, style and formulas inside it, and return it."""
    for name in _PARTS:
        shutil.copy(_ASSETS / name, work)
    options = ["--mathml", "--toc", f"--toc-depth={book.toc_depth}", "--embed-resources", "--variable=onefile"]
    _pandoc(book, work, "html", "page.html", "one.html", *options)
    page = out / Path(book.output_file).with_suffix(".html").name
    page.write_text(finish_onefile((work / "one.html").read_text(encoding="utf-8"), book), encoding="utf-8")
    return page


def write_pdf(book: Book, work: Path, out: Path) -> Path:
    """Write the PDF into `out` and return it."""
    _pandoc(book, work, "typst", "book.typ", "book.typ", "--syntax-highlighting=idiomatic", "--extract-media=pictures")
    try:
        pdf = _typeset(book, work, "ua-1")
    except typst.TypstError as fault:
        _LOG.warning("The PDF is tagged, but not PDF/UA-1: %s", fault.message)
        pdf = _typeset(book, work, "1.7")
    (out / book.output_file).write_bytes(pdf)
    return out / book.output_file


def _typeset(book: Book, work: Path, standard: Literal["ua-1", "1.7"]) -> bytes:
    inputs = {"author": ", ".join(book.titles["author"])}
    file = work / "book.typ"
    return typst.compile(file, root=work, ignore_system_fonts=True, pdf_standards=standard, sys_inputs=inputs)


def _pandoc(book: Book, work: Path, to: str, template: str, output: str, *options: str) -> None:
    command = [pypandoc.get_pandoc_path(), "--from=markdown", f"--to={to}", f"--output={output}", *options]
    command += [f"--template={_ASSETS / template}", f"--lua-filter={_ASSETS / 'book.lua'}", "--metadata=book:book.json"]
    command += ["--citeproc", "--wrap=none", "--metadata=link-citations", f"--resource-path=.{os.pathsep}{book.root}"]
    command += [f"--bibliography={book.root / file}" for file in book.bibliography]
    command += [f"--csl={book.root / book.csl}"] if book.csl else []
    done = subprocess.run(command, cwd=work, input="", capture_output=True, text=True, encoding="utf-8")
    if found := re.search(r"unresolved: (.*?) \.$", done.stderr, re.MULTILINE):
        raise RenderError("\n".join(_where(book, label) for label in dict.fromkeys(found[1].split())))
    if done.returncode:
        raise RenderError(f"Pandoc failed: {done.stderr.strip()}")
    if done.stderr.strip():
        _LOG.warning(done.stderr.strip())


def _where(book: Book, label: str) -> str:
    """One sentence that says in which line of which file an unresolved reference stands."""
    pattern = re.compile(rf"[@#]{re.escape(label)}(?![\w-])|\({re.escape(label)}")
    lines = (line for chapter in book.chapters for line in read_lines(book.root, chapter.file))
    at = next((str(line) for line in lines if pattern.search(line.text)), book.chapters[0].file)
    return f"{at}: unresolved reference @{label}: no such label in the book, nor entry in its bibliography"

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

import pypandoc  # type: ignore[import-untyped]
import typst

from labcode.book import edition
from labcode.book.notebooks import notebook_text
from labcode.book.portable.book import Book, Chapter
from labcode.book.portable.finish import START, finish, finish_onefile
from labcode.book.portable.reader import read_lines
from labcode.errors import RenderError

_LOG = logging.getLogger(__name__)
_ASSETS = Path(__file__).parent / "assets"
#: The first that a document can keep to: one for screen readers, or one for archives; both need a sign for each letter.
_STANDARDS: tuple[Literal["ua-1", "a-2b"], ...] = ("ua-1", "a-2b")
_PARTS = ("style.css", "book.js", "tables.js")


def write_book_file(book: Book, texts: list[str], work: Path) -> None:
    """Write ``book.json``, which the Lua filter reads: titles, executed chapters, labels that are not rendered."""
    content = {
        "meta": book.titles
        | {"lang": book.lang, "language": book.lang[:2], "numbered": book.number_sections}
        | ({"lists": True} if book.edition == "full" else {}),
        "number_sections": book.number_sections,
        "pdf_echo": book.pdf_echo,
        "profiles": dict.fromkeys(edition.profiles(), True),
        "root": str(book.root),
        "files": dict.fromkeys((*(chapter.file for chapter in book.chapters), *book.elsewhere), True),
        "offered": dict.fromkeys((file for _, file in book.downloads), True),
        "elsewhere": dict.fromkeys(book.elsewhere, True),
        "chapters": [_chapter(chapter, text) for chapter, text in zip(book.chapters, texts, strict=True)],
    }
    (work / "book.json").write_text(json.dumps(content), encoding="utf-8")


def _chapter(chapter: Chapter, text: str) -> dict[str, str]:
    folder = Path(chapter.file).parent.as_posix()
    page = START if chapter.name == "index" else chapter.name
    facts = {"title": chapter.title, "part": chapter.part, "number": chapter.number and str(chapter.number)}
    return {"file": chapter.file, "folder": folder, "name": chapter.name, "page": page, "text": text} | {
        key: value for key, value in facts.items() if value
    }


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
    pdf = b""
    for standard in _STANDARDS:
        try:
            pdf = pdf or _typeset(book, work, standard)
        except typst.TypstError as fault:
            if sign := re.search(r'the text `"(.+?)"` could not be displayed', str(fault)):
                raise RenderError(_fault(book, "", sign[1], f"the PDF's fonts have no sign for {sign[1]}")) from fault
            _LOG.warning("The PDF does not keep to %s: %s", standard.upper(), fault.message)
    if not pdf:
        raise RenderError("Typst could not make the PDF; its message stands above.")
    (out / book.output_file).write_bytes(pdf)
    return out / book.output_file


def _typeset(book: Book, work: Path, standard: Literal["ua-1", "a-2b"]) -> bytes:
    inputs = {"author": ", ".join(book.authors), "standard": standard}
    file = work / "book.typ"
    return typst.compile(file, root=work, ignore_system_fonts=True, pdf_standards=standard, sys_inputs=inputs)


def _pandoc(book: Book, work: Path, to: str, template: str, output: str, *options: str) -> None:
    command = [pypandoc.get_pandoc_path(), "--from=markdown", f"--to={to}", f"--output={output}", *options]
    command += [f"--template={_ASSETS / template}", f"--lua-filter={_ASSETS / 'book.lua'}", "--metadata=book:book.json"]
    command += ["--citeproc", "--wrap=none", "--metadata=link-citations", f"--resource-path=.{os.pathsep}{book.root}"]
    command += [f"--bibliography={book.root / file}" for file in book.bibliography]
    command += [f"--csl={book.root / book.csl}"] if book.csl else []
    done = subprocess.run(command, cwd=work, input="", capture_output=True, text=True, encoding="utf-8")
    if (told := work / "faults.json").is_file():
        faults = json.loads(told.read_text("utf-8"))
        raise RenderError("\n".join(dict.fromkeys(_fault(book, **each) for each in faults)))
    warnings = re.findall(r"^\[WARNING\] (?!.*Reference @)(.*(?:\n(?!\[).*)*)", done.stderr, re.MULTILINE)
    if done.returncode or warnings:
        said = " ".join((warnings[0] if warnings else done.stderr).split())
        told_of = re.search(r"(?:math|resource|note|class) ['\"‘]?(.+?)['\"’]?(?:,|:| at |$)", said)
        raise RenderError(_fault(book, "", told_of[1] if told_of else "", f"Pandoc says: {said}"))
    if done.stderr.strip():
        _LOG.warning(done.stderr.strip())


def _fault(book: Book, file: str, needle: str, message: str, cell: str = "") -> str:
    """A sentence that begins with file and line: of the cell, else of the first line that holds the needle."""
    first = re.escape(needle.strip().splitlines()[0]) if needle.strip() else ""
    pattern = re.compile(first if len(needle) < 2 else rf"(?<![\w-]){first}(?![\w-])")
    chapters = sorted(book.chapters, key=lambda chapter: chapter.file != file)
    sources = [*(chapter.file for chapter in chapters), *(path.name for path in edition.files(book.root))]
    lines = (line for source in sources for line in read_lines(book.root, source))
    at = cell or next((str(line) for line in lines if pattern.search(line.text)), file or "_quarto.yml")
    return f"{at}: {message}"

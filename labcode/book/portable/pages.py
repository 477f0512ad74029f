"""Turn the executed chapters into HTML pages and a PDF, with Pandoc and Typst."""

from __future__ import annotations

import html
import json
import logging
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Literal

import pypandoc  # type: ignore[import-untyped]
import typst

from labcode.book import edition
from labcode.book.notebooks import NOTEBOOK, notebook_text
from labcode.book.pictures import load_late
from labcode.book.portable.book import Book, Chapter
from labcode.book.portable.reader import read_lines
from labcode.errors import RenderError

_LOG = logging.getLogger(__name__)
_ASSETS = Path(__file__).parent / "assets"
#: The first that a document can keep to: one for screen readers, or one for archives; both need a sign for each letter.
_STANDARDS: tuple[Literal["ua-1", "a-2b"], ...] = ("ua-1", "a-2b")
#: The name of the first page until Pandoc, whose own table of contents is index.html, has written all.
_START = "start-page"
_PREVIOUS_OF_FIRST = re.compile(r'<a rel="prev" href="index\.html">.*?</a>', re.DOTALL)
#: A heading, with the id of what stands around it, and the text up to the next one.
_AROUND = r'(?:<\w+ id="(?P<around>[^"]+)"[^>]*>\s*)?'
_SECTION = re.compile(
    rf'{_AROUND}<(?P<tag>h[1-4])\b(?:[^>]* id="(?P<id>[^"]+)")?[^>]*>(?P<title>.*?)</(?P=tag)>'
    rf"(?P<text>.*?)(?={_AROUND.replace('?P<around>', '?:')}<h[1-4]\b|$)",
    re.DOTALL,
)
_UNREAD = re.compile(r"<(script|style|nav|annotation|details)\b.*?</\1>|<[^>]*>", re.DOTALL)
_EMPTY_HEADER = re.compile(r"<th([^>]*)></th>")


def write_book_file(book: Book, texts: list[str], work: Path) -> None:
    """Write ``book.json``, which the Lua filter reads: titles, executed chapters, labels that are not rendered."""
    people = [{"name": {"literal": name}, "affiliations": [{"name": it} for it in its]} for name, *its in book.authors]
    meta = {"lang": book.lang, "by-author": people, "lab": book.lab, "numbered": book.number_sections}
    content = {
        "meta": book.titles | meta | {"lists" if edition.edition() == "full" else "handin": True},
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
    page = _START if chapter.name == "index" else chapter.name
    folder = Path(chapter.file).parent.as_posix()
    facts = {"title": chapter.title, "number": chapter.number and str(chapter.number)}
    return {"file": chapter.file, "folder": folder, "name": chapter.name, "page": page, "text": text} | {
        key: value for key, value in facts.items() if value
    }


def write_html(book: Book, work: Path, out: Path) -> Path:
    """Write a page for each chapter into `out`, its notebook beside it, and return the first page."""
    options = ["--mathml", "--toc", f"--toc-depth={book.toc_depth[0]}", "--split-level=1", "--chunk-template=%i.html"]
    _pandoc(book, work, "chunkedhtml", _ASSETS / "page.html", "site", *options)
    site = work / "site"
    for name in ("sitemap.json", "index.html"):
        (site / name).unlink()
    if (site / f"{_START}.html").exists():
        (site / f"{_START}.html").rename(site / "index.html")
    for chapter in book.chapters:
        if text := notebook_text(book.root / chapter.file):
            (site / f"{chapter.name}.ipynb").write_text(text, encoding="utf-8")
    for page in site.glob("*.html"):
        page.write_text(_finished(page, book), encoding="utf-8")
    for name in ("style.css", "book.js", "../../sort.js"):
        shutil.copy(_ASSETS / name, site)
    shutil.copytree(site, out, dirs_exist_ok=True)
    (out / "search.js").write_text(search_index(out), encoding="utf-8")
    return out / f"{book.chapters[0].name}.html"


def write_onefile(book: Book, work: Path, out: Path) -> Path:
    """Write all chapters into one page in `out`, with pictures, style and formulas inside it, and return it."""
    shutil.copy(_ASSETS / "style.css", work)
    options = ["--mathml", "--toc", f"--toc-depth={book.toc_depth[0]}", "--embed-resources", "--variable=onefile"]
    _pandoc(book, work, "html", _ASSETS / "page.html", "one.html", *options)
    page = out / Path(book.output_file).with_suffix(".html").name
    page.write_text(_framed((work / "one.html").read_text("utf-8"), _title_block(book), ""), encoding="utf-8")
    return page


def write_pdf(book: Book, work: Path, out: Path) -> Path:
    """Write the PDF into `out` and return it."""
    for part in ("typst-show.typ", "lists.typ"):  # as Quarto's PDF has them
        shutil.copy(_ASSETS.parents[1] / "quarto" / part, work)
    shutil.copy(_ASSETS / "book.typ", work / "template.typ")
    options = [
        f"--variable=toc-depth={book.toc_depth[1]}",
        "--extract-media=pictures",
        "--syntax-highlighting=pygments",
    ]
    _pandoc(book, work, "typst", work / "template.typ", "book.typ", *options)
    pdf, said = b"", ""
    for standard in _STANDARDS:
        settings: dict[str, Any] = {"pdf_standards": standard, "sys_inputs": {"standard": standard}}
        try:
            pdf = pdf or typst.compile(work / "book.typ", root=work, ignore_system_fonts=True, **settings)
        except typst.TypstError as fault:
            if sign := re.search(r'the text `"(.+?)"` could not be displayed', str(fault)):
                raise RenderError(_fault(book, "", sign[1], f"the PDF's fonts have no sign for {sign[1]}")) from fault
            said = fault.message
            _LOG.warning("The PDF does not keep to %s: %s", standard.upper(), said)
    if not pdf:
        raise RenderError(f"Typst could not make the PDF: {said}")
    (out / book.output_file).write_bytes(pdf)
    return out / book.output_file


def _pandoc(book: Book, work: Path, to: str, template: Path, output: str, *options: str) -> None:
    command = [pypandoc.get_pandoc_path(), "--from=markdown", f"--to={to}", f"--output={output}", *options]
    command += [f"--template={template}", f"--lua-filter={_ASSETS / 'book.lua'}", "--metadata=book:book.json"]
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


def _finished(page: Path, book: Book) -> str:
    """The text of a page as Pandoc wrote it, made ready to read; its pictures and notebook lie beside it."""
    text, name = page.read_text(encoding="utf-8"), page.name
    text = _PREVIOUS_OF_FIRST.sub("", text).replace(f"{_START}.html", "index.html")
    text = re.sub(rf'<a href="{name}#[^"]*" id="toc-({_START}|{page.stem})"', r'\g<0> aria-current="page"', text)
    links = [f'<a href="{html.escape(file)}">{html.escape(text)}</a>' for text, file in book.downloads]
    if page.with_suffix(".ipynb").is_file():
        links.append(f'<a href="{page.stem}.ipynb" download>{NOTEBOOK}</a>')
    downloads = f'<div class="downloads">Download: {" ".join(links)}</div>' if links else ""
    return _framed(load_late(text, page.parent), _title_block(book) if name == "index.html" else "", downloads)


def _framed(text: str, title: str, downloads: str) -> str:
    text = _EMPTY_HEADER.sub(r"<td\1></td>", text).replace("<pre", '<pre tabindex="0"')
    return text.replace("<!-- downloads -->", downloads).replace("<!-- title -->", title)


def _title_block(book: Book) -> str:
    lines = [book.titles.get("subtitle"), *map(", ".join, book.authors), book.titles.get("date")]
    shown = "".join(f"<p>{html.escape(str(line))}</p>" for line in lines if line)
    return f'<div class="title" dir="auto"><p class="name">{html.escape(book.titles["title"])}</p>{shown}</div>'


def search_index(site: Path) -> str:
    """A script that holds the sections of the pages, for the search: a page opened from a disk may not fetch data."""
    entries = []
    for page in sorted(site.glob("*.html")):
        main = page.read_text(encoding="utf-8").partition('src="book.js"')[2].partition("<main")[2]
        found = list(_SECTION.finditer(main))
        for part in found:
            title, text, chapter = map(_words, (part["title"], part["text"], found[0]["title"]))
            place = f"{page.name}#{part['id'] or part['around'] or 'main'}"
            entries.append({"page": place, "title": title, "chapter": chapter, "text": text})
    return f"window.searchIndex = {json.dumps(entries, ensure_ascii=False, separators=(',', ':'))};\n"


def _words(part: str) -> str:
    """The text of a part of a page, without what is folded."""
    return " ".join(html.unescape(_UNREAD.sub(" ", part)).split())

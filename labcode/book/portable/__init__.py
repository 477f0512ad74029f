"""Render the book without Quarto: the same .qmd sources to HTML pages and to a PDF, offline."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal

from labcode.book import edition
from labcode.book.portable import kernel
from labcode.book.portable.book import Book, Chapter, read_book
from labcode.book.portable.pages import write_book_file, write_html, write_onefile, write_pdf
from labcode.files import workshop

__all__ = ["render"]

_WRITERS: dict[str, Callable[[Book, Path, Path], Path]] = {
    "html": write_html,
    "pdf": write_pdf,
    "onefile": write_onefile,
}


def render(
    project: Path,
    *,
    chapters: Sequence[str] | None = None,
    to: Sequence[Literal["html", "pdf", "onefile"]] = ("html", "pdf"),
    out: Path,
    files: Mapping[str, str] | None = None,
    execute: bool = True,
    memory: kernel.Memory | None = None,
) -> list[Path]:
    """Render the Quarto book in `project` into `out`, which changes only when everything went well.

    Parameters
    ----------
    project
        Folder with ``_quarto.yml``; cells run in it.
    chapters
        Render only these, named like ``eda`` or ``chapters/eda.qmd``; the other pages in `out` stay.
    to
        Formats to write; each chapter runs once for all of them. "onefile" is one page that needs no other file.
    files
        Names and texts of further files for the folder, such as a ``results.json`` that the pages offer.
    execute
        Whether cells run; without, the pages show text and code alone.
    memory
        What cells showed before; those that it knows do not run.

    Returns
    -------
    list of Path
        The first HTML page, the PDF, the one page: as far as asked for, in the order of `to`.

    Raises
    ------
    RenderError
        If a cell fails or a reference is unresolved, naming file and line.
    """
    whole = read_book(project.resolve())
    book = whole.only(edition.chapter_files(chapters, whole.root)) if chapters else whole
    if not execute:  # what cells would label is then nowhere
        labels = frozenset().union(*(chapter.labels for chapter in whole.chapters))
        book = replace(book, runs=False, elsewhere=labels)
    out, files = out.resolve(), files or {}
    with workshop(out.parent) as work:
        fresh = work / "fresh"
        fresh.mkdir()
        with ThreadPoolExecutor(1) as thread:  # here, a loop may run already, as in a notebook
            texts = thread.submit(asyncio.run, _execute_all(book, work, memory)).result()
        write_book_file(book, texts, work)
        _keep(out, fresh, chapters=bool(chapters), to=to, renewed=book)
        for name, text in files.items():
            (fresh / name).write_text(text, encoding="utf-8")
        there = {path.name for path in fresh.iterdir()} | ({book.output_file} if "pdf" in to else set())
        book = replace(book, downloads=tuple(link for link in book.downloads if link[1] in there))
        written = [_WRITERS[name](book, work, fresh) for name in to]
        if out.exists():
            out.rename(work / "old")
        fresh.rename(out)
    return [out / path.name for path in written]


async def _execute_all(book: Book, work: Path, memory: kernel.Memory | None) -> list[str]:
    """Markdown of all chapters, two of them running at a time."""
    free = asyncio.Semaphore(2)

    async def one(chapter: Chapter) -> str:
        async with free:
            return await kernel.execute(book, chapter, work, memory)

    # Waiting for the others lets their kernels end in order; the first fault is then the one that is told.
    found = await asyncio.gather(*map(one, book.chapters), return_exceptions=True)
    faults = [each for each in found if isinstance(each, BaseException)]
    if faults:
        raise faults[0]
    return [each for each in found if isinstance(each, str)]


def _keep(out: Path, fresh: Path, *, chapters: bool, to: Sequence[str], renewed: Book) -> None:
    """Copy what this render does not replace from `out`: other chapters' pages, or the other format's files."""
    names = "|".join(re.escape(chapter.name) for chapter in renewed.chapters)
    picture = re.compile(rf"(?:{names})-\d+-\d+\.\w+")

    def replaced(_: str, inside: list[str]) -> list[str]:
        return [name for name in inside if "html" in to and picture.fullmatch(name)]

    for old in out.iterdir() if out.exists() else ():
        if old.is_dir() and (chapters or "html" not in to):
            shutil.copytree(old, fresh / old.name, ignore=replaced)
        elif old.is_file() and (chapters or ("pdf" if old.suffix == ".pdf" else "html") not in to):
            shutil.copy2(old, fresh / old.name)

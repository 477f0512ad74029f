"""Render the book without Quarto: the same .qmd sources to HTML pages and to a PDF, offline."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from labcode.report.portable.book import Book, Chapter, read_book
from labcode.report.portable.kernel import execute
from labcode.report.portable.pages import write_book_file, write_html, write_onefile, write_pdf

__all__ = ["render"]

_WRITERS: dict[str, Callable[[Book, Path, Path], Path]] = {
    "html": write_html,
    "pdf": write_pdf,
    "onefile": write_onefile,
}
_WORKERS = 2


def render(
    project: Path,
    *,
    chapters: Sequence[str] | None = None,
    to: Sequence[Literal["html", "pdf", "onefile"]] = ("html", "pdf"),
    out: Path,
) -> list[Path]:
    """Render the Quarto book in `project` into `out`.

    Parameters
    ----------
    project : Path
        Folder with ``_quarto.yml``; cells run in it.
    chapters : sequence of str, optional
        Render only these, named like ``eda`` or ``chapters/eda.qmd``; the other pages in `out` stay.
    to : sequence of {"html", "pdf", "onefile"}, default=("html", "pdf")
        Formats to write; each chapter runs once for all of them. "onefile" is one page that needs no other file.
    out : Path
        Folder for the result. It changes only when everything went well.

    Returns
    -------
    list of Path
        The first HTML page, the PDF, the one page: as far as asked for, in the order of `to`.

    Raises
    ------
    RenderError
        If a cell fails or a reference is unresolved, naming file and line.
    """
    book = read_book(project.resolve())
    book = book.only(chapters) if chapters else book
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".render-", dir=out.parent) as folder:
        work, fresh = Path(folder), Path(folder) / "fresh"
        fresh.mkdir()
        write_book_file(book, asyncio.run(_execute_all(book, work)), work)
        written = [_WRITERS[name](book, work, fresh) for name in to]
        _keep(out, fresh, everything=chapters is not None, pdf="pdf" not in to, html="html" not in to)
        if out.exists():
            out.rename(work / "old")
        fresh.rename(out)
    return [out / path.name for path in written]


async def _execute_all(book: Book, work: Path) -> list[str]:
    """Markdown of all chapters, two of them running at a time."""
    free = asyncio.Semaphore(_WORKERS)

    async def one(chapter: Chapter) -> str:
        async with free:
            return await execute(book, chapter, work)

    # Waiting for the others lets their kernels end in order; the first fault is then the one that is told.
    found = await asyncio.gather(*map(one, book.chapters), return_exceptions=True)
    faults = [each for each in found if isinstance(each, BaseException)]
    if faults:
        raise faults[0]
    return [each for each in found if isinstance(each, str)]


def _keep(out: Path, fresh: Path, *, everything: bool, pdf: bool, html: bool) -> None:
    """Copy what this render does not replace from `out`: other chapters' pages, or the other format's files."""
    for old in out.iterdir() if out.exists() else ():
        if everything or (pdf if old.suffix == ".pdf" else html):
            if old.is_dir():
                shutil.copytree(old, fresh / old.name, dirs_exist_ok=True)
            elif not (fresh / old.name).exists():
                shutil.copy2(old, fresh / old.name)

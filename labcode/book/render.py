"""Render the book, with Quarto where there is one and with the portable engine where there is none.

The full edition goes into _book/, what is handed in into _handin/.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from labcode.book import contradictions, edition, frozen
from labcode.book.quarto import log as quarto_log
from labcode.errors import RenderError
from labcode.files import workshop
from labcode.settings import project_root

Engine = Literal["auto", "quarto", "portable"]
Format = Literal["html", "pdf", "onefile"]
MIN_QUARTO = (1, 9)
_QUARTO_FORMATS = {"html": "html", "pdf": "typst"}


@dataclass(frozen=True, kw_only=True)
class Quarto:
    """A Quarto command line and its version."""

    path: Path
    version: tuple[int, ...]

    @property
    def recent(self) -> bool:
        """Whether it is recent enough for this book."""
        return self.version >= MIN_QUARTO

    def __str__(self) -> str:
        return f"Quarto {'.'.join(map(str, self.version))}"


def quarto_path() -> str | None:
    """The Quarto on ``PATH``, else the one that PyPI's ``quarto-cli`` put beside this Python, else ``None``."""
    return shutil.which("quarto") or shutil.which("quarto", path=str(Path(sys.executable).parent))


def find_quarto(timeout: float = 60.0) -> Quarto | None:
    """The Quarto of :func:`quarto_path`, if it tells its version within `timeout` seconds, else ``None``."""
    found = quarto_path()
    if found is None:
        return None
    try:
        command = [found, "--version"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    numbers = re.match(r"\s*(\d+)\.(\d+)\.(\d+)", answer)
    return Quarto(path=Path(found), version=tuple(map(int, numbers.groups()))) if numbers else None


def choose_engine(asked: Engine) -> tuple[Quarto | None, str]:
    """Pick the engine: a :class:`Quarto`, or ``None`` for the portable one, and a sentence that says why.

    Raises
    ------
    RenderError
        If Quarto was asked for and cannot be used.
    """
    if asked == "portable":
        return None, "Rendering with the portable engine, as asked."
    quarto = find_quarto()
    wanted = ".".join(map(str, MIN_QUARTO))
    if quarto and quarto.recent:
        return quarto, f"Rendering with {quarto}."
    missing = f"{quarto} at {quarto.path} is older than {wanted}" if quarto else "Quarto was not found on PATH"
    if asked == "quarto":
        raise RenderError(f"{missing}; install Quarto {wanted} or newer, or use --engine portable.")
    return None, f"{missing}: rendering the same sources with the portable engine."


def render(
    chapters: Sequence[str] = (),
    *,
    to: Sequence[Format] = ("html", "pdf"),
    engine: Engine = "auto",
    out: Path | None = None,
    fresh: bool = False,
) -> list[Path]:
    """Render the book, or some chapters of it.

    Cells of pages behind which nothing has changed since the last render do not run again.

    Parameters
    ----------
    chapters
        Names of chapters; none means all. A PDF by Quarto is always the whole book.
    to
        Formats to write; ``"onefile"``, which stands alone, is the whole book in one page that needs no other file.
    engine
        ``"auto"`` takes Quarto where it is recent enough, else the portable engine.
    out
        Folder to write into; ``_book`` in the project by default. It changes only when everything went well.
    fresh
        Whether every cell runs, whatever the last render left.

    Returns
    -------
    list of Path
        The start page, the PDF, the one page: as far as asked for, in the order of `to`.

    Raises
    ------
    RenderError
        If a cell fails, a reference leads nowhere, or the engine asked for is missing.
    """
    root = project_root()
    files = edition.chapter_files(chapters)
    if files and "onefile" in to:
        raise RenderError("The one-file page holds the whole book; leave the names of chapters out.")
    target = (out or edition.output_dir(root)).resolve()
    if fresh:
        frozen.forget(root)
    quarto, why = choose_engine(engine)
    print(why, flush=True)
    if quarto is None:
        return _with_portable(root, files, to, target)
    if "onefile" in to:
        from labcode.book.quarto import onefile, prerender

        prerender.prepare(root, everything=True)
        return [onefile.render_onefile(partial(_run_quarto, quarto), root, target)]
    return _with_quarto(quarto, root, files, to, target)


def _with_portable(root: Path, files: list[str], to: Sequence[Format], out: Path) -> list[Path]:
    from labcode.book import environment, portable  # loads the whole notebook machinery
    from labcode.book.portable.kernel import Memory
    from labcode.book.quarto import prerender

    record = prerender.prepare(root, everything=not files)
    beside = {environment.RESULTS: prerender.results_text(root)} if "html" in to else {}
    try:
        written = portable.render(
            root, chapters=files or None, to=to, out=out, files=beside, memory=Memory(root, record)
        )
    finally:
        frozen.seal(root, portable=True)
    contradictions.refuse(root, frozen.shown(root, portable=True))
    return written


def _with_quarto(quarto: Quarto, root: Path, files: list[str], to: Sequence[Format], out: Path) -> list[Path]:
    if not os.access(root, os.W_OK):
        raise RenderError(f"Quarto writes into {root}, which cannot be written; use --engine portable with --out.")
    book = edition.output_dir(root)
    for kind in to:
        for file in files if files and kind == "html" else [""]:
            _run_quarto(quarto, root, [*([file] if file else []), "--to", _QUARTO_FORMATS[kind], *_clean(kind, to)])
    written = [_result(book, kind) for kind in to]
    if out == book.resolve():
        return written
    deliver(book, out)
    return [out / path.relative_to(book) for path in written]


def deliver(book: Path, out: Path) -> None:
    """Copy a rendered book to a folder: all of it, or nothing if there is no room; what else is there stays."""
    with workshop(out.parent) as folder:
        fresh = folder / "fresh"
        if out.exists():
            shutil.copytree(out, fresh)
        shutil.copytree(book, fresh, dirs_exist_ok=True)
        if out.exists():
            out.rename(folder / "old")
        fresh.rename(out)


def _clean(kind: Format, to: Sequence[Format]) -> list[str]:
    """Only a render of everything may sweep ``_book``, and only its first format: one alone leaves the other there."""
    return [] if kind == to[0] and len(to) > 1 else ["--no-clean"]


def _run_quarto(quarto: Quarto, root: Path, arguments: list[str]) -> None:
    """Run ``quarto render`` with this Python behind it; a failing cell or an unresolved reference fails the render."""
    # A fixed clock leaves the time of the render out of the PDF, so that the same inputs give the same bytes.
    environment = {**os.environ, **python_behind(project_root()), "SOURCE_DATE_EPOCH": "0"}
    command = [quarto.path, "render", *arguments]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, cwd=root, env=environment, text=True, encoding="utf-8", **streams)  # type: ignore[call-overload]
    lines: list[str] = []
    # In a thread: a process that Quarto left behind may hold its output open, and the end would never come.
    reader = threading.Thread(target=_echo, args=(process.stdout, lines), daemon=True)
    reader.start()
    code = process.wait()
    reader.join(timeout=5)
    log, book = "".join(lines), project_root()  # its copy as one document has no chapters
    if code == 0 or "Unable to resolve" in log:
        quarto_log.refuse_unresolved(log, book, everything=arguments[0].startswith("-") or root != book)
    if code != 0:
        contradictions.refuse(book, frozen.shown(book, portable=False))
        fault = quarto_log.failure(log, book)
        raise RenderError(fault or f"Quarto stopped with exit code {code}; its message stands above.")


def _echo(lines: Iterable[str], log: list[str]) -> None:
    for line in lines:
        print(line, end="", flush=True)
        log.append(line)


def python_behind(root: Path) -> dict[str, str]:
    """Environment variables that put this Python, with the project's code, behind Quarto."""
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    return {"QUARTO_PYTHON": sys.executable, "PYTHONPATH": path}


def _result(book: Path, kind: Format) -> Path:
    found = [book / "index.html"] if kind == "html" else sorted(book.glob("*.pdf"))
    if not found or not found[0].exists():
        raise RenderError(f"Quarto ended well but wrote no {kind.upper()} into {book}.")
    return found[0]

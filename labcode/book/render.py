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
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from labcode.book import contradictions, edition, frozen
from labcode.book.quarto import latex
from labcode.book.quarto import log as quarto_log
from labcode.errors import RenderError
from labcode.settings import project_root

Engine = Literal["auto", "quarto", "portable"]
Format = Literal["html", "pdf", "latex", "onefile"]
MIN_QUARTO = (1, 9)
#: Written after an edit of labcode or the data; _quarto.yml names it, so Quarto's preview watches it. Not in a hidden
#: folder, which it would leave out.
_EDITED = "_edited"
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


def chapter_files(names: Sequence[str]) -> list[str]:
    """Turn chapter names (``eda``, ``chapters/eda.qmd``, ``index``) into paths relative to the project.

    Raises
    ------
    RenderError
        If a chapter does not exist; the message lists those that do.
    """
    root = project_root()
    known = {
        path.stem: path.relative_to(root).as_posix() for path in [*root.glob("*.qmd"), *root.glob("chapters/*.qmd")]
    }
    unknown = [name for name in names if Path(name).stem not in known]
    if unknown:
        raise RenderError(f"There is no chapter {unknown[0]!r}; the chapters are {', '.join(sorted(known))}.")
    return [known[Path(name).stem] for name in names]


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
        Formats to write; ``"onefile"`` is the whole book in one HTML page that needs no other file, ``"latex"``, which
        stands alone, the PDF by LaTeX instead of Typst.
    engine
        ``"auto"`` takes Quarto where it is recent enough, else the portable engine.
    out
        Folder to write into; ``_book`` in the project by default.
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
    files = chapter_files(chapters)
    if files and {"onefile", "latex"} & {*to}:
        raise RenderError("The one-file page and LaTeX's PDF hold the whole book; leave the names of chapters out.")
    target = (out or edition.output_dir(root)).resolve()
    if fresh:
        frozen.forget(root)
    if "latex" in to:
        return [_with_latex(engine, root, to, target)]
    quarto, why = choose_engine(engine)
    print(why, flush=True)
    if quarto and "onefile" not in to:
        return _with_quarto(quarto, root, files, to, target)
    from labcode.book import downloads, portable  # loads the whole notebook machinery
    from labcode.book.portable.kernel import Memory
    from labcode.book.quarto import onefile, prerender

    record = prerender.prepare(root, everything=not files)
    if quarto:
        return onefile.render_onefile(partial(_run_quarto, quarto), root, to, target)
    beside = {downloads.RESULTS: prerender.results_text(root)} if "html" in to else {}
    memory = Memory(partial(frozen.portable_file, root), record.pages)
    written = portable.render(root, chapters=files or None, to=to, out=target, files=beside, memory=memory)
    contradictions.refuse(root, frozen.kept(root, portable=True))
    prerender.confirm(root)
    return written


def _with_quarto(quarto: Quarto, root: Path, files: list[str], to: Sequence[Format], out: Path) -> list[Path]:
    written = []
    for kind in to:
        for file in files if files and kind == "html" else [""]:
            _run_quarto(quarto, root, [*([file] if file else []), "--to", _QUARTO_FORMATS[kind], *_clean(kind, to)])
        written.append(_result(edition.output_dir(root), kind))
    if out == edition.output_dir(root):
        return written
    shutil.copytree(edition.output_dir(root), out, dirs_exist_ok=True)
    return [out / path.relative_to(edition.output_dir(root)) for path in written]


def _with_latex(engine: Engine, root: Path, to: Sequence[Format], out: Path) -> Path:
    if len(to) > 1:
        raise RenderError("The PDF by LaTeX is rendered alone; ask for the other formats in a second render.")
    quarto = None if engine == "portable" else find_quarto()
    if quarto is None or not quarto.recent:
        wanted = ".".join(map(str, MIN_QUARTO))
        raise RenderError(f"--to latex needs Quarto {wanted} or newer on PATH; labcode render --to pdf does without.")
    print(f"Rendering with {quarto} and LaTeX.", flush=True)
    return latex.render(partial(_run_quarto, quarto, root), root, out)


def _clean(kind: Format, to: Sequence[Format]) -> list[str]:
    """Only a render of everything may sweep ``_book``, and only its first format: one alone leaves the other there."""
    return [] if kind == to[0] and len(to) > 1 else ["--no-clean"]


def _run_quarto(quarto: Quarto, root: Path, arguments: list[str]) -> None:
    """Run ``quarto render`` with this Python behind it; a failing cell or an unresolved reference fails the render."""
    paths = {"QUARTO_PYTHON": sys.executable, "PYTHONPATH": _python_path(project_root())}
    # A fixed clock leaves the time of the render out of the PDF, so that the same inputs give the same bytes.
    environment = {**os.environ, **paths, "SOURCE_DATE_EPOCH": "0"}
    command = [quarto.path, "render", *arguments]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, cwd=root, env=environment, text=True, encoding="utf-8", **streams)  # type: ignore[call-overload]
    log: list[str] = []
    # In a thread: a process that Quarto left behind may hold its output open, and the end would never come.
    reader = threading.Thread(target=_echo, args=(process.stdout, log), daemon=True)
    reader.start()
    code = process.wait()
    reader.join(timeout=5)
    if code != 0:
        contradictions.refuse(root, frozen.kept(root, portable=False))
        fault = quarto_log.failure("".join(log), root)
        raise RenderError(fault or f"Quarto stopped with exit code {code}; its message stands above.")
    lost = quarto_log.unresolved("".join(log), root)
    if lost:
        raise RenderError(f"References lead nowhere: {'; '.join(lost)}")


def _echo(lines: Iterable[str], log: list[str]) -> None:
    for line in lines:
        print(line, end="", flush=True)
        log.append(line)


def _python_path(root: Path) -> str:
    return os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))


def _result(book: Path, kind: Format) -> Path:
    found = [book / "index.html"] if kind == "html" else sorted(book.glob("*.pdf"))
    if not found or not found[0].exists():
        raise RenderError(f"Quarto ended well but wrote no {kind.upper()} into {book}.")
    return found[0]


def preview(chapter: str | None = None, *, engine: Engine = "portable") -> int:
    """Show the book in the browser, and render again at every edit, with the portable preview or Quarto's.

    The portable one runs no cell after an edit of prose, where Quarto runs all cells of the page.

    Raises
    ------
    RenderError
        If Quarto was asked for and cannot be used.
    """
    root = project_root()
    files = chapter_files([chapter]) if chapter else []
    quarto, why = choose_engine(engine)
    print(why.replace("Rendering", "Preview").replace("rendering", "preview of"), flush=True)
    if quarto is None:
        from labcode.book.portable.preview import serve

        return serve(root, Path(files[0]).stem if files else None)
    return _quarto_preview(quarto, root, files)


def _quarto_preview(quarto: Quarto, root: Path, files: list[str]) -> int:
    """Quarto's preview, which is told of edits that it does not look for."""
    from labcode.book.edits import edits

    environment = {**os.environ, "QUARTO_PYTHON": sys.executable, "PYTHONPATH": _python_path(root)}
    told, stop = root / _EDITED, threading.Event()
    told.touch()

    def tell() -> None:
        for paths in edits(root, stop):
            if any(path.is_relative_to(root / folder) for path in paths for folder in ("labcode", "data")):
                told.write_text(f"{time.time_ns()}\n", "utf-8")

    process = subprocess.Popen([quarto.path, "preview", *files], cwd=root, env=environment)
    threading.Thread(target=tell, daemon=True).start()
    try:
        return process.wait()
    except KeyboardInterrupt:
        return process.wait()
    finally:
        stop.set()
        told.unlink(missing_ok=True)

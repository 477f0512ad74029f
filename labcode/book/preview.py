"""The book in the browser, rendered again at every edit; and the edits themselves, for both engines."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from watchfiles import watch

from labcode.book.edition import chapter_files
from labcode.book.render import Engine, Quarto, choose_engine, python_behind
from labcode.settings import project_root

_TEXTS = {".qmd", ".bib", ".yml", ".csl", ".py", ".toml", ".css", ".js", ".html", ".lua", ".mplstyle", ".csv"}
#: Written after an edit of labcode or the data; _quarto.yml names it, so Quarto's preview watches it. Not in a hidden
#: folder, which it would leave out.
_EDITED = "_edited"


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
    return _with_quarto(quarto, root, files)


def _with_quarto(quarto: Quarto, root: Path, files: list[str]) -> int:
    """Quarto's preview, which is told of edits that it does not look for."""
    told, stop = root / _EDITED, threading.Event()
    told.touch()

    def tell() -> None:
        for paths in edits(root, stop):
            if any(path.is_relative_to(root / folder) for path in paths for folder in ("labcode", "data")):
                told.write_text(f"{time.time_ns()}\n", "utf-8")

    process = subprocess.Popen([quarto.path, "preview", *files], cwd=root, env=os.environ | python_behind(root))
    threading.Thread(target=tell, daemon=True).start()
    try:
        return process.wait()
    except KeyboardInterrupt:
        return process.wait()
    finally:
        stop.set()
        told.unlink(missing_ok=True)


def edits(root: Path, stop: threading.Event | None = None) -> Iterator[set[Path]]:
    """Sources that were edited together, once the results that rest on them are computed, until `stop` is set."""
    for changes in watch(root, watch_filter=lambda _, path: is_source(Path(path), root), stop_event=stop):
        paths = {Path(path) for _, path in changes}
        if numeric(paths, root):
            subprocess.run([sys.executable, "-m", "labcode.cli", "run"], cwd=root, check=False)
        yield paths


def is_source(path: Path, root: Path) -> bool:
    """Whether a render reads this file, or may."""
    inside = path.relative_to(root).parts
    return path.suffix in _TEXTS and not any(
        part.startswith((".", "_book", "_handin", "_freeze", "__pyc")) for part in inside
    )


def numeric(paths: Iterable[Path], root: Path) -> bool:
    """Whether one of these files can change a stored result."""
    inside = [path.relative_to(root).as_posix() for path in paths]
    return any(
        name.startswith(("labcode/", "data/", "lab.toml")) and not name.startswith(("labcode/book/", "labcode/cli.py"))
        for name in inside
    )

"""Edits of the sources while a preview runs: what was changed, and results computed anew where they rest on it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from watchfiles import watch

_TEXTS = {".qmd", ".bib", ".yml", ".csl", ".py", ".toml", ".css", ".js", ".html", ".lua", ".mplstyle", ".csv"}


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
        name.startswith(("labcode/", "data/", "lab.toml"))
        and not name.startswith(("labcode/book/", "labcode/book/", "labcode/cli.py"))
        for name in inside
    )

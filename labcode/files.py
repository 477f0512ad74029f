"""Files and folders that are written whole or not at all, whatever stops the writer."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file, and its folder if need be; a reader sees the old content or the new one, never a part.

    `OSError` if that cannot be done; nothing half-written stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def keep(path: Path, text: str) -> None:
    """Write a file that only saves time: where that cannot be done, do without."""
    with suppress(OSError):
        write_whole(path, text)


@contextmanager
def workshop(parent: Path) -> Iterator[Path]:
    """A new folder below another, gone at the end; what processes that were killed left there goes first.

    Whoever works in ``.render-x`` holds the lock ``.render-x.lock``, which ends with the process.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(".render-*.lock"):
        with suppress(OSError, filelock.Timeout), filelock.FileLock(left, blocking=False):
            _remove(left.with_suffix(""))
    folder = parent / f".render-{secrets.token_hex(6)}"
    with filelock.FileLock(folder.with_name(f"{folder.name}.lock")):
        try:
            folder.mkdir()
            yield folder
        finally:
            _remove(folder)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)

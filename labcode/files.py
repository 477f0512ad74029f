"""Files that are written whole or not at all, whatever stops the writer."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path


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

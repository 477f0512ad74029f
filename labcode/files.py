"""Files that only save time: what is lost with them is computed again."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path


def keep(path: Path, text: str) -> None:
    """Write a file whole, never in part, and its folder if need be; where that cannot be done, do without."""
    temporary = path.with_suffix(f".{secrets.token_hex(6)}.tmp")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)

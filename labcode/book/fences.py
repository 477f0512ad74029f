"""Where code stands in a chapter's text, line by line; light, for scripts that run at each render."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
CELL = re.compile(r"^(`{3,})\s*\{python\b[^}]*\}\s*$")


def fence_after(fence: str, text: str) -> str:
    """The code fence that is open after this line, given the one before it."""
    mark = _FENCE.match(text)
    if mark is None:
        return fence
    if not fence:
        return mark[1]
    closes = mark[1].startswith(fence) and not text.strip().strip(fence[0])
    return "" if closes else fence

"""Where code stands in a chapter's text, line by line; light, for scripts that run at each render."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
CELL = re.compile(r"^(`{3,})\s*\{python\b[^}]*\}\s*$")

Place = Literal["prose", "cell", "code"]


def fence_after(fence: str, text: str) -> str:
    """The code fence that is open after this line, given the one before it."""
    mark = _FENCE.match(text)
    if mark is None:
        return fence
    if not fence:
        return mark[1]
    closes = mark[1].startswith(fence) and not text.strip().strip(fence[0])
    return "" if closes else fence


def places(texts: Iterable[str]) -> Iterator[Place]:
    """Where each line stands: in prose, in a Python cell or in other code, their fences included."""
    fence = ""
    kind: Place = "prose"
    for text in texts:
        before, fence = fence, fence_after(fence, text)
        if not before:
            kind = "prose" if not fence else "cell" if CELL.match(text.lstrip()) else "code"
        yield kind


def prose_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines outside front matter, cells and code blocks, with their numbers."""
    lines = list(enumerate(text.splitlines(), 1))
    if lines and lines[0][1] == "---":
        lines = lines[next((i for i, (_, line) in enumerate(lines[1:], 2) if line == "---"), 0) :]
    yield from (line for line, place in zip(lines, places(text for _, text in lines)) if place == "prose")

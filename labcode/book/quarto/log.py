"""Reading what Quarto prints: which line of which chapter a failing cell or a reference to nowhere stands in."""

from __future__ import annotations

import re
from pathlib import Path

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_UNRESOLVED = re.compile(
    r"Unable to resolve crossref @?(?P<ref>[\w-]+)|citation '?@?(?P<cite>[\w:-]+)'? not found", re.IGNORECASE
)


def unresolved(log: str, root: Path) -> list[str]:
    """References and citations that lead nowhere, as ``file:line: @name``.

    A chapter that is rendered alone may refer to labels of others, which Quarto then does not know.
    """
    text = "\n".join(path.read_text("utf-8") for path in _chapters(root))
    known = set(re.findall(r"(?:\{#|^#\| *label: *)([\w-]+)", text, re.MULTILINE))
    found = [each["ref"] or each["cite"] for each in _UNRESOLVED.finditer(_COLOURS.sub("", log))]
    names = [name for name in found if name not in known]
    return [f"{_where(root, f'@{name}') or 'somewhere'}: @{name}" for name in dict.fromkeys(names)]


def failure(log: str, root: Path) -> str | None:
    """What failed and where, as ``file:line: cell failed: error``; ``None`` if the log tells of no failing cell."""
    log = _COLOURS.sub("", log)
    running = re.findall(r"Executing '([\w-]+)\.quarto_ipynb", log)
    errors = re.findall(r"^(\w*(?:Error|Exception|Interrupt)\w*: .*)$", log, re.MULTILINE)
    if not running or not errors:
        return None
    path = next((path for path in _chapters(root) if path.stem == running[-1]), None)
    if path is None:
        return None
    line = _cell_line(path, log) or _inline_line(path, errors[-1])
    place = f"{path.relative_to(root).as_posix()}{f':{line}' if line else ''}"
    return f"{place}: cell failed: {errors[-1]}"


def _chapters(root: Path) -> list[Path]:
    return sorted([*root.glob("*.qmd"), *root.glob("chapters/*.qmd")])


def _where(root: Path, text: str) -> str | None:
    for path in _chapters(root):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if re.search(rf"{re.escape(text)}(?![\w-])", line):
                return f"{path.relative_to(root).as_posix()}:{number}"
    return None


def _cell_line(path: Path, log: str) -> int | None:
    """Line of the failing statement: Quarto prints the cell, and IPython an arrow at the line within it."""
    printed = re.search(r"executing the following cell:\n-+\n(.*?)\n-+\n", log, re.DOTALL)
    if printed is None:
        return None
    code = [line for line in printed[1].splitlines() if not line.startswith("#|")]
    arrow = re.search(r"Cell In\s*\[\d+\], line (\d+)", log)
    lines = path.read_text("utf-8").splitlines()
    starts = [i for i in range(len(lines)) if lines[i : i + len(code)] == code]
    return starts[0] + (int(arrow[1]) if arrow else 1) if starts else None


def _inline_line(path: Path, error: str) -> int | None:
    """Line of an inline value whose error quotes a part of it, such as a name or the condition of a check."""
    quoted = [text[:30] for _, text in re.findall(r"(['\"])(.+?)\1", error)]
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if "{python}" in line and any(text in line for text in quoted):
            return number
    return None

"""What went wrong in a render by Quarto, and in which line of which chapter: read from its messages and its pages."""

from __future__ import annotations

import re
from pathlib import Path

from labcode.book import edition
from labcode.book.fences import CELL
from labcode.errors import RenderError

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_UNRESOLVED = re.compile(
    r"Unable to resolve crossref @?(?P<ref>[\w-]+)|citation '?@?(?P<cite>[\w:-]+)'? not found", re.IGNORECASE
)
_LABEL = re.compile(r"(?:\{#|^#\| *label: *)([\w-]+)", re.MULTILINE)
_FAULT = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception|Interrupt)\w*: .*)$", re.MULTILINE)


def unresolved(log: str, root: Path, *, everything: bool) -> list[str]:
    """References and citations that lead nowhere, as ``file:line: @name``.

    A chapter that is rendered alone may refer to labels of others, which Quarto then does not know.
    """
    text = "" if everything else "\n".join((root / file).read_text("utf-8") for file in edition.sources(root))
    elsewhere = set(_LABEL.findall(text))
    found = [each["ref"] or each["cite"] for each in _UNRESOLVED.finditer(_COLOURS.sub("", log))]
    return [f"{_where(root, f'@{name}')}: @{name}" for name in dict.fromkeys(found) if name not in elsewhere]


def refuse_unresolved(log: str, root: Path, *, everything: bool) -> None:
    """Fail a render whose pages show a reference as ``?sec-x``.

    Raises
    ------
    RenderError
        If there is one.
    """
    if lost := unresolved(log, root, everything=everything):
        raise RenderError(f"References lead nowhere: {'; '.join(lost)}")


def failure(log: str, root: Path) -> str | None:
    """What failed and where, as ``file:line: cell failed: error``; ``None`` if the log tells of no failing cell."""
    log = _COLOURS.sub("", log)
    if alt := re.search(r"^\S+: this figure has no alt text.*$", log, re.MULTILINE):
        return alt[0]
    running, errors = re.findall(r"Executing '(.+?)\.quarto_ipynb", log), _FAULT.findall(log)
    file = next((each for each in edition.sources(root) if running and Path(each).stem == running[-1]), None)
    if file is None:
        return None
    if re.search(r"^Kernel died", log, re.MULTILINE):
        return _died(root / file, file, log)
    if not errors:
        return None
    line = _cell_line(root / file, log) or _inline_line(root / file, errors[-1])
    return f"{file}{f':{line}' if line else ''}: cell failed: {errors[-1]}"


def _where(root: Path, text: str) -> str:
    for file in edition.sources(root):
        for number, line in enumerate((root / file).read_text("utf-8").splitlines(), 1):
            if re.search(rf"{re.escape(text)}(?![\w-])", line):
                return f"{file}:{number}"
    return "somewhere"


def _died(path: Path, file: str, log: str) -> str:
    """Where a chapter's Python ended: at a call of ``exit``, or in the cell that Quarto ran last."""
    lines = path.read_text("utf-8").splitlines()
    if leaves := next((n for n, line in enumerate(lines, 1) if re.match(r"\s*(sys\.)?(exit|quit)\(", line)), None):
        return f"{file}:{leaves}: cell failed: it ends Python, so that no later cell can run; remove the call"
    cells = [number for number, line in enumerate(lines, 1) if CELL.match(line)]
    last = int(next(iter(re.findall(r"Cell (\d+)/\d+", log)[-1:]), 1))
    return f"{file}:{cells[min(last, len(cells)) - 1]}: cell failed: its Python process died (out of memory?)"


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

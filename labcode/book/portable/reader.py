"""Read a .qmd file into text, cells and inline values, each knowing the line it came from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from labcode.book.fences import CELL, fence_after
from labcode.errors import RenderError

_INLINE = re.compile(r"`\{python\}\s+([^`]+)`")
_SHORTCODE = re.compile(r"\{\{<\s*(/?[\w-]+)\s*(.*?)\s*>\}\}")
_PAGEBREAK = "```{=typst}\n#pagebreak(weak: true)\n```"


class Line(NamedTuple):
    """A line of source and where it stands."""

    file: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


@dataclass
class Cell:
    """Code to run, with the line of source behind each of its lines; an inline value has one line."""

    lines: list[Line]
    options: dict[str, Any] = field(default_factory=dict)
    inline: bool = False
    outputs: list[Any] = field(default_factory=list)

    @property
    def code(self) -> str:
        """The code alone, without its ``#|`` options."""
        return "\n".join(line.text for line in self.lines if not line.text.startswith("#|")).strip("\n")


def read_lines(root: Path, file: str) -> Iterator[Line]:
    """Lines of a source file, with ``include`` shortcodes expanded and the others refused."""
    fence = ""
    for number, text in enumerate((root / file).read_text(encoding="utf-8-sig").splitlines(), start=1):
        fence = fence_after(fence, text)
        shortcode = None if fence else _SHORTCODE.search(text)
        if shortcode is None:
            yield Line(file, number, text)
        elif shortcode[1] == "pagebreak":
            yield from (Line(file, number, part) for part in _PAGEBREAK.split("\n"))
        elif shortcode[1] == "include" and (path := _included(root, file, shortcode[2])).is_file():
            yield from read_lines(root, path.relative_to(root.resolve()).as_posix())
        else:
            raise RenderError(f"{file}:{number}: cannot expand the shortcode {shortcode[0]}")


def _included(root: Path, file: str, target: str) -> Path:
    start = root if target.startswith("/") else (root / file).parent
    return (start / target.lstrip("/")).resolve()


def read_chapter(root: Path, file: str) -> list[str | Cell]:
    """Text and cells of a chapter in order; joined again after execution they make its Markdown."""
    parts: list[str | Cell] = []
    fence, cell = "", None
    for line in read_lines(root, file):
        before, fence = fence, fence_after(fence, line.text)
        if cell is not None and fence:
            cell.lines.append(line)
        elif cell is not None:
            cell.options = _options(cell.lines)
            parts.append(cell)
            cell = None
        elif not before and CELL.match(line.text):
            cell = Cell([])
        else:
            parts += [line.text + "\n"] if fence else _inline(line)
    return parts


def _inline(line: Line) -> list[str | Cell]:
    pieces: list[str | Cell] = list(_INLINE.split(line.text + "\n"))
    pieces[1::2] = [Cell([line._replace(text=str(code))], inline=True) for code in pieces[1::2]]
    return pieces


def _options(lines: list[Line]) -> dict[str, Any]:
    options = [line.text[2:].removeprefix(" ") for line in lines if line.text.startswith("#|")]
    try:
        return yaml.safe_load("\n".join(options)) or {}
    except yaml.YAMLError as fault:
        raise RenderError(f"{lines[0]}: the cell's options are not YAML: {fault}") from fault

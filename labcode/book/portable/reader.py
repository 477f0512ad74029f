"""Read a .qmd file into text, cells and inline values, each knowing the line it came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from labcode.book.fences import fence_after, places
from labcode.book.portable import known
from labcode.errors import RenderError

_INLINE = re.compile(r"(?<!`)`\{python\}[ \t]+([^`]+)`")
_INLINE_LIKE = re.compile(r"`\{+[A-Za-z]\w*\}+[^`]")
_CELL = re.compile(r"^(\s*)`{3,}\s*\{python\}\s*$")
_CELL_LIKE = re.compile(r"(?:`{3,}|~{3,})\s*(\{+\w[^}]*\}+)")
_OPTION_LIKE = re.compile(r"^\s*#\s*\|\s*[\w-]+\s*:")
_SHORTCODE = re.compile(r"(?<!\{)\{\{<\s*(/?[\w-]*)\s*(.*?)\s*(?:>\}\}|$)")
_LABEL = re.compile(r"\{[^}\n]*#([a-z]+)-([\w-]+)")
_CELL_LABEL = re.compile(r"^\s*#\| *label: *([a-z]+)-([\w-]+)")
#: Kinds of labels that can be referred to; Quarto has more.
_KINDS = ("fig", "tbl", "sec", "eq")
_KINDS_OF_QUARTO = frozenset("lst thm lem cor prp cnj def exm exr sol rem alg nte tip wrn imp cau".split())  # noqa: SIM905
_DIV = re.compile(r"^\s*:{3,}\s*(\{.*\}|[^\s:{][^\s]*)?\s*:*\s*$")
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
    indent: str = ""

    @property
    def code(self) -> str:
        """The code alone, without its ``#|`` options."""
        return "\n".join(line.text for line in self.lines if not line.text.startswith("#|")).strip("\n")


def read_lines(root: Path, file: str, inside: tuple[str, ...] = ()) -> Iterator[Line]:
    """Lines of a source file, with ``include`` shortcodes expanded and the others refused."""
    try:
        texts = (root / file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise RenderError(f"{root / file}: cannot be read as text in UTF-8: {fault}") from fault
    inside = (*inside, file)
    for number, (text, place) in enumerate(zip(texts, places(texts)), start=1):
        found = _SHORTCODE.search(text)
        target = "" if found is None else _included(root, inside[0], found[2])
        if found is None or (place == "cell" and found[1] != "include"):
            yield Line(file, number, text if place == "cell" else text.replace("{{{<", "{{<").replace(">}}}", ">}}"))
        elif place != "prose" or found[0] != text.strip() or not found[0].endswith(">}}"):
            raise RenderError(f"{file}:{number}: cannot expand the shortcode {found[0]} inside a line or a block")
        elif found[1] == "pagebreak" and not found[2]:
            yield from (Line(file, number, part) for part in _PAGEBREAK.split("\n"))
        elif target in inside:
            raise RenderError(f"{file}:{number}: this file includes itself")
        elif found[1] == "include" and target:
            yield from read_lines(root, target, inside)
        else:
            raise RenderError(f"{file}:{number}: cannot expand the shortcode {found[0]}")


def _included(root: Path, chapter: str, target: str) -> str:
    """The file that an include names: as for Quarto from the chapter's folder, also where an included one names it."""
    start = root if target.startswith("/") else (root / chapter).parent
    path = (start / target.strip("\"'").lstrip("/")).resolve()
    inside = path.is_file() and path.is_relative_to(root.resolve())
    return path.relative_to(root.resolve()).as_posix() if inside else ""


def front_matter(chapter: Iterable[Line]) -> tuple[dict[str, Any], list[Line]]:
    """What stands between the two ``---`` that a chapter may begin with, and the lines below."""
    lines = list(chapter)
    if not lines or lines[0].text.rstrip() != "---":
        return {}, lines
    end = next((n for n, line in enumerate(lines[1:], 1) if line.text.rstrip() in ("---", "...")), None)
    if end is None:
        raise RenderError(f"{lines[0]}: the options that begin here have no end; close them with ---")
    text = "\n".join(line.text for line in lines[1:end])
    return known.read_yaml(text, known.FRONT, lines[0].file, lines[0].number + 1), lines[end + 1 :]


def labels(lines: list[Line]) -> Iterator[tuple[str, Line]]:
    """Labels that can be referred to, each with its line; those of a kind that is not known are refused."""
    for line, place in zip(lines, places(line.text for line in lines)):
        pattern = _CELL_LABEL if place == "cell" else _LABEL
        for found in pattern.finditer(line.text) if place != "code" else ():
            if found[1] in _KINDS_OF_QUARTO:
                raise RenderError(f"{line}: the portable engine cannot refer to {found[1]}-{found[2]}")
            if found[1] in _KINDS:
                yield f"{found[1]}-{found[2]}", line


def read_chapter(root: Path, file: str) -> list[str | Cell]:
    """Text and cells of a chapter in order; joined again after execution they make its Markdown."""
    parts: list[str | Cell] = []
    fence, cell, lines = "", None, front_matter(read_lines(root, file))[1]
    for line in lines:
        before, fence = fence, fence_after(fence, line.text)
        if cell is not None and fence:
            cell.lines.append(line._replace(text=line.text.removeprefix(cell.indent)))
        elif cell is not None:
            cell.options = _options(cell.lines)
            parts.append(cell)
            cell = None
        elif not before and (opens := _CELL.match(line.text)):
            if file.endswith(".md"):
                raise RenderError(f"{line}: cells of a .md file do not run; name the file .qmd")
            cell = Cell([], indent=opens[1])
        elif not before and (like := _CELL_LIKE.search(line.text)):
            raise RenderError(f"{line}: the portable engine cannot run the block {like[1]}; it knows ```{{python}}")
        elif before or fence:
            parts.append(line.text + "\n")
        else:
            parts += _inline(line)
    if cell is not None:
        raise RenderError(f"{cell.lines[0] if cell.lines else file}: what opens here has no end")
    refuse_unbalanced(lines)
    return parts


def refuse_unbalanced(lines: list[Line]) -> None:
    """Refuse a ``:::`` that closes nothing, or that nothing closes."""
    divs: list[Line] = []
    for line, place in zip(lines, places(line.text for line in lines)):
        mark = _DIV.match(line.text) if place == "prose" else None
        if mark and mark[1]:
            divs.append(line)
        elif mark and not divs:
            raise RenderError(f"{line}: this ::: closes nothing")
        elif mark:
            divs.pop()
    if divs:
        raise RenderError(f"{divs[-1]}: what opens here has no end")


def _inline(line: Line) -> list[str | Cell]:
    pieces: list[str | Cell] = list(_INLINE.split(line.text + "\n"))
    if like := next((found for text in pieces[::2] if (found := _INLINE_LIKE.search(str(text)))), None):
        raise RenderError(
            f"{line}: {like[0]!r} does not run; write `{{python}} value` in one line, with a blank around it"
        )
    pieces[1::2] = [Cell([line._replace(text=str(code))], inline=True) for code in pieces[1::2]]
    return pieces


def _options(lines: list[Line]) -> dict[str, Any]:
    first = next((n for n, line in enumerate(lines) if not line.text.startswith("#|")), len(lines))
    if late := [line for line in lines[first:] if _OPTION_LIKE.match(line.text)]:
        raise RenderError(f"{late[0]}: {late[0].text.strip()!r} is no option; write `#| name: value` above the code")
    text = "\n".join(line.text[2:] for line in lines[:first])
    given = known.read_yaml(text, known.CELL, lines[0].file, lines[0].number) if first else {}
    if re.search(r"\s", str(given.get("label", ""))):
        raise RenderError(f"{lines[0]}: the label {given['label']!r} has blanks")
    return {name: value for name, value in given.items() if value is not None}

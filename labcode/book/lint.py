"""What the source of a chapter keeps, so that it reads as prose: measures and rules that need no result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median

#: Most of the running text that may be inline code, and the longest line.
MOST_INLINE, LONGEST = 0.2, 240
#: Fewest lines of the median cell whose code a reader sees.
CELL_LINES = 4
_INLINE = re.compile(r"`\{python\}\s+[^`]*`")
_VERDICT = re.compile(r"\b(Doesn['’]t hold|Not shown|Holds( in part)?)[.*]")
_OPTION = re.compile(r"#\|\s*(\w[\w-]*):\s*(\S+)")


@dataclass(frozen=True)
class Measures:
    """How much of a chapter is code.

    Attributes
    ----------
    inline
        Share of the running text, in characters, that is inline code.
    cell_lines
        Lines of code of each cell that a page shows, without imports.
    """

    inline: float
    cell_lines: tuple[int, ...]


def measures(text: str) -> Measures:
    """Measure a chapter.

    Examples
    --------
    >>> measures("The error is `{python} rmse`.").inline > 0.4
    True
    """
    prose = "\n".join(line for _, line in prose_lines(text))
    inside = sum(map(len, _INLINE.findall(prose)))
    return Measures(inside / max(1, len(prose)), tuple(len(cell) for cell in _visible(text)))


def faults(text: str) -> Iterator[tuple[int, str]]:
    """Line and words of what a chapter must not have."""
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LONGEST:
            yield number, f"this line has {len(line)} characters; break it below {LONGEST}"
    for number, line in prose_lines(text):
        if re.search(r"`\{python\}[^`]*\blambda\b", line):
            yield number, "a lambda stands in prose; give the figure a name in its result"
        if found := _VERDICT.search(line):
            yield number, f"the verdict {found[0]!r} is typed; results give it: verdict(…)"
    measured = measures(text)
    if measured.inline > MOST_INLINE:
        yield 1, f"{measured.inline:.0%} of the running text is inline code; at most {MOST_INLINE:.0%} may be"
    if measured.cell_lines and median(measured.cell_lines) < CELL_LINES:
        yield 1, f"the median visible cell has {median(measured.cell_lines):g} lines; show at least {CELL_LINES}"


def prose_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines outside front matter, cells and code blocks, with their numbers."""
    lines = list(enumerate(text.splitlines(), 1))
    if lines and lines[0][1] == "---":
        lines = lines[next((i for i, (_, line) in enumerate(lines[1:], 2) if line == "---"), 0) :]
    fence = ""
    for number, line in lines:
        mark = re.match(r"^\s*(`{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = ""
        elif not fence:
            yield number, line


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs of prose with the line that each begins on."""
    held: list[tuple[int, str]] = []
    last = 0
    for number, line in [*prose_lines(text), (0, "")]:
        if held and (not line.strip() or number != last + 1 or re.match(r"\s*([-*] |\d+\. |:::|#)", line)):
            yield held[0][0], "\n".join(each for _, each in held)
            held = []
        if line.strip():
            held.append((number, line))
        last = number


def unchecked(text: str, judging: re.Pattern[str], from_results: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Paragraphs that judge a figure, with no check in them.

    Parameters
    ----------
    text
        The chapter.
    judging
        Words that compare or judge.
    from_results
        Inline code that shows figures of results.
    """
    shown = set(from_results)
    for number, paragraph in paragraphs(text):
        codes = {code[len("`{python}") : -1].strip() for code in _INLINE.findall(paragraph)}
        word = judging.search(_INLINE.sub(" ", paragraph))
        bound = any(re.match(r"(check|verdict)\(", code) for code in codes)
        if word and codes & shown and not bound:
            yield number, f"{word[0]!r} judges a figure, but the paragraph has no check(…)"


def _visible(text: str) -> Iterator[list[str]]:
    for cell in re.findall(r"^```\{python\}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        options = dict(_OPTION.findall(cell))
        hidden = options.get("echo") == "false" or options.get("include") == "false"
        if not hidden and options.get("code-fold") == "false":
            code = [line for line in cell.splitlines() if line.strip() and not line.startswith("#|")]
            yield [line for line in code if not line.startswith(("import ", "from "))]

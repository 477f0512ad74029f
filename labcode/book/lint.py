"""What the sources of a book keep, whatever its results are: rules of prose, labels, captions, references.

Everything here reads text alone; nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median

from labcode.book import edition
from labcode.book.fences import CELL, places, prose_lines
from labcode.errors import RenderError

#: Most of the running text that may be inline code, and the longest line.
MOST_INLINE, LONGEST = 0.2, 240
#: Fewest lines of the median cell whose code a reader sees.
CELL_LINES = 4
#: What may stand in prose as a number: the version that the book asks for, and the level of all its intervals.
ALLOWED_NUMBERS = re.compile(r"\b1\.9 or newer|\b95% (prediction )?intervals?")
#: Words that compare or judge: a sentence that has one, and a value from results, must be bound to a check.
JUDGING = re.compile(
    r"\b(better|worse|higher|lower|larger|smaller|greater|above|below|fewer|more than|less than|ahead of|behind|beats?|"
    r"outperforms?|improves?|helps?|harms?|hurts?|exceeds?|hardly|nearly|almost|about as|the same as|no difference|"
    r"confirms?|reproduces?|holds|doesn't hold|at most|at least|much more|much less|nothing to speak of)\b",
    re.IGNORECASE,
)
_INLINE = re.compile(r"`\{python\}\s+([^`]*)`")
_CODE = re.compile(r"`[^`]*`")
_VERDICT = re.compile(r"\b(Doesn['’]t hold|Not shown|Holds( in part)?)[.*]")
_OPTION = re.compile(r"#\|\s*(\w[\w-]*):\s*(\S+)")
_TYPED = re.compile(r"(?<![\w.\-@#])\d[\d,.]*")
_LABEL = re.compile(r"(?:\{#|^#\|\s*label:\s*)((?:fig|tbl|sec|eq)-[\w-]+)")
_REFERENCE = re.compile(r"(?<![\w.])@((?:fig|tbl|sec|eq)-[\w-]*\w)")
_CITATION = re.compile(r"(?<![\w.])@((?!fig-|tbl-|sec-|eq-)[A-Za-z][\w:-]*\w)")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_UNNUMBERED = re.compile(r"^#+ .*\{[^}]*(?:\.unnumbered|[\s{]-[\s}])")

#: Line and words of a fault.
Fault = tuple[int, str]


def all_faults(root: Path) -> Iterator[str]:
    """Every fault of the sources of a book, as ``file:line: what to change``."""
    texts = {file: (root / file).read_text("utf-8") for file in edition.sources(root)}
    for file, text in texts.items():
        found = [*of_prose(text), *dead_links(text, (root / file).parent), *captions(text)]
        yield from (f"{file}:{line}: {words}" for line, words in found)
    yield from references(texts)
    listed = edition.settings(root).get("bibliography") or []
    yield from citations(texts, listed if isinstance(listed, list) else [listed], root)


def of_prose(text: str) -> Iterator[Fault]:
    """What sentences must not have: numbers that somebody typed, and values that touch."""
    for line, words in prose_lines(text):
        for number in _TYPED.findall(ALLOWED_NUMBERS.sub(" ", _plain(words))):
            yield line, f"the number {number.rstrip('.,')} is typed; compute it, or quote its source with stated(…)"
        if "``{python}" in words:
            yield line, "an inline value touches the one before it; put a space between them, or make them one"


def of_layout(text: str) -> Iterator[Fault]:
    """What makes a chapter hard to read: long lines, code and verdicts in prose, cells that show nothing."""
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LONGEST:
            yield number, f"this line has {len(line)} characters; break it below {LONGEST}"
    for number, line in prose_lines(text):
        if re.search(r"`\{python\}[^`]*\blambda\b", line):
            yield number, "a lambda stands in prose; give the figure a name in its result"
        if found := _VERDICT.search(line):
            yield number, f"the verdict {found[0]!r} is typed; results give it: verdict(…)"
    if (share := inline_share(text)) > MOST_INLINE:
        yield 1, f"{share:.0%} of the running text is inline code; at most {MOST_INLINE:.0%} may be"
    if (lengths := visible_cells(text)) and median(lengths) < CELL_LINES:
        yield 1, f"the median visible cell has {median(lengths):g} lines; show at least {CELL_LINES}"


def inline_share(text: str) -> float:
    """Share of the running text, in characters, that is inline code.

    >>> inline_share("The error is `{python} rmse`.") > 0.4
    True
    """
    prose = "\n".join(line for _, line in prose_lines(text))
    return sum(len(found[0]) for found in _INLINE.finditer(prose)) / max(1, len(prose))


def visible_cells(text: str) -> list[int]:
    """Lines of code of each cell that a page shows unfolded, without imports."""
    lengths = []
    for cell in re.findall(r"^```\{python\}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        options = dict(_OPTION.findall(cell))
        hidden = options.get("echo") == "false" or options.get("include") == "false"
        if not hidden and options.get("code-fold") == "false":
            code = [line for line in cell.splitlines() if line.strip() and not line.startswith("#|")]
            lengths.append(sum(not line.startswith(("import ", "from ")) for line in code))
    return lengths


def unchecked(text: str, from_results: Iterable[str]) -> Iterator[Fault]:
    """Paragraphs that judge a figure, with no check in them; `from_results` is inline code that shows such figures."""
    shown = set(from_results)
    for number, paragraph in paragraphs(text):
        codes = {code.strip() for code in _INLINE.findall(paragraph)}
        word = JUDGING.search(_INLINE.sub(" ", paragraph))
        if word and codes & shown and not any(re.match(r"(check|verdict)\(", code) for code in codes):
            yield number, f"{word[0]!r} judges a figure, but the paragraph has no check(…)"


def paragraphs(text: str) -> Iterator[Fault]:
    """Paragraphs of prose with the line that each begins on."""
    held: list[Fault] = []
    last = 0
    for number, line in [*prose_lines(text), (0, "")]:
        if held and (not line.strip() or number != last + 1 or re.match(r"\s*([-*] |\d+\. |:::|#)", line)):
            yield held[0][0], "\n".join(words for _, words in held)
            held = []
        if line.strip():
            held.append((number, line))
        last = number


def dead_links(text: str, folder: Path) -> Iterator[Fault]:
    """Links to files that are not there."""
    for number, line in prose_lines(text):
        for target in _LINK.findall(_CODE.sub(" ", line)):
            path = target.partition("#")[0]
            if path and not re.match(r"[a-z]+:", path) and not (folder / path).exists():
                yield number, f"the link leads to {target}, which does not exist"


def captions(text: str) -> Iterator[Fault]:
    """Figures without an alt text, a caption or both themes; tables without a caption."""
    for found in re.finditer(r"^::: \{#(fig-[\w-]+)\}\n(.*?)^:::$", text, re.DOTALL | re.MULTILINE):
        (name, body), number = found.groups(), text.count("\n", 0, found.start()) + 1
        if not re.search(r'^#\| fig-alt: ".{40,}"$', body, re.MULTILINE):
            yield number, f'{name} has no alt text of at least 40 characters (`#| fig-alt: "…"`)'
        if "#| renderings: [light, dark]" not in body:
            yield number, f"{name} is not drawn for both themes (`#| renderings: [light, dark]`)"
        if len(body.split("```")[-1].strip()) <= 30:
            yield number, f"{name} has no caption as its last paragraph"
    for found in re.finditer(r"^#\| label: (tbl-[\w-]+)\n((?:#\|.*\n)*)", text, re.MULTILINE):
        if "#| tbl-cap: " not in found[2]:
            yield text.count("\n", 0, found.start()) + 1, f'{found[1]} has no caption (`#| tbl-cap: "…"`)'


def references(texts: Mapping[str, str]) -> Iterator[str]:
    """Labels that are not unique or that nothing refers to, and references that lead nowhere."""
    labels: dict[str, str] = {}
    used: dict[str, str] = {}
    for place, line in _places(texts):
        for name in _LABEL.findall(line):
            if name in labels:
                yield f"{place}: the label {name} is already at {labels[name]}"
            labels[name] = place
        used |= dict.fromkeys(_REFERENCE.findall(line), place)
    yield from (f"{place}: @{name} refers to nothing" for name, place in used.items() if name not in labels)
    for name, place in labels.items():
        if name.startswith("fig-") and name not in used:
            yield f"{place}: no sentence refers to {name}; write @{name} where it is explained"


def citations(texts: Mapping[str, str], bibliography: list[str], root: Path) -> Iterator[str]:
    """Citations of nothing, and entries of the bibliography that nothing cites."""
    entries = "\n".join((root / file).read_text("utf-8") for file in bibliography)
    known = dict.fromkeys(re.findall(r"^@\w+\{([^,\s]+),", entries, re.MULTILINE))
    cited = [
        (name, f"{file}:{number}")
        for file, text in texts.items()
        for number, line in prose_lines(text)
        for name in _CITATION.findall(line)
    ]
    files = ", ".join(bibliography)
    yield from (f"{place}: @{name} is not in {files}" for name, place in cited if name not in known)
    yield from (f"{files}:1: nothing cites {name}" for name in sorted(known.keys() - {name for name, _ in cited}))


def refuse_what_quarto_drops(root: Path) -> None:
    """Refuse what Quarto would leave out of a page or print as it is typed, without failing.

    Raises
    ------
    RenderError
        If a chapter refers to a heading without a number, or has inline values and no cell, so that none is computed.
    """
    texts = {file: (root / file).read_text("utf-8-sig") for file in edition.sources(root)}
    unnumbered = {
        name
        for text in texts.values()
        for _, line in prose_lines(text)
        if _UNNUMBERED.match(line)
        for name in re.findall(r"\{#(sec-[\w-]+)", line)
    }
    faults = []
    for file, text in texts.items():
        runs = re.search(r"^(engine|jupyter):", text, re.MULTILINE) or any(map(CELL.match, text.splitlines()))
        for number, line in prose_lines(text):
            faults += [
                f"{file}:{number}: @{name} refers to a heading without a number; link to it: [its title](#{name})"
                for name in _REFERENCE.findall(_CODE.sub(" ", line))
                if name in unnumbered
            ]
            if not runs and _INLINE.search(line):
                faults.append(f"{file}:{number}: no value of this chapter is computed, since it has no cell; add one")
                break
    if faults:
        raise RenderError("\n".join(faults))


def _places(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Lines outside code blocks that do not run, as ``file:line`` and text."""
    for file, text in texts.items():
        lines = text.splitlines()
        placed = enumerate(zip(lines, places(lines)), 1)
        yield from ((f"{file}:{number}", line) for number, (line, place) in placed if place != "code")


def _plain(line: str) -> str:
    """A line's words alone: no inline code, formulas, attributes, targets of links or references."""
    line = re.sub(r"\$[^$]*\$", " ", _CODE.sub(" ", line))
    return re.sub(r"\{[^}]*\}|\]\([^)]*\)|@[\w:-]+|^:::.*$|^\s*\d+\. |^\|[ :|-]+\|$", " ", line)

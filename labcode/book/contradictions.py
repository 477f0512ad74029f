"""After a render: the sentences that stand on a page with a cross, since the published rows contradict them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from labcode.errors import LabcodeError

#: Class of a mark that says so of a sentence which the published rows contradict.
CONTRADICTED = "check-contradicted"


class ContradictedError(LabcodeError):
    """Sentences of a finished book that the published rows contradict."""

    exit_code = 1


def refuse(root: Path, rendered: Iterable[tuple[str, Path]]) -> None:
    """Name every contradicted sentence of a finished book: of each page its source, and a file with what it showed.

    Raises
    ------
    ContradictedError
        If there is one.
    """
    found = list(dict.fromkeys(line for page, file in rendered for line in _faults(root, page, file)))
    if found:
        count = f"{len(found)} {'sentence is' if len(found) == 1 else 'sentences are'} not true of the published rows"
        raise ContradictedError(f"The book is written, but {count}:\n" + "\n".join(found))


def _faults(root: Path, page: str, file: Path) -> Iterator[str]:
    source = (root / page).read_text("utf-8")
    for condition in contradicted(file.read_text("utf-8")):
        place, sentence = find(source, condition)
        yield f"{page}:{place}: {sentence} ✗ {condition}"


def find(source: str, condition: str) -> tuple[int, str]:
    """Line and words of the sentence before a check, in the source of a page."""
    at = max(source.find(f'check("{condition}")'), source.find(f"check('{condition}')"), 0)
    paragraph = source[:at].rpartition("\n\n")[2].rpartition("`{python}")[0]
    words = re.sub(r"`\{python\} check\([^`]*\)`", "", paragraph)
    sentence = re.split(r"(?<=[.:?!])\s+(?=[A-Z`*])", words.strip())[-1]
    return source.count("\n", 0, at) + 1, " ".join(sentence.split())


def contradicted(rendered: str) -> list[str]:
    """Conditions of the marks in a rendered page, Markdown or HTML, whose sentences published rows contradict.

    Examples
    --------
    >>> contradicted('<span class="check check-contradicted" data-condition="61203e2062">')
    ['a > b']
    """
    # No other mark keeps its condition, and the words before it may hold any character.
    found = re.findall(r'data-condition=\\*"([0-9a-f]*)', html.unescape(rendered))
    return list(dict.fromkeys(bytes.fromhex(each).decode() for each in found))

"""Sentences that are checked: ``check("sound.skill.low > 0")`` behind one shows that results bear it out.

The condition is a string, so that it can be parsed, told in words, and tried on results that came out otherwise (see
:mod:`labcode.book.trials`). A sentence whose check fails stays on the page, with a cross behind it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from labcode.book.contradictions import CONTRADICTED
from labcode.book.lacking import Lacking, in_condition
from labcode.book.text import escaped
from labcode.book.words import in_words
from labcode.errors import RenderError
from labcode.results.number import BLANK
from labcode.results.typed import Origin, Results

_ELSEWHERE = f"not{BLANK}in{BLANK}these{BLANK}rows"


@dataclass(frozen=True, eq=False)
class Check:
    """A condition and the variables that it reads.

    As text it is a mark in Markdown: ✓ where it holds, else ✗, with the comparison in words for whoever points at it.

    Raises
    ------
    RenderError
        If the condition is no expression, reads what is not there, or reads no result.
    """

    condition: str
    names: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not self.results:
            raise RenderError(f"check({self.condition!r}) reads no result, so no result can contradict it.")

    @cached_property
    def parsed(self) -> ast.expr:
        """The condition's syntax."""
        if not isinstance(self.condition, str):
            raise RenderError(f"check({self.condition!r}) needs a text, such as check('sound.skill.low > 0').")
        try:
            return ast.parse(self.condition.strip(), mode="eval").body
        except SyntaxError as error:
            raise RenderError(f"check({self.condition!r}) is no expression: {error.msg}.") from None

    @cached_property
    def read(self) -> dict[str, Any]:
        """The variables that the condition names."""
        wanted = {node.id for node in ast.walk(self.parsed) if isinstance(node, ast.Name)}
        return {name: self.names[name] for name in sorted(wanted & self.names.keys())}

    @cached_property
    def results(self) -> dict[str, Results | Mapping[Any, Results]]:
        """The results among them, and families of results."""
        return {name: value for name, value in self.read.items() if isinstance(value, Results) or _is_family(value)}

    @cached_property
    def holds(self) -> bool:
        """Whether the condition holds."""
        try:
            return bool(eval(compile(ast.Expression(self.parsed), "check", "eval"), dict(self.names)))
        except Exception as error:
            raise RenderError(
                f"check({self.condition!r}) cannot be computed: {type(error).__name__}: {error}."
            ) from error

    @property
    def published(self) -> bool:
        """Whether it speaks of published rows alone, of which the report must be true."""
        return all(origin.published for value in self.results.values() for origin in _origins(value))

    @property
    def words(self) -> str:
        """The comparison in words."""
        said = in_words(self.parsed, self.names)
        return f"{said[0].upper()}{said[1:]}." if said else ""

    @property
    def mark(self) -> str:
        """What stands behind the sentence."""
        if self.holds:
            return f"[^✓^]{{.check {_told(f'Checked: {self.words}')}}}"
        if self.published:
            told = _told(f"Contradicted: {self.words}")
            return f"[^✗^]{{.check .{CONTRADICTED} {told} {_kept(self.condition)}}}"
        return f"[^✗{BLANK}{_ELSEWHERE}^]{{.check .check-elsewhere {_told(f'Not in these rows: {self.words}')}}}"

    def __str__(self) -> str:
        return self.mark

    def _repr_markdown_(self) -> str:
        return self.mark


def _is_family(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(each, Results) for each in value.values())


def _origins(value: Results | Mapping[Any, Results]) -> list[Origin]:
    return [value.origin] if isinstance(value, Results) else [each.origin for each in value.values()]


def _told(words: str) -> str:
    """Attributes that tell the comparison: to a pointer, a finger, the keyboard, and a screen reader."""
    text = escaped(words.replace("{{<", "{ {<"))  # in an attribute, Quarto expands a shortcode that is escaped, too
    return f'role="img" tabindex="0" aria-label="{text}" data-checked="{text}"'


def _kept(condition: str) -> str:
    return f'data-condition="{condition.encode().hex()}"'


#: Checks in the order in which they were made.
made: list[Check] = []


def check(condition: str) -> Check | Lacking:
    """A mark for the sentence before it, which says whether results bear it out; a dash if the rows lack them.

    Parameters
    ----------
    condition
        A Python expression on the results that the page has loaded, such as ``"sound.rmse < base.ols.rmse"``.

    Raises
    ------
    RenderError
        If the condition cannot be computed or reads no result.
    """
    frame = sys._getframe(1)
    names = {**frame.f_globals, **frame.f_locals}
    if (lacking := in_condition(condition, names)) is not None:
        return lacking
    made.append(Check(condition, names))
    made[-1].holds  # a fault is told here, with its line  # noqa: B018
    return made[-1]

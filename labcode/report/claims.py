"""Sentences that are checked: a claim that the data contradict stops the render.

A sentence such as "the range hardly varies" is true of one data set and false of the next. Written as a claim, it is
printed only if its check holds. In HTML, a reader who points at it sees what it was checked against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, ParamSpec

import numpy as np

from labcode.errors import RenderError
from labcode.report import probe

P = ParamSpec("P")
#: What stands on the page for a sentence that says nothing: Quarto would show the code of an empty value.
UNSAID = "[]{.unsaid}"
#: Inputs of a check that a reader is shown.
_MOST_SHOWN = 6


@dataclass(frozen=True)
class Claim:
    """A sentence, the check that it is bound to, and what to say where the check fails.

    As text it is Markdown: the sentence that is true, marked with what it was checked against.

    Attributes
    ----------
    sentence, otherwise
        What the page says if the check holds, and if it does not.
    check
        Says from results whether the sentence holds.
    """

    sentence: str
    check: Callable[[], object]
    otherwise: str | None = None

    @cached_property
    def holds(self) -> bool:
        """Whether the check holds."""
        return bool(self.check())

    @cached_property
    def reads(self) -> dict[str, Any]:
        """What the check reads, by label."""
        return probe.reads(self.check)

    @property
    def shown(self) -> str:
        """The sentence that is true.

        Raises
        ------
        RenderError
            If the check fails and there is no other sentence.
        """
        if self.holds:
            return self.sentence
        if self.otherwise is None:
            raise RenderError(
                f"This sentence does not hold: {self.sentence!r} ({self.evidence}). "
                "Change the sentence or find the fault."
            )
        return self.otherwise

    @property
    def evidence(self) -> str:
        """What the check read, in words: ``regression/sound: rmse = 0.79``."""
        parts = [_described(label, value) for label, value in self.reads.items()]
        more = [f"and {len(parts) - _MOST_SHOWN} more"] if len(parts) > _MOST_SHOWN else []
        return "; ".join([*parts[:_MOST_SHOWN], *more])

    def _repr_markdown_(self) -> str:
        return str(self) or UNSAID

    def __str__(self) -> str:
        if not self.shown or not self.reads:
            return self.shown
        evidence = self.evidence.replace("\\", "").replace('"', "'").replace("|", "/")
        return f'[{self.shown}]{{.claim tabindex="0" data-checked="{evidence}"}}'


#: Claims in the order in which they were made.
made: list[Claim] = []


def claim(sentence: str, check: Callable[[], object], *, otherwise: object | None = None) -> Claim:
    """Return the sentence if its check holds, else the other one.

    Parameters
    ----------
    sentence
        What the page says when the check holds.
    check
        A function without arguments, nearly always a ``lambda``, that compares results. It is called again with changed
        results by ``labcode check``, to see that it can fail.
    otherwise
        What the page says when the check fails, where real and simulated data honestly differ; it may be a claim too.

    Raises
    ------
    RenderError
        If the check fails and there is no other sentence, or if what is given for a check is no function.
    """
    if not callable(check):
        raise RenderError(
            f"The claim {sentence!r} has {check!r} for its check; expected a function without arguments. Write "
            "`lambda: …` before the comparison."
        )
    other = otherwise.shown if isinstance(otherwise, Claim) else otherwise
    new = Claim(sentence, check, None if other is None else str(other))
    made.append(new)
    new.shown  # a false sentence stops the render here  # noqa: B018
    return new


class Told(str):
    """Words that are true because code wrote them from results.

    They are Markdown: of plain text Quarto would show a no-break space as its escape.
    """

    def _repr_markdown_(self) -> str:
        return str(self) or UNSAID


def told(write: Callable[P, str]) -> Callable[P, Told]:
    """Mark a function that writes a sentence, or a part of one, from results and chooses its words by them."""

    @wraps(write)
    def sentence(*args: P.args, **kwargs: P.kwargs) -> Told:
        return Told(write(*args, **kwargs))

    return sentence


def _described(label: str, value: Any) -> str:
    if isinstance(value, list):
        return f"{label} ({len(value)} rows)"
    if np.ndim(value):
        return f"{label} ({' × '.join(map(str, np.shape(value)))} values)"
    return f"{label} = {value:.4g}"

"""Statements of another report, each with the check under which it holds, the one under which it doesn't, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from labcode.book.checks import Check
from labcode.errors import LabcodeError

Outcome = Literal["holds", "doesn't hold", "not shown"]
_FIGURE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, eq=False)
class Verdict:
    """What holds of a statement; wherever it is shown, it is this object.

    Attributes
    ----------
    quote
        The statement, in its own words.
    outcome
        ``"not shown"`` where neither check holds.
    reason
        The reason, with its figures.
    checks
        The conditions under which it holds, and under which it doesn't, as far as there are any.
    """

    quote: str
    outcome: Outcome
    reason: str
    checks: tuple[Check, ...]

    @property
    def word(self) -> str:
        """The outcome as a sentence."""
        return f"{self.outcome[0].upper()}{self.outcome[1:]}."

    @property
    def mark(self) -> str:
        """The mark of the check that decided; nothing where none did."""
        return next((each.mark for each in self.checks if each.holds), "")

    def __str__(self) -> str:
        return f"*“{self.quote}”* **{self.word}** {self.reason}{self.mark}"

    def _repr_markdown_(self) -> str:
        return str(self)


def judged(quote: str, *, holds: str, fails: str, because: str, names: Mapping[str, Any]) -> Verdict:
    """Judge a statement.

    Parameters
    ----------
    quote
        The statement.
    holds, fails
        Conditions on results, as for :func:`labcode.book.checks.check`; one of them may be empty.
    because
        The reason, with figures in braces: ``"it misses by {sound.rmse}"``.
    names
        The results that these name.

    Raises
    ------
    LabcodeError
        If there is no condition, both hold, or a figure is not there.
    """
    given: dict[Outcome, str] = {"holds": holds, "doesn't hold": fails}
    conditions = {outcome: Check(condition, names) for outcome, condition in given.items() if condition}
    found = [outcome for outcome, check in conditions.items() if check.holds]
    if not conditions or len(found) > 1:
        raise LabcodeError(f"{quote!r} {'has no check' if not conditions else 'both holds and does not hold'}.")
    reason = _FIGURE.sub(lambda figure: _printed(figure[1], quote, names), because)
    return Verdict(quote, found[0] if found else "not shown", reason, tuple(conditions.values()))


def _printed(figure: str, quote: str, names: Mapping[str, Any]) -> str:
    try:
        return str(eval(figure, dict(names)))
    except Exception as error:
        raise LabcodeError(f"The reason of {quote!r} names {{{figure}}}, which is not there ({error}).") from None

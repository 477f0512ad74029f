"""How a conclusion of the original is judged: the first case whose check holds gives the verdict and the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from labcode.report.claims import claim

Verdict = Literal["holds", "holds in part", "doesn't hold", "not shown"]
#: What a single seed allows to say of a spread.
ONE_SEED = "One seed cannot show it."


@dataclass(frozen=True)
class Judgement:
    """A verdict, and the reason in a sentence."""

    verdict: Verdict
    why: str

    def __str__(self) -> str:
        return f"**{self.verdict[0].upper()}{self.verdict[1:]}.** {self.why}"

    def _repr_markdown_(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Case:
    """A verdict and its reason, and the check on results under which they stand."""

    verdict: Verdict
    why: str
    holds: Callable[[], bool]


def judge(*cases: Case, otherwise: Judgement) -> Judgement:
    """The verdict of the first case whose check holds, else ``otherwise``.

    Examples
    --------
    >>> above = Case("holds", "It is above.", lambda: 1 > 2)
    >>> str(judge(above, otherwise=Judgement("not shown", "It is not.")))
    '**Not shown.** It is not.'
    """
    for case in cases:
        if str(sentence := claim(case.why, case.holds, otherwise="")):
            return Judgement(case.verdict, str(sentence))
    return otherwise

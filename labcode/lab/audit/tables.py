"""The audit's tables: figures beside ours, how many come out again, and what holds of the conclusions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from labcode.book.reference import Stated, of_kind
from labcode.book.statements import Verdict
from labcode.book.text import marked
from labcode.lab.audit.compared import Compared, with_limits
from labcode.lab.verdicts import verdict
from labcode.results.number import BLANK, decimals

_AGAIN = {"yes": "yes", "no": marked("**no**"), "one seed": "one seed"}


def figures(found: Sequence[Compared]) -> pd.DataFrame:
    """Every figure: its part, what was stated, ours with its limits, and whether it comes out again."""
    return pd.DataFrame(
        {
            "part": [each.part for each in found],
            "figure": [each.cell.label for each in found],
            "stated": [_stated(each) for each in found],
            "ours": [_ours(each) for each in found],
            "again": [_AGAIN[each.outcome] for each in found],
        }
    )


def _stated(each: Compared) -> str:
    sign = {"equal": f"≈{BLANK}" if each.cell.about else "", "below": f"<{BLANK}", "most below": f"<{BLANK}"}
    return f"{sign[each.cell.relation]}{decimals(each.cell.value, each.cell.places)}"


def _ours(each: Compared) -> str:
    if each.cell.relation == "most below":
        return f"{decimals(100 * each.ours.value, 0)}%"
    return with_limits(each.ours, each.cell.places)


def counts(found: Sequence[Compared]) -> pd.DataFrame:
    """How many figures of each part come out again, with a last row for all."""
    rows = []
    for part in [*dict.fromkeys(each.part for each in found), "all"]:
        own = Counter(each.outcome for each in found if part in (each.part, "all"))
        rows.append({"part": part, "figures": own.total(), "come out again": own["yes"], "do not": own["no"]})
        rows[-1] |= (
            {"one seed cannot tell": own["one seed"]} if any(each.outcome == "one seed" for each in found) else {}
        )
    return pd.DataFrame(rows)


def judged() -> list[tuple[Stated, Verdict]]:
    """Every conclusion of our first version with its verdict, in the order of its report."""
    return [(entry, verdict(entry.id)) for entry in of_kind("conclusion")]


def conclusions(found: Sequence[tuple[Stated, Verdict]]) -> pd.DataFrame:
    """Every conclusion, what holds of it, and where it is shown."""
    return pd.DataFrame(
        {
            "we concluded": [f"“{entry.quote}”" for entry, _ in found],
            "now": [marked(f"**{own.word.rstrip('.')}**{own.mark}") for _, own in found],
            "shown in": [marked(entry.evidence) for entry, _ in found],
        }
    )

"""The original's conclusions with their verdicts, as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from labcode.book.reference import Stated, of_kind, stated
from labcode.errors import LabcodeError
from labcode.lab.verdicts import verdict as verdict_of
from labcode.report import judge_classification, judge_regression
from labcode.report.claims import told
from labcode.report.judging import Judgement, Verdict
from labcode.report.measured import Sources
from labcode.report.text import count

JUDGES = {**judge_regression.JUDGES, **judge_classification.JUDGES}
VERDICTS: Sequence[Verdict] = ("holds", "holds in part", "doesn't hold", "not shown")


def judgement(entry: Stated, sources: Sources) -> Judgement:
    """The verdict on one conclusion of the original.

    Raises
    ------
    LabcodeError
        If nothing judges it.
    """
    if entry.holds or entry.fails:
        found = verdict_of(entry.id)
        return Judgement(found.outcome, f"{found.reason}{found.mark}")
    if entry.id not in JUDGES:
        raise LabcodeError(f"data/reference.toml: nothing in labcode/report judges the conclusion {entry.id!r}.")
    return JUDGES[entry.id](sources)


def verdict(name: str, sources: Sources) -> str:
    """The verdict on one conclusion by its id, as a sentence: what a chapter says of it is what the verdict says."""
    found = judgement(stated(name), sources).verdict
    return f"{found[0].upper()}{found[1:]}."


def conclusion_table(sources: Sources, *sections: str) -> pd.DataFrame:
    """What the original concludes in these sections, and what holds, with the place that shows it."""
    entries = [entry for entry in of_kind("conclusion") if entry.section in sections]
    return pd.DataFrame(
        {
            "the original report says": [f"“{entry.quote}” ({entry.section})" for entry in entries],
            "verdict": [f"{judgement(entry, sources)} ({entry.evidence})" for entry in entries],
        }
    )


def verdict_counts(sources: Sources) -> Counter[Verdict]:
    """How many conclusions get each verdict."""
    return Counter(judgement(entry, sources).verdict for entry in of_kind("conclusion"))


@told
def counts_sentence(sources: Sources) -> str:
    """The verdicts counted, in words."""
    counts = verdict_counts(sources)
    texts = {
        "holds": "hold",
        "holds in part": "hold in part",
        "doesn't hold": "don't hold",
        "not shown": "are not shown",
    }
    parts = [f"{count(counts[verdict])} {texts[verdict]}" for verdict in VERDICTS]
    return f"Of {count(counts.total())} conclusions, {', '.join(parts[:-1])} and {parts[-1]}."

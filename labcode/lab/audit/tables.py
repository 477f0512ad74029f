"""The headline, and the audit's tables: figures beside ours, how many come out again, what holds of conclusions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from labcode.book.reference import Stated, of_kind, stated
from labcode.book.statements import Verdict
from labcode.book.text import marked
from labcode.lab import load
from labcode.lab.audit.compared import Compared, Outcome, root, with_limits
from labcode.lab.classification.first_results import AsSubmitted as FirstOfMachines
from labcode.lab.classification.sound_results import Ceiling, Contest
from labcode.lab.classification.tables import MODELS
from labcode.lab.regression.results import AsSubmitted as FirstOfPrices
from labcode.lab.regression.results import Baselines, Sound
from labcode.lab.regression.tables import MODELS as MODELS_OF_CLOSE
from labcode.lab.tuning.results import FirstSearch, Searched
from labcode.lab.verdicts import verdict
from labcode.results.number import BLANK, Number, decimals

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
    told: dict[Outcome, str] = {"yes": "come out again", "no": "do not"}
    if any(each.outcome == "one seed" for each in found):
        told["one seed"] = "one seed cannot tell"
    rows = []
    for part in [*dict.fromkeys(each.part for each in found), "all"]:
        own = Counter(each.outcome for each in found if part in (each.part, "all"))
        rows.append({"part": part, "figures": own.total()} | {says: own[outcome] for outcome, says in told.items()})
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


#: What stands beside each figure of the headline.
COLUMNS = ("task", "stated", "first version again", "this version", "best without a network", "who knows the rules")


def headline() -> pd.DataFrame:
    """A row for each of the lab's headline figures."""
    base, sound, search = load(Baselines), load(Sound), load(Searched)
    contest, first, ceiling = load(Contest), load(FirstOfMachines).plain, load(Ceiling)
    best_close = f"{with_limits(base.models[base.best].rmse, 3)}, {MODELS_OF_CLOSE[base.best]}"
    rivals = [(name, text) for name, text in MODELS.items() if name != "network"]
    rows = [
        (
            "the close: RMSE, USD",
            _printed("regression.test_49", 1, 0.5),
            with_limits(root(load(FirstOfPrices).test_mse_end), 1),
            with_limits(sound.rmse, 3),
            best_close,
            "no rules known",
        ),
        (
            "the same, tuned",
            _printed("tuning.rmse", 1),
            with_limits(root(load(FirstSearch).best_score), 1),
            with_limits(search.test_rmse, 3),
            best_close,
            "no rules known",
        ),
        (
            "failures: accuracy",
            _printed("classification.accuracy", 2),
            with_limits(first.accuracy, 2),
            with_limits(contest.network_without_rule.accuracy, 3),
            _best({text: getattr(contest, name).accuracy for name, text in rivals}),
            with_limits(ceiling.most_probable.accuracy, 3),
        ),
        (
            "failures: macro-F1",
            _printed("classification.macro_f1", 2),
            with_limits(first.macro_f1, 2),
            with_limits(contest.network.macro_f1, 3),
            _best({text: getattr(contest, f"{name}_with_rule").macro_f1 for name, text in rivals}),
            with_limits(ceiling.best.macro_f1, 3),
        ),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _best(scores: dict[str, Number]) -> str:
    name = max(scores, key=lambda each: scores[each].value)
    return f"{with_limits(scores[name], 3)}, {name}"


def _printed(name: str, places: int, power: float = 1.0) -> str:
    entry = stated(name)
    assert entry.value is not None
    return f"{f'≈{BLANK}' if entry.about else ''}{decimals(entry.value**power, places)}"

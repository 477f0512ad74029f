"""The headline: stated, first version again, this version, best without a network, who knows the rules."""

from __future__ import annotations

import pandas as pd

from labcode.book.reference import stated
from labcode.lab import load
from labcode.lab.audit.compared import root, with_limits
from labcode.lab.classification.ceiling_results import Ceiling
from labcode.lab.classification.first_results import AsSubmitted as FirstOfMachines
from labcode.lab.classification.sound_results import Contest
from labcode.lab.classification.tables import MODELS
from labcode.lab.regression.results import AsSubmitted as FirstOfPrices
from labcode.lab.regression.results import Baselines, Sound
from labcode.lab.regression.tables import MODELS as MODELS_OF_CLOSE
from labcode.lab.tuning.results import FirstSearch, Searched
from labcode.results.number import BLANK, Number, decimals

COLUMNS = ("task", "stated", "first version again", "this version", "best without a network", "who knows the rules")
_UNKNOWN = "no rules known"


def headline() -> pd.DataFrame:
    """A row for each of the lab's headline figures."""
    base, sound, search = load(Baselines), load(Sound), load(Searched)
    contest, first, ceiling = load(Contest), load(FirstOfMachines).plain, load(Ceiling)
    best_close = f"{with_limits(base.models[base.best].rmse, 3)}, {MODELS_OF_CLOSE[base.best]}"
    rows = [
        (
            "the close: RMSE, USD",
            _stated("regression.test_49", 1, 0.5),
            with_limits(root(load(FirstOfPrices).test_mse_end), 1),
            with_limits(sound.rmse, 3),
            best_close,
            _UNKNOWN,
        ),
        (
            "the same, tuned",
            _stated("tuning.rmse", 1),
            with_limits(root(load(FirstSearch).best_score), 1),
            with_limits(search.test_rmse, 3),
            best_close,
            _UNKNOWN,
        ),
        (
            "failures: accuracy",
            _stated("classification.accuracy", 2),
            with_limits(first.accuracy, 2),
            with_limits(contest.network_without_rule.accuracy, 3),
            _best({text: getattr(contest, name).accuracy for name, text in _RIVALS.items()}),
            with_limits(ceiling.most_probable.accuracy, 3),
        ),
        (
            "failures: macro-F1",
            _stated("classification.macro_f1", 2),
            with_limits(first.macro_f1, 2),
            with_limits(contest.network.macro_f1, 3),
            _best({text: getattr(contest, f"{name}_with_rule").macro_f1 for name, text in _RIVALS.items()}),
            with_limits(ceiling.best.macro_f1, 3),
        ),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


#: Models without a network, and what they are called.
_RIVALS = {name: text for name, text in MODELS.items() if name != "network"}


def _best(scores: dict[str, Number]) -> str:
    name = max(scores, key=lambda each: scores[each].value)
    return f"{with_limits(scores[name], 3)}, {name}"


def _stated(name: str, places: int, power: float = 1.0) -> str:
    entry = stated(name)
    assert entry.value is not None
    return f"{f'≈{BLANK}' if entry.about else ''}{decimals(entry.value**power, places)}"

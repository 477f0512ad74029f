"""The headline of the report: stated, first version again, this version, best without a network, best possible."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labcode.book.reference import stated
from labcode.lab import load
from labcode.lab.audit.compared import root, with_limits
from labcode.lab.classification.ceiling_results import Ceiling
from labcode.lab.classification.first_results import AsSubmitted as FirstOfMachines
from labcode.lab.classification.sound_results import Contest, Scores
from labcode.lab.classification.tables import MODELS
from labcode.lab.regression.results import AsSubmitted as FirstOfPrices
from labcode.lab.regression.results import Baselines, Sound
from labcode.lab.regression.tables import MODELS as MODELS_OF_CLOSE
from labcode.lab.tuning.results import FirstSearch, Searched
from labcode.results.number import BLANK, decimals

COLUMNS = ("task", "stated", "first version again", "this version", "best without a network", "best possible")
_UNKNOWN = "not known"


def headline() -> pd.DataFrame:
    """A row for each of the lab's headline figures."""
    base = load(Baselines)
    best = base.models[base.best].rmse
    best_close = f"{best.bare}, {MODELS_OF_CLOSE[base.best]}"
    contest, first = load(Contest), load(FirstOfMachines)
    rival, name = max(_rivals(contest), key=lambda each: each[0].macro_f1.value)
    rows = [
        (
            "the close: RMSE, USD",
            _stated("regression.test_49", 1, 0.5),
            with_limits(root(load(FirstOfPrices).test_mse_end), 1),
            f"{load(Sound).rmse.bare} ({load(Sound).rmse.limits})",
            best_close,
            _UNKNOWN,
        ),
        (
            "the same, tuned",
            _stated("tuning.rmse", 1),
            with_limits(root(load(FirstSearch).best_score), 1),
            f"{load(Searched).test_rmse.bare} ({load(Searched).test_rmse.limits})",
            best_close,
            _UNKNOWN,
        ),
        (
            "failures: accuracy",
            _stated("classification.accuracy", 2),
            with_limits(first.plain.accuracy, 2),
            decimals(accuracy(contest.network_without_rule), 3),
            f"{decimals(first.natural.majority.value, 3)}, always “no failure”",
            _UNKNOWN,
        ),
        (
            "failures: macro-F1",
            _stated("classification.macro_f1", 2),
            with_limits(first.plain.macro_f1, 2),
            str(contest.network.macro_f1.interval),
            f"{rival.macro_f1}, {name}",
            str(load(Ceiling).best.macro_f1),
        ),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def accuracy(scores: Scores) -> float:
    """Share of the rows out of fold that are called what they are, mean over the repeats."""
    return float(np.trace(scores.confusion, axis1=-2, axis2=-1).sum() / scores.confusion.sum())


def _rivals(contest: Contest) -> list[tuple[Scores, str]]:
    """Models without a network, with the decision for macro-F1."""
    return [(getattr(contest, f"{name}_with_rule"), text) for name, text in MODELS.items() if name != "network"]


def _stated(name: str, places: int, power: float = 1.0) -> str:
    entry = stated(name)
    assert entry.value is not None
    return f"{f'≈{BLANK}' if entry.about else ''}{decimals(entry.value**power, places)}"

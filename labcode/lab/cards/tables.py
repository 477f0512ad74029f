"""The scores of the final models, as their cards show them, and how common the values of a column are."""

from __future__ import annotations

import pandas as pd

from labcode.book.text import escaped
from labcode.lab import load
from labcode.lab.classification.classes import CLASSES, SHORT
from labcode.lab.classification.sound_results import Ceiling, Contest
from labcode.lab.regression.results import Sound
from labcode.results.number import count


def mix(values: pd.Series) -> str:
    """How often each value comes, the commonest first.

    >>> mix(pd.Series(["L", "M", "L"]))
    'L 2; M 1'
    """
    return "; ".join(f"{escaped(str(name))} {count(rows)}" for name, rows in values.value_counts().items())


def regression_scores(sound: Sound) -> pd.DataFrame:
    """The scores of the price network on the test dates."""
    rows = [
        ("RMSE", sound.rmse, f"{sound.rmse.limits} for other dates"),
        ("RMSE", sound.rmse_symbols, f"{sound.rmse_symbols.limits} for symbols drawn again"),
        ("median absolute error", sound.median_error, ""),
        ("error as a share of the price", sound.percent, ""),
        ("skill over least squares", sound.skill_vs_ols, sound.skill_vs_ols.limits),
        ("skill over the midpoint", sound.skill_vs_midpoint, sound.skill_vs_midpoint.limits),
    ]
    return pd.DataFrame([tuple(map(str, row)) for row in rows], columns=["score", "value", "95% interval"])


def classification_scores(contest: Contest) -> pd.DataFrame:
    """The scores of the failure network, out of fold and on fresh rows, beside one who knows the rules."""
    own, chances, best = contest.network, contest.chances["network"], load(Ceiling).best
    rows = [
        ("macro-F1", own.macro_f1.interval, own.fresh_macro_f1.interval, best.macro_f1.interval),
        ("log loss", chances.log_loss.interval, chances.fresh_log_loss.interval, ""),
        *((f"recall, {SHORT[label]}", own.recall[slug].interval, "", "") for label, slug in CLASSES.items()),
    ]
    return pd.DataFrame(rows, columns=["score", "out of fold", "fresh simulated rows", "knows the rules, out of fold"])

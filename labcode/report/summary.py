"""The headline of the book: what was stated, what comes out again, what a sound network does, what needs none."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from labcode.book.reference import stated
from labcode.experiments.catalog import typed
from labcode.lab.classification.ceiling_results import Ceiling
from labcode.lab.classification.sound_results import Contest, Scores
from labcode.lab.classification.sound_tables import MODELS as RIVALS
from labcode.lab.regression.results import Baselines
from labcode.lab.regression.tables import MODELS as MODELS_OF_CLOSE
from labcode.report.measured import Measured, Sources, measure
from labcode.report.text import NARROW, decimals, percent, to


def headline_table(sources: Sources) -> pd.DataFrame:
    """A row for each of the lab's headline figures."""
    loss = measure("regression/as-submitted:root(test_mse_epoch_49)", sources)
    ours, ceiling = typed(Contest, sources["classification/contest"]), typed(Ceiling, sources["classification/ceiling"])
    rival, text = max(_rivals(ours), key=lambda each: each[0].macro_f1.value)
    accurate, most = max(_rivals(ours), key=lambda each: accuracy(each[0]))
    rows = [
        _row(
            "Predicting the close: RMSE, USD",
            f"≈{NARROW}{decimals((stated('regression.test_49').value or math.nan) ** 0.5, 1)}",
            _limits(loss, 1),
            _of(sources, "regression/sound:rmse", 3),
            _best_close(sources),
            "not known",
        ),
        _row(
            "The same after tuning: RMSE, USD",
            f"≈{NARROW}{decimals(stated('tuning.rmse').value or math.nan, 1)}",
            _of(sources, "tuning/as-submitted:root(best_score)", 1),
            f"{decimals(sources.number('tuning/regression', 'test_rmse'), 3)}; not tuned "
            f"{decimals(sources.number('tuning/regression', 'test_start_rmse'), 3)}",
            _best_close(sources),
            "not known",
        ),
        _row(
            "Telling failures apart: accuracy",
            percent(stated("classification.accuracy").value or math.nan, 0),
            _of(sources, "classification/as-submitted:accuracy", 1, share=True),
            percent(accuracy(ours.network_without_rule)),
            f"{percent(accuracy(accurate))}, {most}",
            "–",
        ),
        _row(
            "The same: macro-F1",
            decimals(stated("classification.macro_f1").value or math.nan),
            _of(sources, "classification/as-submitted:macro_f1", 3),
            str(ours.network.macro_f1.interval),
            f"{rival.macro_f1.interval}, {text}",
            str(ceiling.best.macro_f1.interval),
        ),
    ]
    return pd.DataFrame(rows)


def _rivals(ours: Contest) -> list[tuple[Scores, str]]:
    """Models without a network, each with the decision for macro-F1 and without."""
    return [
        (getattr(ours, f"{name}{end}"), text)
        for name, text in RIVALS.items()
        if name != "network"
        for end in ("", "_with_rule")
    ]


def _best_close(sources: Sources) -> str:
    """The best error without a network, and of what."""
    base = typed(Baselines, sources["regression/baselines"])
    return f"{base.models[base.best].rmse.bare} ({base.models[base.best].rmse.limits}), {MODELS_OF_CLOSE[base.best]}"


def accuracy(scores: Scores) -> float:
    """Share of the rows out of fold that are called what they are, mean over the repeats."""
    return float(np.trace(scores.confusion, axis1=-2, axis2=-1).sum() / scores.confusion.sum())


def _row(task: str, *cells: str) -> dict[str, str]:
    columns = ("task", "stated", "first version again", "this version", "best without a network", "best possible")
    return dict(zip(columns, (f"**{task}**", *cells), strict=True))


def _of(sources: Sources, ours: str, places: int, *, share: bool = False) -> str:
    return _limits(measure(ours, sources), places, share=share)


def _limits(found: Measured, places: int, *, share: bool = False) -> str:
    """A number with its interval, or alone where it has none; a share in per cent."""
    value, low, high = (100 * each if share else each for each in (found.value, found.low or 0, found.high or math.inf))
    end = "%" if share else ""
    if not math.isfinite(high - low):
        return f"{decimals(value, places)}{end}"
    return f"{decimals(value, places)}{end} ({to(low, high, places, end=end)})"

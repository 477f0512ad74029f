"""The headline of the book: what was stated, what comes out again, what a sound network does, what needs none."""

from __future__ import annotations

import math

import pandas as pd

from labcode.book.reference import stated
from labcode.experiments.catalog import typed
from labcode.lab.regression.results import Baselines
from labcode.lab.regression.tables import MODELS as MODELS_OF_CLOSE
from labcode.report.classification import MODELS
from labcode.report.measured import Measured, Sources, measure
from labcode.report.text import NARROW, decimals, percent, to


def headline_table(sources: Sources) -> pd.DataFrame:
    """A row for each of the lab's headline figures."""
    loss = measure("regression/as-submitted:root(test_mse_epoch_49)", sources)
    best = str(sources["classification/baselines"].scalars["best"])
    rivals = "classification/baselines"
    accurate, majority = (sources.number(rivals, f"{name}_accuracy") for name in (most_accurate(sources), "majority"))
    rows = [
        _row(
            "Predicting the close: RMSE, USD",
            f"≈{NARROW}{decimals((stated('regression.test_49').value or math.nan) ** 0.5, 1)}",
            _limits(loss, 1),
            _of(sources, "regression/sound:rmse", 3),
            _best_close(sources),
        ),
        _row(
            "The same after tuning: RMSE, USD",
            f"≈{NARROW}{decimals(stated('tuning.rmse').value or math.nan, 1)}",
            _of(sources, "tuning/as-submitted:root(best_score)", 1),
            f"{decimals(sources.number('tuning/regression', 'test_rmse'), 3)}; not tuned "
            f"{decimals(sources.number('tuning/regression', 'test_default_rmse'), 3)}",
            _best_close(sources),
        ),
        _row(
            "Telling failures apart: accuracy",
            percent(stated("classification.accuracy").value or math.nan, 0),
            _of(sources, "classification/as-submitted:accuracy", 1, share=True),
            _of(sources, "classification/sound:accuracy", 1, share=True),
            f"{percent(accurate)}, {MODELS[most_accurate(sources)]}; always “No Failure” {percent(majority)}",
        ),
        _row(
            "The same: macro-F1",
            decimals(stated("classification.macro_f1").value or math.nan),
            _of(sources, "classification/as-submitted:macro_f1", 3),
            _of(sources, "classification/sound:macro_f1", 3),
            f"{_of(sources, f'classification/baselines:{best}_macro_f1', 3)}, {MODELS[best]}",
        ),
    ]
    return pd.DataFrame(rows)


def _best_close(sources: Sources) -> str:
    """The best error without a network, and of what."""
    base = typed(Baselines, sources["regression/baselines"])
    return f"{base.models[base.best].rmse.bare} ({base.models[base.best].rmse.limits}), {MODELS_OF_CLOSE[base.best]}"


def most_accurate(sources: Sources) -> str:
    """Which model without a network has the highest accuracy on natural rows."""
    return max(MODELS, key=lambda name: sources.number("classification/baselines", f"{name}_accuracy"))


def _row(task: str, original: str, submitted: str, sound: str, baseline: str) -> dict[str, str]:
    columns = ("task", "stated", "as submitted, again", "sound network", "best without a network")
    return dict(zip(columns, (f"**{task}**", original, submitted, sound, baseline), strict=True))


def _of(sources: Sources, ours: str, places: int, *, share: bool = False) -> str:
    return _limits(measure(ours, sources), places, share=share)


def _limits(found: Measured, places: int, *, share: bool = False) -> str:
    """A number with its interval, or alone where it has none; a share in per cent."""
    value, low, high = (100 * each if share else each for each in (found.value, found.low or 0, found.high or math.inf))
    end = "%" if share else ""
    if not math.isfinite(high - low):
        return f"{decimals(value, places)}{end}"
    return f"{decimals(value, places)}{end} ({to(low, high, places, end=end)})"

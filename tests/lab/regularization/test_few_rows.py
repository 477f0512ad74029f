"""Few rows and many: the plain loop, the choice of strengths, and what must be true of the numbers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from labcode.data.simulate import simulate_prices
from labcode.lab import load
from labcode.lab.config import configured
from labcode.lab.regularization import few_rows, figures, tables
from labcode.lab.regularization.few_rows import PARAMETER, TECHNIQUES, passes_over, unfitted
from labcode.lab.regularization.holding import train_held_back
from labcode.lab.regularization.results import AsSubmitted, FewRows
from labcode.lab.regularization.settings import FewRows as Settings
from labcode.nets.mlp import MLP
from labcode.nets.together import TrainingRows, fit_together

SPEC = configured(Settings, "regularization.few_rows", profile="quick")
PRICES = simulate_prices(n_symbols=4).astype({"symbol": "category"}).reset_index(drop=True)
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(250, 4)).astype(np.float32)
Y = np.tanh(X[:, 0] - X[:, 1])
#: Technique, its strength, and what the plain loop calls it.
CASES = [("none", 0.0, ""), ("dropout", 0.3, ""), ("decay", 3.0, "decay"), ("l1", 0.01, "l1"), ("noise", 0.3, "noise")]


def test_the_regularised_run_is_compared_at_like_epochs(quick_store: Path) -> None:
    first = load(AsSubmitted)
    assert first.curves.shape == (first.seeds, 20, 2) and first.plain_curves.shape == (first.seeds, 50, 2)
    gaps = first.curves[:, 10, 1] - first.plain_curves[:, 10, 1]
    assert first.added_mse_epoch[10].value == pytest.approx(gaps.mean())
    assert round(first.printed_added_mse_epoch[0].value) == 86


def test_none_gains_nothing_and_the_first_draw_is_the_estimate(quick_store: Path) -> None:
    few = load(FewRows)
    for size in few.sizes.values():
        none, *others = size.techniques.values()
        assert (none.gain.value, none.gain.low, none.gain.high) == (0, 0, 0)
        for other in others:
            expected = 1 - (1 - other.r2.value) / (1 - none.r2.value)
            assert other.gain.value == pytest.approx(expected, abs=1e-6)
    assert tables.gains(few).shape == (len(TECHNIQUES), 1 + len(few.sizes)) and few.tried == len(TECHNIQUES)
    assert len(figures.scores(few)) == 2 * len(few.sizes)
    assert set(figures.scores_by_technique(few)["technique"]) == set(tables.TECHNIQUES.values())


@pytest.mark.parametrize(("name", "strength", "called"), CASES)
def test_the_plain_loop_trains_the_same_network(name: str, strength: float, called: str) -> None:
    spec = dataclasses.replace(SPEC, steps=9)
    network = unfitted(spec, len(X), 7, name, strength)
    fast = fit_together([network, network], [TrainingRows(X, Y)] * 2)[0].estimator
    torch.manual_seed(7)
    plain = MLP(4, hidden=network.hidden, n_outputs=1, dropout=strength if name == "dropout" else 0.0)
    targets = torch.tensor((Y - Y.mean()) / Y.std(), dtype=torch.float32)[:, None]
    options = {called: strength} if called else {}
    train_held_back(plain, torch.tensor(X), targets, epochs=3, seed=7, **options)  # type: ignore[arg-type]
    with torch.no_grad():
        answers = plain.eval()(torch.tensor(X))[:, 0].numpy() * Y.std() + Y.mean()
    assert fast is not None
    np.testing.assert_allclose(fast.predict(X), answers, atol=2e-4)


def test_a_strength_reaches_the_network_and_steps_are_equal() -> None:
    by_name = {name: unfitted(SPEC, 1000, 0, name, 0.2 if name == "stopping" else 4.0) for name in PARAMETER}
    assert by_name["smaller"].hidden == (4,) and by_name["decay"].weight_decay == by_name["l1"].l1 == 4.0
    assert by_name["stopping"].max_epochs == 3 and by_name["noise"].max_epochs == 15
    steps = [passes_over(SPEC, rows) * -(-rows // SPEC.batch_size) for rows in (300, 1000, 5000)]
    assert steps == [150, 150, 150]


def test_a_strength_is_chosen_on_later_dates_of_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    few = dataclasses.replace(SPEC, dropout=(0.2, 0.6), stopping=(0.1, 0.5))
    asked = []

    def fake(spec: Settings, days: pd.DataFrame, candidates: Any, seeds: Any, *others: pd.DataFrame) -> list[Any]:
        (held,) = others
        asked.append((days["date"].max(), held["date"].min()))
        right = 2 * (held["close"] - held["low"]) / (held["high"] - held["low"]) - 1
        return [np.stack([right + (strength not in (0.6, 0.1)) for _, strength in candidates])]

    monkeypatch.setattr(few_rows, "predicted", fake)
    chosen = dict(few_rows.chosen_strengths(few, PRICES, 0))
    assert (chosen["dropout"], chosen["stopping"]) == (0.6, 0.1)
    assert len(asked) == few.folds and all(fitted < held for fitted, held in asked)


def test_answers_stay_within_the_range_of_the_day() -> None:
    days, test = PRICES.iloc[:300], PRICES.iloc[300:350]
    fitted, asked = few_rows.predicted(SPEC, days, [("none", 0.0), ("smaller", 4.0)], [0, 1], days, test)
    assert fitted.shape == (2, 300) and asked.shape == (2, 50)
    assert np.abs(asked).max() <= 1


def test_dates_are_drawn_whole() -> None:
    values = RANDOM.normal(size=(3, 2, 60))
    drawn = few_rows.means_by_date(np.repeat(np.arange(30), 2), SPEC)(values)
    assert drawn.shape == (3, SPEC.draws + 1)
    np.testing.assert_allclose(drawn[:, 0], values.sum(axis=2).mean(axis=1) / 30, rtol=1e-5)

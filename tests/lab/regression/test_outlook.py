"""Simulated days, what a network may know of the past, the next day, the views of the ladder, and counted steps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from torch import nn

from labcode.data.simulate import simulate_prices
from labcode.lab.regression import settings
from labcode.lab.regression.candidates import CANDIDATES, predictions
from labcode.lab.regression.outlook import next_day_rows, past_inputs, random_days, with_past
from labcode.lab.regression.repair import _step_predictions
from labcode.lab.regression.split import rolling_folds
from labcode.lab.regression.views import VIEWS, ClosePredictor, ladder
from labcode.lab.regression.watch import updates

PRICES = simulate_prices(n_symbols=3).astype({"symbol": "category"}).reset_index(drop=True)


def test_a_random_day_has_the_textbooks_range() -> None:
    days = random_days(20_000, 50)
    assert (days["low"] <= np.minimum(0, days["close"])).all() and (np.maximum(0, days["close"]) <= days["high"]).all()
    assert days["close"].std() == pytest.approx(1, rel=0.02)
    assert days["high"].mean() == pytest.approx((2 / np.pi) ** 0.5, rel=0.02)
    # Feller (1951): the range of a Brownian motion has mean sqrt(8 / pi) and second moment 4 ln 2.
    spread = days["high"] - days["low"]
    assert spread.mean() == pytest.approx((8 / np.pi) ** 0.5, rel=0.02)
    assert (spread**2).mean() == pytest.approx(4 * np.log(2), rel=0.03)


def test_the_past_is_the_symbols_own_and_holds_nothing_of_later_days() -> None:
    cut = PRICES["date"].sort_values().unique()[300]
    changed = PRICES.copy()
    later = changed["date"] > cut
    changed.loc[later, ["high", "volume"]] *= 3
    other = (changed["symbol"] == changed["symbol"].iloc[0]) & ~later
    before, after = with_past(PRICES, 20), with_past(changed, 20)
    columns = ["past_range", "past_volume"]
    pd.testing.assert_frame_equal(before.loc[~later, columns], after.loc[~later, columns])
    changed.loc[other, "volume"] *= 3
    same = (changed["symbol"] != changed["symbol"].iloc[0]) & ~later
    pd.testing.assert_frame_equal(before.loc[same, columns], with_past(changed, 20).loc[same, columns])
    assert np.isfinite(before[columns].to_numpy()).all()
    assert list(before.index) == list(PRICES.index)


def test_what_the_network_sees_of_a_day_holds_nothing_of_its_close() -> None:
    day = PRICES["date"].max()
    told = PRICES.assign(close=PRICES["close"].where(PRICES["date"] < day, PRICES["low"]))
    last = (PRICES["date"] == day).to_numpy()
    np.testing.assert_array_equal(past_inputs(with_past(told, 20))[last], past_inputs(with_past(PRICES, 20))[last])


def test_the_past_is_the_mean_of_the_days_before() -> None:
    known = with_past(PRICES, 20)
    own = PRICES[PRICES["symbol"] == PRICES["symbol"].iloc[0]].sort_values("date")
    volume = own["volume"].to_numpy() + 1.0
    expected = np.log(volume[100] / volume[80:100].mean())
    assert known.loc[own.index[100], "past_volume"] == pytest.approx(expected)
    assert known.loc[own.index[0], "past_volume"] == 0, "a first day is as usual"


def test_the_next_day_of_a_row_is_its_own_symbols() -> None:
    rows = next_day_rows(PRICES.sample(frac=1, random_state=0))
    one = rows[rows["symbol"] == PRICES["symbol"].iloc[0]].sort_values("date")
    own = PRICES[PRICES["symbol"] == PRICES["symbol"].iloc[0]].sort_values("date")
    np.testing.assert_array_equal(one["next_close"], own["close"].iloc[1:])
    assert (one["next_date"] > one["date"]).all()


def test_rolling_folds_train_on_the_past_only() -> None:
    days = pd.DataFrame({"date": pd.date_range("2016-01-01", periods=40).repeat(3)})
    folds = rolling_folds(days, folds=3, block_share=0.1)
    for fold in folds:
        assert fold.train["date"].max() < fold.held_out["date"].min()
        assert fold.held_out["date"].nunique() == 4
    assert folds[-1].held_out.index[-1] == len(days) - 1
    assert folds[0].held_out.index[-1] + 1 == folds[1].held_out.index[0]


@pytest.mark.parametrize("name", VIEWS)
def test_the_true_target_gives_the_close_back(name: str) -> None:
    days = PRICES[PRICES["high"] > PRICES["low"]]
    view = VIEWS[name]  # type: ignore[index]
    close = days["close"].to_numpy()
    np.testing.assert_allclose(view.dollars(days, view.target(days, close)), close, rtol=1e-9)
    assert np.isfinite(view.inputs(days)).all()


@pytest.mark.parametrize("options", [{}, {"shortcut": True, "view": "levels"}, {"percent_error": True}])
def test_a_predictor_is_an_estimator_with_reproducible_bits(options: dict) -> None:
    predictor = ClosePredictor(max_epochs=1, random_state=3, **options)
    first, second = (clone(predictor).fit(PRICES, PRICES["close"]).predict(PRICES) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("batch_size", "epochs", "rows", "expected"), [("full", 50, 1000, 50), (100, 2, 1000, 20), (300, 2, 1000, 8)]
)
def test_steps_count_batches_as_the_loop_takes_them(batch_size: object, epochs: int, rows: int, expected: int) -> None:
    assert updates({"batch_size": batch_size, "max_epochs": epochs}, rows) == expected


def test_the_layers_in_lab_toml_are_those_of_every_network() -> None:
    first = settings.First(hidden=(6, 5), lr=0.001, epochs=50, seeds=1)
    network = settings.Network(hidden=(7, 3), batch_size=512, epochs=1, lr=0.003)
    wanted = {name: rung["hidden"] for name, rung in ladder(first, network).items()}
    assert wanted["as submitted"] == (6, 5) and wanted["position in the range"] == (7, 3)
    for shortcut in (False, True):
        fitted = ClosePredictor(hidden=(7, 3), shortcut=shortcut, max_epochs=1).fit(PRICES, PRICES["close"])
        widths = [
            layer.out_features for layer in fitted.network_.net_.module_.modules() if isinstance(layer, nn.Linear)
        ]
        assert widths[:3] == [7, 3, 1]


def test_candidates_that_share_a_network_answer_as_if_each_had_trained_its_own() -> None:
    network = settings.Network(hidden=(8, 4), batch_size=512, epochs=1, lr=0.003)
    together = predictions(CANDIDATES, 0, network, PRICES, PRICES)
    assert list(together) == list(CANDIDATES)
    for name in CANDIDATES:
        np.testing.assert_array_equal(together[name], predictions((name,), 0, network, PRICES, PRICES)[name])
    plain, odd = together["position"], together["position, odd"]
    inside = np.abs(together["position, half odd"] - (plain + odd) / 2) < 1e-6
    assert inside.mean() > 0.9, "their mean, but where an answer leaves the range"


@pytest.mark.parametrize("name", ["as submitted", "target scaled"])
def test_a_step_by_the_fast_loop_is_that_of_the_estimator(name: str) -> None:
    first = settings.First(hidden=(6, 5), lr=0.01, epochs=50, seeds=1)
    rung = ladder(first, settings.Network(hidden=(7, 3), batch_size=512, epochs=1, lr=0.003))[name]
    by_estimator = ClosePredictor(**rung, random_state=2).fit(PRICES, PRICES["close"]).predict(PRICES)
    np.testing.assert_allclose(_step_predictions(rung, 2, PRICES, PRICES), by_estimator, rtol=1e-3, atol=1e-2)

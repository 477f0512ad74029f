"""Simulated days, what a network may know of the past, the next day, the views of the ladder, and counted steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from labcode.data.simulate import simulate_prices
from labcode.lab.regression.ladder import VIEWS, ladder, rung_predictions
from labcode.lab.regression.outlook import next_day_rows, past_inputs, random_days, with_past
from labcode.lab.regression.settings import First, Network
from labcode.lab.regression.sound import CANDIDATES, predictions
from labcode.lab.regression.split import folds_by_date

PRICES = simulate_prices(n_symbols=3).astype({"symbol": "category"}).reset_index(drop=True)
NETWORK = Network(hidden=(7, 3), batch_size=512, epochs=1, lr=0.003)
RUNGS = ladder(First(hidden=(6, 5), lr=0.01, epochs=50, seeds=1), NETWORK)


def test_a_random_day_has_the_textbooks_range() -> None:
    days = random_days(20_000, 50)
    assert (days["low"] <= np.minimum(0, days["close"])).all() and (np.maximum(0, days["close"]) <= days["high"]).all()
    assert days["close"].std() == pytest.approx(1, rel=0.02)
    # Feller (1951): the range of a Brownian motion has mean sqrt(8 / pi) and second moment 4 ln 2.
    spread = days["high"] - days["low"]
    assert spread.mean() == pytest.approx((8 / np.pi) ** 0.5, rel=0.02)
    assert (spread**2).mean() == pytest.approx(4 * np.log(2), rel=0.03)


def test_the_past_is_the_symbols_own_and_holds_nothing_of_later_days() -> None:
    columns, first = ["past_range", "past_volume"], PRICES["symbol"] == PRICES["symbol"].iloc[0]
    later = PRICES["date"] > PRICES["date"].sort_values().unique()[300]
    before, changed = with_past(PRICES, 20), PRICES.copy()
    changed.loc[later, ["high", "volume"]] *= 3
    pd.testing.assert_frame_equal(before.loc[~later, columns], with_past(changed, 20).loc[~later, columns])
    changed.loc[first & ~later, "volume"] *= 3
    pd.testing.assert_frame_equal(
        before.loc[~first & ~later, columns], with_past(changed, 20).loc[~first & ~later, columns]
    )
    assert np.isfinite(before[columns].to_numpy()).all() and list(before.index) == list(PRICES.index)
    np.testing.assert_array_equal(past_inputs(with_past(PRICES.assign(close=0.0), 20)), past_inputs(before))


def test_the_next_day_of_a_row_is_its_own_symbols() -> None:
    rows = next_day_rows(PRICES.sample(frac=1, random_state=0))
    one = rows[rows["symbol"] == PRICES["symbol"].iloc[0]].sort_values("date")
    days = PRICES[PRICES["symbol"] == PRICES["symbol"].iloc[0]].sort_values("date")
    np.testing.assert_array_equal(one["next_close"], days["close"].iloc[1:])
    assert (one["next_date"] > one["date"]).all()


def test_rolling_folds_train_on_all_earlier_dates_alone() -> None:
    dates = pd.Series(pd.date_range("2016-01-01", periods=40).repeat(3)).sample(frac=1, random_state=0)
    folds = folds_by_date(dates, 3, 0.1)
    for number, (train, held) in enumerate(folds):
        first, *_ = held_dates = np.unique(dates.iloc[held])
        assert len(held_dates) == 4 and set(np.flatnonzero(dates < first)) == set(train)
        assert first == np.unique(dates)[40 - 4 * (3 - number)]


@pytest.mark.parametrize("name", VIEWS)
def test_the_true_target_gives_the_close_back(name: str) -> None:
    days, view = PRICES[PRICES["high"] > PRICES["low"]], VIEWS[name]
    close = days["close"].to_numpy()
    np.testing.assert_allclose(view.dollars(days, view.target(days, close)), close, rtol=1e-9)
    assert np.isfinite(view.inputs(days)).all()


def test_steps_count_batches_as_the_loop_takes_them() -> None:
    rung = replace(RUNGS["mini-batches"], network=replace(NETWORK, epochs=2, batch_size=300))
    assert rung.updates(1000) == 8 and RUNGS["as submitted"].updates(1000) == 50


def test_candidates_that_share_a_network_answer_as_if_each_had_trained_its_own() -> None:
    together = predictions(CANDIDATES, 0, NETWORK, PRICES, PRICES)
    assert list(together) == list(CANDIDATES)
    for name in CANDIDATES:
        np.testing.assert_array_equal(together[name], predictions((name,), 0, NETWORK, PRICES, PRICES)[name])
    plain, odd = together["position"], together["position, odd"]
    inside = np.abs(together["position, half odd"] - (plain + odd) / 2) < 1e-6
    assert inside.mean() > 0.9, "their mean, but where an answer leaves the range"


@pytest.mark.parametrize("name", ["as submitted", "target scaled"])
def test_a_step_by_the_fast_loop_is_that_of_the_estimator(name: str) -> None:
    from sklearn.preprocessing import StandardScaler

    from labcode.nets.estimators import TabularRegressor

    X = StandardScaler().fit_transform(PRICES[["open", "low", "high", "volume"]])
    estimator = TabularRegressor(
        hidden=(6, 5),
        lr=0.01,
        max_epochs=50,
        batch_size="full",
        standardize_target=name == "target scaled",
        random_state=2,
    )
    by_estimator = estimator.fit(X, PRICES["close"]).predict(X)
    np.testing.assert_allclose(rung_predictions(RUNGS[name], 2, PRICES, PRICES), by_estimator, rtol=1e-3, atol=1e-2)

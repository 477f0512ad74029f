"""The views of a price row, the networks on them, and the rows they are trained on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from labcode.data.simulate import simulate_prices
from labcode.experiments.price_models import PRICE_CLIP, VIEWS, ClosePredictor, midpoint, position
from labcode.experiments.price_rows import (
    baseline_predictions,
    next_day_rows,
    random_split,
    rolling_folds,
    sound_split,
)

PRICES = simulate_prices(n_symbols=12).astype({"symbol": "category"})
ROWS, CLOSE = PRICES[["open", "low", "high", "volume"]], PRICES["close"].to_numpy()
ODD = PRICES.iloc[:4].assign(
    open=[10.0, 10.0, 10.0, 12.0],
    low=[10.0, 11.0, 9.0, 9.0],
    high=[10.0, 9.0, 11.0, 11.0],
    close=[10.0, 10.0, 10.0, 10.0],
)


@pytest.mark.parametrize("name", VIEWS)
def test_the_true_target_gives_the_close_back(name: str) -> None:
    inside = PRICES["high"] > PRICES["low"]
    rows, close = ROWS[inside], CLOSE[inside]
    np.testing.assert_allclose(VIEWS[name].dollars(rows, VIEWS[name].target(rows, close)), close, rtol=1e-9)


@pytest.mark.parametrize("name", VIEWS)
def test_odd_rows_give_finite_numbers(name: str) -> None:
    view = VIEWS[name]
    assert np.isfinite(view.inputs(ODD)).all()
    assert np.isfinite(view.dollars(ODD, view.target(ODD, ODD["close"].to_numpy()))).all()


@given(scale=st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_positions_do_not_depend_on_the_currency(scale: float) -> None:
    rows = ROWS.iloc[:50]
    scaled = rows.assign(**{name: rows[name] * scale for name in ("open", "low", "high")})
    np.testing.assert_allclose(position(scaled, CLOSE[:50] * scale), position(rows, CLOSE[:50]), atol=1e-6)


def test_the_position_view_never_answers_outside_the_range_nor_sees_extreme_prices() -> None:
    view, rows = VIEWS["position"], ROWS.iloc[:100]
    wild = np.linspace(-5, 5, 100)
    assert ((view.dollars(rows, wild) >= rows["low"] - 1e-9) & (view.dollars(rows, wild) <= rows["high"] + 1e-9)).all()
    dear = rows.assign(**{name: rows[name] * 1e3 for name in ("open", "low", "high")})
    assert view.inputs(dear)[:, 3].max() == pytest.approx(np.log(PRICE_CLIP[1]))


def mirrored(rows: pd.DataFrame) -> pd.DataFrame:
    """The same days with the open mirrored at the midpoint."""
    return rows.assign(open=rows["low"] + rows["high"] - rows["open"])


@pytest.mark.parametrize("symmetry", ["free", "odd", "half"])
def test_only_an_odd_network_mirrors_its_answer(symmetry: str) -> None:
    fitted = ClosePredictor(symmetry=symmetry, max_epochs=1).fit(ROWS, CLOSE)  # type: ignore[arg-type]
    rows = ROWS.iloc[:200]
    away = fitted.predict(rows) - midpoint(rows)
    away_mirrored = fitted.predict(mirrored(rows)) - midpoint(rows)
    assert np.allclose(away, -away_mirrored, atol=1e-4) == (symmetry == "odd")


def test_a_predictor_is_an_estimator_with_reproducible_bits() -> None:
    predictor = ClosePredictor(max_epochs=1, random_state=3)
    first, second = (clone(predictor).fit(ROWS, CLOSE).predict(ROWS) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = clone(predictor).set_params(random_state=4).fit(ROWS, CLOSE).predict(ROWS)
    assert not np.array_equal(first, other)


def test_a_network_that_is_asked_well_beats_the_midpoint() -> None:
    split = sound_split(PRICES)
    actual = split.y_test.to_numpy()
    predicted = ClosePredictor().fit(split.X_train, split.y_train).predict(split.X_test)
    assert ((predicted - actual) ** 2).mean() < 0.9 * ((midpoint(split.X_test) - actual) ** 2).mean()


def test_the_sound_split_is_by_date_and_keeps_every_test_row() -> None:
    spoilt = PRICES.reset_index(drop=True).copy()
    spoilt.loc[[5, len(spoilt) - 5], "close"] = 1e5
    split = sound_split(spoilt)
    assert split.keys_train is not None and split.keys_test is not None
    assert split.keys_train["date"].max() < split.keys_test["date"].min()
    assert 5 not in split.X_train.index, "an untrustworthy row is not trained on"
    assert len(spoilt) - 5 in split.X_test.index, "but it is scored"
    assert len(split.X_train) + len(split.X_test) == len(spoilt) - 1


def test_the_random_split_is_the_originals_without_its_scaling() -> None:
    split = random_split(PRICES.reset_index(drop=True))
    assert split.X_test["open"].mean() == pytest.approx(PRICES["open"].mean(), rel=0.05)
    assert set(split.X_train.index).isdisjoint(split.X_test.index)


def test_rolling_folds_train_on_the_past_only() -> None:
    dates = pd.Series(pd.date_range("2016-01-01", periods=40).repeat(3))
    folds = rolling_folds(dates, folds=3, block_share=0.1)
    for train, held in folds:
        assert dates.iloc[train].max() < dates.iloc[held].min()
        assert dates.iloc[held].nunique() == 4
    assert folds[-1][1][-1] == len(dates) - 1
    assert folds[0][1][-1] + 1 == folds[1][1][0]


def test_the_next_day_of_a_row_is_its_own_symbols() -> None:
    rows = next_day_rows(PRICES.sample(frac=1, random_state=0))
    one = rows[rows["symbol"] == PRICES["symbol"].iloc[0]].sort_values("date")
    own = PRICES[PRICES["symbol"] == PRICES["symbol"].iloc[0]].sort_values("date")
    np.testing.assert_array_equal(one["next_close"], own["close"].iloc[1:])
    assert (one["next_date"] > one["date"]).all()


def test_baselines_say_what_their_names_promise() -> None:
    split = sound_split(PRICES)
    found = baseline_predictions(split)
    assert (found["zero"] == 0).all()
    np.testing.assert_allclose(found["mean"], split.y_train.mean())
    np.testing.assert_array_equal(found["open"], split.X_test["open"])
    np.testing.assert_allclose(found["midpoint"], (split.X_test["low"] + split.X_test["high"]) / 2)
    inputs = np.column_stack([np.ones(len(split.X_train)), split.X_train / split.X_train.std()])
    weights, *_ = np.linalg.lstsq(inputs, split.y_train.to_numpy(), rcond=None)
    expected = np.column_stack([np.ones(len(split.X_test)), split.X_test / split.X_train.std()]) @ weights
    np.testing.assert_allclose(found["ols"], expected, rtol=1e-6)

"""The functions that the chapter shows: each runs by itself, as it is printed, and does what the chapter says of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor

from labcode.book.listing import source_of
from labcode.data.simulate import simulate_prices
from labcode.lab.regression.fast import full_batch_losses
from labcode.lab.regression.settings import Network
from labcode.nets.estimators import TabularRegressor

PRICES = simulate_prices(n_symbols=4).astype({"symbol": "category"}).reset_index(drop=True)
SETTINGS = Network(hidden=(8, 4), batch_size=512, epochs=2, lr=0.003)
ODD_DAYS = PRICES.iloc[:4].assign(
    open=[10.0, 10.0, 10.0, 12.0],
    low=[10.0, 11.0, 9.0, 9.0],
    high=[10.0, 9.0, 11.0, 11.0],
    close=[10.0, 10.0, 10.0, 10.0],
)


def shown(module: str, *names: str) -> dict[str, Any]:
    """What the listing defines where nothing else is, with the imports and constants that it shows."""
    namespace: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source_of(f"labcode.lab.regression.{module}", *names), namespace)
    return namespace


FIRST = shown("first", "first_split", "FirstNetwork", "train_first")
SPLIT = shown("split", "split_by_date")
NETWORK = shown(
    "network", "day_range", "position", "position_inputs", "to_dollars", "fit_position_network", "predict_close"
)
BASELINES = shown("baselines", "without_network", "boosted_trees", "trees_on_position", "rmse", "skill")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("first", "first_split"),
        ("first", "FirstNetwork"),
        ("first", "train_first"),
        ("split", "split_by_date"),
        ("network", "position"),
        ("network", "position_inputs"),
        ("network", "to_dollars"),
        ("network", "fit_position_network"),
        ("network", "predict_close"),
        ("baselines", "without_network"),
        ("baselines", "boosted_trees"),
        ("baselines", "trees_on_position"),
    ],
)
def test_what_is_shown_is_short(module: str, name: str) -> None:
    assert len(source_of(f"labcode.lab.regression.{module}", name, imports=False).splitlines()) <= 25


def test_our_first_split_is_at_random_and_scaled_over_all_rows() -> None:
    X_train, X_test, y_train, y_test = FIRST["first_split"](PRICES)
    assert X_train.shape[1] == 4 and y_train.shape == (len(X_train), 1) and y_test.shape == (len(X_test), 1)
    assert len(X_test) == pytest.approx(0.2 * len(PRICES), abs=1) and len(X_train) + len(X_test) == len(PRICES)
    assert {part.dtype for part in (X_train, X_test, y_train, y_test)} == {torch.float32}
    together = torch.cat([X_train, X_test])
    torch.testing.assert_close(together.mean(dim=0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(together.std(dim=0, correction=0), torch.ones(4), atol=1e-4, rtol=0)


@pytest.mark.parametrize("seed", [0, 3])
def test_the_plain_loop_the_fast_one_and_the_estimator_train_the_same_network(seed: int) -> None:
    rows = FIRST["first_split"](PRICES)
    torch.manual_seed(seed)
    plain = FIRST["train_first"](FIRST["FirstNetwork"]((64, 32)), *rows, epochs=8, lr=0.01)
    fast = full_batch_losses(rows, hidden=(64, 32), lr=0.01, epochs=8, seed=seed)
    np.testing.assert_allclose(fast, plain[["train", "test"]], rtol=1e-4)

    X_train, X_test, y_train, y_test = (part.numpy() for part in rows)
    estimator = TabularRegressor(
        hidden=(64, 32), lr=0.01, max_epochs=8, batch_size="full", standardize_target=False, random_state=seed
    )
    estimator.fit(X_train, y_train[:, 0], valid_set=(X_test, y_test[:, 0]))
    np.testing.assert_allclose(estimator.history_[["train_loss", "valid_loss"]], plain[["train", "test"]], rtol=1e-4)


@pytest.mark.parametrize("hidden", [(5, 3), (3, 1)])
def test_the_fast_loop_takes_more_rows_than_a_chunk_and_leaves_the_generator_alone(hidden: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(0)
    rows = [torch.randn(n, k, generator=random) for k in (4, 1) for n in (5000, 4097)]
    before = torch.get_rng_state()
    fast = full_batch_losses(rows, hidden=hidden, lr=0.01, epochs=3, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(1)
    plain = FIRST["train_first"](FIRST["FirstNetwork"](hidden), *rows, epochs=3, lr=0.01)
    np.testing.assert_allclose(fast, plain, rtol=1e-4)


def test_no_test_date_and_no_odd_row_is_trained_on() -> None:
    spoilt = PRICES.copy()
    spoilt.loc[[5, len(spoilt) - 5], "close"] = 1e5
    train, test = SPLIT["split_by_date"](spoilt)
    assert train["date"].max() < test["date"].min()
    assert test["date"].nunique() == round(0.2 * spoilt["date"].nunique())
    assert 5 not in train.index, "an untrustworthy row is not trained on"
    assert len(spoilt) - 5 in test.index, "but it is scored"
    assert len(train) + len(test) == len(spoilt) - 1


def test_the_split_does_not_depend_on_the_order_of_the_rows() -> None:
    mixed = PRICES.sample(frac=1, random_state=0)
    for one, other in zip(SPLIT["split_by_date"](PRICES), SPLIT["split_by_date"](mixed), strict=True):
        assert set(one.index) == set(other.index)


def test_positions_lie_in_the_range_and_give_the_close_back() -> None:
    place = NETWORK["position"](PRICES, PRICES["close"])
    assert place.min() >= -1 - 1e-9 and place.max() <= 1 + 1e-9
    assert NETWORK["position"](PRICES, PRICES["low"])[PRICES["high"] > PRICES["low"]] == pytest.approx(-1)
    moved = PRICES["high"] > PRICES["low"]
    np.testing.assert_allclose(NETWORK["to_dollars"](PRICES, place)[moved], PRICES["close"][moved])


def test_odd_days_give_finite_numbers() -> None:
    assert np.isfinite(NETWORK["position_inputs"](ODD_DAYS)).all()
    assert np.isfinite(NETWORK["position"](ODD_DAYS, ODD_DAYS["close"])).all()
    assert (NETWORK["position"](ODD_DAYS, ODD_DAYS["close"])[:2] == 0).all(), "without a range there is no place in it"
    assert np.isfinite(NETWORK["to_dollars"](ODD_DAYS, np.zeros(4))).all()


@given(answer=st.floats(-1e6, 1e6))
@settings(max_examples=20, deadline=None)
def test_no_answer_leaves_the_range(answer: float) -> None:
    dollars = NETWORK["to_dollars"](PRICES, np.full(len(PRICES), answer))
    assert ((PRICES["low"] - 1e-9 <= dollars) & (dollars <= PRICES["high"] + 1e-9)).all()


@given(scale=st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_positions_do_not_depend_on_the_currency(scale: float) -> None:
    days = PRICES.iloc[:50]
    scaled = days.assign(**{name: days[name] * scale for name in ("open", "low", "high", "close")})
    expected = NETWORK["position"](days, days["close"])
    np.testing.assert_allclose(NETWORK["position"](scaled, scaled["close"]), expected, atol=1e-6)


def mirrored(days: pd.DataFrame) -> pd.DataFrame:
    """The same days with the open mirrored at the midpoint."""
    return days.assign(open=days["low"] + days["high"] - days["open"])


@pytest.mark.parametrize("odd", [False, True])
def test_only_an_odd_network_mirrors_its_answer(odd: bool) -> None:
    fitted = NETWORK["fit_position_network"](PRICES, SETTINGS, seed=0, odd=odd)
    middle = (PRICES["high"] + PRICES["low"]) / 2
    away = NETWORK["predict_close"]([fitted], PRICES) - middle
    away_mirrored = NETWORK["predict_close"]([fitted], mirrored(PRICES)) - middle
    assert np.allclose(away, -away_mirrored, atol=1e-4) == odd


def test_the_same_seed_trains_the_same_network_and_another_another() -> None:
    fits = [NETWORK["fit_position_network"](PRICES, SETTINGS, seed=seed) for seed in (0, 0, 1)]
    first, again, other = (NETWORK["predict_close"]([fitted], PRICES) for fitted in fits)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    both = NETWORK["predict_close"]([fits[0], fits[2]], PRICES)
    np.testing.assert_allclose(both, (first + other) / 2, atol=1e-9)


def test_the_network_never_sees_the_close() -> None:
    blind = PRICES.assign(close=np.nan)
    np.testing.assert_array_equal(NETWORK["position_inputs"](blind), NETWORK["position_inputs"](PRICES))


def test_baselines_say_what_their_names_promise() -> None:
    train, test = SPLIT["split_by_date"](PRICES)
    found = BASELINES["without_network"](train, test)
    assert (found["zero"] == 0).all()
    np.testing.assert_allclose(found["mean"], train["close"].mean())
    np.testing.assert_array_equal(found["open"], test["open"])
    np.testing.assert_allclose(found["midpoint"], (test["low"] + test["high"]) / 2)
    columns = ["open", "low", "high", "volume"]
    scale = train[columns].std()
    weights, *_ = np.linalg.lstsq(
        np.column_stack([np.ones(len(train)), train[columns] / scale]), train["close"].to_numpy(), rcond=None
    )
    expected = np.column_stack([np.ones(len(test)), test[columns] / scale]) @ weights
    np.testing.assert_allclose(found["ols"], expected, rtol=1e-6)


def test_trees_on_the_position_stay_in_the_range_and_beat_those_on_raw_columns() -> None:
    train, test = SPLIT["split_by_date"](PRICES)
    trees = HistGradientBoostingRegressor(max_iter=30, early_stopping=False, random_state=0)
    placed, raw = (BASELINES[name](trees, train, test) for name in ("trees_on_position", "boosted_trees"))
    assert ((test["low"] - 1e-9 <= placed) & (placed <= test["high"] + 1e-9)).all()
    assert BASELINES["rmse"](placed, test["close"]) < BASELINES["rmse"](raw, test["close"])
    assert not hasattr(trees, "n_iter_"), "the trees that were handed in are not fitted"


def test_skill_is_the_share_of_the_references_squared_error_that_is_saved() -> None:
    actual = np.array([0.0, 0.0])
    assert BASELINES["rmse"](np.array([3.0, 4.0]), actual) == pytest.approx(12.5**0.5)
    assert BASELINES["skill"](np.array([1.0, 1.0]), np.array([2.0, 2.0]), actual) == pytest.approx(0.75)
    assert BASELINES["skill"](np.array([2.0, 2.0]), np.array([1.0, 1.0]), actual) == pytest.approx(-3)

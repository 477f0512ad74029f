"""The functions that the chapter shows do, as they are printed, what the chapter says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor

from labcode.book.listing import source_of
from labcode.data.simulate import simulate_prices
from labcode.lab.full_batch import Steps, history, seeded, squared_error
from labcode.lab.regression.network import fit_position_network
from labcode.lab.regression.settings import Network

PRICES = simulate_prices(n_symbols=4).astype({"symbol": "category"}).reset_index(drop=True)
SETTINGS = Network(hidden=(8, 4), batch_size=512, epochs=2, lr=0.003)
ODD_DAYS = PRICES.iloc[:4].assign(
    open=[10.0, 10.0, 10.0, 12.0], low=[10.0, 11.0, 9.0, 9.0], high=[10.0, 9.0, 11.0, 11.0], close=[10.0] * 4
)


def shown(module: str, *names: str) -> dict[str, Any]:
    """What the listing defines where nothing else is, with the imports and constants that it shows."""
    namespace: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source_of(f"labcode.lab.regression.{module}", *names), namespace)
    return namespace


FIRST, SPLIT = shown("first", "first_split", "FirstNetwork", "train_first"), shown("split", "split_by_date")
BASELINES = shown("baselines", "without_network", "boosted_trees", "trees_on_position", "rmse")
NETWORK = shown("network", "day_range", "midpoint", "position", "position_inputs", "to_dollars", "predict_close")


def test_our_first_split_is_at_random_and_scaled_over_all_rows() -> None:
    X_train, X_test, y_train, y_test = FIRST["first_split"](PRICES)
    assert X_train.shape[1] == 4 and y_train.shape == (len(X_train), 1) and y_test.shape == (len(X_test), 1)
    assert len(X_test) == pytest.approx(0.2 * len(PRICES), abs=1) and len(X_train) + len(X_test) == len(PRICES)
    together = torch.cat([X_train, X_test])
    torch.testing.assert_close(together.mean(dim=0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(together.std(dim=0, correction=0), torch.ones(4), atol=1e-4, rtol=0)


@pytest.mark.parametrize("hidden", [(5, 3), (3, 1)])
def test_the_fast_loop_takes_the_plain_loops_steps_and_leaves_the_generator_alone(hidden: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(0)
    rows = [torch.randn(n, k, generator=random) for k in (4, 1) for n in (5000, 4097)]  # more than a chunk has
    before = torch.get_rng_state()
    fast = history(seeded(lambda: FIRST["FirstNetwork"](hidden), 1), rows, squared_error, Steps(epochs=3, lr=0.01))
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(1)
    plain = FIRST["train_first"](FIRST["FirstNetwork"](hidden), *rows, epochs=3, lr=0.01)
    np.testing.assert_allclose(fast, plain, rtol=1e-5)


def test_no_test_date_and_no_odd_row_is_trained_on() -> None:
    spoilt = PRICES.copy()
    spoilt.loc[[5, len(spoilt) - 5], "close"] = 1e5
    train, test = SPLIT["split_by_date"](spoilt)
    assert train["date"].max() < test["date"].min()
    assert test["date"].nunique() == round(0.2 * spoilt["date"].nunique())
    assert 5 not in train.index, "an untrustworthy row is not trained on"
    assert len(spoilt) - 5 in test.index, "but it is scored"
    mixed = SPLIT["split_by_date"](spoilt.sample(frac=1, random_state=0))
    assert [set(part.index) for part in mixed] == [set(train.index), set(test.index)]


def test_positions_lie_in_the_range_and_give_the_close_back() -> None:
    place, moved = NETWORK["position"](PRICES, PRICES["close"]), PRICES["high"] > PRICES["low"]
    assert place.min() >= -1 - 1e-9 and place.max() <= 1 + 1e-9
    assert NETWORK["position"](PRICES, PRICES["low"])[moved] == pytest.approx(-1)
    np.testing.assert_allclose(NETWORK["to_dollars"](PRICES, place)[moved], PRICES["close"][moved])
    odd = NETWORK["position"](ODD_DAYS, ODD_DAYS["close"])
    assert (odd[:2] == 0).all(), "without a range there is no place in it"
    for values in (odd, NETWORK["position_inputs"](ODD_DAYS), NETWORK["to_dollars"](ODD_DAYS, np.zeros(4))):
        assert np.isfinite(values).all()


@given(answer=st.floats(-1e6, 1e6), scale=st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_no_answer_leaves_the_range_and_positions_do_not_depend_on_the_currency(answer: float, scale: float) -> None:
    days = PRICES.iloc[:50]
    dollars = NETWORK["to_dollars"](days, np.full(len(days), answer))
    assert ((days["low"] - 1e-9 <= dollars) & (dollars <= days["high"] + 1e-9)).all()
    scaled = days.assign(**{name: days[name] * scale for name in ("open", "low", "high", "close")})
    expected = NETWORK["position"](days, days["close"])
    np.testing.assert_allclose(NETWORK["position"](scaled, scaled["close"]), expected, atol=1e-6)


@pytest.mark.parametrize("odd", [False, True])
def test_only_an_odd_network_mirrors_its_answer(odd: bool) -> None:
    fitted, middle = fit_position_network(PRICES, SETTINGS, seed=0, odd=odd), (PRICES["high"] + PRICES["low"]) / 2
    mirrored = PRICES.assign(open=PRICES["low"] + PRICES["high"] - PRICES["open"])
    away, away_mirrored = (NETWORK["predict_close"]([fitted], days) - middle for days in (PRICES, mirrored))
    assert np.allclose(away, -away_mirrored, atol=1e-4) == odd


def test_the_same_seed_trains_the_same_network_and_another_another() -> None:
    fits = [fit_position_network(PRICES, SETTINGS, seed=seed) for seed in (0, 0, 1)]
    first, again, other = (NETWORK["predict_close"]([fitted], PRICES) for fitted in fits)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    blind = PRICES.assign(close=np.nan)
    np.testing.assert_array_equal(NETWORK["position_inputs"](blind), NETWORK["position_inputs"](PRICES))


def test_baselines_say_what_their_names_promise() -> None:
    train, test = SPLIT["split_by_date"](PRICES)
    predicted, columns = BASELINES["without_network"](train, test), ["open", "low", "high", "volume"]
    expected = {
        "zero": 0,
        "mean": train["close"].mean(),
        "open": test["open"],
        "midpoint": (test["low"] + test["high"]) / 2,
    }
    for name, values in expected.items():
        np.testing.assert_allclose(predicted[name], np.broadcast_to(values, len(test)))
    scale = train[columns].std()
    X_train, X_test = (np.column_stack([np.ones(len(part)), part[columns] / scale]) for part in (train, test))
    weights, *_ = np.linalg.lstsq(X_train, train["close"].to_numpy(), rcond=None)
    np.testing.assert_allclose(predicted["ols"], X_test @ weights, rtol=1e-6)


def test_trees_on_the_position_stay_in_the_range_and_beat_those_on_raw_columns() -> None:
    train, test = SPLIT["split_by_date"](PRICES)
    trees = HistGradientBoostingRegressor(max_iter=30, early_stopping=False, random_state=0)
    placed, raw = (BASELINES[name](trees, train, test) for name in ("trees_on_position", "boosted_trees"))
    assert ((test["low"] - 1e-9 <= placed) & (placed <= test["high"] + 1e-9)).all()
    assert BASELINES["rmse"](placed, test["close"]) < BASELINES["rmse"](raw, test["close"])
    assert not hasattr(trees, "n_iter_"), "the trees that were handed in are not fitted"
    assert BASELINES["rmse"](np.array([3.0, 4.0]), np.zeros(2)) == pytest.approx(12.5**0.5)

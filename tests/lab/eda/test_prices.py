"""Prices: returns stay within a symbol, scalers see training rows alone, and what a random split has seen."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labcode.data.prices import load_prices
from labcode.data.simulate import simulate_prices
from labcode.lab.eda.experiments import run_prices
from labcode.lab.eda.prices import COLUMNS, closes_beside, log_returns, looks_split, standardized
from labcode.lab.eda.results import Prices
from labcode.lab.eda.settings import OfPrices

SIMULATED = simulate_prices(n_symbols=6).astype({"symbol": "category"})


def panel(closes: dict[str, list[float]]) -> pd.DataFrame:
    rows = [
        {"date": pd.Timestamp("2016-01-04") + pd.Timedelta(days=day), "symbol": symbol, "close": close}
        for symbol, series in closes.items()
        for day, close in enumerate(series)
    ]
    frame = pd.DataFrame(rows).astype({"symbol": "category"})
    return frame.assign(open=frame["close"], high=1.1 * frame["close"], low=0.9 * frame["close"], volume=1.0)


def facts(frame: pd.DataFrame) -> Prices:
    data: Any = {"prices": SimpleNamespace(frame=frame)}
    return run_prices(OfPrices(jump=0.4), data=data, results={}, progress=lambda share: None)


def test_returns_stay_within_a_symbol_and_keep_the_rows_order() -> None:
    frame = panel({"A": [10, 20], "B": [5, 5]}).iloc[::-1]
    returns = log_returns(frame)
    assert list(returns.index) == list(frame.index)
    assert returns.isna().sum() == 2
    assert sorted(returns.dropna()) == pytest.approx([0, np.log(2)])


def test_the_scaler_knows_the_training_rows_alone() -> None:
    train, test = SIMULATED.iloc[:500], SIMULATED.iloc[500:].copy()
    scaled, later = standardized(train, test, COLUMNS)
    assert scaled.mean().to_numpy() == pytest.approx(np.zeros(5), abs=1e-9)
    assert scaled.std(ddof=0).to_numpy() == pytest.approx(np.ones(5))
    test["close"] *= 2
    again, doubled = standardized(train, test, COLUMNS)
    pd.testing.assert_frame_equal(scaled, again)
    assert (doubled["close"] > later["close"]).all()


def test_a_neighbour_is_a_training_row_of_the_same_symbol_on_the_day_beside() -> None:
    frame = panel({"A": list(range(1, 60)), "B": list(range(100, 160))}).sample(frac=1, random_state=1)
    beside = closes_beside(frame)
    closes = frame.set_index(["symbol", "date"])["close"].drop(
        pd.MultiIndex.from_frame(frame.loc[beside.index, ["symbol", "date"]])
    )
    for name, days in (("before", -1), ("after", 1)):
        wanted = [
            closes.get((frame.loc[row, "symbol"], frame.loc[row, "date"] + pd.Timedelta(days=days)), np.nan)
            for row in beside.index
        ]
        np.testing.assert_array_equal(beside[name], wanted)
    assert beside[["before", "after"]].notna().any(axis=1).mean() > 0.9


def test_jumps_are_counted_by_the_simple_return_and_splits_only_downwards() -> None:
    stocks = facts(panel({"A": [100, 50, 50, 100, 139, 100, 72, 43], "B": [1.0, 1.1] * 4}))
    # Down by half, up by double; +39%, -28% and -28% are no jumps; 72 to 43 is -40.3%, and no split.
    assert (stocks.jumps, stocks.falls, stocks.split_falls) == (3, 2, 1)
    assert looks_split(pd.Series([-2 / 3, -0.5, -0.58])).tolist() == [True, True, False]


def test_the_real_rows_give_what_the_first_version_found(real_data: Path) -> None:
    stocks = facts(load_prices().frame)
    assert float(stocks.price_correlation) == pytest.approx(0.99985, abs=2e-5)
    assert float(stocks.volume_correlation) == pytest.approx(-0.062, abs=1e-3)
    assert float(stocks.below_200) == pytest.approx(0.965, abs=1e-3)
    assert (stocks.jumps, stocks.falls, stocks.untrustworthy) == (122, 95, 14)
    assert stocks.between_days.low < 0.352 < stocks.between_days.high

"""The simulated stand-ins: the same on every call, of the right size, and like the real tables where it matters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labcode.data.columns import SENSORS
from labcode.data.labels import FAILURE_MODES, NO_FAILURE, failure_type, physical_flags, power
from labcode.data.simulate import simulate_maintenance, simulate_prices, trading_days

#: Moments of the real prices, from the datasheet of the real file.
PRICE_MOMENTS = {
    "close mean": 70.87, "close sd": 83.71, "close skew": 6.65,
    "close 1 %": 8.22, "close 25 %": 33.83, "close 50 %": 52.81, "close 75 %": 79.90, "close 99 %": 474.88,
    "share below 200": 0.965, "log close mean": 3.957, "log close sd": 0.739, "return sd": 0.0213,
    "log range mean": 0.0213, "log range median": 0.0179, "log volume mean": 14.77, "log volume sd": 1.12,
}  # fmt: skip
PRICE_CORRELATIONS = {
    "open": 0.99985, "high": 0.99993, "low": 0.99993, "volume": -0.0620, "log volume, log close": -0.427,
}  # fmt: skip
CLASS_COUNTS = {
    "No Failure": 9652, "Heat Dissipation Failure": 112, "Power Failure": 95, "Overstrain Failure": 78,
    "Tool Wear Failure": 45, "Random Failures": 18,
}  # fmt: skip


def content_hash(frame: pd.DataFrame) -> int:
    return int(pd.util.hash_pandas_object(frame).sum())


def log_returns(prices: pd.DataFrame) -> pd.Series:
    return np.log(prices["close"]).groupby(prices["symbol"]).diff()


def price_moments(prices: pd.DataFrame) -> dict[str, float]:
    close, log_close = prices["close"], np.log(prices["close"])
    log_range, log_volume = np.log(prices["high"] / prices["low"]), np.log1p(prices["volume"])
    return {
        "close mean": close.mean(),
        "close sd": close.std(),
        "close skew": close.skew(),
        **{f"close {percent} %": close.quantile(percent / 100) for percent in (1, 25, 50, 75, 99)},
        "share below 200": (close < 200).mean(),
        "log close mean": log_close.mean(),
        "log close sd": log_close.std(),
        "return sd": log_returns(prices).std(),
        "log range mean": log_range.mean(),
        "log range median": log_range.median(),
        "log volume mean": log_volume.mean(),
        "log volume sd": log_volume.std(),
    }


def price_correlations(prices: pd.DataFrame) -> dict[str, float]:
    with_close = {name: prices[name].corr(prices["close"]) for name in ("open", "high", "low", "volume")}
    return {**with_close, "log volume, log close": np.log1p(prices["volume"]).corr(np.log(prices["close"]))}


@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    return simulate_prices()


@pytest.fixture(scope="module", params=[42, 7], ids="seed {}".format)
def seeded_prices(request: pytest.FixtureRequest, prices: pd.DataFrame) -> pd.DataFrame:
    return prices if request.param == 42 else simulate_prices(seed=request.param)


@pytest.fixture(scope="module")
def machines() -> pd.DataFrame:
    return simulate_maintenance()


def test_calendar_is_that_of_the_exchange() -> None:
    days = trading_days()
    assert (len(days), str(days[0].date()), str(days[-1].date())) == (1762, "2010-01-04", "2016-12-30")
    # Martin Luther King, Good Friday, Sandy, Independence Day (4 July 2010 and 2015 fell on a weekend), Christmas.
    closed = ["2010-01-18", "2012-04-06", "2012-10-29", "2012-10-30", "2010-07-05", "2015-07-03", "2016-12-26"]
    assert not days.isin(pd.to_datetime(closed)).any()
    # Not holidays of the exchange: the eve of Saturday 1 January 2011, Columbus Day, Veterans Day.
    assert pd.to_datetime(["2010-12-31", "2012-10-08", "2013-11-11"]).isin(days).all()


def test_prices_have_the_layout_and_size_of_the_real_file(prices: pd.DataFrame) -> None:
    assert list(prices) == ["date", "symbol", "open", "close", "low", "high", "volume"]
    assert [str(dtype) for dtype in prices.dtypes] == ["datetime64[us]", "str"] + ["float64"] * 5
    assert (len(prices), prices["symbol"].nunique()) == (851_264, 501) and prices.notna().all(axis=None)
    assert pd.DatetimeIndex(prices["date"].unique()).equals(trading_days())
    rows = pd.MultiIndex.from_frame(prices[["date", "symbol"]])
    assert rows.is_monotonic_increasing and rows.is_unique
    per_day = prices.groupby("date").size()
    assert (per_day.iloc[0], per_day.iloc[-1]) == (467, 501) and per_day.is_monotonic_increasing
    assert (prices.groupby("symbol")["date"].max() == pd.Timestamp("2016-12-30")).all()


def test_rows_are_equal_on_every_call_and_differ_between_seeds(prices: pd.DataFrame, machines: pd.DataFrame) -> None:
    assert content_hash(simulate_prices()) == content_hash(prices)
    assert content_hash(simulate_prices(24)) != content_hash(simulate_prices(24, seed=1))
    assert content_hash(simulate_maintenance()) == content_hash(machines) != content_hash(simulate_maintenance(seed=1))


def test_low_and_high_bound_open_and_close(seeded_prices: pd.DataFrame) -> None:
    ends = seeded_prices[["open", "close"]]
    assert (seeded_prices["low"] <= ends.min(axis=1)).all() and (seeded_prices["high"] >= ends.max(axis=1)).all()
    assert (seeded_prices[["low", "volume"]] > 0).all(axis=None)


def test_price_moments_and_correlations_are_those_of_the_real_rows(seeded_prices: pd.DataFrame) -> None:
    assert price_moments(seeded_prices) == pytest.approx(PRICE_MOMENTS, rel=0.05)
    assert price_correlations(seeded_prices) == pytest.approx(PRICE_CORRELATIONS, abs=0.01)


def test_returns_have_a_market_fat_tails_differing_volatility_and_walk_upwards(prices: pd.DataFrame) -> None:
    returns, symbol = log_returns(prices), prices["symbol"]
    by_date, by_symbol = returns.groupby(prices["date"]), returns.groupby(symbol)
    # Independent symbols would leave the daily average with 1/501 of the variance.
    assert 0.2 < by_date.mean().var() / by_date.var().mean() < 0.5
    assert by_symbol.apply(pd.Series.kurt).median() > 3
    assert by_symbol.std().quantile(0.95) > 1.5 * by_symbol.std().quantile(0.05)
    assert abs(returns.corr(by_symbol.shift())) < 0.05
    # A random walk's changes grow with the square root of time: 10 over 100 days, where noise about a level gives 1.
    assert 7 < np.log(prices["close"]).groupby(symbol).diff(100).std() / returns.std() < 12
    median = prices.groupby(prices["date"].dt.year)["close"].median()
    assert median[2016] > 1.3 * median[2010]


def test_some_shares_are_split(prices: pd.DataFrame) -> None:
    falls = log_returns(prices).loc[lambda change: change < np.log(0.6)]
    assert 60 < len(falls) < 120  # 95 of the real rows
    assert falls.median() == pytest.approx(np.log(1 / 2), abs=0.05)


def test_where_a_price_closes_in_its_range_depends_on_the_open_as_in_the_real_rows(prices: pd.DataFrame) -> None:
    opened, closed = ((prices[name] - prices["low"]) / (prices["high"] - prices["low"]) for name in ("open", "close"))
    assert opened.corr(closed) == pytest.approx(-0.447, abs=0.03)
    assert [opened.std(), closed.std()] == pytest.approx([0.309, 0.304], abs=0.01)
    by_open = closed.groupby(pd.cut(opened, np.linspace(0, 1, 6), include_lowest=True), observed=True).mean()
    assert by_open.tolist() == pytest.approx([0.697, 0.626, 0.529, 0.422, 0.340], abs=0.05)


def test_a_small_panel_keeps_the_shape() -> None:
    small = simulate_prices(24)
    assert (len(small), small["symbol"].nunique()) == (40_328, 24)
    quartiles = {name: PRICE_MOMENTS[name] for name in ("close 25 %", "close 50 %", "close 75 %", "log close mean")}
    assert {name: price_moments(small)[name] for name in quartiles} == pytest.approx(quartiles, rel=0.01)
    assert price_correlations(small) == pytest.approx(PRICE_CORRELATIONS, abs=0.01)


@pytest.mark.parametrize(
    ("simulate", "size"), [(simulate_prices, 1), (simulate_prices, 502), (simulate_maintenance, 99)]
)
def test_a_size_out_of_range_is_refused(simulate: Callable[[int], pd.DataFrame], size: int) -> None:
    with pytest.raises(ValueError, match=f"={size} is"):
        simulate(size)


def test_prices_match_the_real_file(prices: pd.DataFrame, real_data: Path) -> None:
    real = pd.read_csv(real_data / "prices.csv")
    real = real.assign(date=pd.to_datetime(real["date"].str[:10])).sort_values(["date", "symbol"], ignore_index=True)
    assert list(real) == list(prices) and pd.DatetimeIndex(real["date"].unique()).equals(trading_days())
    # A range below 0 or a volume of 0 is an oddity of the real rows; the moments below do not feel their few dozen.
    assert price_moments(prices) == pytest.approx(price_moments(real), rel=0.05)
    assert price_correlations(prices) == pytest.approx(price_correlations(real), abs=0.01)


def test_machines_have_the_layout_and_size_of_the_real_file(machines: pd.DataFrame) -> None:
    columns = ["UDI", "Product ID", "Type", *SENSORS, "Target", "Failure Type"]
    dtypes = ["int64", "str", "str", "float64", "float64", "int64", "float64", "int64", "int64", "str"]
    assert list(machines.dtypes.astype(str).items()) == list(zip(columns, dtypes, strict=True))
    assert machines["UDI"].tolist() == list(range(1, 10_001))
    serial = machines["Type"].map({"L": 47_179, "M": 14_859, "H": 29_413}) + machines["UDI"]
    assert (machines["Product ID"] == machines["Type"] + serial.astype(str)).all()


@pytest.mark.parametrize("seed", [42, 7])
def test_class_counts_are_what_sampling_explains(seed: int) -> None:
    counts = simulate_maintenance(seed=seed)["Failure Type"].value_counts()
    assert set(counts.index) == set(CLASS_COUNTS)
    for label, expected in CLASS_COUNTS.items():
        # Both counts are one draw each: their difference has twice the variance, n p (1 - p), of one.
        spread = np.sqrt(2 * expected * (1 - expected / 10_000))
        assert abs(counts[label] - expected) < 3 * spread, label


def test_sensor_moments_match_the_published_ones(machines: pd.DataFrame) -> None:
    means = dict(zip(SENSORS, (300.00, 310.01, 1538.8, 39.99, 108.0), strict=True))
    spreads = dict(zip(SENSORS, (2.00, 1.48, 179.3, 9.97, 63.7), strict=True))
    assert machines[SENSORS].mean().to_dict() == pytest.approx(means, rel=0.02)
    assert machines[SENSORS].std().to_dict() == pytest.approx(spreads, rel=0.05)
    correlations = machines[SENSORS].corr()
    assert machines["Air temperature [K]"].autocorr(1) > 0.99
    assert correlations.loc["Rotational speed [rpm]", "Torque [Nm]"] == pytest.approx(-0.875, abs=0.015)
    assert correlations.loc["Air temperature [K]", "Process temperature [K]"] == pytest.approx(0.876, abs=0.005)
    assert correlations.loc["Air temperature [K]", "Torque [Nm]"] == pytest.approx(0, abs=0.05)
    shares = machines["Type"].value_counts(normalize=True).to_dict()
    assert shares == pytest.approx({"L": 0.6, "M": 0.3, "H": 0.1}, abs=0.015)


def test_tool_wear_grows_with_quality_and_starts_again(machines: pd.DataFrame) -> None:
    wear = machines["Tool wear [min]"]
    growth = machines["Type"].map({"L": 2, "M": 3, "H": 5})
    renewed = wear.diff() < 0
    assert (
        (wear.diff() == growth.shift())[~renewed].iloc[1:].all() and (wear[renewed] == 0).all() and (wear < 240).all()
    )


def test_labels_follow_the_rules(machines: pd.DataFrame) -> None:
    label = machines["Failure Type"]
    watts = power(machines["Torque [Nm]"], machines["Rotational speed [rpm]"])
    assert power(1.0, 60.0) == pytest.approx(2 * np.pi)
    assert ((label == "Power Failure") == ~watts.between(3500, 9000)).all()
    hot = machines[label == "Heat Dissipation Failure"]
    assert (hot["Process temperature [K]"] - hot["Air temperature [K]"] < 8.6).all()
    assert (hot["Rotational speed [rpm]"] < 1380).all()
    strained = machines[label == "Overstrain Failure"]
    limit = strained["Type"].map({"L": 11_000, "M": 12_000, "H": 13_000})
    assert (strained["Tool wear [min]"] * strained["Torque [Nm]"] > limit).all()
    assert machines.loc[label == "Tool Wear Failure", "Tool wear [min]"].between(195, 240).all()
    assert not physical_flags(machines)[label.isin([NO_FAILURE, "Random Failures"])].any(axis=None)


def test_target_keeps_its_quirks(machines: pd.DataFrame) -> None:
    table = pd.crosstab(machines["Failure Type"], machines["Target"])
    assert (table.loc[NO_FAILURE, 1], table.loc["Random Failures", 1]) == (9, 0)
    assert (table.drop([NO_FAILURE, "Random Failures"])[0] == 0).all()


def test_failure_type_follows_the_precedence() -> None:
    order = ["PWF", "TWF", "HDF", "OSF", "RNF"]
    assert list(FAILURE_MODES) == order
    flags = pd.DataFrame(np.triu(np.ones((5, 5), dtype=bool)), columns=order, index=list("abcde"))
    labels = failure_type(flags)
    assert labels.tolist() == list(FAILURE_MODES.values())
    assert (labels.name, labels.index.tolist(), str(labels.dtype)) == ("Failure Type", list("abcde"), "str")
    assert set(failure_type(~flags.eq(flags))) == {NO_FAILURE}
    with pytest.raises(KeyError, match="RNF"):
        failure_type(flags.drop(columns="RNF"))


def test_rules_and_machines_match_the_real_files(machines: pd.DataFrame, real_data: Path) -> None:
    names = ("ai4i2020.csv", "predictive_maintenance.csv")
    uci, kaggle = (pd.read_csv(real_data / name, encoding="utf-8-sig") for name in names)
    assert (failure_type(uci) == kaggle["Failure Type"]).all() and (uci["Machine failure"] == kaggle["Target"]).all()
    assert physical_flags(uci).equals(uci[["HDF", "PWF", "OSF"]].astype(bool))
    assert kaggle.dtypes.equals(machines.dtypes) and kaggle["Failure Type"].value_counts().to_dict() == CLASS_COUNTS
    assert (machines[SENSORS].corr() - kaggle[SENSORS].corr()).abs().max(axis=None) < 0.05

"""The numbers of the EDA chapter, against small cases worked by hand and against the real rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labcode.data.maintenance import load_maintenance
from labcode.data.prices import load_prices
from labcode.experiments import eda


def panel(closes: dict[str, list[float]]) -> pd.DataFrame:
    rows = [
        {"date": pd.Timestamp("2016-01-04") + pd.Timedelta(days=day), "symbol": symbol, "close": close}
        for symbol, series in closes.items()
        for day, close in enumerate(series)
    ]
    frame = pd.DataFrame(rows).astype({"symbol": "category"})
    return frame.assign(open=frame["close"], high=1.1 * frame["close"], low=0.9 * frame["close"], volume=1.0)


def test_returns_stay_within_a_symbol_and_keep_the_rows_order() -> None:
    frame = panel({"A": [10, 20], "B": [5, 5]}).iloc[::-1]
    returns = eda.log_returns(frame)
    assert list(returns.index) == list(frame.index)
    assert returns.isna().sum() == 2
    assert sorted(returns.dropna()) == pytest.approx([0, np.log(2)])


def test_the_range_leaves_inverted_rows_out() -> None:
    frame = panel({"A": [10, 20, 30]})
    frame.loc[1, ["low", "high"]] = [30, 10]
    assert list(eda.intraday_range(frame)) == pytest.approx([np.log(1.1 / 0.9)] * 2)


def test_the_share_of_rows_with_a_neighbour_in_training_matches_a_simulated_split() -> None:
    frame = panel({"A": list(range(1, 60)), "B": list(range(1, 10))})
    random, near_test, test = np.random.default_rng(0), 0, 0
    for _ in range(2000):
        train = pd.Series(random.random(len(frame)) < 0.8)
        beside = train.groupby(frame["symbol"], observed=True)
        near = beside.shift(1, fill_value=False) | beside.shift(-1, fill_value=False)
        near_test, test = near_test + (near & ~train).sum(), test + (~train).sum()
    assert eda.price_facts(frame).neighbour_share == pytest.approx(near_test / test, abs=0.005)


def test_the_rules_mark_a_row_of_each_kind() -> None:
    base = {
        "Type": "L",
        "Air temperature [K]": 300.0,
        "Process temperature [K]": 310.0,
        "Rotational speed [rpm]": 1500.0,
        "Torque [Nm]": 40.0,
        "Tool wear [min]": 100.0,
    }
    changes = [
        {},
        {"Torque [Nm]": 70.0},
        {"Torque [Nm]": 10.0},
        {"Process temperature [K]": 308.0, "Rotational speed [rpm]": 1379.0},
        {"Tool wear [min]": 190.0, "Torque [Nm]": 58.0, "Rotational speed [rpm]": 1400.0},
        {"Tool wear [min]": 190.0, "Torque [Nm]": 58.0, "Rotational speed [rpm]": 1400.0, "Type": "M"},
        {"Tool wear [min]": 220.0},
    ]
    broken = eda.broken_rules(pd.DataFrame([base | change for change in changes]))
    found = [list(broken.columns[row]) for row in broken.to_numpy()]
    strain, power, heat, wear = "Overstrain Failure", "Power Failure", "Heat Dissipation Failure", "Tool Wear Failure"
    assert found == [[], [power], [power], [heat], [strain], [], [wear]]


def test_jumps_are_counted_by_the_simple_return_and_splits_only_downwards() -> None:
    frame = panel({"A": [100, 50, 50, 100, 139, 100, 72, 43]})
    facts = eda.price_facts(frame)
    # Down by half, up by double; +39 %, -28 % and -28 % are no jumps; 72 to 43 is -40.3 %, and no split.
    assert (facts.jumps, facts.falls, facts.split_falls) == (3, 2, 1)


def test_eta_squared_is_the_share_between_the_classes() -> None:
    rows = pd.DataFrame(
        {"Failure Type": ["a", "a", "b", "b"] * 25, **{sensor: [0.0, 0, 1, 1] * 25 for sensor in eda.SENSORS}}
    )
    rows["Torque [Nm]"] = [0.0, 1, 0, 1] * 25
    ranking = eda.sensor_ranking(rows)
    assert ranking.loc["Tool wear [min]", "share"] == pytest.approx(1)
    assert ranking.loc["Torque [Nm]", ["share", "equal"]].to_list() == pytest.approx([0, 0], abs=1e-12)
    assert ranking.index[-1] == "Torque [Nm]"


def test_imbalance_facts_follow_from_the_counts() -> None:
    rows = pd.DataFrame(
        {
            "Failure Type": ["No Failure"] * 90 + ["Power Failure"] * 10,
            "Target": [0] * 89 + [1] * 11,
            "Tool wear [min]": [210.0] * 5 + [0.0] * 95,
        }
    )
    facts = eda.maintenance_facts(rows)
    assert (facts.majority_share, facts.smote_rows, facts.synthetic_share) == pytest.approx((0.9, 180, 1 - 100 / 180))
    assert (facts.rarest, facts.rarest_in_test, facts.failures) == ("Power Failure", 2, 10)
    assert (facts.target_accuracy, facts.target_six) == pytest.approx((0.99, 0.99))
    assert (facts.wear_band, facts.wear_failures) == (5, 0)
    assert facts.wear_share.low == 0 < facts.wear_share.high


def test_the_real_rows_give_the_originals_findings(real_data: Path) -> None:
    prices = load_prices().frame
    pearson = eda.correlations(prices, eda.PRICE_NUMBERS)["Pearson"]
    assert pearson.loc["open", "close"] == pytest.approx(0.99985, abs=2e-5)
    assert pearson.loc["volume", "close"] == pytest.approx(-0.062, abs=1e-3)
    facts = eda.price_facts(prices)
    assert facts.below_200 == pytest.approx(0.965, abs=1e-3)
    assert facts.icc_return.low < 0.352 < facts.icc_return.high
    assert (facts.jumps, facts.falls) == (122, 95)
    assert facts.midpoint_rmse == pytest.approx(0.797, abs=2e-3)
    assert facts.midpoint_by_symbol.low < facts.midpoint_by_day.low, "symbols differ more than days do"
    rules = eda.rule_table(load_maintenance().frame)
    assert list(rules["rule, given label"].iloc[:3]) == [1, 1, 1]
    ranking = eda.sensor_ranking(load_maintenance().frame)
    assert set(ranking.index[:3]) == {"Rotational speed [rpm]", "Torque [Nm]", "Tool wear [min]"}

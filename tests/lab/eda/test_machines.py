"""Machines: shares of variance worked by hand, the rules as computed and as printed, and what the figures draw."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from labcode.data.columns import FAILURE, SENSORS
from labcode.data.maintenance import load_maintenance
from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.lab.eda import figures, tables
from labcode.lab.eda.experiments import run_machines
from labcode.lab.eda.machines import equal_eta_squared, eta_intervals
from labcode.lab.eda.results import Machines
from labcode.lab.eda.settings import OfMachines

SIMULATED = simulate_maintenance(n_rows=3000)


def facts(frame: pd.DataFrame) -> Machines:
    data: Any = {"maintenance": SimpleNamespace(frame=frame)}
    return run_machines(OfMachines(draws=50), data=data, results={}, progress=lambda share: None)


def machines(*changes: dict[str, object]) -> pd.DataFrame:
    """Rows in which nothing fails, with some values changed."""
    row = {"Type": "L", **dict(zip(SENSORS, (300.0, 310.0, 1500, 40.0, 100), strict=True)), "Target": 0}
    # No column is constant, or it would correlate with none.
    rows = [{**row, SENSORS[i % 5]: row[SENSORS[i % 5]] + 1, FAILURE: "No Failure"} for i in range(len(changes))]  # type: ignore[operator]
    return pd.DataFrame([{**varied, **change} for varied, change in zip(rows, changes, strict=True)])


def test_rare_types_count_as_much_as_common_ones_if_all_are_taken_as_equal() -> None:
    failure = pd.Series(["a"] * 98 + ["b"] * 2)
    sensor = pd.Series(np.r_[np.tile([0.0, 2.0], 49), 5.0, 7.0])
    # The means are 1 and 6, so 6.25 lies between two equal types, and 1 within each.
    assert equal_eta_squared(sensor, failure) == pytest.approx(6.25 / 7.25)


def test_limits_are_of_the_shares_and_the_lead_is_of_the_weakest() -> None:
    shares, lead = eta_intervals(SIMULATED, draws=50)
    for sensor, share in zip(SENSORS, shares.values(), strict=True):
        means = SIMULATED[sensor].groupby(SIMULATED[FAILURE]).transform("mean")
        assert share.value == pytest.approx(means.var(ddof=0) / SIMULATED[sensor].var(ddof=0))
        assert share.low <= share.value * 1.5 and share.high > share.value * 0.7
    air, process, *named = (share.value for share in shares.values())
    assert lead.value == pytest.approx(min(named) - max(air, process))


def test_the_heat_rule_depends_on_how_temperatures_are_subtracted() -> None:
    air, process, speed = SENSORS[:3]
    rows = [{air: 300.0, process: 308.5}, {air: 300.0, process: 308.6}, {air: 295.3, process: 303.9}]
    failures = [{**row, speed: 1300, FAILURE: "Heat Dissipation Failure", "Target": 1} for row in rows]
    apart = [row[process] - row[air] for row in rows]
    mill = facts(machines(*failures, {air: 300.0, process: 308.5}, {SENSORS[4]: 210}, *[{}] * 60))
    assert (mill.heat_printed_below, mill.heat_printed_at_most, mill.heat_printed_labelled) == (1, 3, 1)
    assert mill.rules["heat"].meet == sum(difference < 8.6 for difference in apart)
    assert mill.rules["heat"].labelled == 3


def test_classes_target_and_worn_tools_are_counted() -> None:
    worn = {SENSORS[4]: 210}
    rows = [{FAILURE: "Power Failure", "Target": 1}] * 6 + [{FAILURE: "Random Failures"}] * 2 + [{"Target": 1}]
    mill = facts(machines(*rows, *[worn] * 5, {**worn, FAILURE: "Tool Wear Failure", "Target": 1}, *[{}] * 85))
    assert (mill.rows, mill.types, mill.majority, mill.second, mill.rarest) == (100, 4, 91, 6, 1)
    assert (mill.failures, mill.target_only, mill.worn) == (9, 1, 6)
    assert (float(mill.target_right), float(mill.majority_share)) == pytest.approx((0.97, 0.91))
    assert float(mill.worn_share) == pytest.approx(1 / 6)
    assert float(mill.synthetic_share) == pytest.approx(1 - 100 / (4 * 91))


def test_tables_and_planes_show_every_row_that_failed() -> None:
    mill = facts(SIMULATED)
    assert len(tables.sensor_shares(mill)) == 5
    assert tables.rules(mill)["failure"].tolist() == ["power", "overstrain", "heat"]
    assert figures.some_of_each(SIMULATED, most=20)[FAILURE].value_counts().max() == 20
    _, ax = plt.subplots()
    figures.marked(ax, SIMULATED, SENSORS[2], SENSORS[3], "Power Failure")
    none, power = ax.get_lines()
    assert len(power.get_xdata()) == (SIMULATED[FAILURE] == "Power Failure").sum()
    assert len(none.get_xdata()) == (SIMULATED[FAILURE] == "No Failure").sum()
    plt.close("all")


def test_the_real_rows_give_what_the_first_version_found(real_data: Path) -> None:
    mill = facts(load_maintenance().frame)
    assert (mill.majority, mill.second, mill.rarest) == (9652, 112, 18)
    assert (mill.heat_printed_below, mill.rules["heat"].meet, mill.heat_printed_at_most) == (103, 115, 130)
    assert float(mill.lead) == pytest.approx(0.014, abs=1e-3)

"""Machines: shares of variance worked by hand, the rules as computed and as printed, and what the figures draw."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from labcode.data.columns import FAILURE, SENSORS
from labcode.data.maintenance import load_maintenance
from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.data.types import Dataset, Provenance
from labcode.lab.eda import figures, tables
from labcode.lab.eda.experiments import run_machines
from labcode.lab.eda.machines import equal_eta_squared, eta_intervals, eta_squared
from labcode.lab.eda.results import Machines
from labcode.lab.eda.settings import OfMachines
from labcode.results.typed import flatten, impossible, numbers, unflatten

SIMULATED = simulate_maintenance(n_rows=3000)


def facts(frame: pd.DataFrame) -> Machines:
    provenance = Provenance(
        name="maintenance", source="file", path=None, rows=len(frame), sha256="", licence="", status="unverified copy"
    )
    data = {"maintenance": Dataset(frame=frame, provenance=provenance)}
    return run_machines(OfMachines(draws=50), data=data, results={}, progress=lambda share: None)


def machines(*changes: dict[str, object]) -> pd.DataFrame:
    """Rows in which nothing fails, with some values changed."""
    row = {"Type": "L", **dict(zip(SENSORS, (300.0, 310.0, 1500, 40.0, 100), strict=True)), "Target": 0}
    # No column is constant, or it would correlate with none.
    rows = [{**row, SENSORS[i % 5]: row[SENSORS[i % 5]] + 1, FAILURE: "No Failure"} for i in range(len(changes))]  # type: ignore[operator]
    return pd.DataFrame([{**varied, **change} for varied, change in zip(rows, changes, strict=True)])


def test_eta_squared_is_the_share_between_the_types() -> None:
    failure = pd.Series(["a", "a", "b", "b"] * 25)
    between, within = pd.Series([0.0, 0, 1, 1] * 25), pd.Series([0.0, 1, 0, 1] * 25)
    assert (eta_squared(between, failure), equal_eta_squared(between, failure)) == pytest.approx((1, 1))
    assert (eta_squared(within, failure), equal_eta_squared(within, failure)) == pytest.approx((0, 0), abs=1e-12)


def test_rare_types_count_more_if_all_were_equally_common() -> None:
    failure = pd.Series(["a"] * 98 + ["b"] * 2)
    sensor = pd.Series(np.r_[np.tile([0.0, 2.0], 49), 5.0, 7.0])
    assert eta_squared(sensor, failure) < 0.4 < 0.8 < equal_eta_squared(sensor, failure)


def test_limits_are_of_the_shares_and_the_lead_is_of_the_weakest() -> None:
    shares, lead = eta_intervals(SIMULATED, draws=50)
    for sensor, found in zip(SENSORS, shares.values(), strict=True):
        assert found.value == pytest.approx(eta_squared(SIMULATED[sensor], SIMULATED[FAILURE]))
        assert found.low <= found.value * 1.5 and found.high > found.value * 0.7
    air, process, *named = (found.value for found in shares.values())
    assert lead.value == pytest.approx(min(named) - max(air, process))


def test_the_heat_rule_depends_on_how_temperatures_are_subtracted() -> None:
    air, process, speed = SENSORS[:3]
    rows = [{air: 300.0, process: 308.5}, {air: 300.0, process: 308.6}, {air: 295.3, process: 303.9}]
    failures = [{**row, speed: 1300, FAILURE: "Heat Dissipation Failure", "Target": 1} for row in rows]
    apart = [row[process] - row[air] for row in rows]
    found = facts(machines(*failures, {air: 300.0, process: 308.5}, {SENSORS[4]: 210}, *[{}] * 60))
    assert (found.heat_printed_below, found.heat_printed_at_most, found.heat_printed_labelled) == (1, 3, 1)
    assert found.rules["heat"].meet == sum(difference < 8.6 for difference in apart)
    assert found.rules["heat"].labelled == 3


def test_classes_target_and_worn_tools_are_counted() -> None:
    worn = {SENSORS[4]: 210}
    rows = [{FAILURE: "Power Failure", "Target": 1}] * 6 + [{FAILURE: "Random Failures"}] * 2 + [{"Target": 1}]
    found = facts(machines(*rows, *[worn] * 5, {**worn, FAILURE: "Tool Wear Failure", "Target": 1}, *[{}] * 85))
    assert (found.rows, found.types, found.majority, found.second, found.rarest) == (100, 4, 91, 6, 1)
    assert (found.failures, found.target_only, found.type_only) == (9, 1, 2)
    assert (float(found.target_right), float(found.majority_share)) == pytest.approx((0.97, 0.91))
    assert float(found.synthetic_share) == pytest.approx(1 - 100 / (4 * 91))
    assert (found.worn, found.worn_failures) == (6, 1)


def test_facts_are_possible_and_come_back_from_the_store() -> None:
    found = facts(SIMULATED)
    assert [impossible(number) for _, number in numbers(found) if impossible(number)] == []
    flat = flatten(found)
    again = unflatten(Machines, flat.scalars, flat.tables, flat.arrays)
    assert dict(numbers(again)) == dict(numbers(found))
    for name in ("power", "overstrain", "heat"):
        assert found.rules[name].both == found.rules[name].labelled, "sharp rules miss no failure"


def test_tables_and_planes_show_every_row_that_failed() -> None:
    found = facts(SIMULATED)
    assert len(tables.sensor_shares(found)) == 5
    assert tables.rules(found)["failure"].tolist() == ["power", "overstrain", "heat"]
    sample = figures.some_of_each(SIMULATED, most=20)
    assert sample[FAILURE].value_counts().max() == 20
    _, ax = plt.subplots()
    figures.marked(ax, SIMULATED, SENSORS[2], SENSORS[3], "Power Failure")
    none, power = ax.get_lines()
    assert len(power.get_xdata()) == (SIMULATED[FAILURE] == "Power Failure").sum()
    assert len(none.get_xdata()) == (SIMULATED[FAILURE] == "No Failure").sum()
    assert ax.get_xlabel() == "speed (rpm)"
    plt.close("all")


def test_the_real_rows_give_what_the_first_version_found(real_data: Path) -> None:
    found = facts(load_maintenance().frame)
    assert (found.majority, found.second, found.rarest) == (9652, 112, 18)
    assert (found.heat_printed_below, found.rules["heat"].meet, found.heat_printed_at_most) == (103, 115, 130)
    assert float(found.lead) == pytest.approx(0.014, abs=1e-3)

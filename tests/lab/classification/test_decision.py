"""Costs are arithmetic, a shuffle loses no value, planes follow the rules; decision and search on the quick profile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from labcode.data.labels import physical_flags
from labcode.data.simulate import simulate_maintenance
from labcode.lab.classification import figures, tables
from labcode.lab.classification.classes import CLASSES
from labcode.lab.classification.decision import INPUTS, PLANES, POLICIES, SPEED, TORQUE, cost, planes_of, spoilt
from labcode.lab.classification.decision import stops_where_cheaper as stopped
from labcode.lab.classification.rows import failure_rows, out_of_fold
from labcode.lab.classification.settings import Decision, Network, NetworkChoice, Tuning
from labcode.lab.classification.sound_results import Contest, Decided, Tuned
from labcode.lab.classification.tuned_experiments import at_edge
from labcode.lab.config import configured
from labcode.results.typed import Results

ROWS = failure_rows(simulate_maintenance(2000))
QUICK = configured(Decision, "classification.decision", profile="quick")


def test_stopping_where_it_is_cheaper_costs_least_if_the_chances_are_true() -> None:
    random = np.random.default_rng(0)
    chance = random.beta(0.3, 3.0, 40_000)
    failed = random.random(40_000) < chance
    for ratio in (2.0, 10.0, 50.0):
        others = [chance > threshold for threshold in (0.5, 0.5 / (1 + ratio), 3 / (1 + ratio))]
        assert cost(failed, stopped(chance, ratio), ratio) < min(cost(failed, each, ratio) for each in others)
    assert cost(np.array([True, False]), np.array([True, True]), 5.0) == 500


def test_a_shuffle_moves_one_column_and_loses_no_value() -> None:
    moved = spoilt(ROWS.X, 1, 0)[list(INPUTS).index("torque")]
    assert sorted(moved[TORQUE]) == sorted(ROWS.X[TORQUE]) and (moved[TORQUE] != ROWS.X[TORQUE]).mean() > 0.5
    pd.testing.assert_frame_equal(moved.drop(columns=TORQUE), ROWS.X.drop(columns=TORQUE))


def test_points_of_a_plane_are_row_by_row_and_follow_the_rules(results: dict[type[Results], Any]) -> None:
    planes = planes_of(QUICK, ROWS.X)
    x, y, rows = planes["torque_speed"]
    assert (
        rows[SPEED].tolist() == np.tile(x, len(y)).tolist() and rows[TORQUE].tolist() == np.repeat(y, len(x)).tolist()
    )
    assert physical_flags(planes["temperatures"][2])["HDF"].any(), "slow enough to overheat"
    for name in PLANES:
        plane = getattr(results[Decided], name)
        assert plane.learned.shape == plane.rule.shape == (QUICK.points,) * 2
    power = np.outer(results[Decided].torque_speed.y, results[Decided].torque_speed.x) * 2 * np.pi / 60
    is_power = results[Decided].torque_speed.rule == list(CLASSES.values()).index("power")
    assert (is_power == ((power < 3500) | (power > 9000))).all()


def test_rows_held_out_come_back_to_their_places() -> None:
    folds = [(np.array([1, 2]), np.array([0, 3])), (np.array([0, 3]), np.array([1, 2]))]
    assert out_of_fold(folds, [np.array([10, 13]), np.array([11, 12])]).tolist() == [10, 11, 12, 13]


def test_costs_follow_from_the_chances(results: dict[type[Results], Any]) -> None:
    found: Decided = results[Decided]
    for ratio in QUICK.stated:
        own, always, never = (found.at(name, ratio) for name in ("expected_cost", "always", "never"))
        rows = always.needless + never.missed
        assert own.saved == 0 and float(never.cost) == pytest.approx(1000 * ratio * never.missed / rows)
        assert float(always.cost) == pytest.approx(1000 * always.needless / rows)
        assert float(found.at("forest", ratio).saved) == pytest.approx(found.at("forest", ratio).cost - own.cost)
    assert found.curves.shape == (len(POLICIES), len(found.ratios))
    np.testing.assert_allclose(found.curves[POLICIES.index("never")], 1000 * never.missed / rows * found.ratios)


def test_frames_and_tables_hold_what_was_found(results: dict[type[Results], Any]) -> None:
    found, tuned = results[Decided], results[Tuned]
    assert tuple(tables.POLICIES) == POLICIES and len(tables.costs(found)) == len(POLICIES)
    assert len(figures.cost_curves(found)) == found.curves.size
    assert len(figures.calibration(found)) == 2 * len(found.reliability)
    assert set(figures.falls(found)["failure"]) == {"heat", "overstrain", "power", "tool wear"}
    assert tables.search(tuned)["hyperparameter"].tolist() == list(tables.VALUES)
    assert sum(float(own.chosen) for own in tuned.settings.values()) == results[Contest].folds
    assert float(tuned.gain) == pytest.approx(tuned.macro_f1 - tuned.start_macro_f1)


def test_an_exponent_of_none_is_no_edge() -> None:
    grid = tuple(NetworkChoice(weights=w, l1=l1) for w in (0.0, 0.2) for l1 in (1e-4, 3e-4, 1e-3))
    assert [at_edge(each, grid) for each in grid] == [True, False, True, True, True, True]


def test_a_search_varies_rate_length_and_shape_one_at_a_time() -> None:
    network = configured(Network, "classification.network")
    tuning = Tuning(weights=(0.0, 0.2), l1=(1e-4,), lr=(0.1,), epochs=(3,), hidden=((8,),))
    start, heavier, *single = tuning.choices(network, NetworkChoice(weights=0.0, l1=1e-4))
    assert (start.weights, heavier.weights, start.lr) == (0.0, 0.2, network.lr)
    usual = {"lr": network.lr, "epochs": network.epochs, "hidden": network.hidden}
    changed = [{name: getattr(each, name) for name in usual} for each in single]
    assert changed == [usual | {"lr": 0.1}, usual | {"epochs": 3}, usual | {"hidden": (8,)}]
    assert not at_edge(start, tuning.choices(network, start)[:1])

"""Costs are arithmetic, a shuffle loses no value, planes follow the rules; both experiments on the quick profile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from labcode.data.columns import QUALITY
from labcode.data.labels import physical_flags
from labcode.data.simulate import simulate_maintenance
from labcode.lab.classification import tables
from labcode.lab.classification.classes import CLASSES
from labcode.lab.classification.decision import (
    HELD,
    PLANES,
    SPEED,
    TORQUE,
    cost,
    plane_rows,
    published_rule,
    shuffled,
    stops_where_cheaper,
)
from labcode.lab.classification.decision_experiments import POLICIES, _most_called, _planes
from labcode.lab.classification.decision_results import Decided
from labcode.lab.classification.figures import calibration, cost_curves, falls
from labcode.lab.classification.rows import failure_rows, out_of_fold
from labcode.lab.classification.settings import Decision, Network, NetworkChoice, Tuning
from labcode.lab.classification.tables import VALUES, search
from labcode.lab.classification.tuned_experiments import at_edge
from labcode.lab.classification.tuned_results import Tuned
from labcode.lab.config import configured
from labcode.results.typed import Results, flatten

ROWS = failure_rows(simulate_maintenance(2000))
QUICK = configured(Decision, "classification.decision", profile="quick")


def test_stopping_where_it_is_cheaper_costs_least_if_the_chances_are_true() -> None:
    random = np.random.default_rng(0)
    chance = random.beta(0.3, 3.0, 40_000)
    failed = random.random(40_000) < chance
    for ratio in (2.0, 10.0, 50.0):
        own = cost(failed, stops_where_cheaper(chance, ratio), ratio)
        others = [chance > threshold for threshold in (0.5, 0.5 / (1 + ratio), 3 / (1 + ratio))]
        assert all(own < cost(failed, each, ratio) for each in others)
    assert cost(np.array([True, False]), np.array([True, True]), 5.0) == 500


def test_a_shuffle_moves_one_column_and_loses_no_value() -> None:
    moved = shuffled(ROWS.X, TORQUE, np.random.default_rng(0))
    assert sorted(moved[TORQUE]) == sorted(ROWS.X[TORQUE]) and (moved[TORQUE] != ROWS.X[TORQUE]).mean() > 0.5
    pd.testing.assert_frame_equal(moved.drop(columns=TORQUE), ROWS.X.drop(columns=TORQUE))


def test_points_of_a_plane_are_row_by_row_and_follow_the_rules() -> None:
    medians = {name: float(ROWS.X[name].median()) for name in ROWS.X if name != QUALITY}
    rows = plane_rows(
        (SPEED, np.array([1300.0, 2000.0])), (TORQUE, np.array([10.0, 40.0, 70.0])), {QUALITY: "L", **medians}
    )
    assert rows[SPEED].tolist() == [1300, 2000] * 3 and rows[TORQUE].tolist() == [10, 10, 40, 40, 70, 70]
    power = (rows[TORQUE] * rows[SPEED] * 2 * np.pi / 60).to_numpy()
    labels = published_rule(rows)
    assert ((labels == "Power Failure") == ((power < 3500) | (power > 9000))).all()


def test_planes_of_the_temperatures_are_slow_enough_to_overheat() -> None:
    planes = _planes(QUICK, ROWS.X)
    assert physical_flags(planes["temperatures"].rows)["HDF"].any()
    assert planes["torque_speed"].rows[SPEED].nunique() == QUICK.points


def test_rows_held_out_come_back_to_their_places_and_most_calls_win() -> None:
    folds = [(np.array([1, 2]), np.array([0, 3])), (np.array([0, 3]), np.array([1, 2]))]
    assert out_of_fold(folds, [np.array([10, 13]), np.array([11, 12])]).tolist() == [10, 11, 12, 13]
    assert _most_called([np.array([0, 5]), np.array([2, 5]), np.array([2, 1])]).tolist() == [2, 5]


def test_costs_follow_from_the_chances(results: dict[type[Results], Any]) -> None:
    found: Decided = results[Decided]
    failed = float(found.failures)
    for ratio in QUICK.stated:
        own = found.at("expected_cost", ratio)
        assert own.saved == 0
        assert float(found.at("never", ratio).cost) == pytest.approx(1000 * ratio * failed)
        assert float(found.at("always", ratio).cost) == pytest.approx(1000 * (1 - failed))
        assert float(found.at("forest", ratio).saved) == pytest.approx(found.at("forest", ratio).cost - own.cost)
    assert found.curves.shape == (len(POLICIES), len(found.ratios))
    np.testing.assert_allclose(found.curves[POLICIES.index("never")], 1000 * failed * found.ratios)


def test_planes_are_complete(results: dict[type[Results], Any]) -> None:
    found: Decided = results[Decided]
    arrays = flatten(found).arrays
    for name in PLANES:
        shape = (len(arrays[f"{name}_y"]), len(arrays[f"{name}_x"]))
        assert arrays[f"{name}_learned"].shape == arrays[f"{name}_rule"].shape == shape
        assert float(getattr(found, name).agreement) == pytest.approx(
            (arrays[f"{name}_learned"] == arrays[f"{name}_rule"]).mean()
        )
        assert len(getattr(found, name).held) == 3
    for name in HELD:  # as the page's sliders read them
        slices, levels = arrays[f"{name}_slices"], arrays[f"{name}_levels"]
        assert slices.shape == (3, len(levels), len(arrays[f"{name}_slice_y"]), len(arrays[f"{name}_slice_x"]))
        assert slices.dtype == np.uint8 and slices.max() < len(CLASSES)


def test_frames_and_tables_hold_what_was_found(results: dict[type[Results], Any]) -> None:
    found: Decided = results[Decided]
    assert tuple(tables.POLICIES) == POLICIES
    assert len(tables.costs(found)) == len(POLICIES)
    assert len(cost_curves(found)) == found.curves.size and len(calibration(found)) == 2 * len(found.reliability)
    assert set(falls(found)["failure"]) == {"heat", "overstrain", "power", "tool wear"}
    tuned: Tuned = results[Tuned]
    assert search(tuned)["hyperparameter"].tolist() == list(VALUES)
    assert sum(float(own.chosen) for own in tuned.settings.values()) == tuned.folds


def test_gains_of_tuning_are_differences(results: dict[type[Results], Any]) -> None:
    tuned: Tuned = results[Tuned]
    assert float(tuned.gain) == pytest.approx(tuned.macro_f1 - tuned.start_macro_f1)


def test_an_exponent_of_none_is_no_edge() -> None:
    grid = tuple(NetworkChoice(weights=w, l1=l1) for w in (0.0, 0.2) for l1 in (1e-4, 3e-4, 1e-3))
    assert [at_edge(each, grid) for each in grid] == [True, False, True, True, True, True]


def test_a_search_varies_rate_length_and_shape_one_at_a_time() -> None:
    network = configured(Network, "classification.network")
    tuning = Tuning(weights=(0.0, 0.2), l1=(1e-4,), lr=(0.1,), epochs=(3,), hidden=((8,),))
    start, heavier, *single = tuning.choices(network, NetworkChoice(weights=0.0, l1=1e-4))
    assert (start.weights, heavier.weights, start.lr) == (0.0, 0.2, network.lr)
    assert [(each.lr, each.epochs, each.hidden) for each in single] == [
        (0.1, network.epochs, network.hidden),
        (network.lr, 3, network.hidden),
        (network.lr, network.epochs, (8,)),
    ]
    assert not at_edge(start, tuning.choices(network, start)[:1])

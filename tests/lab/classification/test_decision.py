"""Costs are arithmetic, a shuffle loses no value, planes follow the rules; both experiments on the quick profile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from labcode.book.listing import source_of
from labcode.data.columns import QUALITY
from labcode.data.labels import physical_flags
from labcode.data.simulate import simulate_maintenance
from labcode.lab.classification import decision_tables
from labcode.lab.classification.classes import CLASSES, NORMAL
from labcode.lab.classification.decision import cost, plane_rows, published_rule, shuffled, stops_where_cheaper
from labcode.lab.classification.decision_experiments import INPUTS, POLICIES, _most_called, _planes, out_of_fold
from labcode.lab.classification.decision_figures import calibration, cost_curves, falls
from labcode.lab.classification.decision_results import Decided
from labcode.lab.classification.decision_settings import Decision
from labcode.lab.classification.planes import HELD, PLANES, SPEED, TORQUE
from labcode.lab.classification.rows import failure_rows
from labcode.lab.classification.sound_settings import Network, NetworkChoice
from labcode.lab.classification.tuned_experiments import at_edge
from labcode.lab.classification.tuned_results import Tuned
from labcode.lab.classification.tuned_settings import Tuning
from labcode.lab.classification.tuned_tables import VALUES, search
from labcode.lab.config import configured
from labcode.results import run as catalog
from labcode.results.typed import Results, flatten, impossible, numbers, unflatten

ROWS = failure_rows(simulate_maintenance(2000))
QUICK = configured(Decision, "classification.decision", profile="quick")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[type[Results], Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCODE_STORE_DIR", str(tmp_path_factory.mktemp("store")))
        patch.setenv("LABCODE_PROFILE", "quick")
        patch.setenv("LOKY_MAX_CPU_COUNT", "1")  # starting processes takes longer than what they would do
        patch.delenv("LABCODE_DATA_DIR", raising=False)
        return {kind: catalog.load_typed(kind) for kind in (Decided, Tuned)}


@pytest.mark.parametrize("name", ["stops_where_cheaper", "cost", "shuffled", "plane_rows", "published_rule"])
def test_what_is_shown_is_short(name: str) -> None:
    body = source_of("labcode.lab.classification.decision", name).split('"""')[-1]
    assert len([line for line in body.splitlines() if line.strip()]) <= 25


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


@pytest.mark.parametrize("kind", [Decided, Tuned])
def test_results_come_back_and_every_number_is_possible(kind: type[Results], results: dict[type[Results], Any]) -> None:
    flat = flatten(results[kind])
    after = unflatten(kind, flat.scalars, flat.tables, flat.arrays)
    found = dict(numbers(after))
    assert repr(found) == repr(dict(numbers(results[kind])))
    found.pop(".always_cheaper_from", None)  # none is possible where the chances are good
    assert {path: impossible(number) for path, number in found.items() if impossible(number)} == {}
    assert [path for path, number in found.items() if not number.quantity.says] == []


def test_costs_follow_from_the_chances(results: dict[type[Results], Any]) -> None:
    found: Decided = results[Decided]
    failed = found.y != NORMAL
    for ratio in QUICK.stated:
        stops = stops_where_cheaper(found.failure_probability.astype(float), ratio)
        own = found.at("expected_cost", ratio)
        assert own.missed == (failed & ~stops).sum() and own.needless == (~failed & stops).sum()
        assert own.saved == 0
        assert float(found.at("never", ratio).cost) == pytest.approx(1000 * ratio * failed.mean())
        assert float(found.at("always", ratio).cost) == pytest.approx(1000 * (1 - failed.mean()))
        assert float(found.at("forest", ratio).saved) == pytest.approx(found.at("forest", ratio).cost - own.cost)
    assert found.curves.shape == (len(POLICIES), len(found.ratios))
    np.testing.assert_allclose(found.curves[POLICIES.index("never")], 1000 * failed.mean() * found.ratios)


def test_shuffled_rows_are_all_called_something(results: dict[type[Results], Any]) -> None:
    found: Decided = results[Decided]
    actual = np.bincount(found.y, minlength=len(CLASSES))
    np.testing.assert_allclose(found.shuffled.sum(axis=2), np.tile(actual, (1 + len(INPUTS), 1)))
    assert np.abs(found.shuffled[1:] - found.shuffled[0]).max() > 0


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
    assert tuple(decision_tables.POLICIES) == POLICIES
    assert len(decision_tables.costs(found)) == len(POLICIES)
    assert len(cost_curves(found)) == found.curves.size and len(calibration(found)) == 2 * len(found.reliability)
    assert set(falls(found)["failure"]) == {"heat", "overstrain", "power", "tool wear"}
    tuned: Tuned = results[Tuned]
    assert search(tuned)["hyperparameter"].tolist() == list(VALUES)
    assert sum(float(own.chosen) for own in tuned.settings.values()) == tuned.folds


def test_gains_of_tuning_are_differences(results: dict[type[Results], Any]) -> None:
    tuned: Tuned = results[Tuned]
    assert float(tuned.gain) == pytest.approx(tuned.macro_f1 - tuned.start_macro_f1)
    assert float(tuned.log_loss_saved) == pytest.approx(tuned.start_log_loss - tuned.log_loss)
    assert tuned.most_chosen.chosen == max(float(own.chosen) for own in tuned.settings.values())


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

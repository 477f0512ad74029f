"""Ways to treat rare classes: what they do to rows, and how failures and needless stops are counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from labcode.data.columns import FAILURE
from labcode.data.labels import NO_FAILURE
from labcode.data.simulate import simulate_maintenance
from labcode.lab.classification.balancing import measured_columns, methods, seen_weights, threshold_at, with_derived
from labcode.lab.classification.balancing_experiments import BalancingSpec, Ranking, _prepared, _thresholds
from labcode.lab.classification.figures import found_against_needless
from labcode.lab.classification.network import quantities
from labcode.lab.classification.rows import failure_rows
from labcode.lab.classification.tables import WAYS as NAMES
from labcode.lab.classification.tables import at_equal_alarms
from labcode.lab.classification.training_results import EqualAlarms
from labcode.lab.config import configured
from labcode.results.typed import Results

ROWS = simulate_maintenance(n_rows=3000)
LABELS = ROWS[FAILURE].to_numpy(dtype=str)
MEASURED = measured_columns(ROWS)
WAYS = methods(neighbors=2, gamma=2.0)
SPEC = configured(BalancingSpec, profile="quick")
QUICK = SPEC.balancing


def power_of(rows: pd.DataFrame) -> np.ndarray:
    return (rows["Torque [Nm]"] * rows["Rotational speed [rpm]"] * 2 * np.pi / 60).to_numpy()


def made_up(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    return WAYS[name].training_rows(MEASURED, LABELS)


def test_derived_columns_are_those_that_the_contests_network_sees() -> None:
    derived, seen = with_derived(MEASURED), quantities(ROWS)
    pd.testing.assert_frame_equal(derived[["difference", "power"]], seen[["difference", "power"]])
    np.testing.assert_array_equal(derived["strain"], seen.filter(like="strain_").sum(axis=1))


@pytest.mark.parametrize(
    ("name", "is_grade"),
    [("smote", False), ("smotenc", True), ("borderline_smote", False), ("oversampling", True)],
)
def test_made_up_rows_obey_physics_but_their_quality_may_be_no_grade(name: str, is_grade: bool) -> None:
    rows, labels = made_up(name)
    assert len(labels) == len(rows) > len(LABELS)
    np.testing.assert_allclose(rows["power"], power_of(rows))
    np.testing.assert_allclose(rows["strain"], rows["Tool wear [min]"] * rows["Torque [Nm]"])
    assert np.isclose(rows["quality"], rows["quality"].round()).all() == is_grade


def test_made_up_rows_break_physics_where_derived_columns_are_made_up() -> None:
    rows, _ = made_up("smote_derived")
    off = np.abs(rows["power"].to_numpy() / power_of(rows) - 1)
    assert off[: len(LABELS)].max() < 1e-7 and off[len(LABELS) :].max() > 0.001


def test_oversampling_makes_classes_equal_and_leaves_one_without_neighbours() -> None:
    labels = np.array([NO_FAILURE] * 40 + ["Power Failure"] * 6 + ["Random Failures"] * 2)
    _, after = WAYS["smote"].training_rows(MEASURED.iloc[: len(labels)], labels)
    assert Counter(after.tolist()) == {NO_FAILURE: 40, "Power Failure": 40, "Random Failures": 2}


def test_weights_that_classes_had() -> None:
    labels = np.array(["a", "a", "a", "b"])
    assert seen_weights(labels, labels, WAYS["nothing"]) == {"a": 1.0, "b": 1.0}
    assert seen_weights(labels, np.array(["a", "a", "a", "b", "b", "b"]), WAYS["smote"]) == {"a": 1.0, "b": 3.0}
    balanced = seen_weights(labels, labels, WAYS["weights"])
    assert balanced["b"] / balanced["a"] == pytest.approx(3.0)


def found_at(failed: np.ndarray, score: np.ndarray, needless: int) -> int:
    """Failures found by the lowest threshold that stops so many healthy rows at most."""
    return int((score[failed] > np.sort(score[~failed])[::-1][needless]).sum())


scored_rows = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=4, max_size=40).filter(
    lambda rows: 2 <= sum(failed for failed, _ in rows) <= len(rows) - 2
)


@settings(deadline=None, max_examples=60)
@given(scored_rows, st.integers(0, 1), st.integers(0, 2**16))
def test_counts_of_many_draws_are_those_of_the_rows(rows: list[tuple[bool, int]], needless: int, seed: int) -> None:
    failed, score = np.array([own for own, _ in rows]), np.array([own for _, own in rows]) / 8
    counts = np.ones((2, len(rows)), dtype=np.float32)
    counts[1] = np.random.default_rng(seed).integers(1, 4, len(rows))
    ranking = Ranking.of(failed, score, counts)
    again = [np.repeat(values, counts[1].astype(int)) for values in (failed, score)]
    assert ranking.average_precision() == pytest.approx(
        [average_precision_score(failed, score), average_precision_score(*again)]
    )
    assert ranking.found(needless).tolist() == [found_at(failed, score, needless), found_at(*again, needless)]
    assert ranking.found(np.array([0.0, 1.0])).tolist() == [found_at(failed, score, 0), found_at(*again, 1)]
    assert ranking.found_by(np.arange(2)).tolist() == [found_at(failed, score, 0), found_at(failed, score, 1)]


def test_thresholds_stop_no_more_than_allowed_and_do_not_depend_on_rows_held_out() -> None:
    random = np.random.default_rng(0)
    failed, inside, fit = random.random(400) < 0.2, random.random(400).round(2), np.arange(300)
    for share in (0.0, 0.01, 0.1):
        threshold = threshold_at(failed, inside, share)
        assert (inside[~failed] > threshold).mean() <= share < (inside[~failed] >= threshold).mean()
    elsewhere = np.where(np.arange(400) < 300, inside, 1.0)
    spec = replace(QUICK, needless=(0, 20, 1000))
    found = _thresholds(spec, failed, inside, fit)
    np.testing.assert_array_equal(found, _thresholds(spec, failed, elsewhere, fit))
    assert found[0] > found[1] > found[2] == inside[fit][~failed[fit]].min()


@pytest.mark.parametrize("name", ["weights", "oversampling", "undersampling", "smotenc"])
def test_all_methods_take_about_as_many_steps(name: str) -> None:
    spec, places = replace(SPEC, balancing=replace(QUICK, epochs=24)), np.arange(3000)
    prepared = _prepared(spec, methods(1, 2.0)[name], failure_rows(ROWS), places, places[:10], [0, 1])
    assert prepared.updates == pytest.approx(24 * 24, rel=0.12)
    assert {network.max_epochs * -(-len(prepared.X) // 128) for network in prepared.networks} == {prepared.updates}


def test_needless_stops_find_what_the_curves_and_the_table_say(results: dict[type[Results], Any]) -> None:
    found, at = results[EqualAlarms], list(QUICK.needless)
    nothing, needless = found.methods["nothing"], round(found.methods["smote"].called_needless.value)
    assert (np.diff(found.curves, axis=1) >= 0).all() and found.curves.max() <= found.failures.value
    for own, curve in zip(found.methods.values(), found.curves, strict=True):
        assert [own.found[needless].value for needless in at] == curve[at].tolist()
        assert needless > QUICK.longest or own.found_at_smote.value == curve[needless]
        assert own.found_at_smote_gain_joint.value == own.found_at_smote - nothing.found_at_smote
    for gain in (nothing.average_precision_gain_joint, nothing.found_at_smote_gain_joint):
        assert (gain.value, gain.low, gain.high) == (0, 0, 0)
    best = max(found.methods, key=lambda name: found.methods[name].average_precision.value)
    table, frame = at_equal_alarms(found), found_against_needless(found)
    assert len(table) == len(found.methods) and table["way"].iloc[0] == NAMES[best]
    smote = frame[frame["way"] == NAMES["smote"]].set_index("needless")["found"]
    assert smote.loc[50] == found.methods["smote"].found[50].value

"""Ways to treat rare classes: what they do to rows, and how failures and needless stops are counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from labcode.book.listing import source_of
from labcode.data.columns import FAILURE, SENSORS
from labcode.data.labels import NO_FAILURE
from labcode.data.simulate import simulate_maintenance
from labcode.lab.classification.balancing import (
    measured_columns,
    methods,
    seen_weights,
    threshold_at,
    with_derived,
)
from labcode.lab.classification.balancing_alarms import Ranking
from labcode.lab.classification.network import quantities
from labcode.lab.classification.resamples import (
    drawn_macro_f1,
    drawn_means,
    estimate,
    row_draws,
    seed_draws,
)
from labcode.scoring.scores import macro_f1

ROWS = simulate_maintenance(n_rows=3000)
LABELS = ROWS[FAILURE].to_numpy(dtype=str)
MEASURED = measured_columns(ROWS)
WAYS = methods(neighbors=2, gamma=2.0)


def power_of(rows: pd.DataFrame) -> np.ndarray:
    return (rows["Torque [Nm]"] * rows["Rotational speed [rpm]"] * 2 * np.pi / 60).to_numpy()


def made_up(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    return WAYS[name].training_rows(MEASURED, LABELS)


@pytest.mark.parametrize("name", ["measured_columns", "with_derived", "resampled", "threshold_at", "methods"])
def test_shown_functions_stand_alone_and_are_short(name: str) -> None:
    source = source_of("labcode.lab.classification.balancing", name)
    namespace: dict[str, Any] = {}
    exec("from __future__ import annotations\n" + source, namespace)
    assert callable(namespace[name])
    body = source_of("labcode.lab.classification.balancing", name, imports=False)
    assert len(body.splitlines()) <= 28


def test_derived_columns_are_those_that_the_contests_network_sees() -> None:
    derived, seen = with_derived(MEASURED), quantities(ROWS)
    pd.testing.assert_frame_equal(derived[["difference", "power"]], seen[["difference", "power"]])
    np.testing.assert_array_equal(derived["strain"], seen.filter(like="strain_").sum(axis=1))


@pytest.mark.parametrize("name", ["smote", "smotenc", "borderline_smote", "oversampling"])
def test_made_up_rows_obey_physics_where_measured_columns_are_made_up(name: str) -> None:
    rows, labels = made_up(name)
    assert len(rows) > len(LABELS)
    np.testing.assert_allclose(rows["power"], power_of(rows))
    np.testing.assert_allclose(rows["strain"], rows["Tool wear [min]"] * rows["Torque [Nm]"])
    assert len(labels) == len(rows)


def test_made_up_rows_break_physics_where_derived_columns_are_made_up() -> None:
    rows, _ = made_up("smote_derived")
    off = np.abs(rows["power"].to_numpy()[len(LABELS) :] / power_of(rows)[len(LABELS) :] - 1)
    assert off.max() > 0.001
    np.testing.assert_allclose(rows["power"].to_numpy()[: len(LABELS)], power_of(rows)[: len(LABELS)])


def test_only_smotenc_and_copies_keep_the_quality_a_grade() -> None:
    def whole(name: str) -> bool:
        quality = made_up(name)[0]["quality"].to_numpy()
        return bool(np.isclose(quality, quality.round()).all())

    assert [whole(name) for name in ("oversampling", "smotenc", "smote")] == [True, True, False]


def test_oversampling_makes_classes_equal_and_leaves_one_without_neighbours() -> None:
    labels = np.array([NO_FAILURE] * 40 + ["Power Failure"] * 6 + ["Random Failures"] * 2)
    measured = MEASURED.iloc[: len(labels)]
    _, after = WAYS["smote"].training_rows(measured, labels)
    assert Counter(after.tolist()) == {NO_FAILURE: 40, "Power Failure": 40, "Random Failures": 2}


def test_undersampling_keeps_all_failures_and_as_many_healthy_rows() -> None:
    rows, labels = made_up("undersampling")
    failures = (LABELS != NO_FAILURE).sum()
    assert (labels == NO_FAILURE).sum() == (labels != NO_FAILURE).sum() == failures
    assert set(map(tuple, rows[SENSORS].round(6).to_numpy())) <= set(map(tuple, MEASURED[SENSORS].round(6).to_numpy()))


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
    failed = np.array([own for own, _ in rows])
    score = np.array([own for _, own in rows]) / 8
    counts = np.ones((2, len(rows)), dtype=np.float32)
    counts[1] = np.random.default_rng(seed).integers(1, 4, len(rows))
    ranking = Ranking.of(failed, score, counts)
    repeated = [np.repeat(values, counts[1].astype(int)) for values in (failed, score)]
    assert ranking.average_precision() == pytest.approx(
        [average_precision_score(failed, score), average_precision_score(*repeated)]
    )
    assert ranking.found(needless).tolist() == [found_at(failed, score, needless), found_at(*repeated, needless)]
    assert ranking.found(np.array([0.0, 1.0])).tolist() == [found_at(failed, score, 0), found_at(*repeated, 1)]
    assert ranking.found_by(np.arange(2)).tolist() == [found_at(failed, score, 0), found_at(failed, score, 1)]


def test_no_more_healthy_rows_than_allowed_exceed_a_threshold() -> None:
    random = np.random.default_rng(0)
    failed, score = random.random(500) < 0.1, random.random(500).round(2)
    for share in (0.0, 0.01, 0.1):
        threshold = threshold_at(failed, score, share)
        assert (score[~failed] > threshold).mean() <= share
        assert (score[~failed] >= threshold).mean() > share


def test_the_first_draw_is_the_estimate_and_alike_methods_never_differ() -> None:
    random = np.random.default_rng(1)
    y, fold_of = random.integers(0, 3, 300), random.integers(0, 4, 300)
    predicted = np.where(random.random((2, 3, 300)) < 0.7, y, random.integers(0, 3, (2, 3, 300)))
    predicted[1] = predicted[0]
    losses = random.random((2, 3, 300))
    counts, weights = row_draws(y, 200), seed_draws(4, 3, 200)
    means = drawn_means(losses, fold_of, counts, weights)
    assert means[:, 0] == pytest.approx(losses.mean(axis=(1, 2)))
    f1 = drawn_macro_f1(y, predicted, fold_of, counts, weights, 3)
    single = [macro_f1(np.bincount(y * 3 + own, minlength=9).reshape(3, 3).astype(float)) for own in predicted[0]]
    assert f1[0, 0] == pytest.approx(np.mean(single))
    assert (f1[0] == f1[1]).all() and len(np.unique(f1[0])) > 100
    assert f1[0, 1:].mean() == pytest.approx(f1[0, 0], abs=0.01)


def test_draws_of_seeds_have_the_variance_of_their_mean() -> None:
    by_seed = np.array([0.0, 1.0, 5.0])
    losses = np.broadcast_to(by_seed[None, :, None], (1, 3, 60)).copy()
    y, fold_of = np.zeros(60, dtype=int), np.zeros(60, dtype=int)
    drawn = drawn_means(losses, fold_of, row_draws(y, 20_000), seed_draws(1, 3, 20_000))[0, 1:]
    assert drawn.var() == pytest.approx(by_seed.var(ddof=1) / 3, rel=0.05)


def test_limits_for_several_statements_together_are_wider() -> None:
    draws = np.r_[0.0, np.random.default_rng(0).normal(size=5000)]
    one, several = estimate(draws), estimate(draws, 8)
    assert several.low < one.low < 0 < one.high < several.high
    assert np.mean(draws < several.low) == pytest.approx(0.025 / 8, rel=0.2)

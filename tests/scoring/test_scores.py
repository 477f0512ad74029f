"""Scores from confusion counts, and of probabilities, agree with scikit-learn's on random cases."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from labcode.scoring import scores as ours

K = 4


@pytest.mark.parametrize("seed", range(5))
def test_counts_and_scores_of_classes_are_scikit_learns(seed: int) -> None:
    """In the last case one class is never there, and one never called."""
    random = np.random.default_rng(seed)
    y = random.choice(K, 600, p=[0.7, 0.2, 0.08, 0.02])
    calls = np.where(random.random(600) < 0.7, y, random.choice(K, 600))
    if seed == 4:
        y, calls = np.where(y == 3, 0, y), np.where(calls == 2, 0, calls)
    counts = ours.confusion_counts(y, [[calls, y]], K)
    assert counts.shape == (1, 2, K, K)
    np.testing.assert_array_equal(counts[0, 0], sk.confusion_matrix(y, calls, labels=range(K)))
    assert ours.accuracy(counts).tolist() == [[pytest.approx(sk.accuracy_score(y, calls)), 1.0]]
    precision, recall, f1, _ = sk.precision_recall_fscore_support(y, calls, labels=range(K), zero_division=0)
    np.testing.assert_allclose(ours.precisions(counts)[0, 0], precision)
    np.testing.assert_allclose(ours.recalls(counts)[0, 0], recall)
    np.testing.assert_allclose(ours.f1_scores(counts)[0, 0], f1)
    assert ours.macro_f1(counts)[0, 0] == pytest.approx(f1.mean())
    assert ours.macro_f1_without(counts, 1)[0, 0] == pytest.approx(f1[[0, 2, 3]].mean())
    assert ours.weighted_f1(counts)[0, 0] == pytest.approx(sk.f1_score(y, calls, average="weighted"))
    shares = random.dirichlet(np.ones(K), 600)
    assert ours.log_loss(y, shares) == pytest.approx(sk.log_loss(y, shares, labels=range(K)))


def test_balanced_counts_weigh_classes_alike() -> None:
    counts = np.array([[8, 2, 0], [1, 0, 0], [30, 30, 40]])
    np.testing.assert_allclose(ours.balanced_counts(counts), [[0.8, 0.2, 0], [1, 0, 0], [0.3, 0.3, 0.4]])
    assert ours.accuracy(ours.balanced_counts(counts)) == pytest.approx((0.8 + 0.0 + 0.4) / 3)


def test_being_sure_and_wrong_costs_a_finite_log_loss() -> None:
    assert ours.log_loss([0], [[0.0, 1.0]]) == pytest.approx(-np.log(1e-15))


def test_calibrated_probabilities_have_a_small_calibration_error() -> None:
    random = np.random.default_rng(0)
    chance = random.random(50_000)
    happened = random.random(50_000) < chance
    assert ours.calibration_error(happened, chance) < 0.01
    assert ours.calibration_error(happened, np.sqrt(chance)) > 0.1
    assert ours.calibration_error([True, False], [1.0, 0.0]) == 0

"""Scores from confusion counts agree with scikit-learn's, and their intervals with the textbook's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from labcode.scoring import confusion as ours
from labcode.scoring.scores import macro_f1, macro_f1_gain

RANDOM = np.random.default_rng(0)
Y = RANDOM.choice(4, 600, p=[0.7, 0.2, 0.08, 0.02])
PREDICTED = np.where(RANDOM.random(600) < 0.7, Y, RANDOM.choice(4, 600))
OTHER = np.where(RANDOM.random(600) < 0.5, Y, RANDOM.choice(4, 600))
COUNTS = sk.confusion_matrix(Y, PREDICTED)


@pytest.mark.parametrize(
    ("score", "theirs"),
    [
        ("accuracy", sk.accuracy_score),
        ("balanced_accuracy", sk.balanced_accuracy_score),
        ("precision_macro", lambda y, p: sk.precision_score(y, p, average="macro")),
        ("sensitivity_macro", lambda y, p: sk.recall_score(y, p, average="macro")),
        ("f1_macro", lambda y, p: sk.f1_score(y, p, average="macro")),
        ("f1_weighted", lambda y, p: sk.f1_score(y, p, average="weighted")),
        ("mcc", sk.matthews_corrcoef),
    ],
)
def test_scores_are_scikit_learns(score: str, theirs: object) -> None:
    assert float(ours.SCORES[score](COUNTS)) == pytest.approx(theirs(Y, PREDICTED))  # type: ignore[operator]


def test_specificity_is_the_recall_of_the_rest() -> None:
    for k, found in enumerate(ours.specificities(COUNTS)):
        assert found == pytest.approx(sk.recall_score(np.not_equal(Y, k), np.not_equal(PREDICTED, k)))


def test_probabilities_are_scored_as_scikit_learn_does() -> None:
    shares = RANDOM.dirichlet(np.ones(4), 600)
    assert ours.log_loss(Y, shares) == pytest.approx(sk.log_loss(Y, shares))
    precision_recall, roc = ours.ranking_scores(Y, shares)
    assert roc[1] == pytest.approx(sk.roc_auc_score(Y == 1, shares[:, 1]))
    assert precision_recall[1] == pytest.approx(sk.average_precision_score(Y == 1, shares[:, 1]))
    assert np.isnan(ours.ranking_scores(np.zeros(5, dtype=int), shares[:5])[0][1])


def test_calibrated_probabilities_have_a_small_calibration_error() -> None:
    chance = RANDOM.random(50_000)
    happened = RANDOM.random(50_000) < chance
    assert ours.calibration_error(happened, chance) < 0.01
    assert ours.calibration_error(happened, np.sqrt(chance)) > 0.1


def test_resamples_keep_the_classes_and_the_pairs() -> None:
    found = ours.Confusions.of(Y, [PREDICTED, OTHER], 4)
    np.testing.assert_array_equal(found.counts[0], COUNTS)
    assert (found.draws.sum(axis=-1) == np.bincount(Y)).all()
    own = found.interval(lambda counts: macro_f1(counts[..., 0, :, :]) - macro_f1(counts[..., 1, :, :]))
    known = macro_f1_gain(Y, PREDICTED, OTHER)
    assert own.value == pytest.approx(known.value)
    assert (own.low, own.high) == pytest.approx((known.low, known.high), abs=0.01)


def test_an_interval_of_a_recall_is_the_textbooks() -> None:
    y, predicted = np.ones(400, dtype=int), (np.arange(400) < 300).astype(int)
    found = ours.Confusions.of(y, [predicted], 2, draws=4_000).intervals(
        lambda counts: ours.recalls(counts[..., 0, :, :])
    )
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert (found[1].low, found[1].high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.005)


def test_a_predictor_gains_nothing_over_itself() -> None:
    found = ours.Confusions.of(Y, [PREDICTED, PREDICTED], 4)
    gain = found.interval(lambda counts: ours.accuracy(counts[..., 0, :, :]) - ours.accuracy(counts[..., 1, :, :]))
    assert (gain.value, gain.low, gain.high) == (0, 0, 0)


def test_balanced_counts_weigh_classes_alike() -> None:
    assert ours.accuracy(ours.balanced_counts(COUNTS)) == pytest.approx(ours.balanced_accuracy(COUNTS))

"""The network's parts: its questions, its chances, its decision; the rivals' inputs; the contest on made-up rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labcode.data.simulate_maintenance import simulate_maintenance
from labcode.lab.classification.network import (
    TOOL_WEAR,
    network_inputs,
    quantities,
    tempered,
    tree_questions,
    with_hazard,
)
from labcode.lab.classification.network import wear_hazard as hazard_of
from labcode.lab.classification.rows import failure_rows
from labcode.lab.classification.sound import best_calibration, compete, rank_inputs
from labcode.lab.classification.sound_experiments import ENTRIES, EXPERIMENTS, corrected_interval, reliability
from labcode.lab.classification.sound_results import Contest
from labcode.results.typed import Results
from labcode.scoring.scores import accuracy, macro_f1

ROWS = failure_rows(simulate_maintenance(1_500, seed=3))
KNOWN = quantities(ROWS.X)
QUICK: Any = EXPERIMENTS[0].quick
SMALL = {"leaves": 8, "min_rows": 5, "min_gain": 15.0}


def random_chances(n: int = 4_000, seed: int = 0) -> np.ndarray:
    """Chances of six classes of which the second is by far the most frequent."""
    return np.random.default_rng(seed).dirichlet([0.02, 3.0, 0.02, 0.02, 0.01, 0.05], size=n)


def test_strain_is_that_of_the_rows_own_quality() -> None:
    strains = KNOWN[[f"strain_{quality}" for quality in "LMH"]]
    assert ((strains > 0).sum(axis=1) <= 1).all()
    np.testing.assert_allclose(strains.sum(axis=1), KNOWN["wear"] * KNOWN["torque"])


def test_a_question_separates_what_float32_cannot() -> None:
    air = np.arange(2950, 3050) / 10
    differences = np.round(air + 8.6, 1) - air  # all print as 8.6
    low, high = differences.min(), differences.max()
    assert low < high and np.float32(low) == np.float32(high)
    values = np.array([low] * 30 + [high] * 300)
    labels = np.array(["Heat Dissipation Failure"] * 30 + ["No Failure"] * 300)
    edges = tree_questions(pd.DataFrame({"difference": values}), labels, **SMALL)
    assert ((values > edges["difference"][0]) == (labels == "No Failure")).all()


def test_a_quantity_that_says_nothing_is_asked_nothing() -> None:
    random = np.random.default_rng(0)
    known = pd.DataFrame({"power": random.normal(size=600), "noise": random.normal(size=600)})
    labels = np.where(known["power"] > 1.5, "Power Failure", "No Failure")
    edges = tree_questions(known, labels, **SMALL)
    assert edges["noise"] == [] and len(edges["power"]) == 1


def test_inputs_are_scaled_by_the_training_rows_alone() -> None:
    train, other = KNOWN.iloc[:1_000], KNOWN.iloc[1_000:]
    edges = tree_questions(train, ROWS.labels[:1_000], **SMALL)
    hazard = np.zeros(len(KNOWN))
    seen = network_inputs(train, train, edges, hazard[:1_000])
    assert seen.shape == (1_000, KNOWN.shape[1] + 1 + sum(map(len, edges.values())))
    np.testing.assert_allclose(seen[:, : KNOWN.shape[1]].mean(axis=0), 0, atol=1e-4)
    together = network_inputs(KNOWN, train, edges, hazard)
    np.testing.assert_array_equal(together[1_000:], network_inputs(other, train, edges, hazard[1_000:]))
    assert set(np.unique(seen[:, KNOWN.shape[1] + 1 :])) <= {0.0, 1.0}


def test_the_hazard_never_falls_and_keeps_the_number_of_failures() -> None:
    chance = hazard_of(KNOWN["wear"], ROWS.labels).predict(np.arange(300.0))
    assert (np.diff(chance) >= 0).all() and chance[0] < 0.01
    given = hazard_of(KNOWN["wear"], ROWS.labels).predict(KNOWN["wear"])
    assert given.sum() == pytest.approx((ROWS.labels == "Tool Wear Failure").sum())


def test_temperature_and_hazard_leave_chances_chances() -> None:
    chances, hazard = random_chances(500), np.linspace(0, 0.3, 500)
    for temperature, share in ((1.0, 0.0), (2.0, 0.5), (0.5, 1.0)):
        mixed = with_hazard(tempered(chances, temperature), hazard, share)
        np.testing.assert_allclose(mixed.sum(axis=1), 1)
        assert (mixed >= 0).all()
    np.testing.assert_allclose(with_hazard(tempered(chances, 1.0), hazard, 0.0), chances, atol=1e-6)
    np.testing.assert_allclose(with_hazard(chances, hazard, 1.0)[:, TOOL_WEAR], hazard, atol=1e-12)
    assert tempered(chances, 3.0).max(axis=1).mean() < chances.max(axis=1).mean()


def test_ranks_keep_order_and_put_new_values_between() -> None:
    train, other = pd.DataFrame({"a": [1.0, 1.0, 5.0, 3.0]}), pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0, 9.0]})
    assert rank_inputs(other, train)[:, 0].tolist() == [0.0, 0.5, 1.0, 1.5, 3.0]


def test_calibration_finds_the_temperature_that_was_put_in() -> None:
    chances = random_chances(6_000)
    random = np.random.default_rng(5)
    y = np.array([random.choice(6, p=row) for row in chances])
    hazard = np.full(len(y), 0.5)
    spec = replace(QUICK.contest, temperatures=(0.5, 1.0, 2.0), hazard_shares=(0.0, 1.0))
    for put_in, found in ((0.5, 2.0), (1.0, 1.0), (2.0, 0.5)):
        assert best_calibration(spec, tempered(chances, put_in), hazard, y)[1:] == (found, 0.0)


def test_bins_of_equally_many_rows() -> None:
    chance = np.repeat([0.1, 0.4], 500)
    happened = np.r_[np.arange(500) < 50, np.arange(500) < 300]
    error, bins = reliability(happened, chance, bins=2)
    np.testing.assert_allclose(bins, [[0.1, 0.1], [0.4, 0.6]])
    assert error == pytest.approx(0.1)


def test_the_corrected_interval_is_wider_than_the_naive_one() -> None:
    values = np.random.default_rng(0).normal(0.01, 0.02, size=50)
    found = corrected_interval(values, folds=5)
    naive = 2.0096 * values.std(ddof=1) / np.sqrt(50)
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.value == pytest.approx(naive * np.sqrt(1 + 50 / 4), rel=1e-3)


@pytest.mark.parametrize("name", ["network", "forest", "boosting", "logistic"])
def test_an_answer_depends_on_no_other_row(name: str) -> None:
    spec = replace(
        QUICK, network=replace(QUICK.network, epochs=2), contest=replace(QUICK.contest, trees=5, iterations=2)
    )
    answer = compete(name, spec, ROWS, [ROWS.X.iloc[:300], ROWS.X.iloc[100:200]])
    whole, part = answer.chances
    np.testing.assert_allclose(whole[100:200], part, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(answer.plain[0], whole.argmax(axis=1))
    assert answer.temperature in QUICK.contest.temperatures and answer.share in QUICK.contest.hazard_shares


def test_each_model_has_as_many_settings_to_choose_from() -> None:
    spec: Any = EXPERIMENTS[0].spec.contest
    assert len({len(getattr(spec, name)) for name, _ in ENTRIES.values()}) == 1


def test_scores_of_the_contest_are_those_of_its_counts(results: dict[type[Results], Any]) -> None:
    contest: Contest = results[Contest]
    for own in (contest.network, contest.network_without_rule, contest.forest):
        assert float(own.accuracy) == pytest.approx(accuracy(own.confusion).mean())
        assert float(own.macro_f1) == pytest.approx(macro_f1(own.confusion).mean())
        assert float(own.train_macro_f1) == pytest.approx(macro_f1(own.train_confusion))
        # Each row is held out once a repeat, and trained on in all other folds.
        assert own.train_confusion.sum() == (contest.folds - 1) * own.confusion.sum()
        assert own.accuracy.low <= own.accuracy <= own.accuracy.high

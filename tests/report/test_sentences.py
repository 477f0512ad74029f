"""Sentences and table cells that results decide say each of the things that they can say."""

from __future__ import annotations

import numpy as np
import pytest

from labcode.lab.classification.classes import CLASSES, NORMAL, RANDOM
from labcode.metrics import Interval
from labcode.report import classification_sentences as sentences
from labcode.report.classification import limits
from labcode.report.classification_tables import clopper_pearson
from labcode.report.regularization_sentences import by_how_much
from labcode.store import Result


def result(**arrays: np.ndarray) -> Result:
    return Result(experiment="toy", key="", scalars={}, tables={}, arrays=arrays, meta={})


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Interval(-2.0, -3.0, -1.0), "lower by 2.0 USD² on average (95% interval of the mean 1.0 to 3.0)"),
        (Interval(2.0, 1.0, 3.0), "higher by 2.0 USD² on average (95% interval of the mean 1.0 to 3.0)"),
        (Interval(2.0, -1.0, 5.0), "neither lower nor higher for certain (2.0 USD², −1.0 to 5.0)"),
        (Interval(2.0, -np.inf, np.inf), "2.0 USD² higher"),
    ],
)
def test_a_difference_is_called_what_its_interval_bears(found: Interval, words: str) -> None:
    assert by_how_much(found).replace("\N{NO-BREAK SPACE}", " ") == words


def test_an_interval_without_a_width_is_not_shown() -> None:
    assert limits({"x": 0.0, "x_low": 0.0, "x_high": 0.0}, "x", 2) == "0.00"
    assert "to" in limits({"x": 0.5, "x_low": 0.4, "x_high": 0.6}, "x", 2)


def test_a_binomial_interval_has_a_width_at_both_ends() -> None:
    none, all_of_them = clopper_pearson(0, 18), clopper_pearson(18, 18)
    assert none.low == 0 and none.high == pytest.approx(0.185, abs=1e-3)
    assert all_of_them.high == 1 and all_of_them.low == pytest.approx(1 - none.high)
    assert clopper_pearson(9, 18).low < 0.5 < clopper_pearson(9, 18).high


@pytest.mark.parametrize(
    ("always", "words"),
    [(1000.0, "Above a cost ratio of about 100"), (1.0, "Above a cost ratio of about 1,"), (1e9, "is dearer")],
)
def test_always_stopping_is_cheaper_from_where_the_curves_cross(always: float, words: str) -> None:
    ratios = np.array([1.0, 10.0, 100.0])
    costs = result(ratios=ratios, cost_expected_cost=20 * ratios, cost_always=np.full(3, always))
    assert words in sentences.always_sentence(costs)


@pytest.mark.parametrize(("failures", "too_sure"), [(20, True), (1, False)])
def test_small_probabilities_are_too_small_if_far_more_rows_fail(failures: int, too_sure: bool) -> None:
    chance = np.full((1, 1000, len(CLASSES)), 0.001 / (len(CLASSES) - 1))
    chance[..., NORMAL] = 0.999
    y = np.full(1000, NORMAL)
    y[:failures] = RANDOM
    told = sentences.sure_sentence(result(probabilities_without_weights=chance, y=y))
    assert ("too sure" in told) is too_sure and f"{failures} do, {failures} at random" in told

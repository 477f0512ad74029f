"""Every result of the chapter comes back from the store as it was, and every number in it is possible and named."""

from __future__ import annotations

from typing import Any

import pytest

from labcode.lab.classification.balancing_results import EqualAlarms
from labcode.lab.classification.ceiling_results import Ceiling
from labcode.lab.classification.decision_results import Decided
from labcode.lab.classification.faults_results import Leakage
from labcode.lab.classification.regularizing_results import HeldBack
from labcode.lab.classification.sound_results import Contest
from labcode.lab.classification.tuned_results import Tuned
from labcode.results.typed import Results, flatten, impossible, numbers, unflatten
from labcode.scoring.scores import accuracy, macro_f1


@pytest.mark.parametrize("kind", [EqualAlarms, Ceiling, Decided, Leakage, HeldBack, Contest, Tuned])
def test_results_come_back_and_every_number_is_possible(kind: type[Results], results: dict[type[Results], Any]) -> None:
    flat = flatten(results[kind])
    after = unflatten(kind, flat.scalars, flat.tables, flat.arrays)
    found = dict(numbers(after))
    assert repr(found) == repr(dict(numbers(results[kind])))
    found.pop(".always_cheaper_from", None)  # none is possible where the chances are good
    assert {path: impossible(number) for path, number in found.items() if impossible(number)} == {}
    assert [path for path, number in found.items() if not number.quantity.says] == []


def test_scores_of_the_contest_are_those_of_its_counts(results: dict[type[Results], Any]) -> None:
    contest: Contest = results[Contest]
    for own in (contest.network, contest.network_without_rule, contest.forest):
        assert float(own.accuracy) == pytest.approx(accuracy(own.confusion).mean())
        assert float(own.macro_f1) == pytest.approx(macro_f1(own.confusion).mean())
        assert float(own.train_macro_f1) == pytest.approx(macro_f1(own.train_confusion))
        # Each row is held out once a repeat, and trained on in all other folds.
        assert own.train_confusion.sum() == (contest.folds - 1) * own.confusion.sum()
        assert own.accuracy.low <= own.accuracy <= own.accuracy.high

"""The audit finds our figure beside each stated one, and says by one rule whether that comes out again."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from labcode.book.reference import Cell, figures, of_kind
from labcode.errors import LabcodeError
from labcode.lab import load
from labcode.lab.audit import tables
from labcode.lab.audit.compared import comes_out, compared, most_seeds, ours, root
from labcode.lab.audit.tables import COLUMNS, headline
from labcode.lab.classification.first_results import AsSubmitted
from labcode.results.number import Number


def cell(value: float, **changes: object) -> Cell:
    given = {"id": "x", "label": "x", "section": "1", "value": value, "places": 2, "ours": "a.b"}
    return Cell(**{**given, **changes})  # type: ignore[arg-type]


def test_every_figure_has_one_of_ours_and_is_counted_once(quick_store: Path) -> None:
    found = compared()
    assert len(found) == len(figures()) and all(math.isfinite(each.ours.value) for each in found)
    counts = tables.counts(found)
    every = counts.iloc[-1]
    assert every["figures"] == len(found) == counts["figures"].iloc[:-1].sum()
    assert len(tables.figures(found)) == len(found)
    assert not [own for own in tables.figures(found)["ours"] if "inf" in own or "nan" in own]


def test_a_cell_of_the_matrix_and_a_column_of_the_report_are_the_results(quick_store: Path) -> None:
    first = load(AsSubmitted)
    expected = first.confusion_plain_test[:, 0, 3]
    found = ours("over_seeds(classification_as_submitted.confusion_plain_test[:, 0, 3])")
    assert found.value == pytest.approx(expected.mean())
    assert expected.min() <= found.low <= found.high <= expected.max()
    assert ours("report_of(classification_as_submitted)['support'][1]") == first.support[1]


@pytest.mark.parametrize("expression", ["nothing", "regression_sound.nothing", "regression_sound.rmse +", ""])
def test_a_place_that_is_not_there_is_named(quick_store: Path, expression: str) -> None:
    with pytest.raises(LabcodeError, match=re.escape(repr(expression))):
        ours(expression)


def test_limits_end_where_the_figure_must() -> None:
    for found in (root(Number(-9.0, -16.0, -4.0)), root(Number(9.0, 4.0, 16.0))):
        assert (found.low, found.high) == (2, 4)


@pytest.mark.parametrize(
    ("theirs", "own", "expected"),
    [
        (cell(0.78), Number(0.77, 0.75, 0.79), "yes"),
        (cell(0.80), Number(0.77, 0.75, 0.79), "no"),
        (cell(0.79), Number(0.77, 0.75, 0.786), "yes"),
        (cell(0.78), Number(0.78, -math.inf, math.inf), "one seed"),
        (cell(7, places=0), Number(7), "yes"),
        (cell(7, places=0), Number(8), "no"),
        (cell(9500, places=0, about=True), Number(9652), "yes"),
        (cell(9000, places=0, about=True), Number(9652), "no"),
        (cell(200, relation="below"), Number(112), "yes"),
        (cell(200, relation="below"), Number(212), "no"),
        (cell(200, relation="most below"), Number(0.4), "no"),
        (cell(64), most_seeds(np.array([64, 64, 32])), "yes"),
        (cell(64), most_seeds(np.array([64, 32, 32])), "no"),
        (cell(64), most_seeds(np.array([64])), "one seed"),
    ],
)
def test_the_rule(theirs: Cell, own: Number, expected: str) -> None:
    assert comes_out(theirs, own) == expected


def test_every_conclusion_is_judged_by_a_condition(quick_store: Path) -> None:
    found = tables.judged()
    assert [entry.id for entry, _ in found] == [entry.id for entry in of_kind("conclusion")]
    assert all(own.checks and own.reason for _, own in found)
    shown = tables.conclusions(found)
    assert len(shown) == len(found) and all(re.search("olds|hold|shown", each.data) for each in shown["now"])


def test_the_headline_has_a_line_for_each_figure_and_no_gap(quick_store: Path) -> None:
    found = headline()
    assert tuple(found) == COLUMNS and len(found) == 4
    assert found.map(lambda text: bool(text.strip()) and "nan" not in text).all().all()

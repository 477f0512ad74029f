"""The original beside ours: its data file, where our numbers are, the rule of comparison, and the verdicts."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from labcode.book.reference import Cell, cells, figures, of_kind, read_reference, reference, stated
from labcode.errors import LabcodeError
from labcode.experiments import catalog
from labcode.lab.verdicts import verdict as verdict_of
from labcode.report import conclusions, conflicts, verdict
from labcode.report.judge_regression import JUDGES
from labcode.report.judging import Case, Judgement, judge
from labcode.report.measured import Measured, Sources, comes_out, measure
from labcode.settings import project_root
from labcode.store import Result

GOOD = """
[[stated]]
id = "a.figure"
kind = "figure"
section = "2.1"
quote = "It is 7"
label = "it"
value = 7
ours = "data/prices:columns"
"""


def cell(value: float, **changes: object) -> Cell:
    given = {"id": "x", "label": "x", "section": "1", "value": value, "places": 2, "ours": "a/b:c"}
    return Cell(**{**given, **changes})  # type: ignore[arg-type]


def result(name: str, **scalars: float) -> Result:
    return Result(experiment=name, key="0" * 64, scalars=scalars)


def only(**results: Result) -> Sources:
    """Sources that hold these results and nothing else, by experiment."""

    def load(name: str) -> Result:
        raise LabcodeError(f"no {name}")

    return Sources(load, {each.experiment: each for each in results.values()})


# The data file


def test_the_file_holds_the_whole_report() -> None:
    every = figures()
    assert len([each for each in every if each.id == "classification.confusion"]) == 36
    assert len([each for each in every if each.id == "classification.report"]) == 24
    assert len(every) > 120
    sections = {entry.section for entry in reference().stated.values()}
    assert sections == {"2.1", "2.2", "2.3", "2.4", "2.5", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "6"}
    assert len(of_kind("conclusion")) > 25


def test_every_figure_is_in_one_part_of_the_report() -> None:
    prefixes = [prefix for part in verdict.PARTS.values() for prefix in part]
    for each in figures():
        assert sum(each.id.startswith(prefix) for prefix in prefixes) == 1, each.id


def test_what_is_evidence_exists_in_the_book() -> None:
    text = "".join(path.read_text("utf-8") for path in (project_root() / "chapters").glob("*.qmd"))
    labels = set(re.findall(r"(?:\{#|label: )((?:fig|tbl|sec)-[\w-]+)", text))
    assert {entry.evidence.removeprefix("@") for entry in of_kind("conclusion")} <= labels


def test_a_good_entry_is_read() -> None:
    entry = read_reference(GOOD).stated["a.figure"]
    assert [each.value for each in cells(entry)] == [7]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "figure"', 'kind = "number"', "'a.figure', the field 'kind' is 'number', but should be one of figure"),
        ("value = 7", 'value = "7"', "'a.figure', the field 'value' is '7', but should be a number"),
        ("value = 7", "value = true", "the field 'value' is True, but should be a number"),
        ("value = 7", "", "the field 'value' is missing; a figure needs value or values"),
        ('label = "it"', "", "the field 'label' is missing"),
        ('section = "2.1"', "", "'a.figure', the field 'section' is missing"),
        ('section = "2.1"', 'section = "2.1"\npage = 3', "the field 'page' is no field; the fields are id, kind"),
        ('ours = "data/prices:columns"', "", "the field 'ours' is missing; say where our number is"),
        ("value = 7", 'values = [[1, 2]]\nrows = ["a"]\ncolumns = ["b"]', "'values' should have 1 rows of 1"),
        ('kind = "figure"', 'kind = "conclusion"', "the field 'evidence' should be a cross-reference"),
        ("[[stated]]", GOOD + "[[stated]]", "the field 'id' is there twice"),
        ("[[stated]]", '[[conflict]]\nid = "c"\nbetween = ["b"]\nnote = ""\n[[stated]]', "'between' names 'b'"),
        ("value = 7", "value = = 7", "is not valid TOML"),
    ],
)
def test_a_bad_entry_is_refused_with_its_id_and_field(old: str, new: str, message: str) -> None:
    with pytest.raises(LabcodeError, match=re.escape(message)):
        read_reference(GOOD.replace(old, new, 1))


# Where our numbers are


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """The results that the notation points at, of the quick profile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCODE_STORE_DIR", str(tmp_path_factory.mktemp("store")))
        patch.setenv("LABCODE_PROFILE", "quick")
        patch.delenv("LABCODE_DATA_DIR", raising=False)
        found = Sources(results={each.experiment: each for each in catalog.run(["*/as-submitted"])})
        found.facts("data/prices")
        found.facts("data/maintenance")
        return found


def test_every_number_of_the_original_has_one_of_ours(quick: Sources) -> None:
    for each in figures():
        assert np.isfinite(measure(each.ours, quick).value), each.ours
    for entry in of_kind("setting"):
        if entry.ours:
            assert measure(entry.ours, quick).value == entry.value, entry.id


def test_every_figure_has_an_outcome(quick: Sources) -> None:
    table = verdict.tally(quick)
    every = table.iloc[-1]
    assert every["figures"] == len(figures()) == every["yes"] + every["no"] + every["one seed"]


def test_a_scores_table_and_its_matrix_agree(quick: Sources) -> None:
    counts = quick["classification/as-submitted"].arrays["confusion_plain_test"]
    recall = measure("classification/as-submitted:recall(confusion_plain_test)[2]", quick)
    assert recall.value == pytest.approx((counts[:, 2, 2] / counts[:, 2].sum(axis=1)).mean())
    assert measure("classification/as-submitted:confusion_plain_test[0,3]", quick).value == counts[:, 0, 3].mean()
    support = measure("classification/as-submitted:support(confusion_plain_test)[1]", quick)
    assert (support.value, support.low) == (counts[0, 1].sum(), None)


def test_seeds_give_an_interval() -> None:
    counts = np.array([[[8, 2], [1, 9]], [[9, 1], [1, 9]], [[7, 3], [1, 9]]])
    sources = only(a=dataclasses.replace(result("a/b"), arrays={"c": counts}))
    found = measure("a/b:recall(c)[0]", sources)
    assert found.low is not None and found.high is not None
    assert found.value == pytest.approx(0.8)
    assert found.low < 0.7 and found.high > 0.9


def test_a_root_keeps_its_limits_in_order() -> None:
    found = measure("a/b:root(s)", only(a=result("a/b", s=-9.0, s_low=-16.0, s_high=-4.0)))
    assert (found.value, found.low, found.high) == (3.0, 2.0, 4.0)


@pytest.mark.parametrize("ours", ["a/b", "a/b:nothing", "a/b:recall(nothing)[0]", "a/b:fly(s)", "a/b:s[x]", ""])
def test_a_place_that_is_not_there_is_named(ours: str) -> None:
    with pytest.raises(LabcodeError, match=re.escape(repr(ours))):
        measure(ours, only(a=result("a/b", s=1.0)))


# The rule


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        (cell(0.78), Measured(value=0.77, low=0.75, high=0.79), "yes"),
        (cell(0.80), Measured(value=0.77, low=0.75, high=0.79), "no"),
        (cell(0.79), Measured(value=0.77, low=0.75, high=0.786), "yes"),
        (cell(0.78), Measured(value=0.78, low=-np.inf, high=np.inf), "one seed"),
        (cell(7, places=0), Measured(value=7.0), "yes"),
        (cell(7, places=0), Measured(value=8.0), "no"),
        (cell(9500, places=0), Measured(value=9652.0), "no"),
        (cell(9500, places=0, about=True), Measured(value=9652.0), "yes"),
        (cell(9000, places=0, about=True), Measured(value=9652.0), "no"),
        (cell(200, relation="below"), Measured(value=112.0), "yes"),
        (cell(200, relation="below"), Measured(value=212.0), "no"),
        (cell(200, relation="most below"), Measured(value=0.4), "no"),
        (cell(64), Measured(value=64, choices=(64, 64, 32)), "yes"),
        (cell(64), Measured(value=32, choices=(64, 32, 32)), "no"),
        (cell(64), Measured(value=64, choices=(64,)), "one seed"),
    ],
)
def test_the_rule(theirs: Cell, ours: Measured, expected: str) -> None:
    assert comes_out(theirs, ours) == expected


def test_a_wrong_number_does_not_come_out_again(quick: Sources) -> None:
    right = next(each for each in figures("eda.prices.columns"))
    assert comes_out(right, measure(right.ours, quick)) == "yes"
    wrong = dataclasses.replace(right, value=right.value + 1)
    assert comes_out(wrong, measure(wrong.ours, quick)) == "no"


# Verdicts and conflicts


def test_every_conclusion_is_judged_and_nothing_else() -> None:
    by_conditions = {entry.id for entry in of_kind("conclusion") if entry.holds or entry.fails}
    assert by_conditions and not by_conditions & set(conclusions.JUDGES)
    assert by_conditions | set(conclusions.JUDGES) == {entry.id for entry in of_kind("conclusion")}


def test_the_check_chooses_the_verdict() -> None:
    fallback = Judgement("not shown", "We cannot tell.")
    cases = [Case("holds", "Up.", lambda: False), Case("doesn't hold", "Down.", lambda: True)]
    assert judge(*cases, otherwise=fallback) == Judgement("doesn't hold", "Down.")
    assert judge(cases[0], otherwise=fallback) == fallback


@pytest.mark.parametrize(("loss", "expected"), [(11_482.0, "doesn't hold"), (5_000.0, "not shown")])
def test_a_verdict_turns_with_the_results(loss: float, expected: str) -> None:
    losses = {"plain_test_mse_epoch_19": loss, "plain_train_mse_epoch_19": loss, "mean_mse": 7_000.0}
    results = {"regularised": result("regularization/as-submitted", **losses)}
    assert JUDGES["regularization.overfitting"](only(**results)).verdict == expected


def test_the_chapter_and_the_table_say_the_same_of_a_conclusion(quick_store: Path) -> None:
    entry = stated("regression.noise")
    found = verdict_of(entry.id)
    told = conclusions.judgement(entry, Sources())
    assert told.verdict == found.outcome
    assert told.why.startswith(found.reason)
    assert found.word in str(found) and entry.quote in str(found)


def test_the_conflicts_can_be_worked_out_from_what_is_stated() -> None:
    table = conflicts.conflict_table()
    assert len(table) == len(reference().conflicts) >= 10
    assert not table["but"].str.contains(r"[{}|]").any()
    assert conflicts.notes()["score_root"] == "82.97"
    assert conflicts.notes()["majority"] == "9,652"
    assert conflicts.report_from_matrix() == (24, 24)


def test_a_number_is_shown_as_it_was_written() -> None:
    found = [verdict.Compared(each, Measured(value=1.0), "yes") for each in cells(stated("regression.train_20"))]
    assert verdict._stated(found[0].cell) == "11,816.5303"
    assert verdict._stated(next(cells(stated("regression.test_49")))) == "≈\N{NO-BREAK SPACE}11,320"
    assert verdict._stated(next(cells(stated("eda.maintenance.others_under")))) == "<\N{NO-BREAK SPACE}200"

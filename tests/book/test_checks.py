"""A sentence's check: a mark that tells what was compared, and what the published rows contradict."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pypandoc
import pytest

from labcode.book import checks
from labcode.book.checks import Check, check
from labcode.book.contradictions import CONTRADICTED, contradicted
from labcode.errors import RenderError
from labcode.results.number import BLANK, Number, Quantity

Page = dict[str, Any]
#: What could end an attribute, a table's cell, or a shortcode too soon.
NASTY = 'error of "it" | {braces} {{< x >}} [a](b) <b> & `tick` $x$ 5 > 4 \\ * _ #\nnext'


class Spans(HTMLParser):
    """Attributes and text of every span."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "span":
            self.found.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def pandoc(text: str, to: str = "html") -> str:
    return pypandoc.convert_text(text, to, "markdown")


def words(condition: str, page: Page) -> str:
    return Check(condition, page).words.replace(BLANK, " ")


# Where it is evaluated


def test_it_sees_the_variables_where_it_stands(page: Page) -> None:
    sound, limit = page["sound"], 0.8
    assert check("sound.rmse < limit").holds
    limit = 0.7
    assert not check("sound.rmse < limit").holds
    assert sound.rmse > limit
    outer: Page = {"check": check, "result": sound}
    exec("found = check('result.skill.low > 0')", outer)
    assert outer["found"].holds
    exec("def inside(result):\n    return check('result.rmse > 9000')\nfound = inside(result)", outer)
    assert not outer["found"].holds


def test_every_check_is_noted_in_order(page: Page) -> None:
    sound, before = page["sound"], len(checks.made)
    conditions = ["sound.rmse < 1", "sound.rmse < 2"]
    for each in conditions:
        assert check(each).holds and sound
    assert [each.condition for each in checks.made[before:]] == conditions


# What is refused


@pytest.mark.parametrize("condition", ["1 < 2", "limit > 0", "len(text) == 3", "number < 1"])
def test_a_check_that_reads_no_result_is_refused(condition: str, page: Page) -> None:
    names = {**page, "limit": 3, "text": "abc", "number": 0.5}
    with pytest.raises(RenderError, match="reads no result"):
        Check(condition, names)


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("sound.rmse <", "is no expression: invalid syntax"),
        ("sound.rmse = 3", "is no expression"),
        ("sound.rsme < 1", "AttributeError: .*'rsme'"),
        ("sound.rmse.lower < 1", "AttributeError: .*'lower'"),
        ("base.family['odd'].rmse < 1", "KeyError: 'odd'"),
        ("sound.rmse < 'a'", "cannot be computed"),
        ("sound.rmse < nowhere", "NameError: .*'nowhere'"),
        (True, "needs a text"),
    ],
)
def test_a_fault_names_the_condition(condition: str, told: str, page: Page) -> None:
    sound, base = page["sound"], page["base"]
    with pytest.raises(RenderError, match=told) as raised:
        check(condition)
    assert f"check({condition!r})" in str(raised.value) and sound and base


# The mark


@pytest.mark.parametrize(
    ("rows", "condition", "shown", "classes", "begins"),
    [
        ("published", "sound.rmse < 0.8", "✓", {"check"}, "Checked: "),
        ("simulated", "sound.rmse < 0.8", "✓", {"check"}, "Checked: "),
        ("published", "sound.rmse > 0.8", "✗", {"check", CONTRADICTED}, "Contradicted: "),
        ("simulated", "sound.rmse > 0.8", "✗ not in these rows", {"check", "check-elsewhere"}, "Not in these rows: "),
        ("quick", "sound.rmse > 0.8", "✗ not in these rows", {"check", "check-elsewhere"}, "Not in these rows: "),
    ],
)
def test_the_mark(
    page_of: Callable[[str], Page], rows: str, condition: str, shown: str, classes: set[str], begins: str
) -> None:
    found = Check(condition, page_of(rows))
    assert str(found) == found._repr_markdown_() == found.mark
    spans = Spans(pandoc(f"It is so. {found}"))
    (span,) = spans.found
    assert set((span["class"] or "").split()) == classes
    assert (span["role"], span["tabindex"]) == ("img", "0")
    assert span["aria-label"] == span["data-checked"] == f"{begins}{found.words}"
    assert "".join(spans.words).replace(BLANK, " ").split("It is so. ")[1].strip() == shown


def test_one_result_of_other_rows_is_enough_to_be_elsewhere(page: Page, page_of: Callable[[str], Page]) -> None:
    mixed = {**page, "base": page_of("simulated")["base"]}
    assert "check-elsewhere" in Check("sound.rmse > base.ols.rmse", mixed).mark
    assert CONTRADICTED in Check("sound.rmse > 0.8", mixed).mark


@pytest.mark.parametrize("holds", [True, False])
@pytest.mark.parametrize("around", ["It is so. {}", "| a | b |\n|---|---|\n| it {} | other |", "- an item {}\n- next"])
def test_no_phrase_breaks_out_of_its_mark(page: Page, holds: bool, around: str) -> None:
    sound = page["sound"]
    nasty = Number(0.5, quantity=Quantity(says=NASTY))
    object.__setattr__(sound, "rmse", nasty)
    found = Check("sound.rmse < 1" if holds else "sound.rmse > 1", page)
    page_html = pandoc(around.format(found))
    spans = Spans(page_html)
    (span,) = spans.found
    assert (span["role"], span["tabindex"]) == ("img", "0")
    for part in ('"it"', "{braces}", "<b>", "`tick`", "$x$", "5 > 4", "(0.50)"):
        assert part in (span["aria-label"] or "")
    assert "braces" not in "".join(spans.words)
    if "other" in around:
        assert page_html.count("<td") == 2
    assert contradicted(page_html) == contradicted(found.mark) == ([] if holds else [found.condition])


# In words


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("sound.rmse < base.ols.rmse", "Error (0.790 USD) is below least squares: error (0.800 USD)."),
        ("sound.rmse.value <= 0.8", "Error (0.790 USD) is at most 0.8."),
        ("sound.skill.low > 0", "The lower limit of skill (3.0%) is above 0."),
        ("sound.skill.high >= 0.05", "The upper limit of skill (7.0%) is at least 0.05."),
        ("sound.gain.off_zero", "The interval of gain over least squares (0.01 to 0.03) is off zero."),
        ("not sound.gain.off_zero",
         "It is not so that the interval of gain over least squares (0.01 to 0.03) is off zero."),
        ("sound.rises == 0 and sound.rows != 3", "Steps that rise (0) is 0 and rows (120,000) is not 3."),
        ("sound.rises > 0 or sound.rmse < 1", "Steps that rise (0) is above 0, or error (0.790 USD) is below 1."),
        ("0.7 < sound.rmse < 0.9", "0.7 is below error (0.790 USD), which is below 0.9."),
        ("sound.rmse > 0.5 * base.ols.rmse", "Error (0.790 USD) is above 0.5 times least squares: error (0.800 USD)."),
        ("abs(sound.rmse - 1) < 0.5", "The size of (error (0.790 USD) minus 1) is below 0.5."),
        ("sound.gain > -1", "Gain over least squares (0.02) is above minus 1."),
        ("(sound.rmse - base.ols.rmse) / 2 < 1",
         "(error (0.790 USD) minus least squares: error (0.800 USD)) divided by 2 is below 1."),
        ("sound.losses[50] < sound.losses[0]", "Loss 50 (4.00) is below loss 0 (9.00)."),
        ("base.family['half odd'].rmse < 1", "Half odd: error (0.780 USD) is below 1."),
        ("base.winner == 'half odd'", "Base.winner (half odd) is half odd."),
        ("base.winner in ('half odd', 'plain')", "Base.winner (half odd) is one of half odd, plain."),
        ("base.winner not in ['plain']", "Base.winner (half odd) is none of plain."),
        ("base.winner is not None", "Base.winner (half odd) is not None."),
        ("sound.share > 0.25", "Sound.share (0.300) is above 0.25."),
        ("sound.rmse ** 2 < 1", "Error (0.790 USD) to the power of 2 is below 1."),
    ],
)  # fmt: skip
def test_the_comparison_is_told_in_words(condition: str, expected: str, page: Page) -> None:
    assert words(condition, page) == expected


def test_the_figure_in_the_words_is_the_one_that_came_out(page: Page) -> None:
    worse = dataclasses.replace(page["sound"], rmse=Number(0.85, 0.8, 0.9))
    assert words("sound.rmse < 1", {**page, "sound": worse}).startswith("Error (0.850 USD)")


def test_a_loop_stays_as_it_is_written(page: Page) -> None:
    assert "each.skill.low > 0 for each in base.family.values()" in words(
        "all(each.skill.low > 0 for each in base.family.values())", page
    )


# What is found again after a render


@pytest.mark.parametrize(
    "condition",
    [
        "sound.rmse > 0.8",
        'base.winner == "plain"',
        "all(each.rmse > 9 for each in base.family.values())",
        "sound.rmse > {1: 2}[1]",
    ],
)
def test_a_contradicted_condition_is_found_in_every_form_of_a_page(condition: str, page: Page) -> None:
    holds, fails = Check("sound.rmse < 0.8", page), Check(condition, page)
    text = f"One. {holds} Two. {fails} Again. {fails}"
    assert not fails.holds
    forms = [text, pandoc(text), json.dumps({"result": {"markdown": text}}), json.dumps({"html": pandoc(text)})]
    for form in [*forms, json.dumps(forms[2])]:
        assert contradicted(form) == [condition]


def test_several_are_listed_once_each_in_the_order_of_the_page(page: Page) -> None:
    conditions = ["sound.rmse > 2", "sound.rmse > 1"]
    marks = [Check(each, page).mark for each in conditions]
    assert contradicted("".join([*marks, *marks])) == conditions


def test_other_rows_contradict_nothing(page_of: Callable[[str], Page]) -> None:
    for rows in ("simulated", "quick"):
        found = Check("sound.rmse > 0.8", page_of(rows))
        assert not found.holds and not found.published
        assert contradicted(found.mark) == contradicted(pandoc(found.mark)) == []


def test_a_part_of_a_result_and_a_family_of_results_count(page_of: Callable[[str], Page]) -> None:
    for rows, published in (("published", True), ("quick", False)):
        base = page_of(rows)["base"]
        for found in (
            Check("ols.rmse < 1", {"ols": base.ols}),
            Check("family['plain'].rmse < 1", {"family": base.family}),
        ):
            assert found.holds and found.published is published


@pytest.mark.parametrize("family", [{}, {"a": 1.0}])
def test_a_mapping_of_other_things_is_no_result(family: dict[str, float]) -> None:
    with pytest.raises(RenderError, match="reads no result"):
        Check("len(family) < 2", {"family": family})

"""A sentence's check: a mark that tells what was compared, and what the published rows contradict."""

from __future__ import annotations

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
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "span":
            self.found.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.words += data


def pandoc(text: str) -> str:
    return pypandoc.convert_text(text, "html", "markdown")


def test_it_sees_the_variables_where_it_stands_and_is_noted(page: Page) -> None:
    sound, limit, before = page["sound"], 0.8, len(checks.made)
    assert check("sound.rmse < limit").holds
    limit = 0.7
    assert not check("sound.rmse < limit").holds
    assert sound.rmse > limit and [each.condition for each in checks.made[before:]] == ["sound.rmse < limit"] * 2
    outer: Page = {"check": check, "result": sound}
    exec("def inside(other):\n    return check('other.rmse > 9000')\nfound = inside(result)", outer)
    assert not outer["found"].holds


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        *((condition, "reads no result") for condition in ("1 < 2", "limit > 0", "len(text) == 3", "len(family) < 2")),
        ("sound.rmse <", "is no expression: invalid syntax"),
        ("sound.rmse = 3", "is no expression"),
        ("sound.rsme < 1", "AttributeError: .*'rsme'"),
        ("base.family['odd'].rmse < 1", "KeyError: 'odd'"),
        ("sound.rmse < 'a'", "cannot be computed"),
        ("sound.rmse < nowhere", "NameError: .*'nowhere'"),
        (True, "needs a text"),
    ],
)
def test_a_fault_names_the_condition(condition: str, told: str, page: Page) -> None:
    names = {**page, "limit": 3, "text": "abc", "family": {"a": 1.0}, "check": check, "condition": condition}
    with pytest.raises(RenderError, match=told) as raised:
        exec("check(condition)", names)
    assert f"check({condition!r})" in str(raised.value)


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
    html = pandoc(f"It is so. {found}")
    (span,) = Spans(html).found
    assert set((span["class"] or "").split()) == classes
    assert (span["role"], span["tabindex"]) == ("img", "0")
    assert span["aria-label"] == span["data-checked"] == f"{begins}{found.words}"
    assert Spans(html).words.replace(BLANK, " ").split("It is so. ")[1].strip() == shown
    assert contradicted(html) == ([condition] if CONTRADICTED in classes else [])


def test_one_result_of_other_rows_is_enough_to_be_elsewhere(page: Page, page_of: Callable[[str], Page]) -> None:
    mixed = {**page, "base": page_of("simulated")["base"], "family": page_of("simulated")["base"].family}
    for condition in ("sound.rmse > base.ols.rmse", "sound.rmse > family['plain'].rmse"):
        assert "check-elsewhere" in Check(condition, mixed).mark
    assert CONTRADICTED in Check("sound.rmse > 0.8", mixed).mark


@pytest.mark.parametrize("holds", [True, False])
@pytest.mark.parametrize("around", ["It is so. {}", "| a | b |\n|---|---|\n| it {} | other |", "- an item {}\n- next"])
def test_no_phrase_breaks_out_of_its_mark(page: Page, holds: bool, around: str) -> None:
    object.__setattr__(page["sound"], "rmse", Number(0.5, quantity=Quantity(says=NASTY)))
    found = Check("sound.rmse < 1" if holds else "sound.rmse > 1", page)
    html = pandoc(around.format(found))
    (span,) = Spans(html).found
    for part in ('"it"', "{braces}", "<b>", "`tick`", "$x$", "5 > 4", "(0.50)"):
        assert part in (span["aria-label"] or "")
    assert "braces" not in Spans(html).words
    assert html.count("<td") == (2 if "other" in around else 0)
    assert contradicted(html) == contradicted(found.mark) == ([] if holds else [found.condition])


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("sound.rmse < base.ols.rmse", "Error (0.790 USD) is below least squares: error (0.800 USD)."),
        ("sound.rmse.value <= 0.8", "Error (0.790 USD) is at most 0.8."),
        ("sound.skill.low > 0", "The lower limit of skill (3.0%) is above 0."),
        ("not sound.gain.off_zero",
         "It is not so that the interval of gain over least squares (0.01 to 0.03) is off zero."),
        ("sound.rises == 0 and sound.rows != 3", "Steps that rise (0) is 0 and rows (120,000) is not 3."),
        ("sound.rises > 0 or sound.rmse < 1", "Steps that rise (0) is above 0, or error (0.790 USD) is below 1."),
        ("0.7 < sound.rmse < 0.9", "0.7 is below error (0.790 USD), which is below 0.9."),
        ("sound.rmse > 0.5 * base.ols.rmse", "Error (0.790 USD) is above 0.5 times least squares: error (0.800 USD)."),
        ("abs(sound.rmse - 1) < 0.5", "The size of (error (0.790 USD) minus 1) is below 0.5."),
        ("sound.gain > -1", "Gain over least squares (0.02) is above minus 1."),
        ("sound.losses[50] < sound.losses[0]", "Loss 50 (4.00) is below loss 0 (9.00)."),
        ("base.family['half odd'].rmse < 1", "Half odd: error (0.780 USD) is below 1."),
        ("base.winner in ('half odd', 'plain')", "Base.winner (half odd) is one of half odd, plain."),
        ("sound.share > 0.25", "Sound.share (0.300) is above 0.25."),
        ("all(each.rmse < 1 for each in base.family.values())",
         "All((each.rmse < 1 for each in base.family.values()))."),
    ],
)  # fmt: skip
def test_the_comparison_is_told_in_words(condition: str, expected: str, page: Page) -> None:
    assert Check(condition, page).words.replace(BLANK, " ") == expected


def test_contradicted_conditions_are_found_in_every_form_of_a_page_once_each_and_in_order(page: Page) -> None:
    conditions = [
        'base.winner == "plain"',
        "sound.rmse > {1: 2}[1]",
        "all(each.rmse > 9 for each in base.family.values())",
    ]
    marks = [Check(each, page).mark for each in ("sound.rmse < 0.8", *conditions)]
    text = " ".join([*marks, *marks])
    forms = [text, pandoc(text), json.dumps({"result": {"markdown": text}}), json.dumps({"html": pandoc(text)})]
    for form in [*forms, json.dumps(forms[2])]:
        assert contradicted(form) == conditions

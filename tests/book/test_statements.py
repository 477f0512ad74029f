"""A statement of the first version is judged by its checks alone, and its reason is filled with figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from labcode.book.contradictions import CONTRADICTED
from labcode.book.statements import Verdict, judged
from labcode.errors import LabcodeError
from labcode.results.number import BLANK

Page = dict[str, Any]
QUOTE = "The network wins."
TRUE, FALSE = "sound.rmse < base.ols.rmse", "sound.rmse > base.ols.rmse"


def judge(page: Page, holds: str = "", fails: str = "", because: str = "It misses by {sound.rmse}.") -> Verdict:
    return judged(QUOTE, holds=holds, fails=fails, because=because, names=page)


@pytest.mark.parametrize(
    ("holds", "fails", "outcome", "marks"),
    [
        (TRUE, FALSE, "holds", 1),
        (TRUE, "", "holds", 1),
        (FALSE, TRUE, "doesn't hold", 1),
        ("", TRUE, "doesn't hold", 1),
        (FALSE, "sound.gain < 0", "not shown", 0),
        (FALSE, "", "not shown", 0),
        ("", FALSE, "not shown", 0),
    ],
)
@pytest.mark.parametrize("rows", ["published", "quick"])
def test_the_outcome(
    page_of: Callable[[str], Page], rows: str, holds: str, fails: str, outcome: str, marks: int
) -> None:
    found = judge(page_of(rows), holds, fails)
    assert found.outcome == outcome and found.quote == QUOTE
    assert [each.condition for each in found.checks] == [each for each in (holds, fails) if each]
    assert str(found).startswith(f"*“{QUOTE}”* **{outcome[0].upper()}{outcome[1:]}.** It misses by 0.790{BLANK}USD.")
    assert str(found).count("✓") == marks, "the mark is that of the check that decided"
    assert "✗" not in str(found) and CONTRADICTED not in str(found)


def test_a_check_that_fails_never_says_the_opposite(page: Page) -> None:
    for found in (judge(page, holds=FALSE), judge(page, fails=FALSE)):
        assert "**Not shown.**" in str(found) and "old" not in str(found)


def test_the_mark_tells_the_check_that_decided(page: Page) -> None:
    assert "is below least squares: error" in judge(page, FALSE, TRUE).mark.replace("\\", "")
    assert judge(page, FALSE).mark == ""


@pytest.mark.parametrize(
    ("holds", "fails", "told"),
    [(TRUE, "sound.skill.low > 0", "both holds and does not hold"), ("", "", "has no check")],
)
def test_what_cannot_be_judged_is_refused_with_its_quote(page: Page, holds: str, fails: str, told: str) -> None:
    with pytest.raises(LabcodeError, match=f"'{QUOTE}' {told}"):
        judge(page, holds, fails)


@pytest.mark.parametrize("condition", ["sound.rsme < 1", "sund.rmse < 1", "sound.rmse <"])
def test_a_broken_condition_is_named(page: Page, condition: str) -> None:
    with pytest.raises(LabcodeError) as raised:
        judge(page, condition)
    assert condition in str(raised.value)


@pytest.mark.parametrize(
    ("because", "expected"),
    [
        ("By {sound.rmse.interval}.", "By 0.790 USD (0.700 to 0.880)."),
        ("{base.family['half odd'].skill} and {base.winner}", "6.0% and half odd"),
        ("{sound.losses[50]} of {sound.rows}", "4.00 of 120,000"),
        ("No figure at all.", "No figure at all."),
        ("{sound.rises} go up", "0 go up"),
    ],
)
def test_the_reason_is_filled_with_figures(page: Page, because: str, expected: str) -> None:
    assert judge(page, TRUE, because=because).reason.replace(BLANK, " ") == expected


@pytest.mark.parametrize("figure", ["sound.rsme", "nowhere.rmse", "base.family['odd'].rmse", "sound.rmse +"])
def test_a_figure_that_is_not_there_is_named_with_its_statement(page: Page, figure: str) -> None:
    with pytest.raises(LabcodeError) as raised:
        judge(page, TRUE, because=f"It is {{{figure}}}.")
    assert QUOTE in str(raised.value) and f"{{{figure}}}" in str(raised.value)


def test_every_page_shows_the_same(page: Page) -> None:
    found = judge(page, TRUE)
    assert str(found) == found._repr_markdown_() == f"{found}" == str(judge(page, TRUE))

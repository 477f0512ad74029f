"""A statement of the first version is judged by its checks alone, and its reason is filled with figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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
        (TRUE, FALSE, "Holds", 1),
        (TRUE, "", "Holds", 1),
        (FALSE, TRUE, "Doesn't hold", 1),
        ("", TRUE, "Doesn't hold", 1),
        (FALSE, "sound.gain < 0", "Not shown", 0),
        (FALSE, "", "Not shown", 0),
        ("", FALSE, "Not shown", 0),
    ],
)
@pytest.mark.parametrize("rows", ["published", "quick"])
def test_the_outcome_is_that_of_the_check_that_holds_and_never_the_opposite_of_one_that_fails(
    page_of: Callable[[str], Page], rows: str, holds: str, fails: str, outcome: str, marks: int
) -> None:
    found = judge(page_of(rows), holds, fails)
    assert [each.condition for each in found.checks] == [each for each in (holds, fails) if each]
    assert str(found).startswith(f"*“{QUOTE}”* **{outcome}.** It misses by 0.790{BLANK}USD.")
    assert str(found) == found._repr_markdown_() and str(found).count("✓") == marks and "✗" not in str(found)
    assert ("is below least squares: error" in found.mark.replace("\\", "")) == bool(marks)


@pytest.mark.parametrize(
    ("holds", "fails", "because", "told"),
    [
        (TRUE, "sound.skill.low > 0", "", f"'{QUOTE}' both holds and does not hold"),
        ("", "", "", f"'{QUOTE}' has no check"),
        *((condition, "", "", condition) for condition in ("sound.rsme < 1", "sund.rmse < 1", "sound.rmse <")),
        *((TRUE, "", f"It is {{{figure}}}.", f"The reason of {QUOTE!r} names {{{figure}}}")
          for figure in ("sound.rsme", "nowhere.rmse", "base.family['odd'].rmse", "sound.rmse +")),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_or_filled_in_is_named(
    page: Page, holds: str, fails: str, because: str, told: str
) -> None:
    with pytest.raises(LabcodeError) as raised:
        judge(page, holds, fails, because)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("because", "expected"),
    [
        ("By {sound.rmse.interval}.", "By 0.790 USD (0.700 to 0.880)."),
        ("{base.family['half odd'].skill} and {base.winner}", "6.0% and half odd"),
        ("{sound.losses[50]} of {sound.rows}", "4.00 of 120,000"),
        ("No figure at all.", "No figure at all."),
    ],
)
def test_the_reason_is_filled_with_figures(page: Page, because: str, expected: str) -> None:
    assert judge(page, TRUE, because=because).reason.replace(BLANK, " ") == expected

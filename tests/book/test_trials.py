"""A check is tried on results that came out otherwise: it must be able to fail, and each clause must matter."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from labcode.book.checks import Check
from labcode.book.trials import read_by, tried
from labcode.results.number import Number
from labcode.results.typed import Results, impossible, numbers

Page = dict[str, Any]


@pytest.mark.parametrize(
    "condition",
    [
        "sound.accuracy <= 1",
        "sound.rmse >= 0",
        "sound.skill <= 1",
        "sound.skill <= sound.skill.high",
        "sound.skill.low <= sound.skill.high",
        "sound.gain > 0 or sound.rmse > 0",
        "not sound.rmse < 0",
        "-1 < sound.accuracy < 2",
        "sound.rises >= 0",
        "sound.rmse < 2 * sound.rmse",
        "all(loss >= 0 for loss in sound.losses.values())",
        "all(each.rmse > 0 for each in base.family.values())",
        "sound.curve.min() >= 0",
        "base.winner != 'no such thing' or sound.rmse > 0",
        "sound.rmse",
        "sound.rows > 50000 or sound.accuracy >= 0",
        "abs(sound.gain) >= 0",
    ],
)
def test_what_cannot_fail_is_caught(condition: str, page: Page) -> None:
    assert not tried(Check(condition, page)).can_fail


@pytest.mark.parametrize(
    ("condition", "idle"),
    [
        ("sound.skill.low > 0 and sound.rmse >= 0", ["sound.rmse >= 0"]),
        ("sound.skill.low > 0 and sound.skill > 0", ["sound.skill > 0"]),
        ("sound.skill.low > 0 or sound.skill.low > 0.01", ["sound.skill.low > 0.01"]),
        ("sound.skill.low > 0 or sound.rmse < 0", ["sound.rmse < 0"]),
        ("not (sound.skill.high < 0 or sound.rmse < 0)", ["sound.rmse < 0"]),
        ("0 <= sound.rmse < 0.8", ["0 <= sound.rmse"]),
        ("sound.rmse < 0.8 < 0.9", ["0.8 < 0.9"]),
        ("sound.rmse < base.ols.rmse and sound.rmse < 2 * base.ols.rmse", ["sound.rmse < 2 * base.ols.rmse"]),
        ("sound.rows > 50000 and sound.accuracy <= 1", ["sound.accuracy <= 1"]),
        ("base.winner == 'half odd' and base.winner != 'plain'", ["base.winner != 'plain'"]),
        ("sound.rises == 0 and (sound.gain.low > 0 or sound.rmse < 0)", ["sound.rmse < 0"]),
    ],
)
def test_a_clause_that_never_matters_is_caught(condition: str, idle: list[str], page: Page) -> None:
    trial = tried(Check(condition, page))
    assert trial.can_fail
    assert trial.idle == idle


GOOD = [
    "sound.rmse < base.ols.rmse",
    "sound.skill.low > 0",
    "sound.gain.off_zero",
    "not base.ols.skill.high < 0",
    "abs(sound.rmse - base.ols.rmse) < 0.05",
    "all(each.skill.low > 0 for each in base.family.values())",
    "any(each.rmse < sound.rmse for each in base.family.values())",
    "base.winner == 'half odd'",
    "base.family[base.winner].rmse <= min(each.rmse for each in base.family.values())",
    "base.family['half odd'].rmse < base.family['plain'].rmse",
    "sound.losses[50] < sound.losses[0]",
    "sound.rises == 0",
    "sound.accuracy > 0.85",
    "0.7 < sound.rmse < 0.9",
    "sound.skill.low > 0 and sound.rmse < base.ols.rmse",
    "sound.curve[-1] < sound.curve[0]",
    "(sound.curve[1:] < sound.curve[:-1]).all()",
    "0.2 < sound.share < 0.4",
    "0 < sound.share < 1 and abs(sound.share - 0.5) > 0.1",
    "max(base.family, key=lambda key: base.family[key].skill) == 'half odd'",
    "sound.rmse > base.ols.rmse",  # false now: it must be able to become true
    "round(float(sound.rmse), 2) == 0.79",
]


@pytest.mark.parametrize("condition", GOOD)
def test_a_good_check_passes(condition: str, page: Page) -> None:
    trial = tried(Check(condition, page))
    assert trial.can_fail and trial.idle == []


@pytest.mark.parametrize(
    ("condition", "reads"),
    [
        ("sound.rmse < base.ols.rmse", {"sound.rmse", "base.ols.rmse"}),
        ("sound.skill.low > 0 or sound.gain.off_zero", {"sound.skill", "sound.gain"}),
        ("sound.losses[50] < 5", {"sound.losses[50]"}),
        ("sound.curve[0] < 5", {"sound.curve"}),
        ("base.winner == 'half odd'", {"base.winner"}),
        *((f"min(x.rmse for x in {family}.values()) < 5", {f"{family}['half odd'].rmse", f"{family}['plain'].rmse"})
          for family in ("base.family", "family")),
    ],
)  # fmt: skip
def test_it_knows_what_is_read(condition: str, reads: set[str], page: Page) -> None:
    check = Check(condition, {**page, "family": page["base"].family})
    assert set(read_by(check)) == reads and tried(check).can_fail


def test_it_tries_only_what_could_be(page: Page) -> None:
    """A condition that notes every figure it is given: each keeps its range and its own interval."""
    noted: list[Number] = []

    def noting(result: Results) -> bool:
        given = [number for _, number in numbers(result)]
        noted.extend(given)
        return sum(map(float, given)) < 1e5

    assert tried(Check("noting(sound) or sound.accuracy > 1", {**page, "noting": noting})).idle == [
        "sound.accuracy > 1"
    ]
    assert len({float(number) for number in noted}) > 1000
    assert [number for number in noted if impossible(number)] == []


def test_it_comes_out_the_same_each_time_and_leaves_the_results_as_they_were(page: Page) -> None:
    before = repr([list(numbers(page[name])) for name in page])
    check = Check("sound.rmse < base.ols.rmse and base.winner == 'half odd' and sound.curve[0] < 5", page)
    assert tried(check) == tried(check)
    assert repr([list(numbers(page[name])) for name in page]) == before
    assert page["base"].winner == "half odd" and page["sound"].curve[0] == 4.0


def test_a_figure_without_an_interval_has_no_limits_to_pass_by(page: Page) -> None:
    assert not tried(Check("sound.rises.low > 0", page)).can_fail
    one_seed = dataclasses.replace(page["sound"], skill=Number(0.05))
    check = Check("sound.skill.low > 0", {"sound": one_seed})
    assert not check.holds and tried(check).can_fail, "with more seeds it would have one"

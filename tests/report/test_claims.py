"""Claims: a sentence and its check, what the check reads, and whether it would notice if that were otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from labcode.errors import RenderError
from labcode.report import bounds, probe
from labcode.report.claims import claim, told
from labcode.store import Result


def result(**scalars: float) -> Result:
    rows = [{"name": "none", "gain": 0.0}, {"name": "dropout", "gain": 0.4}]
    return Result(
        experiment="toy/sound",
        key="0",
        scalars=scalars,
        tables={"gains": rows},
        arrays={"losses": np.array([3.0, 1.0])},
    )


TOY = result(rmse=0.5, rival=0.8)


def test_a_true_claim_is_printed_with_what_it_was_checked_against() -> None:
    text = str(claim("Ahead of *the rival*.", lambda: TOY.scalars["rmse"] < TOY.scalars["rival"]))
    assert text.startswith("[Ahead of *the rival*.]{.claim ")
    assert 'data-checked="toy/sound: rmse = 0.5; toy/sound: rival = 0.8"' in text


def test_a_false_claim_says_the_other_sentence_or_stops_the_render() -> None:
    assert "[Behind.]" in str(claim("Ahead.", lambda: TOY.scalars["rmse"] > 1, otherwise="Behind."))
    with pytest.raises(RenderError, match=r"'Ahead.' \(toy/sound: rmse = 0.5\)"):
        claim("Ahead.", lambda: TOY.scalars["rmse"] > 1)
    silent = claim("Ahead.", lambda: TOY.scalars["rmse"] > 1, otherwise="")
    assert str(silent) == "" and silent._repr_markdown_() == "[]{.unsaid}"


def test_claims_nest_for_three_outcomes() -> None:
    inner = claim("Close.", lambda: abs(TOY.scalars["rmse"] - 0.5) < 0.1, otherwise="Far.")
    assert "[Close.]" in str(claim("Ahead.", lambda: TOY.scalars["rmse"] < 0.1, otherwise=inner))


def test_a_comparison_without_lambda_is_refused_with_a_remedy() -> None:
    with pytest.raises(RenderError, match=r"Write `lambda: …`"):
        claim("Up.", TOY.scalars["rmse"] < 1)  # type: ignore[arg-type]


def test_a_told_sentence_is_plain_text() -> None:
    @told
    def sentence(found: Result) -> str:
        return "low" if found.scalars["rmse"] < 1 else "high"

    assert sentence(TOY) == "low"
    assert sentence(TOY)._repr_markdown_() == "low"


@dataclass(frozen=True)
class Facts:
    mean: float
    rows: int
    found: Result


FACTS = Facts(2.0, 5, TOY)
FRAME = pd.DataFrame({"a": [1.0, 2.0]}, index=["x", "y"])


@pytest.mark.parametrize(
    ("check", "labels"),
    [
        (lambda: TOY.scalars["rmse"] < 1, {"toy/sound: rmse"}),
        (lambda: all(TOY.scalars[name] < 1 for name in ("rmse", "rival")), {"toy/sound: rmse", "toy/sound: rival"}),
        (lambda: TOY.frame("gains")["gain"].max() > 0.1, {"toy/sound: table gains"}),
        (lambda: TOY.arrays["losses"][0] > TOY.arrays["losses"][1], {"toy/sound: array losses"}),
        (lambda: FACTS.mean > 1, {"FACTS.mean"}),
        (lambda: FACTS.found.scalars["rmse"] < 1, {"toy/sound: rmse"}),
        (lambda: FRAME.loc["y", "a"] > 1.5, {"FRAME"}),
        (lambda: "toy" in TOY.experiment, set()),
    ],
)
def test_what_a_check_reads_is_found(check, labels: set[str]) -> None:
    before = dict(TOY.scalars)
    assert set(probe.reads(check)) == labels
    assert probe.notices(check) == bool(labels)
    assert TOY.scalars == before and FACTS.mean == 2.0


def test_both_sides_of_an_or_are_turned() -> None:
    assert probe.notices(lambda: TOY.scalars["rmse"] > 0.1 or TOY.scalars["rival"] > 0.1)


def test_closures_are_seen_too() -> None:
    found = result(rmse=0.5)
    assert set(probe.reads(lambda: found.scalars["rmse"] < 1)) == {"toy/sound: rmse"}
    assert found.scalars["rmse"] == 0.5


@pytest.mark.parametrize(
    "check",
    [
        lambda: TOY.scalars["rmse"] is not None,
        lambda: TOY.scalars["rmse"] <= TOY.scalars["rmse"],
    ],
)
def test_a_check_that_cannot_fail_is_found_out(check) -> None:
    assert not probe.notices(check)


def test_the_margin_is_the_smallest_change_that_turns_the_check() -> None:
    assert probe.margin(lambda: TOY.scalars["rmse"] < TOY.scalars["rival"]) == ("toy/sound: rival", -0.5)
    assert probe.margin(lambda: TOY.scalars["rmse"] < 0.5004) == ("toy/sound: rmse", 0.001)


def faults(**scalars: float) -> dict[str, str]:
    return dict(bounds.faults(result(**scalars)))


@pytest.mark.parametrize(
    ("name", "absurd"),
    [("macro_f1", 1.2), ("recall_power", -0.1), ("mcc", -3.0), ("rmse", -1.0), ("seeds", 1e9), ("skill_vs_ols", 1.4)],
)
def test_a_figure_out_of_bounds_is_a_fault(name: str, absurd: float) -> None:
    assert name in faults(**{name: absurd})
    assert name in faults(**{name: float("nan")})
    assert faults(**{name: 0.5}) == {}


def test_a_figure_outside_its_own_interval_is_a_fault() -> None:
    assert faults(rmse=0.5, rmse_low=0.4, rmse_high=0.6) == {}
    assert "rmse" in faults(rmse=0.7, rmse_low=0.4, rmse_high=0.6)


def test_a_single_seed_may_lack_an_interval_but_not_half_of_one() -> None:
    nan = float("nan")
    assert faults(rmse=0.5, rmse_low=nan, rmse_high=nan) == {}
    assert "rmse_low" in faults(rmse=0.5, rmse_low=nan, rmse_high=0.6)


def test_a_check_that_only_an_absurd_value_turns_has_no_margin() -> None:
    assert probe.margin(lambda: TOY.scalars["rmse"] < 1e6) is None

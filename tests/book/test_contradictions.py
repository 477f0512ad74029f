"""After a render, every sentence that the published rows contradict is listed, and the exit code is 1."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labcode import cli
from labcode.book.checks import Check
from labcode.book.contradictions import ContradictedError, find, refuse
from labcode.errors import LabcodeError

CHAPTER = """---
title: Regression
---

# Result

The network misses by `{python} sound.rmse`. It is *worse* than least
squares, by much: so it is. `{python} check("sound.rmse > base.ols.rmse")` The winner is `{python} base.winner`.
`{python} check('base.winner == "plain"')`

- An item is below 0.1. `{python} check("sound.skill < 0.1")` Skill is high. `{python} check("sound.skill.low > 1")`
"""
FALSE = ["sound.rmse > base.ols.rmse", 'base.winner == "plain"', "sound.skill.low > 1"]
EXPECTED = [
    "one.qmd:8: It is *worse* than least squares, by much: so it is. ✗ sound.rmse > base.ols.rmse",
    'one.qmd:9: The winner is `{python} base.winner`. ✗ base.winner == "plain"',
    "one.qmd:11: Skill is high. ✗ sound.skill.low > 1",
]


@pytest.fixture
def rendered(tmp_path: Path, page: dict[str, Any]) -> Callable[..., list[tuple[str, Path]]]:
    """Write two pages and what their cells showed."""

    def write(*conditions: str) -> list[tuple[str, Path]]:
        marks = " ".join(Check(each, page).mark for each in conditions)
        (tmp_path / "one.qmd").write_text(CHAPTER)
        (tmp_path / "two.qmd").write_text('Skill is low. `{python} check("sound.skill.high < 0")`\n')
        (tmp_path / "one.json").write_text(json.dumps({"markdown": f"Text. {marks}"}))
        (tmp_path / "two.md").write_text(Check("sound.skill.high < 0", page).mark)
        return [("one.qmd", tmp_path / "one.json"), ("two.qmd", tmp_path / "two.md")]

    return write


@pytest.mark.parametrize(("condition", "expected"), list(zip(FALSE, EXPECTED, strict=True)))
def test_line_and_words_of_a_sentence(condition: str, expected: str) -> None:
    line, words = find(CHAPTER, condition)
    assert f"one.qmd:{line}: {words} ✗ {condition}" == expected


def test_a_sentence_at_the_very_start_is_whole_and_a_condition_in_no_sentence_is_still_told() -> None:
    assert find('Skill is low. `{python} check("x.y > 0")`', "x.y > 0") == (1, "Skill is low.")
    assert find(CHAPTER, "x.y > 0") == (1, "")


def test_all_are_listed_in_the_order_of_the_pages(tmp_path: Path, rendered: Callable[..., Any]) -> None:
    with pytest.raises(ContradictedError) as raised:
        refuse(tmp_path, rendered(*FALSE, *FALSE))
    told = str(raised.value).splitlines()
    assert told[0] == "The book is written, but 4 sentences are not true of the published rows:"
    assert told[1:] == [*EXPECTED, "two.qmd:1: Skill is low. ✗ sound.skill.high < 0"]
    assert raised.value.exit_code == 1


def test_a_book_without_any_is_let_pass(tmp_path: Path, rendered: Callable[..., Any]) -> None:
    refuse(tmp_path, rendered("sound.skill < 0.1")[:1])
    refuse(tmp_path, [])


@pytest.mark.parametrize(
    ("error", "code"), [(ContradictedError("not true of the rows"), 1), (LabcodeError("not true of the rows"), 2)]
)
def test_the_command_line_exits_with_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: LabcodeError, code: int
) -> None:
    def render(*_: object, **__: object) -> list[Path]:
        raise error

    monkeypatch.setattr("labcode.book.render.render", render)
    monkeypatch.setattr("sys.argv", ["labcode", "render", "--to", "html"])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == code
    assert capsys.readouterr().err == "labcode: not true of the rows\n"

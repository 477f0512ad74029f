"""After a render, every sentence that the published rows contradict is listed, and the exit code is 1."""

from __future__ import annotations

import json
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


def test_all_are_listed_in_the_order_of_the_pages_with_line_and_words(tmp_path: Path, page: dict[str, Any]) -> None:
    (tmp_path / "one.qmd").write_text(CHAPTER)
    (tmp_path / "two.qmd").write_text('Skill is low. `{python} check("sound.skill.high < 0")`\n')
    marks = [Check(each, page).mark for each in ("sound.skill < 0.1", *FALSE, *FALSE)]
    (tmp_path / "one.json").write_text(json.dumps({"markdown": f"Text. {' '.join(marks)}"}))
    (tmp_path / "two.md").write_text(Check("sound.skill.high < 0", page).mark)
    with pytest.raises(ContradictedError) as raised:
        refuse(tmp_path, [("one.qmd", tmp_path / "one.json"), ("two.qmd", tmp_path / "two.md")])
    assert str(raised.value).splitlines() == [
        "The book is written, but 4 sentences are not true of the published rows:",
        "one.qmd:8: It is *worse* than least squares, by much: so it is. ✗ sound.rmse > base.ols.rmse",
        'one.qmd:9: The winner is `{python} base.winner`. ✗ base.winner == "plain"',
        "one.qmd:11: Skill is high. ✗ sound.skill.low > 1",
        "two.qmd:1: Skill is low. ✗ sound.skill.high < 0",
    ]
    assert find(CHAPTER, "x.y > 0") == (1, ""), "a condition in no sentence is still told"
    (tmp_path / "one.json").write_text(marks[0])
    refuse(tmp_path, [("one.qmd", tmp_path / "one.json")])


@pytest.mark.parametrize(("kind", "code"), [(ContradictedError, 1), (LabcodeError, 2)])
def test_the_command_line_exits_with_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: type[LabcodeError], code: int
) -> None:
    def render(*_: object, **__: object) -> list[Path]:
        raise kind("not true of the rows")

    monkeypatch.setattr("labcode.book.render.render", render)
    monkeypatch.setattr("sys.argv", ["labcode", "render", "--to", "html"])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == code
    assert capsys.readouterr().err == "labcode: not true of the rows\n"

"""Tables as a page shows them, and text that is never markup."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from IPython.display import Markdown

from labcode.book import text


def rows(shown: Markdown) -> list[list[str]]:
    return [line.replace(" ", "")[1:-1].split("|") for line in shown.data.replace("\\", "").splitlines()]


def test_a_table_aligns_numbers_to_the_right_and_keeps_text_as_it_is() -> None:
    frame = pd.DataFrame({"name": ["x0123"], "rows": [1234], "share": [0.5]}, index=["first"])
    header, rule, row = rows(text.table(frame, index="", places=1))
    assert (header, row) == (["", "name", "rows", "share"], ["first", "x0123", "1,234", "0.5"])
    assert [cell.strip("-") for cell in rule] == [":", ":", ":", ":"]
    assert [cell.endswith(":") for cell in rule] == [False, False, True, True]


def test_widths_of_columns_are_relative_and_keep_the_alignment() -> None:
    _, (left, right), _ = rows(text.table(pd.DataFrame({"name": ["x"], "rows": [1234]}), widths=(1, 5)))
    assert len(right) > 4 * len(left) and right.endswith(":") and left.startswith(":")


@pytest.mark.parametrize(
    "value", ["<b>", "`#(6*7)`{=typst}", "[x](y)", "![](/etc/hostname)", "{{< env A >}}", "a|b", "$x$"]
)
def test_text_is_never_markup(value: str) -> None:
    header, _, row = text.table(pd.DataFrame({value: [value]})).data.splitlines()
    assert header == row == f"| {text.escaped(value)} |"
    assert not re.search(r"(?<!\\)[<`\[{|$]", text.escaped(value))


def test_a_cell_that_says_so_is_markdown_and_a_line_break_is_a_blank() -> None:
    shown = text.table(pd.DataFrame({"a": [Markdown("**no**"), "two\nlines"]})).data
    assert shown.splitlines()[2:] == ["| **no** |", "| two lines |"]

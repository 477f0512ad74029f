"""Numbers, tables and the data line as a page shows them."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from IPython.display import Markdown

from labcode.book import text
from labcode.book.reference import stated
from labcode.errors import LabcodeError


def test_a_table_aligns_numbers_to_the_right_and_keeps_text_as_it_is() -> None:
    shown = text.table(pd.DataFrame({"name": ["x0123"], "rows": [1234], "share": [0.5]}), places=1).data
    header, rule, row = shown.replace(" ", "").replace("\\", "").splitlines()
    assert [cell.strip() for cell in header.strip("|").split("|")] == ["name", "rows", "share"]
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["x0123", "1,234", "0.5"]
    assert [cell.strip("-") for cell in rule.strip("|").split("|")] == [":", ":", ":"]
    assert rule.strip("|").split("|")[0].startswith(":")
    assert rule.strip("|").split("|")[1].endswith(":")


def test_widths_of_columns_are_relative_and_keep_the_alignment() -> None:
    shown = text.table(pd.DataFrame({"name": ["x"], "rows": [1234]}), widths=(1, 5)).data
    left, right = shown.replace(" ", "").splitlines()[1].strip("|").split("|")
    assert len(right) > 4 * len(left)
    assert right.endswith(":") and left.startswith(":")


@pytest.mark.parametrize(
    "value", ["<b>", "`#(6*7)`{=typst}", "[x](y)", "![](/etc/hostname)", "{{< env A >}}", "a|b", "$x$"]
)
def test_text_is_never_markup(value: str) -> None:
    shown = text.table(pd.DataFrame({value: [value]})).data
    assert shown.splitlines()[2] == f"| {text.escaped(value)} |" == shown.splitlines()[0]
    assert not re.search(r"(?<!\\)[<`\[{|$]", text.escaped(value))


def test_a_cell_that_says_so_is_markdown_and_a_line_break_is_a_blank() -> None:
    shown = text.table(pd.DataFrame({"a": [Markdown("**no**"), "two\nlines"]})).data
    assert shown.splitlines()[2:] == ["| **no** |", "| two lines |"]


def test_the_originals_figures_are_looked_up_by_id() -> None:
    assert stated("eda.prices.rows").value == 851_264
    with pytest.raises(LabcodeError, match=r"no id 'eda\.nothing'; it has eda\.prices\.rows"):
        stated("eda.nothing")

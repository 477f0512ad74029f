"""Numbers, tables and the data line as a page shows them."""

from __future__ import annotations

import pandas as pd
import pytest

from labcode.book import text
from labcode.book.reference import stated
from labcode.errors import LabcodeError


def test_a_table_aligns_numbers_to_the_right_and_keeps_text_as_it_is() -> None:
    shown = text.table(pd.DataFrame({"name": ["x0123"], "rows": [1234], "share": [0.5]}), places=1).data
    header, rule, row = shown.splitlines()
    assert [cell.strip() for cell in header.strip("|").split("|")] == ["name", "rows", "share"]
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["x0123", "1,234", "0.5"]
    assert [cell.strip("-") for cell in rule.strip("|").split("|")] == [":", ":", ":"]
    assert rule.strip("|").split("|")[0].startswith(":")
    assert rule.strip("|").split("|")[1].endswith(":")


def test_widths_of_columns_are_relative_and_keep_the_alignment() -> None:
    shown = text.table(pd.DataFrame({"name": ["x"], "rows": [1234]}), widths=(1, 5)).data
    left, right = shown.splitlines()[1].strip("|").split("|")
    assert len(right) > 4 * len(left)
    assert right.endswith(":") and left.startswith(":")


def test_the_originals_figures_are_looked_up_by_id() -> None:
    assert stated("eda.prices.rows").value == 851_264
    with pytest.raises(LabcodeError, match=r"no id 'eda\.nothing'; it has eda\.prices\.rows"):
        stated("eda.nothing")

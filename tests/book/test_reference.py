"""What the first version states is read from one file, and a bad entry is refused with its id and field."""

from __future__ import annotations

import re

import pytest

from labcode.book.reference import cells, figures, of_kind, read_reference, reference, stated
from labcode.errors import LabcodeError
from labcode.settings import project_root

GOOD = """
[[stated]]
id = "a.figure"
kind = "figure"
section = "2.1"
quote = "It is 7"
label = "it"
value = 7
ours = "eda_prices.columns"
"""


def test_the_file_holds_the_whole_report() -> None:
    every = figures()
    assert len([each for each in every if each.id == "classification.confusion"]) == 36
    assert len([each for each in every if each.id == "classification.report"]) == 24
    assert len(every) > 120
    sections = {entry.section for entry in reference().values()}
    assert sections == {"2.1", "2.3", "2.4", "2.5", "3.1", "3.2", "3.4", "3.5", "3.6", "6"}
    assert len(of_kind("conclusion")) > 25


def test_what_is_evidence_exists_in_the_book() -> None:
    text = "".join(path.read_text("utf-8") for path in (project_root() / "chapters").glob("*.qmd"))
    labels = set(re.findall(r"(?:\{#|label: )((?:fig|tbl|sec)-[\w-]+)", text))
    assert {entry.evidence.removeprefix("@") for entry in of_kind("conclusion")} <= labels


def test_an_entry_is_read_and_looked_up_by_id() -> None:
    assert [each.value for each in cells(read_reference(GOOD)["a.figure"])] == [7]
    assert stated("eda.prices.rows").value == 851_264
    with pytest.raises(LabcodeError, match=r"no id 'eda\.nothing'; it has eda\.prices\.rows"):
        stated("eda.nothing")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'kind = "figure"',
            'kind = "number"',
            "'a.figure', the field 'kind' is 'number', but it should be 'figure' or 'conclusion'",
        ),
        ("value = 7", 'value = "7"', "'a.figure', the field 'value' is '7', but it should be a valid number"),
        ("value = 7", "value = true", "the field 'value' is True, but it should be a valid number"),
        ("value = 7", "", "the field 'value' is missing; a figure needs value or values"),
        ('label = "it"', "", "the field 'label' is missing"),
        ('section = "2.1"', "", "'a.figure', the field 'section' is missing"),
        ('section = "2.1"', 'section = "2.1"\npage = 3', "the field 'page' is no field; the fields are id, kind"),
        ('ours = "eda_prices.columns"', "", "the field 'ours' is missing; say where our number is"),
        ("value = 7", 'values = [[1, 2]]\nrows = ["a"]\ncolumns = ["b"]', "'values' should have 1 rows of 1"),
        ('kind = "figure"', 'kind = "conclusion"', "the field 'evidence' should be a cross-reference"),
        ("[[stated]]", GOOD + "[[stated]]", "the field 'id' is there twice"),
        ("value = 7", "value = = 7", "is not valid TOML"),
    ],
)
def test_a_bad_entry_is_refused_with_its_id_and_field(old: str, new: str, message: str) -> None:
    with pytest.raises(LabcodeError, match=re.escape(message)):
        read_reference(GOOD.replace(old, new, 1))

"""What Quarto prints, read: where a cell failed, Python ended, or a reference leads nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from labcode.book.lint import refuse_what_quarto_drops
from labcode.book.quarto import log as quarto_log
from labcode.errors import RenderError

LOG = """WARN: Unable to resolve crossref @fig-elsewhere
\x1b[33m[WARNING] Citeproc: citation nobody2020 not found\x1b[39m
Unable to resolve crossref @tbl-nowhere
Unable to resolve crossref @tbl-there
"""
CELL = "```{python}\nx = 1\n```\n"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "_quarto.yml").write_text("book: {chapters: [index.qmd, other.qmd]}\n")
    (tmp_path / "index.qmd").write_text("# S\n\nSee @fig-elsewhere,\n@tbl-nowhere and @tbl-there [@nobody2020].\n")
    other = "# T\n\n::: {#fig-elsewhere}\n:::\n\n```{python}\n#| label: tbl-there\n```\n"
    (tmp_path / "other.qmd").write_text(other)
    return tmp_path


def test_a_chapter_alone_may_refer_to_others_and_a_book_may_not_refer_to_nothing(book: Path) -> None:
    lost = ["index.qmd:4: @nobody2020", "index.qmd:4: @tbl-nowhere"]
    assert quarto_log.unresolved(LOG, book, everything=False) == lost
    assert quarto_log.unresolved(LOG, book, everything=True) == [
        "index.qmd:3: @fig-elsewhere", *lost, "index.qmd:4: @tbl-there"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "log", "expected"),
    [
        ("import os\nos._exit(3)", "Cell 1/2: ''...Done\n  Cell 2/2: ''...2026\n\n\nKernel died\n", "other.qmd:7: "),
        ("exit()", "Cell 1/2: ''...Done\n  Cell 2/2: ''...Done\n\nKernel died\n", "other.qmd:8: cell failed: it ends"),
    ],
)
def test_a_python_that_ended_is_told_with_its_cell(book: Path, text: str, log: str, expected: str) -> None:
    (book / "other.qmd").write_text(f"# T\n\n{CELL}\n```{{python}}\n{text}\n```\n")
    assert (quarto_log.failure(f"Executing 'other.quarto_ipynb'\n  {log}", book) or "").startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"# T\n\n{CELL}\nSee @sec-u.\n\n## U {{#sec-u .unnumbered}}\n", "other.qmd:7: @sec-u refers to a heading"),
        ("# T\n\nTwo is `{python} 1 + 1`.\n", "other.qmd:3: no value of this chapter is computed"),
    ],
)
def test_what_quarto_would_drop_in_silence_is_refused(book: Path, text: str, expected: str) -> None:
    refuse_what_quarto_drops(book)
    (book / "other.qmd").write_text(text)
    with pytest.raises(RenderError, match=expected):
        refuse_what_quarto_drops(book)

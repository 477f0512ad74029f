"""What Quarto prints, read: references that lead nowhere, and those that another chapter answers."""

from __future__ import annotations

from pathlib import Path

from labcode.book.quarto import log as quarto_log

LOG = """WARN: Unable to resolve crossref @fig-elsewhere
\x1b[33m[WARNING] Citeproc: citation nobody2020 not found\x1b[39m
Unable to resolve crossref @tbl-nowhere
Unable to resolve crossref @tbl-there
"""


def test_only_what_no_chapter_has_is_unresolved(tmp_path: Path) -> None:
    (tmp_path / "chapters").mkdir()
    (tmp_path / "index.qmd").write_text("# S\n\nSee @fig-elsewhere,\n@tbl-nowhere and @tbl-there [@nobody2020].\n")
    other = "# T\n\n::: {#fig-elsewhere}\n:::\n\n```{python}\n#| label: tbl-there\n```\n"
    (tmp_path / "chapters" / "other.qmd").write_text(other)
    assert quarto_log.unresolved(LOG, tmp_path) == ["index.qmd:4: @nobody2020", "index.qmd:4: @tbl-nowhere"]

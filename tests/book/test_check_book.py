"""``labcode check`` on the book: it passes, and it sees faults that are put in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labcode.book import lint
from labcode.book.check_book import check_book
from labcode.book.scaffold import new_chapter
from labcode.cli import app
from labcode.errors import LabcodeError
from labcode.results import run
from labcode.results.store import Store
from labcode.settings import project_root

ROOT = project_root()


def test_the_book_passes_on_quick_results(quick_store: Path) -> None:
    found = check_book(ROOT)
    assert found.faults == []
    assert len(found.checks) > 60 and found.inline > 250


def test_without_results_nothing_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    with pytest.raises(LabcodeError, match="`labcode run`"):
        check_book(ROOT)


def test_an_absurd_figure_in_the_store_is_named_with_the_sentence_that_shows_it(quick_store: Path) -> None:
    good = run.load("regression/sound")
    Store().save(replace(good, scalars={**good.scalars, "rmse": -5.0}))
    answer = CliRunner().invoke(app, ["check", "regression", "--quiet"])
    assert answer.exit_code == 1
    assert "labcode: chapters/regression.qmd: sound.rmse cannot be: it is -5" in answer.output


@pytest.fixture
def copy(tmp_path: Path, copy_book: Callable[[Path], Path]) -> Path:
    """The book's sources, which a test may spoil."""
    return copy_book(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\nWe got 0.78 in the end.\n", "the number 0.78 is typed"),
        ("\nFrom `{python} 1``{python} 2`.\n", "an inline value touches the one before it"),
        ("\nSee @fig-nowhere.\n", "@fig-nowhere refers to nothing"),
        ("\nAs @nobody2020 says.\n", "@nobody2020 is not in references.bib"),
        ("\nSee [this](nothere.qmd).\n", "the link leads to nothere.qmd"),
        ("\n## Again {#sec-seeds}\n", "the label sec-seeds is already at"),
        ("\n::: {#fig-bare}\n```{python}\n1\n```\n:::\n\n@fig-bare.\n", "fig-bare has no alt text"),
        ("\n```{python}\n#| label: tbl-bare\n1\n```\n", "tbl-bare has no caption"),
    ],
)
def test_a_fault_of_the_sources_is_seen_with_its_line(copy: Path, text: str, expected: str) -> None:
    assert [*lint.all_faults(copy)] == []
    chapter = copy / "chapters" / "reproducibility.qmd"
    length = len(chapter.read_text("utf-8").splitlines())
    chapter.write_text(chapter.read_text("utf-8") + text, "utf-8")
    told = [*lint.all_faults(copy)]
    places = tuple(f"chapters/reproducibility.qmd:{length + ahead}: " for ahead in (2, 3))
    assert any(fault.startswith(places) and expected in fault for fault in told)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("Its error is lower, `{python} sound.rmse`.", "'lower' judges a figure, but the paragraph has no check"),
        ('Pigs fly. `{python} check("2 > 1")`', "reads no result, so no result can contradict it"),
        ('Pigs fly. `{python} check("sound.rmse is not None")`', "this check cannot fail"),
        ("`{python} nowhere + 1`", "NameError: name 'nowhere' is not defined"),
        ("```{python}\nx = 1\nx / 0\n```", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_fault_of_a_chapter_is_seen_with_its_line(quick_store: Path, copy: Path, code: str, expected: str) -> None:
    chapter = copy / "chapters" / "reproducibility.qmd"
    setup = (
        "\n```{python}\nfrom labcode.book.checks import check\nfrom labcode.lab import load\n"
        "from labcode.lab.regression.results import Sound\n\nsound = load(Sound)\n```\n\n"
    )
    text = chapter.read_text("utf-8") + setup
    chapter.write_text(text + code + "\n", "utf-8")
    faults = check_book(copy, ["reproducibility"]).faults
    line = len(text.splitlines()) + (3 if code.startswith("```") else 1)
    assert [
        fault for fault in faults if fault.startswith(f"chapters/reproducibility.qmd:{line}: ") and expected in fault
    ]


def test_a_chapter_from_the_template_passes(quick_store: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copy)
    new_chapter("drift")
    answer = CliRunner().invoke(app, ["check", "drift"])
    assert answer.exit_code == 0 and answer.output.startswith("holds chapters/drift.qmd:")
    assert answer.output.endswith("1 checks, 4 inline values, 0 faults\n")

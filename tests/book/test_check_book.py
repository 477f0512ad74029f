"""``labcode check`` on the book: it passes, and it sees faults that are put in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labcode.book import lint
from labcode.book.check_book import check_book
from labcode.book.scaffold import new_chapter
from labcode.errors import LabcodeError
from labcode.results import run
from labcode.results.store import Result, Store
from labcode.settings import project_root

ROOT = project_root()


def test_the_book_passes_on_quick_results(quick_store: Path) -> None:
    found = check_book(ROOT)
    assert found.faults == []
    assert len(found.checks) > 60 and found.inline > 250 and found.typed == 0
    assert all(each.trial.can_fail for each in found.checks)


def test_without_results_nothing_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    with pytest.raises(LabcodeError, match="`labcode run`"):
        check_book(ROOT)


def changed(result: Result, name: str, value: float) -> Result:
    scalars = {**result.scalars, name: value}
    return Result(
        experiment=result.experiment,
        key=result.key,
        scalars=scalars,
        tables=result.tables,
        arrays=result.arrays,
        meta=result.meta,
    )


def test_an_absurd_figure_in_the_store_is_named_with_the_sentence_that_shows_it(quick_store: Path) -> None:
    good = run.load("regression/sound")
    Store().save(changed(good, "rmse", -5.0))
    found = check_book(ROOT, ["regression"])
    assert any(fault.startswith("chapters/regression.qmd: sound.rmse cannot be: it is -5") for fault in found.faults)


@pytest.fixture
def copy(tmp_path: Path, copy_book: Callable[[Path], Path]) -> Path:
    """The book's sources, which a test may spoil."""
    return copy_book(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\nWe got 0.78 in the end.\n", "the number 0.78 is typed"),
        ("\nIts macro F1 is high.\n", "'macro F1' is written macro-F1 or F1"),
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
    found = check_book(copy, ["drift"])
    assert found.faults == []
    assert len(found.checks) == 1


def test_the_command_prints_the_counts_and_exits_with_1_on_a_fault(quick_store: Path, capsys) -> None:
    from typer.testing import CliRunner

    from labcode.cli import app

    good = CliRunner().invoke(app, ["check", "regression", "--quiet"])
    assert good.exit_code == 0, good.output
    assert " checks, " in good.output and " 0 typed numbers, 0 faults" in good.output
    Store().save(changed(run.load("regression/sound"), "r2", 7.0))
    assert CliRunner().invoke(app, ["check", "regression", "--quiet"]).exit_code == 1

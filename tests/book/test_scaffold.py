"""A new chapter: its file, its line in _quarto.yml, and that it renders as it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from labcode.book import lint
from labcode.book.render import render
from labcode.book.scaffold import new_chapter, with_chapter
from labcode.errors import LabcodeError

CONFIG = """# The book.
book:
  chapters:
    - index.qmd  # the start
    - chapters/conclusion.qmd   # stays last
    - references.qmd
"""


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copy_book: Callable[[Path], Path]) -> Path:
    """A copy of the project, in the quick profile."""
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(copy_book(tmp_path))
    return tmp_path


def test_a_new_chapter_is_listed_keeps_the_rules_and_renders(copy: Path) -> None:
    before = (copy / "_quarto.yml").read_text("utf-8")
    path = new_chapter("second-look")
    closing = "    - chapters/conclusion.qmd\n"
    assert (copy / "_quarto.yml").read_text("utf-8") == before.replace(
        closing, f"    - chapters/second-look.qmd\n{closing}"
    )
    text = path.read_text("utf-8")
    assert not re.search(r"NAME|TITLE", text) and not list(lint.of_layout(text))
    labels = re.findall(r"(?:\{#|label: )((?:fig|tbl|sec)-[\w-]+)", text)
    assert all("-second-look" in label for label in labels) and len(labels) == len(set(labels))
    [page] = render(["second-look"], to=["html"], engine="portable", out=copy / "out")
    html = page.read_text("utf-8")
    words = " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())
    assert "Second look" in words and "Simulated data of the quick profile" in words
    assert len(re.findall(r'<img [^>]*alt="Bar chart of rows', html)) == 2, "both themes"
    assert re.search(r"Table \d\.1: The sensors", words) and re.search(r"Figure \d\.1 : |Figure \d\.1: Rows", words)
    assert "most rows, 9" in words and "✓" in words and "Exercises" in words


@pytest.mark.parametrize(
    ("name", "told"),
    [(name, "is no name for a chapter") for name in ("Drift", "a_b", "1st", "a--b", "../a", "", "a.qmd", "ä")]
    + [(name, f"There is a chapter '{name}' already") for name in ("eda", "index", "references")],
)
def test_a_name_that_is_none_or_taken_is_refused_and_nothing_is_written(copy: Path, name: str, told: str) -> None:
    before = {path: path.read_bytes() for path in (copy / "_quarto.yml", *copy.rglob("*.qmd"))}
    with pytest.raises(LabcodeError, match=told):
        new_chapter(name)
    assert {path: path.read_bytes() for path in (copy / "_quarto.yml", *copy.rglob("*.qmd"))} == before


def test_one_line_is_added_whatever_stands_around_it() -> None:
    longer = CONFIG.replace("    - chapters/conclu", "    - chapters/a.qmd\n    - chapters/conclu")
    assert with_chapter(CONFIG, "chapters/a.qmd") == longer
    assert with_chapter(CONFIG.replace("\n", "\r\n"), "chapters/a.qmd") == longer.replace("\n", "\r\n")
    alone = CONFIG.replace("    - chapters/conclusion.qmd   # stays last\n", "")
    chapters = yaml.safe_load(with_chapter(alone, "chapters/a.qmd"))["book"]["chapters"]
    assert chapters[1:] == ["chapters/a.qmd", "references.qmd"]


@pytest.mark.parametrize(
    "config",
    [
        "book: {chapters: [index.qmd, references.qmd]}\n",
        CONFIG.replace("    - chapters/conclu", "    # - chapters/conclu").replace("references", "sources"),
        CONFIG.replace("chapters:", "others:"),
    ],
)
def test_a_config_without_a_place_is_refused(config: str) -> None:
    with pytest.raises(LabcodeError, match=r"_quarto\.yml lists neither"):
        with_chapter(config, "chapters/a.qmd")

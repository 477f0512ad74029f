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


def test_a_new_chapter_is_listed_and_renders(copy: Path) -> None:
    before = (copy / "_quarto.yml").read_text("utf-8").splitlines()
    path = new_chapter("second-look")
    after = (copy / "_quarto.yml").read_text("utf-8").splitlines()
    assert [line for line in after if line not in before] == ["    - chapters/second-look.qmd"]
    assert [line for line in after if "second-look" not in line] == before, "comments and layout stay"
    chapters = yaml.safe_load("\n".join(after))["book"]["chapters"]
    assert chapters[-3:] == ["chapters/second-look.qmd", "chapters/conclusion.qmd", "references.qmd"]

    [page] = render(["second-look"], to=["html"], engine="portable", out=copy / "out")
    html = page.read_text("utf-8")
    text = " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())
    assert "Second look" in text and "Simulated data of the quick profile" in text
    assert len(re.findall(r'<img [^>]*alt="Bar chart of rows', html)) == 2, "both themes"
    assert re.search(r"Table \d\.1: The sensors", text) and re.search(r"Figure \d\.1 : |Figure \d\.1: Rows", text)
    assert "most rows, 9" in text and "✓" in text and "Exercises" in text
    assert not re.search(r"NAME|TITLE|\{python\}", path.read_text("utf-8").replace("`{python}", ""))


def test_the_template_keeps_the_rules_of_chapters(copy: Path) -> None:
    text = new_chapter("drift").read_text("utf-8")
    assert not list(lint.of_layout(text))
    labels = re.findall(r"(?:\{#|label: )((?:fig|tbl|sec)-[\w-]+)", text)
    assert all("-drift" in label for label in labels) and len(labels) == len(set(labels))
    assert all(f"@{label}" in text for label in labels if not label.startswith("sec"))


@pytest.mark.parametrize("name", ["Drift", "a_b", "1st", "a--b", "../a", "", "a.qmd", "ä"])
def test_a_bad_name_is_refused(copy: Path, name: str) -> None:
    with pytest.raises(LabcodeError, match="is no name for a chapter"):
        new_chapter(name)


@pytest.mark.parametrize("name", ["eda", "index", "references"])
def test_an_existing_chapter_is_left_alone(copy: Path, name: str) -> None:
    before = {path: path.read_bytes() for path in copy.rglob("*.*ml") if path.is_file()} | {
        path: path.read_bytes() for path in copy.rglob("*.qmd")
    }
    with pytest.raises(LabcodeError, match=f"There is a chapter '{name}' already"):
        new_chapter(name)
    assert all(path.read_bytes() == content for path, content in before.items())


def test_one_line_is_added_whatever_stands_around_it() -> None:
    assert with_chapter(CONFIG, "chapters/a.qmd") == CONFIG.replace(
        "    - chapters/conclu", "    - chapters/a.qmd\n    - chapters/conclu"
    )
    crlf = CONFIG.replace("\n", "\r\n")
    assert with_chapter(crlf, "chapters/a.qmd") == with_chapter(CONFIG, "chapters/a.qmd").replace("\n", "\r\n")
    alone = CONFIG.replace("    - chapters/conclusion.qmd   # stays last\n", "")
    assert yaml.safe_load(with_chapter(alone, "chapters/a.qmd"))["book"]["chapters"][1:] == [
        "chapters/a.qmd",
        "references.qmd",
    ]


@pytest.mark.parametrize(
    "config",
    [
        "book: {chapters: [index.qmd, references.qmd]}\n",
        CONFIG.replace("    - chapters/conclu", "    # - chapters/conclu").replace("references", "sources"),
        CONFIG.replace("chapters:", "others:"),
    ],
)
def test_a_config_without_a_place_is_left_alone(copy: Path, config: str) -> None:
    (copy / "_quarto.yml").write_text(config)
    with pytest.raises(LabcodeError, match=r"_quarto\.yml"):
        new_chapter("drift")
    assert (copy / "_quarto.yml").read_text() == config
    assert not (copy / "chapters" / "drift.qmd").exists()

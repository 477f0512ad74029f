"""Chapters as notebooks: what is not touched comes back byte for byte, what is edited comes back edited."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from labcode.book.notebooks import notebook, take_back, to_chapter, write_notebook
from labcode.errors import LabcodeError
from labcode.settings import project_root

TEXT = """# One {#sec-one}

```{python}
#| label: x
a = "`" * 3
```
```{python}
```

````{.markdown}
```{python}
shown = "not run"
```
````

`{python} a`
"""
CHAPTERS = (path for folder in (".", "chapters") for path in sorted((project_root() / folder).glob("*.qmd")))
TEXTS = {path.stem: path.read_text("utf-8") for path in CHAPTERS} | {
    "small": TEXT,
    "empty": "",
    "blank": "\n\n",
    "no end": TEXT.rstrip("\n"),
    "never closed": "```{python}\nnever closed\n",
    "other fence": "~~~\n```{python}\n~~~\n",
}


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "chapters").mkdir()
    (tmp_path / "_quarto.yml").write_text("book: {chapters: [chapters/one.qmd]}\n")
    (tmp_path / "chapters" / "one.qmd").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", TEXTS)
def test_every_chapter_comes_back_byte_for_byte(name: str) -> None:
    written = nbformat.from_dict(notebook(TEXTS[name]))
    nbformat.validate(written)
    assert to_chapter(nbformat.reads(nbformat.writes(written), as_version=4)) == TEXTS[name]


def test_cells_that_run_become_code_and_others_do_not() -> None:
    cells = nbformat.from_dict(notebook(TEXT)).cells
    assert [cell.source for cell in cells if cell.cell_type == "code"] == ['#| label: x\na = "`" * 3', ""]
    assert 'shown = "not run"' in cells[-1].source


def test_an_edited_notebook_gives_an_edited_chapter_without_outputs(book: Path) -> None:
    path = write_notebook("one")
    edited = nbformat.read(path, as_version=4)
    edited.cells[1].source += "\nb = 2"
    edited.cells[1].outputs = [nbformat.v4.new_output("stream", text="noise")]
    edited.cells[2:2] = [new_code_cell("c = 3"), new_markdown_cell("Said.")]
    nbformat.write(edited, path)
    changed = "* 3\nb = 2\n```\n\n```{python}\nc = 3\n```\n\n\nSaid.\n\n```{python}"
    assert take_back("one").read_text() == TEXT.replace("* 3\n```\n```{python}", changed)


def test_a_notebook_is_neither_overwritten_nor_made_up(book: Path) -> None:
    with pytest.raises(LabcodeError, match=r"There is no .*labcode notebook one"):
        take_back("one")
    path = write_notebook("one")
    with pytest.raises(LabcodeError, match="is there already"):
        write_notebook("one")
    path.write_text("no JSON")
    with pytest.raises(LabcodeError, match="is no notebook"):
        take_back("one")
    assert (book / "chapters" / "one.qmd").read_text() == TEXT

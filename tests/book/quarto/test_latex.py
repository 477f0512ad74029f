"""The PDF by LaTeX: what it needs is named where it is missing, and a small book comes out whole."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

import pytest
import yaml

from labcode.book.quarto import latex
from labcode.book.render import _run_quarto, find_quarto, render
from labcode.errors import RenderError
from labcode.settings import project_root

FIRST = """# Before {.unnumbered}

See @fig-line, @tbl-rows and @sec-one: R² ≈ 0.9 × −1, α ≤ β, 1 to 2 → 3.

::: {.callout-warning title="Simulated rows"}
They are not real.
:::
"""
SECOND = """# One {#sec-one}

```{python}
#| include: false
import matplotlib.pyplot as plt
import pandas as pd
from labcode.book.plots import show
from labcode.book.text import table

def draw(theme):
    figure, axes = plt.subplots()
    axes.plot([0, 1], [0, 1])
    return figure
```

```{python}
#| label: tbl-rows
#| tbl-cap: "Rows of a table. Nobody needs them."
frame = pd.DataFrame({"": ["licence", "source"], "meaning": ["two words " * 20, "`a_long_name.of_SomeCode`"]})
table(frame, widths=(1, 40))
```

::: {#fig-line}

```{python}
#| renderings: [light, dark]
#| fig-alt: "A line that rises."
show(draw)
```

A line. It rises from 0.0 to 1.
:::

```python
long = "a line of code that is wider than the page, and has to be broken somewhere, since a page" + "does not scroll"
```
"""


def program(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty home, and with no program but those that a test puts into ``bin``."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def test_what_is_missing_is_named_with_the_way_to_get_it(bare: Path) -> None:
    with pytest.raises(RenderError, match="needs lualatex and rsvg-convert, not found on PATH; install texlive-luatex"):
        latex.require_tex()
    program(bare / "bin", "rsvg-convert")
    with pytest.raises(RenderError, match="needs lualatex, not found on PATH"):
        latex.require_tex()
    program(bare / "bin", "lualatex")
    latex.require_tex()


@pytest.mark.parametrize("folder", [".TinyTeX/bin/x86_64-linux", "Library/TinyTeX/bin/universal-darwin"])
def test_the_tinytex_that_quarto_finds_is_enough(bare: Path, folder: str) -> None:
    program(bare / "bin", "rsvg-convert")
    program(bare / folder, "lualatex")
    latex.require_tex()


def test_latex_is_rendered_alone() -> None:
    with pytest.raises(RenderError, match="rendered alone"):
        render(to=("html", "latex"))


def test_a_plain_render_writes_html_and_typst_alone() -> None:
    config = yaml.safe_load((project_root() / "_quarto.yml").read_text("utf-8"))
    assert list(config["format"]) == ["html", "typst"]
    assert config["latex-auto-install"] is False, "a render must not download packages"


@pytest.fixture(scope="module")
def small_book(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folder and PDF of a book of two short chapters, with the settings of the whole one."""
    quarto = find_quarto()
    if quarto is None:
        pytest.skip("needs Quarto on PATH")
    try:
        latex.require_tex()
    except RenderError as missing:
        pytest.skip(str(missing))
    root = tmp_path_factory.mktemp("latex")
    config = yaml.safe_load((project_root() / "_quarto.yml").read_text("utf-8"))
    config["project"] = {"type": "book", "execute-dir": "project", "output-dir": "_book"}
    config["book"]["chapters"] = ["index.qmd", "one.qmd"]
    config |= {"keep-tex": True, "latex-clean": False}
    (root / "_quarto.yml").write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
    (root / "index.qmd").write_text(FIRST, "utf-8")
    (root / "one.qmd").write_text(SECOND, "utf-8")
    shutil.copy(project_root() / "references.bib", root)
    shutil.copytree(project_root() / "labcode/book/quarto", root / "labcode/book/quarto")
    return root, latex.render(partial(_run_quarto, quarto, root), root, root / "_book")


def test_the_pdf_has_a_name_of_its_own(small_book: tuple[Path, Path]) -> None:
    root, pdf = small_book
    assert pdf.read_bytes().startswith(b"%PDF")
    assert [path.name for path in (root / "_book").iterdir()] == ["deep-learning-lab-latex.pdf"]


def test_every_character_has_a_glyph_and_every_line_fits(small_book: tuple[Path, Path]) -> None:
    log = next(small_book[0].glob("*.log")).read_text("utf-8", errors="replace")
    assert "Missing character" not in log
    assert not [width for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log) if float(width) > 5]


def test_latex_gets_the_light_figure_a_whole_table_no_cells_and_short_captions(small_book: tuple[Path, Path]) -> None:
    text = next(small_book[0].glob("*.tex")).read_text("utf-8")
    assert len(re.findall(r"\\pandocbounded\{\\includegraphics", text)) == 1
    assert text.count("licence &") == 1
    assert text.count(r"\caption") == 2, "the head of a table's second page has no caption, which would be listed again"
    assert r"\endfirsthead" in text and "\\\\*\n" in text, "the rows of a short table stay together"
    assert "tbl-cap" not in text and "pd.DataFrame" not in text
    assert r"\caption[Rows of a table]" in text and r"\caption[A line]" in text
    assert r"\begin{callout}{Simulated rows}" in text
    assert r"\listoffigures" in text and r"\listoftables" in text

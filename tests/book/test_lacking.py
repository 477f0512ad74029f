"""Rows that lack what a result needs: the page is rendered, and says so where the result would stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labcode.book.lacking import on_page
from labcode.book.portable import render
from labcode.book.render import find_quarto
from labcode.errors import RenderError, RowsError

CONFIG = """
project: {type: book, execute-dir: project}
book: {title: "Odd rows", chapters: [index.qmd]}
format: {html: default}
"""
PAGE = """
# Odd rows

```{python}
#| include: false
from matplotlib import pyplot as plt
from labcode.book.checks import check
from labcode.book.lacking import on_page
from labcode.book.plots import show
from labcode.book.text import table
from labcode.errors import RowsError

def load(name):
    def lack():
        raise RowsError({"at least 30 trading days": [name]})
    return on_page(lack)

sound, base = load("fake/sound"), load("fake/baselines")
best = max(base.models.values(), key=lambda own: own.rmse)
```

The error is `{python} sound.rmse.interval`. `{python} check("sound.rmse < best.rmse")`

```{python}
#| label: tbl-scores
#| tbl-cap: "Scores."
table(base.scores().sort_values("rmse"))
```

::: {#fig-errors}
```{python}
#| renderings: [light, dark]
#| fig-alt: "Errors."
fig, ax = plt.subplots()
ax.plot([float(value) for name, value in sound.errors][3])
show(fig)
```

The errors.
:::

See @fig-errors and @tbl-scores.

```{python}
ratio = sound.rmse / None.value
1 + 1
```

```{python}
f"ratio {ratio}, but {1 + 1}"
```
"""


def project(folder: Path, page: str = PAGE) -> Path:
    folder.joinpath("_quarto.yml").write_text(CONFIG)
    folder.joinpath("index.qmd").write_text(page)
    return folder


@pytest.mark.parametrize("engine", ["portable", "quarto"])
def test_the_page_is_whole_and_says_what_the_rows_lack(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(tmp_path)
    if engine == "portable":
        render(root, out=root / "_book")
    elif found := find_quarto():
        monkeypatch.setenv("QUARTO_PYTHON", sys.executable)
        subprocess.run([found.path, "render", str(root), "--to", "html"], check=True, capture_output=True)
    else:
        pytest.skip("needs Quarto on PATH")
    html = (root / "_book/index.html").read_text("utf-8")
    main = " ".join(html.partition("<main")[2].partition("</main>")[0].split())
    assert "The error is –. –" in main
    assert "Not for these rows: fake/baselines needs at least 30 trading days.</td>" in main
    assert "<em>Not for these rows: fake/sound needs at least 30 trading days.</em>" in main
    assert "The errors." in main and "ratio –, but 2" in main


def test_any_other_fault_is_told_with_its_line_as_before(tmp_path: Path) -> None:
    page = '# Page\n\n```{python}\nimport labcode.book\n```\n\n```{python}\nx = 1\n\ny = x / 0\nprint("shown")\n```\n'
    with pytest.raises(RenderError, match=r"index\.qmd:10: cell failed: ZeroDivisionError"):
        render(project(tmp_path, page), out=tmp_path / "_book")


def test_a_fault_of_a_cell_that_reads_nothing_lacking_is_no_lack_of_rows(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="cell failed: ZeroDivisionError"):
        render(project(tmp_path, PAGE + "\n```{python}\n1 / 0\n```\n"), out=tmp_path / "_book")


def test_outside_a_page_the_error_is_raised() -> None:
    with pytest.raises(RowsError, match="fake needs 2 symbols"):
        on_page(lambda: (_ for _ in ()).throw(RowsError({"2 symbols": ["fake"]})))

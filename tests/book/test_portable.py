"""The portable engine renders a small book: every kind of reference, output and block, and the errors it must name."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import filelock
import nbformat
import pytest

from labcode.book.portable import render
from labcode.errors import RenderError

CONFIG = """
project: {type: book, execute-dir: project}
book:
  title: "Tables & trees"
  subtitle: "A test"
  author: [{name: "A. Student"}]
  date: "2025-03-01"
  chapters: [index.qmd, chapters/eda.qmd, chapters/two.qmd, references.qmd]
bibliography: references.bib
number-sections: true
execute: {warning: false}
format: {html: {code-fold: true}, typst: default}
"""

INDEX = """
# Summary {#sec-summary .unnumbered}

The data hold `{python} f"{850_790:,}"` rows; see @sec-eda, @sec-deep, @fig-line, [-@fig-dual], @fig-other,
[@fig-line; @tbl-head], @eq-loss and [@bishop2006, p. 3]. Go to [the chapter](chapters/two.qmd).

Literal `{python} "a*b*c"`, `{python} __import__("IPython.display").display.Markdown("**bold**")`.[^1]

[^1]: A note in the summary.

::: {#tbl-index}
| a | b |
|---|--:|
| x | `{python} 40 + 2` |

The headline, with `{python} (lambda: (six := 6) * 7)()` rows.
:::
"""

EDA = """
# Exploring {#sec-eda}

## First look

$$ L = \\frac{1}{n}\\sum_i e_i^2 $$ {#eq-loss}

```{python}
#| label: fig-line
#| fig-cap: "A line of *three* points."
#| fig-alt: "A rising line with \\"three\\" points."
import matplotlib.pyplot as plt
plt.plot([1, 2, 4]);
```

::: {#fig-dual}

```{python}
#| renderings: [light, dark]
#| fig-alt: "Two bars"
#| echo: false
for color in ("black", "white"):
    plt.figure(figsize=(3, 2))
    plt.bar(["a", "b"], [1, 2], color=color)
    plt.show()
```

Bars, at most `{python} 1 + 1` high.
:::

## Tables {#sec-deep}

```{python}
#| label: tbl-head
#| tbl-cap: "The head of a frame."
import pandas as pd
pd.DataFrame({"symbol": ["AAPL", "MSFT"], "open": [123.4, 45.6]})
```

```{python}
#| code-fold: false
print("from the cell")
import warnings; warnings.warn("a hidden warning")
```

::: {.callout-note title="How *this* works"}
Set apart.
:::

::: {.content-visible when-format="html"}
Only on the page.
:::

::: {.content-hidden when-format="html"}
Only on paper.
:::

```{.python filename="labcode/nets/mlp.py"}
class MLP: ...
```

```{python}
#| output: asis
#| echo: false
print("\\n### Part one\\n\\nSaid **loudly**.\\n")
```

{{< include _more.qmd >}}
"""

TWO = """
# Another {#sec-two}

## First look

::: {#fig-other}
```{python}
#| echo: false
from IPython.display import SVG
SVG('<svg xmlns="http://www.w3.org/2000/svg" width="20" height="8"><rect width="20" height="8"/></svg>')
```

A box.
:::

Back to @fig-line.[^1]

[^1]: A note in another chapter.
"""

BOOK = {
    "_quarto.yml": CONFIG,
    "index.qmd": INDEX,
    "chapters/eda.qmd": EDA,
    "chapters/_more.qmd": "Included, `{python} 6 * 9`.\n",
    "chapters/two.qmd": TWO,
    "references.qmd": "# References {.unnumbered}\n\n::: {#refs}\n:::\n",
    "references.bib": "@book{bishop2006, title={Patterns}, author={Bishop, C.}, year={2006}, publisher={Springer}}\n",
}


def write(folder: Path, **changed: str) -> Path:
    """The test book in `folder`, with some files changed: ``index="text"`` replaces index.qmd."""
    files = BOOK | {name: changed.get(Path(name).stem, text) for name, text in BOOK.items()}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def text_of(page: Path) -> str:
    """The words of a page's main part, with single spaces."""
    main = page.read_text(encoding="utf-8").partition("<main")[2].partition("<script")[0]
    return " ".join(re.sub(r"<[^>]+>", "", main).replace("\u00a0", " ").split())


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = write(tmp_path_factory.mktemp("book"))
    assert render(project, out=project / "_book") == [project / "_book/index.html", project / "_book/Tables-trees.pdf"]
    return project / "_book"


@pytest.fixture(scope="module")
def paper(book: Path) -> str:
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext (poppler-utils) is not installed")
    done = subprocess.run(["pdftotext", "-layout", book / "Tables-trees.pdf", "-"], capture_output=True, check=True)
    return " ".join(done.stdout.decode().replace("\u00a0", " ").split())


def test_references_are_numbered_by_chapter(book: Path) -> None:
    text = text_of(book / "index.html")
    assert "see Chapter 1, Section 1.2, Figure 1.1, 1.2, Figure 2.1, Figure 1.1, Table 1.1, Equation 1.1 and" in text
    assert "(Bishop 2006, 3)" in text
    assert "Figure 1.2: Bars, at most 2 high." in text_of(book / "eda.html")
    assert "Table 1: The headline, with 42 rows." in text


def test_every_link_and_picture_leads_somewhere(book: Path) -> None:
    pages = {page.name: page.read_text(encoding="utf-8") for page in book.glob("*.html")}
    assert set(pages) == {"index.html", "eda.html", "two.html", "references.html"}
    for name, text in pages.items():
        for target in re.findall(r'(?:href|src)="([^"]+)"', text):
            file, _, anchor = target.removeprefix("data:,").partition("#")
            assert not file or (book / file).is_file(), f"{name}: {target}"
            assert not anchor or f'id="{anchor}"' in pages[file or name], f"{name}: {target}"
            assert "//" not in target
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids)), name


def test_navigation(book: Path) -> None:
    index, eda = ((book / name).read_text(encoding="utf-8") for name in ("index.html", "eda.html"))
    assert 'rel="prev"' not in index and '<a rel="next" href="eda.html"' in index
    assert '<a rel="prev" href="index.html">Summary' in eda
    assert 'href="eda.html#eda" id="toc-eda" aria-current="page"' in eda


def test_inline_values_are_escaped_unless_markdown(book: Path) -> None:
    page = (book / "index.html").read_text(encoding="utf-8")
    assert "850,790 rows" in page and "Literal a*b*c, <strong>bold</strong>" in page
    assert "Included, 54." in text_of(book / "eda.html")


def test_light_and_dark_renderings(book: Path) -> None:
    page = (book / "eda.html").read_text(encoding="utf-8")
    shown = re.findall(r'<div class="(light|dark)-content">\s*<p>\s*<img [^>]*src="([^"]+)"[^>]*alt="Two bars"', page)
    assert [theme for theme, _ in shown] == ["light", "dark"]
    assert shown[0][1] != shown[1][1]
    assert "A rising line with &quot;three&quot; points." in page


def test_blocks(book: Path, paper: str) -> None:
    page, text = (book / "eda.html").read_text(encoding="utf-8"), text_of(book / "eda.html")
    assert re.search(
        r'class="callout callout-note" role="note">\s*<div class="callout-title">\s*How <em>this</em> works', page
    )
    assert page.count('<details class="code">') == 2
    assert "from the cell" in text and "UserWarning" not in text
    assert "1.2.1 Part one Said loudly." in text
    assert "Only on the page." in text and "Only on paper." not in text
    assert "labcode/nets/mlp.py" in paper and "How this works Set apart." in paper
    assert "Only on paper." in paper and "Only on the page." not in paper


def test_html_tables_reach_both_formats(book: Path, paper: str) -> None:
    page = (book / "eda.html").read_text(encoding="utf-8")
    assert re.search(r"<th[^>]*>0</th>\s*<td[^>]*>AAPL</td>\s*<td[^>]*right[^>]*>123.4</td>", page)
    assert "Table 1.1: The head of a frame. symbol open 0 AAPL 123.4 1 MSFT 45.6" in paper


def test_pdf_says_the_same(paper: str) -> None:
    assert "see Chapter 1, Section 1.2, Figure 1.1, 1.2, Figure 2.1" in paper
    assert "1.2 Tables" in paper and "2 Another" in paper and "A note in another chapter." in paper
    assert "Tables & trees A test" in paper and "Bishop, C. 2006." in paper


def test_the_same_source_gives_the_same_bytes(book: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    render(book.parent, out=again)
    for file in (path for path in book.rglob("*") if path.is_file()):
        assert (again / file.relative_to(book)).read_bytes() == file.read_bytes(), file.name


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("# S\n\n```{python}\n#| echo: false\nx = 1\n\nx / 0\n```\n", "index.qmd:7: cell failed: ZeroDivisionError"),
        ("# S\n\n```{python}\nx = 1\nx = = 2\n```\n", "index.qmd:5: cell failed: SyntaxError"),
        ("# S\n\nOne `{python} 1`,\ntwo `{python} nothing`.\n", "index.qmd:4: cell failed: NameError"),
        ("# S\n\nSee\n@fig-absent.\n", "index.qmd:4: unresolved reference @fig-absent"),
    ],
)
def test_faults_name_file_and_line_and_lose_nothing(tmp_path: Path, index: str, message: str) -> None:
    project = write(tmp_path, index=index, eda="# E {#sec-eda}\n", two="# T\n")
    (tmp_path / "_book").mkdir()
    (tmp_path / "_book" / "kept.txt").touch()
    with pytest.raises(RenderError, match=f"^{re.escape(message)}"):
        render(project, to=["html"], out=tmp_path / "_book")
    assert [path.name for path in (tmp_path / "_book").iterdir()] == ["kept.txt"]
    assert not list(tmp_path.glob(".render-*"))


def test_one_chapter_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    project = write(tmp_path, two="# Another {#sec-two}\n\n## Deeper {#sec-more}\n\nSee @fig-line and @sec-more.\n")
    (tmp_path / "_book").mkdir()
    (tmp_path / "_book" / "eda.html").write_text("old")
    for name in ("two-9-0.svg", "eda-9-0.svg"):
        (tmp_path / "_book" / "media").mkdir(exist_ok=True)
        (tmp_path / "_book" / "media" / name).write_text("<svg/>")
    assert render(project, chapters=["two"], out=tmp_path / "_book")[0].name == "two.html"
    assert "See Figure “fig-line” and Section 2.1." in text_of(tmp_path / "_book" / "two.html")
    assert "fig-line" in caplog.text
    assert (tmp_path / "_book" / "eda.html").read_text() == "old"
    assert [path.name for path in (tmp_path / "_book" / "media").iterdir()] == ["eda-9-0.svg"], "a stale picture stays"
    assert (tmp_path / "_book" / "two.pdf").stat().st_size > 5000


def test_downloads_are_offered_where_they_are_written(tmp_path: Path) -> None:
    tools = "sidebar: {tools: [{icon: download, menu: [{text: PDF, href: Tables-trees.pdf}, {text: R, href: r.json}]}]}"
    config = CONFIG.replace("book:\n", f"book:\n  {tools}\n")
    project = write(tmp_path, _quarto=config, index="# S\n", eda="# E\n", two="# T\n")
    render(project, to=["html"], out=tmp_path / "_book", files={"r.json": "{}"})
    page = (tmp_path / "_book" / "index.html").read_text()
    assert '<a href="r.json">R</a>' in page and "Tables-trees.pdf" not in page
    assert "Notebook" not in page, "a page without cells has none"
    render(project, to=["html", "pdf"], out=tmp_path / "_book")
    page = (tmp_path / "_book" / "index.html").read_text()
    assert '<a href="Tables-trees.pdf">PDF</a>' in page and "r.json" not in page


def test_a_page_offers_its_chapter_as_a_notebook(tmp_path: Path) -> None:
    project = write(tmp_path, index="# S\n", eda="# E\n\n```{python}\nx = 1\n```\n", two="# T\n")
    render(project, chapters=["eda"], to=["html"], out=tmp_path / "_book")
    assert '<a href="eda.ipynb" download>Notebook</a>' in (tmp_path / "_book" / "eda.html").read_text()
    notebook = nbformat.read(tmp_path / "_book" / "eda.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells if cell.cell_type == "code"] == ["x = 1"]
    render(project, chapters=["two"], to=["html"], out=tmp_path / "_book")
    assert (tmp_path / "_book" / "eda.ipynb").exists(), "the other pages keep theirs"


def test_the_search_index_holds_every_section_with_its_text(book: Path) -> None:
    script = (book / "search.js").read_text(encoding="utf-8")
    entries = json.loads(script.partition("=")[2].strip().removesuffix(";"))
    places = [entry["page"].split("#") for entry in entries]
    assert all(f'id="{anchor}"' in (book / page).read_text(encoding="utf-8") for page, anchor in places)
    found = {entry["title"]: entry for entry in entries}
    assert found["1.2 Tables"]["chapter"] == "1 Exploring"
    assert "symbol open 0 AAPL 123.4 1 MSFT 45.6 Table 1.1: The head of a frame." in found["1.2 Tables"]["text"]
    assert "plt.plot" not in script


def test_what_killed_renders_left_goes_and_one_that_goes_on_is_let_alone(tmp_path: Path) -> None:
    for name in ("dead", "alive"):
        (tmp_path / f".render-{name}").mkdir()
        (tmp_path / f".render-{name}.lock").touch()
    with filelock.FileLock(tmp_path / ".render-alive.lock"):
        render(write(tmp_path / "book"), to=["html"], out=tmp_path / "out")
    assert sorted(path.name for path in tmp_path.glob(".render-*")) == [".render-alive", ".render-alive.lock"]


def test_formats_are_replaced_one_by_one(tmp_path: Path) -> None:
    project = write(tmp_path, index="# S\n", eda="# E\n", two="# T\n")
    render(project, to=["pdf"], out=tmp_path / "_book")
    render(project, to=["html"], out=tmp_path / "_book")
    assert {path.suffix for path in (tmp_path / "_book").iterdir()} == {".pdf", ".html", ".css", ".js"}

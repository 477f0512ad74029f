"""What a student may write comes out whole by both engines, or the portable one refuses it with file and line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labcode.book.portable import render
from labcode.book.portable.outputs import cell_markdown
from labcode.book.portable.reader import Cell, Line
from labcode.book.render import find_quarto
from labcode.errors import RenderError
from labcode.settings import project_root

CONFIG = """
project: {type: book, execute-dir: project}
book:
  title: "Trial"
  author:
    - {name: {given: Anna, family: Schmidt}, affiliation: TU, email: anna@tu.example}
    - {name: Bob, affiliations: [{name: ETH}]}
  date: "2026-11-22"
  date-format: iso
  chapters: [index.qmd, chapters/trial.qmd, other/trial.qmd, chapters/own.qmd, part.qmd, chapters/outputs.qmd,
             chapters/hidden.qmd, chapters/plain.md, chapters/hostile.qmd, chapters/habits.qmd, references.qmd]
  appendices: [chapters/app.qmd]
execute: {warning: false}
number-sections: true
format: {html: default, typst: default}
"""

#: For each file its text, and words that its page must have, in order, by both engines.
BOOK: dict[str, tuple[str, str]] = {
    "index.qmd": ("# Start {#sec-start .unnumbered}\n\nHello.\n", "Anna Schmidt|TU|Bob|ETH|2026-11-22|Start|Hello."),
    "chapters/trial.qmd": (  # a title in the head, and headings of the first level
        '---\ntitle: "My *own* chapter"\n---\n\nOpening.\n\n'
        "# Introduction {#sec-intro}\n\nText, @sec-intro, @sec-deep.\n\n"
        "## Deeper {#sec-deep}\n\nDeep.\n\n# Methods\n\n"
        "More; [the start](../index.qmd), [other](../other/trial.qmd).\n",
        "1 My own chapter|Opening.|2 Introduction|Text, Chapter 2, Section 2.1.|2.1 Deeper|Deep.|3 Methods"
        "|the start, other.",
    ),
    "other/trial.qmd": (  # another of the same name; text before the first heading; labels where they stand
        "Early.\n\n# Late\n\nBefore $$a = b$$ {#eq-ab} after, @eq-ab.\n\n"
        "{{< pagebreak >}}\n\n{{< include _more.qmd >}}\n\n"
        ": A table of numbers {#tbl-plain}\n\n| a |\n|--:|\n| 1 |\n\nSee @tbl-plain.\n",
        "2 Late|Early.|Before|after, Equation 2.1.|Included whole.|Table 2.1: A table of numbers|See Table 2.1.",
    ),
    "chapters/own.qmd": (
        "## My own part\n\nIts text.\n\n### Below\n\nMore.\n",
        "3 My own part|Its text.|3.0.1 Below|More.",
    ),
    "part.qmd": ("# Part Two {.unnumbered}\n\nOf the part.\n", "Part Two|Of the part."),
    "chapters/outputs.qmd": (
        """# Outputs

```{python}
#| fig-cap: "A caption without a label."
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML, Latex, Markdown, Math, display
plt.plot([1, 2])
```

```{python}
#| tbl-cap: "A table without a label."
pd.DataFrame({"a<b>": ["<img src=x onerror=alert(1)>"]})
```

```{python}
#| label: tbl-styled
#| tbl-cap: "Prices."
pd.DataFrame({"p": [1.5, 2.5]})
```

```{python}
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
make_pipeline(StandardScaler(), LogisticRegression())
```

```{python}
display(HTML("<div>only <em>on</em> a page</div>"), Math(r"x^2"), Latex(r"\\begin{align} y &= 1 \\end{align}"))
object()
```

```{python}
#| output: asis
#| echo: false
for name in ("AAPL", "MSFT"):
    print(f"\\n## On {name}\\n\\nOf {name}.\\n")
    plt.figure(figsize=(1, 1))
    plt.plot([1, 2])
    plt.show()
```

- In a list:

  ```{python}
  print("listed")
  ```

- The next item.

See @tbl-styled.
""",
        "A caption without a label.|LogisticRegression|only on a page|4.1 On AAPL|Of AAPL.|4.2 On MSFT|Of MSFT.|listed"
        "|The next item.|See Table 4.1.",
    ),
    "chapters/hidden.qmd": (
        "---\nexecute:\n  echo: false\n---\n\n# Hidden\n\n```{python}\nprint('shown' + ' only')\n```\n",
        "5 Hidden|shown only",
    ),
    "chapters/plain.md": ("# Plain\n\nNo cells.\n", "6 Plain|No cells."),
    "chapters/hostile.qmd": (  # text from data is never markup: in a table, and inline
        """# Hostile

```{python}
#| echo: false
import pandas as pd
from labcode.book.text import table
texts = ["<img src=x onerror=alert(1)>", "`#(6*7)`{=typst}", "[x](javascript:alert(1))", "![](/etc/hostname)",
         "{{" + "< env HOME >}}", "a|b", "two\\nlines", "=1+1", "$x$ **b** @fig-x &lt; --"]
table(pd.DataFrame({"<b>|head": texts}), index="#")
```

"""
        + "\n\n".join(f"Inline {n}: `{{python}} texts[{n}]`" for n in range(9)),
        "<b>/head|0|<img src=x onerror=alert(1)>|`#(6*7)`{=typst}|[x](javascript:alert(1))|![](/etc/hostname)"
        "|{{< env HOME >}}|a/b|two lines|=1+1|$x$ **b** @fig-x &lt; --|Inline 0: <img src=x onerror=alert(1)>"
        "|Inline 1: `#(6*7)`{=typst}|Inline 2: [x](javascript:alert(1))|Inline 3: ![](/etc/hostname)"
        "|Inline 4: {{< env HOME >}}|Inline 5: a/b|Inline 6: two lines|Inline 7: =1+1"
        "|Inline 8: $x$ **b** @fig-x &lt; --",
    ),
    "chapters/habits.qmd": (
        """# Привычки

{{< include ../other/_nested.qmd >}}

::: {.callout-note}
{{< include ../other/_more.qmd >}}

```{python}
print("in a callout")
```
:::

1. $$y = 2$$ {#eq-listed}

   ```{python}
   print("numbered")
   ```

   {{< pagebreak >}}

   - Deeper.

As @eq-listed.

## Same

Term
: Its definition^[A note in a line.].

## Same

- [ ] to do

| **line**.one
| line two

---
Between rules.
---

Write `{{{< include x >}}}` so, for $5.

```{python}
import warnings
from IPython.display import Markdown, display
class Thing: ...
warnings.warn("be careful")
display(Markdown(f"_marked_ {Thing()} down"))
```

```{python}
#| warning: true
#| output: asis
warnings.warn("be careful")
print(f"as **it is** {Thing()} told")
```

## Value `{python} 6 * 7` {.unnumbered}

`{python} Thing()` last.
""",
        "8 Привычки|Outer.|Inner.|Included whole.|in a callout|numbered|Deeper.|As Equation 8.1.|8.1 Same"
        "|Its definition|8.2 Same|to do|line.one|line two|Between rules.|for $5."
        "|marked|down|as it is|told|Value 42|last.",
    ),
    "references.qmd": ("# References {.unnumbered}\n\nNone.\n", "References|None."),
    "chapters/app.qmd": ("# More\n\n## Sub {#sec-sub}\n\nAs @sec-sub.\n", "Appendix A|More|A.1 Sub|As Section A.1."),
    "other/_more.qmd": ("Included whole.\n", ""),
    "other/_nested.qmd": ("Outer.\n\n{{< include ../other/sub/_inner.qmd >}}\n", ""),
    "other/sub/_inner.qmd": ("Inner.\n", ""),
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in {"_quarto.yml": CONFIG, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def words(page: str) -> str:
    """The words of a page's main part, with single spaces."""
    main = page.partition("<main")[2].partition("</main>")[0]
    text = re.sub(r"<(script|style|annotation)\b.*?</\1>", "", main, flags=re.DOTALL)
    text = re.sub(r"</?(?!em\b|strong\b|a\b|code\b|span\b|sup\b)\w[^>]*>", " ", text)
    text = (
        re.sub(r"<[^>]+>", "", text)
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", '"')
        .replace("&amp;", "&")
    )
    return " ".join(text.replace("\u00a0", " ").replace("&nbsp;", " ").split())


def missing(text: str, expected: str) -> list[str]:
    """What of the expected words is not there, in order."""
    lost, at = [], 0
    for part in expected.split("|"):
        found = text.replace("a|b", "a/b").replace("<b>|h", "<b>/h").find(part, at)
        lost += [part] if found < 0 else []
        at = max(at, found)
    return lost


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("book"), {name: text for name, (text, _) in BOOK.items()})


@pytest.fixture(scope="module")
def portable(project: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "Agg")
        render(project, out=project / "_portable")
    return project / "_portable"


@pytest.fixture(scope="module")
def quarto(project: Path) -> Path:
    found = find_quarto()
    if found is None:
        pytest.skip("needs Quarto on PATH")
    command = [found.path, "render", "--to", "html", "--output-dir", "_quarto"]
    environment = os.environ | {"QUARTO_PYTHON": sys.executable, "PYTHONPATH": str(project_root())}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return project / "_quarto"


def pages(site: Path) -> dict[str, str]:
    return {page.relative_to(site).as_posix(): words(page.read_text("utf-8")) for page in site.rglob("*.html")}


def lost(found: Callable[[str], str]) -> dict[str, list[str]]:
    return {file: gone for file, (_, expected) in BOOK.items() if expected and (gone := missing(found(file), expected))}


def test_the_portable_engine_drops_nothing(portable: Path) -> None:
    found = pages(portable)
    assert set(found) == {"index.html", "trial.html", "other-trial.html", "own.html", "part.html", "outputs.html"} | {
        "hidden.html", "plain.html", "hostile.html", "habits.html", "references.html", "app.html"}  # fmt: skip
    names = {"other/trial.qmd": "other-trial.html"}
    assert lost(lambda file: found[names.get(file, f"{Path(file).stem}.html")]) == {}
    assert "print(" not in found["hidden.html"]


def test_quarto_shows_the_same(quarto: Path) -> None:
    found = pages(quarto)
    assert lost(lambda file: found[Path(file).with_suffix(".html").as_posix()]) == {}


def test_the_portable_pdf_drops_nothing(portable: Path) -> None:
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext (poppler-utils) is not installed")
    pdf = portable / "Trial.pdf"
    done = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True)
    paper = " ".join(done.stdout.decode().replace("\u00a0", " ").split())
    paper = paper.replace("a|b", "a/b").replace("<b>|h", "<b>/h")
    expected = {part for _, words in BOOK.values() for part in words.split("|")} - {"Appendix A", "A.1 Sub"}
    assert {part for part in expected if part not in paper} == set()
    assert "A More" in paper and "only on a page" in paper and "Line2D" not in paper


def test_outputs_are_what_they_are_on_every_page(portable: Path) -> None:
    page = (portable / "outputs.html").read_text("utf-8")
    assert page.count("<img ") == 3 and "Line2D" not in page and " at 0x" not in page
    shown = words(page)
    assert page.count("Prices.</fig") == 1
    assert not missing(shown, "a<b>|<img src=x onerror=alert(1)>|A table without a label.|1.5|2.5")
    assert "Table 4.1: Prices." in shown and 'DataFrame({"p"' in shown and "<object>" in shown


LINE = Line("index.qmd", 7, "")


def shown(*outputs: dict[str, object], **options: object) -> str:
    """Markdown of a cell with these outputs."""
    given = {"echo": False, "include": True, "output": True, "eval": True, "warning": True, "code-fold": False}
    cell = Cell([LINE._replace(text="x")], given | {name.replace("_", "-"): value for name, value in options.items()})
    cell.outputs = list(outputs)
    return cell_markdown(cell, "media/x", Path())


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        (
            {"application/vnd.plotly.v1+json": {}, "text/html": "<div></div>"},
            {},
            "shows application/vnd.plotly.v1+json",
        ),
        (
            {"application/vnd.vegalite.v5+json": {}, "text/plain": "<Vega>"},
            {},
            "shows application/vnd.vegalite.v5+json",
        ),
        ({"application/vnd.jupyter.widget-view+json": {}}, {}, "needs a script; show a picture instead"),
        ({"text/html": "<div id='v'></div><script>draw()</script>", "text/plain": "alt.Chart(...)"}, {}, "a script"),
        ({"text/html": "<iframe src='https://example.org'></iframe>x"}, {}, "another site draws"),
        ({"text/html": "<style>#T_1 th {color: red}</style><table id='T_1'></table>"}, {}, "a table's style"),
        ({"text/markdown": "{{< env HOME >}}"}, {}, "shows a shortcode"),
        ({"text/plain": "1"}, {"fig_cap": "A", "tbl_cap": "B"}, "one caption of a cell"),
        ({"text/plain": "1"}, {"renderings": ["light", "dark"]}, "renderings names 2 outputs, but the cell shows 1"),
        (None, {"label": "fig-x"}, "has a label or caption, but shows nothing"),
        (None, {"tbl_cap": "A"}, "has a label or caption, but shows nothing"),
    ],
)
def test_outputs_that_cannot_be_shown_are_refused(output: dict | None, options: dict, message: str) -> None:
    outputs = [] if output is None else [{"output_type": "execute_result", "data": output, "metadata": {}}]
    with pytest.raises(RenderError, match=rf"^index.qmd:7: .*{re.escape(message)}"):
        shown(*outputs, **options)


def test_no_page_holds_what_differs_at_each_render(portable: Path) -> None:
    text = (portable / "habits.html").read_text("utf-8")
    assert not re.search(r"0x[0-9a-f]{6}|ipykernel_\d", text)
    assert "<a.B object>" in shown({"output_type": "stream", "name": "stdout", "text": "<a.B object at 0x7f12345678>"})
    assert "<a.B...>" in shown({"output_type": "stream", "name": "stdout", "text": "<a.B...x7fee2fb6bb40>"})


#: A chapter, and each fault that is named, with its line in it.
REFUSED = [
    ("```{python}\n#|echo:false\nx = 1\n```", "index.qmd:4: .*echo:false.*blank included"),
    ("```{python}\n#| export\nx = 1\n```", "index.qmd:4: 'export' is no option"),
    ("```{python}\n# | echo: false\nx = 1\n```", "index.qmd:4: '# | echo: false' is no option"),
    ("```{python}\nx = 1\n#| echo: false\n```", "index.qmd:5: '#| echo: false' is no option"),
    ("```{python}\n#| foo: 1\n```", "index.qmd:4: .*does not know the option foo"),
    ("```{python}\n#| label: x\n#| Echo: false\n```", "index.qmd:5: .*the option Echo; did you mean echo?"),
    ("```{python}\n#| echo: yes\n```", "index.qmd:4: .*cannot follow echo: yes (expected false or true)"),
    ('```{python}\n#| fig-subcap: ["a", "b"]\n```', "index.qmd:4: .*the option fig-subcap"),
    ("```{python}\n#| layout-ncol: 2\n```", "index.qmd:4: .*the option layout-ncol"),
    ("```{python}\n#| label: [\n```", "index.qmd:4: not YAML"),
    ('```{python}\n#| fig-cap: ["A", "B"]\n```', "index.qmd:4: .*fig-cap: it expects one value, not a list"),
    ("```{python}\n#| fig-width: 6\n```", "index.qmd:4: the portable engine does not know the option fig-width"),
    ("```{python}\n#| echo: false\n#| echo: true\n```", "index.qmd:5: the option echo stands twice"),
    ("```{python #fig-a}\n1\n```", "index.qmd:3: .*cannot run the block {python #fig-a}"),
    ("## A {{< meta title >}}", "index.qmd:3: cannot expand the shortcode {{< meta title >}}"),
    ("> {{< pagebreak >}}", "index.qmd:3: cannot expand the shortcode"),
    ('<img src="a.png" alt="A">', "index.qmd:3: raw HTML reaches no PDF"),
    ("::: {.callout-note icon=false}\nx\n:::", "index.qmd:3: .*does not know the option icon here"),
    ("::: {.columns}\nx\n:::", "index.qmd:3: .*does not know the class .columns"),
    ("| a |\n|---|\n| 1 |\n\n: Cap {#tbl-a}\n\nSee @Tbl-a.", "index.qmd:9: unresolved reference @Tbl-a"),
    ("```{python echo=FALSE}\nx\n```", "index.qmd:3: .*cannot run the block {python echo=FALSE}"),
    ("::: {.panel-tabset}\nx\n:::", "index.qmd:3: .*does not know the class .panel-tabset"),
    ('::: {.callout-note collapse="true"}\nx\n:::', "index.qmd:3: .*does not know the option collapse here"),
    ('```{#lst-a .python lst-cap="Some"}\nx\n```', "index.qmd:3: .*does not know the option lst-cap here"),
    ("See @lst-a.", "index.qmd:3: unresolved reference @lst-a"),
    ("```{python}\n#| output: asis\nprint(':::')\n```", "index.qmd:4: this ::: closes nothing"),
    ("```{mermaid}\ngraph LR\n```", "index.qmd:3: .*cannot run the block {mermaid}"),
    ("```{r}\n1\n```", "index.qmd:3: .*cannot run the block {r}"),
    ("> ```{python}\n> 1\n> ```", "index.qmd:3: .*cannot run the block {python}"),
    ("```{python}\nx = 1", "index.qmd:4: what opens here has no end"),
    ("::: {.callout-note}\nText", "index.qmd:3: what opens here has no end"),
    ("Text\n\n:::", "index.qmd:5: this ::: closes nothing"),
    ("A value `{r} x`.", "index.qmd:3: .* does not run"),
    ("A value `{python} f(\n1)`.", "index.qmd:3: .* does not run"),
    ("A {{< include x.qmd >}} b.", "index.qmd:3: cannot expand the shortcode {{< include x.qmd >}}"),
    ("a {{< pagebreak >}} b", "index.qmd:3: cannot expand the shortcode"),
    ("{{< env HOME >}}", "index.qmd:3: cannot expand the shortcode {{< env HOME >}}"),
    ("```\n{{< meta title >}}\n```", "index.qmd:4: cannot expand the shortcode"),
    ("{{< include index.qmd >}}", "index.qmd:3: this file includes itself"),
    ("{{< include ../../etc/hostname >}}", "index.qmd:3: cannot expand"),
    ("::: {#thm-line}\nSo.\n:::", "index.qmd:3: .*cannot refer to thm-line"),
    ("::: {#nte-one .callout-note}\nSo.\n:::", "index.qmd:3: .*cannot refer to nte-one"),
    ("## A {#sec-a}\n\n## B {#sec-a}", "index.qmd:5: the label sec-a is already at index.qmd:3"),
    ("See [@nobody1999].", "index.qmd:3: unresolved reference @nobody1999"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_not_known_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    root = write(
        tmp_path, {"_quarto.yml": 'book: {title: "T", chapters: [index.qmd]}\n', "index.qmd": f"# S\n\n{text}\n"}
    )
    with pytest.raises(RenderError) as fault:
        render(root, to=["html"], out=root / "_book")
    assert re.match(re.escape(message).replace(r"\.\*", ".*"), str(fault.value)), fault.value


#: Faults that are all told at once.
TOLD = """# S

::: {.column-margin}
Aside.
:::

::: {layout-ncol=2}
Two.
:::

::: {.unheard-of}
Text.
:::

A [word]{.kbd} and \\textbf{bold}, a [file](data.csv), [a page](none.qmd).

![](none.png)

![A picture](https://example.org/a.png)

```{.python code-line-numbers="true"}
x
```

::: {#fig-two}
![One](a.svg){#fig-one}

![Other](a.svg){#fig-other}

Both.
:::

![](a.svg){#fig-bare}

See @fig-nowhere.

`x`{=unknown}

---
title: Again
---
"""
MESSAGES = """index.qmd:3: the portable engine does not know the class .column-margin
index.qmd:7: the portable engine does not know the option layout-ncol here
index.qmd:11: the portable engine does not know the class .unheard-of
index.qmd:15: the portable engine does not know the class .kbd
index.qmd:15: the portable engine cannot show LaTeX in text: \\textbf{bold}
index.qmd:15: the portable engine carries no files: data.csv
index.qmd:15: unresolved reference @none.qmd: no such chapter
index.qmd:17: there is no picture none.png
index.qmd:19: there is no picture https://example.org/a.png
index.qmd:21: the portable engine does not know the option code-line-numbers here
index.qmd:25: the portable engine has no sub-figures
index.qmd:33: this label needs a caption
index.qmd:35: unresolved reference @fig-nowhere: no such label in the book
index.qmd:37: the portable engine does not know the format unknown
index.qmd:39: options stand at the head of a chapter alone"""


def test_every_fault_of_a_text_is_told_at_once(tmp_path: Path) -> None:
    config = 'book: {title: "T", chapters: [index.qmd]}\n'
    root = write(tmp_path, {"_quarto.yml": config, "index.qmd": TOLD, "a.svg": "<svg/>"})
    with pytest.raises(RenderError) as faults:
        render(root, to=["html"], out=root / "_book")
    assert set(MESSAGES.splitlines()) - set(str(faults.value).splitlines()) == set(), str(faults.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "T",
            "T\n  cover-image: a.png",
            "_quarto.yml:3: the portable engine does not know the option book.cover-image",
        ),
        ("]", ", {text: Web, href: index.qmd}]", "_quarto.yml:3: .*the option book.chapters.text"),
        ("]", ", {part: P, chapters: [index.qmd]}]", "_quarto.yml:3: .*the option book.chapters.part"),
        ("]", "]\ncrossref: {chapters: true}", "_quarto.yml:4: .*the option crossref"),
        ("]", "]\nexecute: {ehco: false}", "_quarto.yml:4: .*execute.ehco; did you mean echo?"),
        ("]", "]\nformat: {html: {css: a.css}}", "_quarto.yml:4: .*the option format.html.css"),
        ("]", "]\nlang: de", "_quarto.yml:4: .*cannot follow lang: de"),
        ("]", "]\nfilters: [mine.lua]", "_quarto.yml:4: .*cannot follow filters: mine.lua"),
        ("]", "]\nlang: [", "_quarto.yml:5: not YAML"),
        ("]", ", none.qmd]", "_quarto.yml: chapter none.qmd does not exist"),
        ("]", ", note.ipynb]", "note.ipynb: the portable engine renders .qmd and .md"),
        ("T", "T\n  date: yesterday", "_quarto.yml: cannot print the date 'yesterday'"),
        ("T", "T\n  date: 2026-01-01\n  date-format: DD.MM.YYYY", "_quarto.yml:4: .*cannot follow book.date-format"),
    ],
)
def test_settings_that_are_not_known_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    config = "book:\n  title: T\n  chapters: [index.qmd]\n".replace(old, new, 1)
    root = write(tmp_path, {"_quarto.yml": config, "index.qmd": "# S\n", "note.ipynb": "{}"})
    with pytest.raises(RenderError) as fault:
        render(root, to=["html"], out=root / "_book")
    assert re.search(message.replace("?", r"\?"), str(fault.value)), fault.value


@pytest.mark.parametrize(
    ("title", "file", "refused"),
    [("测试", "trial.pdf", "have no sign for 测"), ("كتاب", "trial.pdf", ""), ("Über", "Uber.pdf", "")],
)
def test_a_title_in_any_script_has_a_file_name_and_its_letters(
    tmp_path: Path, title: str, file: str, refused: str
) -> None:
    config = f"book:\n  title: {title}\n  date: today\n  chapters: [index.qmd]\n"
    root = write(tmp_path / "trial", {"_quarto.yml": config, "index.qmd": "# S\n"})
    if refused:
        with pytest.raises(RenderError, match=f"^_quarto.yml:2: .*{refused}"):
            render(root, to=["pdf"], out=root / "_book")
    else:
        assert render(root, to=["pdf"], out=root / "_book") == [root / "_book" / file]


def test_a_profile_of_ones_own_adds_to_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = "book:\n  title: T\n  chapters: [index.qmd]\n"
    profile = "book: {chapters: [more.qmd]}\n"
    files = {"_quarto.yml": config, "_quarto-mine.yml": profile, "index.qmd": "# S\n", "more.qmd": "# More\n"}
    monkeypatch.setenv("QUARTO_PROFILE", "mine")
    root = write(tmp_path, files)
    render(root, to=["html"], out=root / "_book")
    assert (root / "_book/more.html").is_file()

"""The source of a chapter reads as prose: little inline code, no lambda, short lines, cells that show something."""

from __future__ import annotations

import pytest

from labcode.book.fences import prose_lines
from labcode.book.lint import LONGEST, of_layout, paragraphs, unchecked, visible_cells

PROSE = "Prose without any code in it, long enough that one figure in it is little. " * 2
RMSE = "`{python} sound.rmse`"


def cell(*code: str, fold: str = "false", options: str = "") -> str:
    return f"```{{python}}\n#| code-fold: {fold}\n{options}" + "\n".join(code) + "\n```\n"


def cells(*lines: int) -> str:
    return "\n".join([PROSE, "", *(cell(*["line()"] * each) for each in lines)])


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (f"The error is {RMSE}.", 1, "inline code; at most 20%"),
        (f"{PROSE} **Doesn't hold.** It cannot.", 1, "is typed; results give it"),
        (f"{PROSE} Not shown.", 1, "is typed; results give it"),
        (f"{PROSE}\n{'x' * (LONGEST + 1)}", 2, f"this line has {LONGEST + 1} characters"),
        (f"```\nshort\n{'x' * (LONGEST + 1)}\n```\n", 3, f"this line has {LONGEST + 1} characters"),
        (f"{PROSE}\n\n{PROSE} `{{python}} f(lambda: 1)`", 3, "a lambda stands in prose"),
        (cells(3), 1, "median visible cell has 3 lines"),
        (cells(1, 2, 9), 1, "median visible cell has 2 lines"),
    ],
)
def test_what_makes_a_chapter_hard_to_read_is_a_fault(text: str, line: int, told: str) -> None:
    ((where, words),) = of_layout(text)
    assert where == line and told in words


@pytest.mark.parametrize(
    "text",
    [
        f"{PROSE} {RMSE}",
        f"---\ntitle: {RMSE}\n---\n{PROSE}\n```\n{RMSE}\n```\n",
        f"{PROSE} It holds. None is shown to help.",
        "x" * LONGEST,
        f"{PROSE} A lambda, told in words, of `{{python}} alambda`.\n\n{cell(*['g(lambda x: x)'] * 4)}",
        cells(4),
        cells(1, 4, 9),
    ],
)
def test_a_chapter_that_reads_well_has_none(text: str) -> None:
    assert list(of_layout(text)) == []


def test_lines_of_the_cells_that_a_reader_sees() -> None:
    text = "\n".join(
        [
            cell("import a", "from b import c", "x = 1", "", "y = 2"),
            cell("one()", options="#| echo: false\n"),
            cell("one()", options="#| include: false\n"),
            cell("one()", fold="true"),
            "```{python}\none()\n```",
            "```python\none()\n```",
            cell(*["line()"] * 6, options="#| label: fig-x\n"),
        ]
    )
    assert visible_cells(text) == [2, 6]


def test_prose_is_what_stands_outside_front_matter_and_code() -> None:
    text = "---\na: b\n---\none\n\n```{python}\nx\n```\ntwo\n````\n```\nstill code\n```\n````\nthree\n"
    assert [(line, words) for line, words in prose_lines(text) if words] == [(4, "one"), (9, "two"), (15, "three")]
    assert [words for _, words in prose_lines("one\n---\ntwo")] == ["one", "---", "two"], "a rule is no front matter"


def test_paragraphs_end_at_blanks_items_and_code() -> None:
    text = "# Head\none\ntwo\n\nthree\n- item\n  more\n- other\n```\nx\n```\nlast"
    found = [(1, "# Head\none\ntwo"), (5, "three"), (6, "- item\n  more"), (8, "- other"), (12, "last")]
    assert list(paragraphs(text)) == found


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"It is better, at {RMSE}.", [1]),
        (f"---\ntitle: better {RMSE}\n---\n\nIt has {RMSE}.\n\nIt has {RMSE}, which\nis lower.", [7]),
        (f"- It is better, at {RMSE}.\n- It has {RMSE}.\n- It is worse: {RMSE}", [1, 3]),
        (f'It is better, at {RMSE}. `{{python}} check("sound.rmse < 1")`', []),
        (f"It is better, at {RMSE}. `{{python}} verdict('x')`", []),
        (f"It has {RMSE}.", []),
        ("It is better than `{python} n_rows`.", []),
        (f"It is better.\n\nIt has {RMSE}.", []),
        (f"It has {RMSE}, as `{{python}} better` says.", []),
        (f"```\nIt is better, at {RMSE}.\n```", []),
        (f'It is better, at {RMSE}.\n\nA check elsewhere. `{{python}} check("sound.rmse < 1")`', [1]),
        (f"It is better, at {RMSE}. `{{python}} recheck(1)`", [1]),
    ],
)
def test_a_paragraph_that_judges_a_figure_has_a_check(text: str, lines: list[int]) -> None:
    found = list(unchecked(text, ["sound.rmse"]))
    assert [line for line, _ in found] == lines
    assert all("has no check" in words for _, words in found)

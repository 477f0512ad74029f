"""The source of a chapter reads as prose: little inline code, no lambda, short lines, cells that show something."""

from __future__ import annotations

import re

import pytest

from labcode.book.fences import prose_lines
from labcode.book.lint import LONGEST, inline_share, of_layout, paragraphs, unchecked, visible_cells

PROSE = "Prose without any code in it, long enough that one figure in it is little. " * 2
CELL = "```{{python}}\n#| code-fold: {fold}\n{options}{code}\n```\n"


def cell(*code: str, fold: str = "false", options: str = "") -> str:
    return CELL.format(fold=fold, options=options, code="\n".join(code))


def told(text: str) -> list[tuple[int, str]]:
    return list(of_layout(text))


def test_the_share_of_inline_code() -> None:
    assert inline_share("12345 `{python} x`") == pytest.approx(12 / 18)
    assert inline_share(PROSE) == 0
    text = f"---\ntitle: `{{python}} a_title_that_is_no_prose`\n---\n{PROSE}\n```\n`{{python}} shown_in_a_block`\n```\n"
    assert inline_share(text) == 0


def test_too_much_inline_code_is_a_fault_and_a_little_is_none() -> None:
    assert told(f"{PROSE} `{{python}} sound.rmse`") == []
    ((line, words),) = told("The error is `{python} sound.rmse`.")
    assert line == 1 and "inline code; at most 20%" in words


@pytest.mark.parametrize(
    ("text", "number"),
    [("**Doesn't hold.** It cannot.", 1), ("Not shown.", 1), ("Holds.", 1), ("It holds. None is shown to help.", 0)],
)
def test_a_verdict_that_somebody_typed_is_a_fault(text: str, number: int) -> None:
    assert len([words for _, words in told(f"{PROSE} {text}") if "is typed; results give it" in words]) == number


@pytest.mark.parametrize(("length", "number"), [(LONGEST, 0), (LONGEST + 1, 1)])
def test_a_long_line_is_a_fault_wherever_it_stands(length: int, number: int) -> None:
    for before in ("", "---\n", "```\n"):
        found = told(f"{before}short\n{'x' * length}\n")
        assert [line for line, words in found if f"{length} characters" in words] == [before.count("\n") + 2] * number


def test_a_lambda_in_prose_is_a_fault_and_in_a_cell_it_is_none() -> None:
    found = told(f"{PROSE}\n\n{PROSE} `{{python}} f(lambda: 1)`\n\n{cell(*['g(lambda x: x)'] * 4)}")
    assert [(line, "lambda" in words) for line, words in found] == [(3, True)]
    assert told(f"{PROSE} A lambda, told in words, of `{{python}} alambda`.") == []


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


@pytest.mark.parametrize(
    ("lines", "fault"), [([1], True), ([3], True), ([4], False), ([1, 4, 9], False), ([1, 2, 9], True), ([], False)]
)
def test_a_reader_sees_enough_code(lines: list[int], fault: bool) -> None:
    found = told(PROSE + "\n\n" + "\n".join(cell(*["line()"] * each) for each in lines))
    assert [bool(re.search("median visible cell has", words)) for _, words in found] == [True] * fault


def test_prose_is_what_stands_outside_front_matter_and_code() -> None:
    text = "---\na: b\n---\none\n\n```{python}\nx\n```\ntwo\n````\n```\nstill code\n```\n````\nthree\n"
    assert [(line, words) for line, words in prose_lines(text) if words] == [(4, "one"), (9, "two"), (15, "three")]
    assert [words for _, words in prose_lines("one\n---\ntwo")] == ["one", "---", "two"], "a rule is no front matter"


def test_paragraphs_end_at_blanks_items_and_code() -> None:
    text = "# Head\none\ntwo\n\nthree\n- item\n  more\n- other\n```\nx\n```\nlast"
    assert list(paragraphs(text)) == [
        (1, "# Head\none\ntwo"),
        (5, "three"),
        (6, "- item\n  more"),
        (8, "- other"),
        (12, "last"),
    ]


RMSE = "`{python} sound.rmse`"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"It is better, at {RMSE}.", [1]),
        (f"It is better.\nIt has {RMSE}.", [1]),
        (f"---\ntitle: better {RMSE}\n---\n\nIt has {RMSE}.\n\nIt has {RMSE}, which\nis lower.", [7]),
        (f"- It is better, at {RMSE}.\n- It has {RMSE}.\n- It is worse: {RMSE}", [1, 3]),
        (f'It is better, at {RMSE}. `{{python}} check("sound.rmse < 1")`', []),
        (f"It is better, at {RMSE}. `{{python}} verdict('x')`", []),
        (f"It has {RMSE}.", []),
        ("It is better.", []),
        ("It is better than `{python} n_rows`.", []),
        (f"It is better.\n\nIt has {RMSE}.", []),
        (f"It has {RMSE}, as `{{python}} better` says.", []),
        (f"```\nIt is better, at {RMSE}.\n```", []),
        (f'It is better, at {RMSE}.\n\nA check elsewhere. `{{python}} check("sound.rmse < 1")`', [1]),
        (f"It is better, at {RMSE}. `{{python}} recheck(1)`", [1]),
    ],
)  # fmt: skip
def test_a_paragraph_that_judges_a_figure_has_a_check(text: str, lines: list[int]) -> None:
    found = list(unchecked(text, ["sound.rmse"]))
    assert [line for line, _ in found] == lines
    assert all("has no check" in words for _, words in found)

"""Tables as Markdown, which every engine and format renders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from IPython import get_ipython
from IPython.display import Markdown

from labcode.book.lacking import Lacking
from labcode.results.number import decimals

#: All of ASCII's, but for an apostrophe inside a word, which print may curl.
_PUNCTUATION = re.compile(r"(?!(?<=\w)'(?=\w))([!-/:-@\[-`{-~])")
#: Signs that a page cannot show, such as the bell's or the one that turns the direction of what follows.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def escaped(text: object) -> str:
    """Text as Markdown that shows that very text in every engine and format: no tag, formula, link or line break.

    Examples
    --------
    >>> print(escaped("a|b <img src=x>"))
    a\\|b \\<img src\\=x\\>
    """
    shown = _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", re.sub(r"[\t\n\v\f\r]+", " ", str(text)))
    return _PUNCTUATION.sub(r"\\\1", shown)


def marked(text: str) -> Markdown:
    """Text that is meant as Markdown, as a cell of a table or as what a page shows."""
    return Markdown(text)  # type: ignore[no-untyped-call]


def as_markdown(value: object) -> str:
    """What a value that knows its Markdown shows, such as a number of a result; of any other its escaped text."""
    return str(value._repr_markdown_()) if hasattr(value, "_repr_markdown_") else escaped(value)


def table(
    frame: pd.DataFrame,
    *,
    index: str | None = None,
    places: Mapping[str, int] | int = 2,
    widths: Sequence[int] | None = None,
) -> Markdown:
    """A frame as a Markdown table, which every engine and format renders; numbers are aligned to the right.

    A cell is shown as the text that it is. One that is meant as Markdown says so: ``marked("**no**")``, or an object
    with ``_repr_markdown_``, such as a number of a result.

    Parameters
    ----------
    frame
        What to show; column names are the headers.
    index
        Header of the index; ``None`` leaves the index out.
    places
        Decimals of the numbers, for all columns or by column. Whole-number columns show none.
    widths
        Relative widths of the columns, for long texts; by default they follow from what is in them.

    Raises
    ------
    RowsError
        If the frame was to be made of results that the rows do not allow; the page then says so.
    """
    if isinstance(frame, Lacking):
        raise frame.why
    wanted = places if isinstance(places, Mapping) else dict.fromkeys(frame, places)
    columns = [_printed(column, wanted.get(str(name), 2)) for name, column in frame.items()]
    right = [all(_NUMERIC.fullmatch(cell.text) for cell in column) for column in columns]
    names = [*frame]
    if index is not None:
        columns, right, names = [[_Cell(each) for each in frame.index], *columns], [False, *right], [index, *names]
    rows = [[_Cell(name) for name in names], *map(list, zip(*columns, strict=True))]
    # In a pipe table with long lines, pandoc takes the lengths of these dashes as relative widths.
    longest = [max([len(head.text) + 2, *(len(row[n].text) for row in rows[1:])]) for n, head in enumerate(rows[0])]
    dashes = [10 * width for width in widths] if widths else [width + 1 for width in longest]
    rule = [f"{'-' * width}:" if side else f":{'-' * width}" for side, width in zip(right, dashes, strict=True)]
    header, *body = (" | ".join(cell.markdown for cell in row) for row in rows)
    return marked("\n".join(f"| {line} |" for line in (header, " | ".join(rule), *body)))


class _Cell:
    """What a cell holds: its text, which aligns it, and its Markdown."""

    def __init__(self, value: object) -> None:
        self.markdown = as_markdown(value).replace("\n", " ")
        self.text = self.markdown if hasattr(value, "_repr_markdown_") else str(value)


def _printed(column: pd.Series[Any], places: int) -> list[_Cell]:
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return [_Cell(each) for each in column]
    return [_Cell(decimals(each, 0 if pd.api.types.is_integer_dtype(column) else places)) for each in column]


_NUMERIC = re.compile(r"(?:[≈<]\s)?[−-]?[0-9,.]+(%| USD)?|n/a|")


def _register() -> None:
    """In a notebook's kernel, strings are text too: Quarto reads an inline value as Markdown."""
    if (shell := get_ipython()) is not None:
        shell.display_formatter.formatters["text/markdown"].for_type(str, as_markdown)


_register()

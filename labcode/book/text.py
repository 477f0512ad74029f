"""Tables as Markdown, which every engine and format renders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd
from IPython.display import Markdown

from labcode.results.number import decimals


def table(
    frame: pd.DataFrame,
    *,
    index: str | None = None,
    places: Mapping[str, int] | int = 2,
    widths: Sequence[int] | None = None,
) -> Markdown:
    """A frame as a Markdown table, which every engine and format renders; numbers are aligned to the right.

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
    """
    shown = frame.copy()
    for column in shown.select_dtypes("number"):
        wanted = places if isinstance(places, int) else places.get(str(column), 2)
        whole = pd.api.types.is_integer_dtype(shown[column])
        shown[column] = [decimals(value, 0 if whole else wanted) for value in shown[column]]
    align = ["right" if shown[column].map(_looks_numeric).all() else "left" for column in shown]
    if index is not None:
        shown = shown.rename_axis(index)
        align = ["left", *align]
    text = shown.to_markdown(index=index is not None, colalign=align, disable_numparse=True, tablefmt="pipe")
    if widths is not None:
        header, _, *rows = text.splitlines()
        # In a pipe table with long lines, pandoc takes the lengths of these dashes as relative widths.
        sides = zip(align, widths, strict=True)
        rule = [f"{'-' * 10 * width}:" if side == "right" else f":{'-' * 10 * width}" for side, width in sides]
        text = "\n".join([header, f"|{'|'.join(rule)}|", *rows])
    return Markdown(text)


_NUMERIC = re.compile(r"(?:[≈<]\s)?[−-]?[0-9,.]+(%| USD)?|n/a|")


def _looks_numeric(cell: object) -> bool:
    return bool(_NUMERIC.fullmatch(str(cell)))

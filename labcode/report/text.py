"""Numbers as text, the line that says which data a page was computed from, and tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pandas as pd
from IPython.display import Markdown

from labcode import settings
from labcode.data.types import Provenance
from labcode.results.number import count, decimals

_TITLES = {"prices": "NYSE prices", "maintenance": "predictive maintenance"}


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


def data_line(*provenances: Provenance) -> Markdown:
    """Say which data the page was computed from; a callout if any of them are simulated.

    Parameters
    ----------
    provenances
        Of every data set that the page uses.
    """
    parts = "; ".join(f"{_TITLES[each.name]}: {_origin(each)}, {count(each.rows)} rows" for each in provenances)
    lines = [f"*Computed from {parts}.*"]
    simulated = [_TITLES[each.name] for each in provenances if each.simulated]
    if simulated:
        quick = " of the quick profile" if settings.profile() == "quick" else ""
        lines = [
            f'::: {{.callout-warning title="Simulated data{quick}"}}',
            f"The rows of {' and '.join(simulated)} on this page are **simulated**: a stand-in{quick} built from "
            "published facts, for a machine without the data. Nothing here is a finding about real prices or machines. "
            "`labcode data fetch` gets the real rows.",
            "",
            *lines,
            ":::",
        ]
    return Markdown("\n".join(lines))


def _origin(provenance: Provenance) -> str:
    if provenance.simulated or provenance.path is None:
        return "simulated stand-in"
    return f"{provenance.path.name} ({provenance.status})"


def provenance_table(*provenances: Provenance) -> Markdown:
    """Where each data set came from, one column each."""
    return table(
        pd.DataFrame(
            {
                _TITLES[each.name]: {
                    "source": _origin(each),
                    "rows": count(each.rows),
                    "SHA-256": f"`{each.sha256[:16]}…`",
                    "licence": each.licence,
                    "notes": " ".join(each.notes) or "none",
                }
                for each in provenances
            }
        ),
        index="",
    )


def oddity_table(provenance: Provenance) -> Markdown:
    """The odd rows that were found, and the rule that treats them."""
    return table(
        pd.DataFrame(
            {
                "oddity": list(provenance.oddities),
                "rows": list(provenance.oddities.values()),
                "rule": [provenance.rules[name] for name in provenance.oddities],
            }
        )
    )

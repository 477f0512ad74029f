"""Numbers as text, the line that says which data a page was computed from, and tables."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal

import pandas as pd
from IPython.display import Markdown

from labcode import settings
from labcode.data.types import Provenance
from labcode.metrics import Interval

_TITLES = {"prices": "NYSE prices", "maintenance": "predictive maintenance"}
MINUS = "\N{MINUS SIGN}"
#: Keeps a sign such as ≈ with its number, and the limits of an interval, on one line.
NARROW = "\N{NO-BREAK SPACE}"


def count(value: float) -> str:
    """A whole number with thousands separators: ``850,790``.

    >>> count(850790)
    '850,790'
    """
    return decimals(value, 0)


def decimals(value: float, places: int = 2) -> str:
    """A number with so many decimals, thousands separators and a real minus sign; ``n/a`` if it is not a number.

    What rounds to zero has no sign.

    >>> decimals(-0.0623), decimals(1234.5, 1), decimals(-0.0004, 3)
    ('−0.06', '1,234.5', '0.000')
    """
    if not math.isfinite(value):
        return "n/a"
    value = 0.0 if abs(value) < 0.5 * 10**-places else value
    return f"{value:,.{places}f}".replace("-", MINUS)


def percent(share: float, places: int = 1) -> str:
    """A share as a percentage: ``96.5%``.

    >>> percent(0.965)
    '96.5%'
    """
    return f"{decimals(100 * share, places)}%" if math.isfinite(share) else "n/a"


class _Unbroken(str):
    """Text that a page shows as it is; a plain string it would show as Python writes it, no-break spaces escaped."""

    def _repr_markdown_(self) -> str:
        return str(self)


def between(interval: Interval, unit: Literal["", "%"] = "", places: int | None = None) -> str:
    """The limits of an interval, which stay on one line: ``0.78 to 0.82``, or as percentages.

    >>> between(Interval(0.8, 0.778, 0.816)).split()
    ['0.78', 'to', '0.82']
    """
    if unit == "%":
        return to(100 * interval.low, 100 * interval.high, places or 0, end="%")
    return to(interval.low, interval.high, 2 if places is None else places)


def to(low: float, high: float, places: int = 3, *, end: str = "") -> str:
    """Two limits that stay on one line.

    >>> to(0.778, 0.816, 2).split()
    ['0.78', 'to', '0.82']
    """
    return _Unbroken(
        f"{decimals(low, places)}{NARROW}to{NARROW}{decimals(high, places)}{end if math.isfinite(high) else ''}"
    )


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

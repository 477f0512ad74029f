"""Which rows a page was computed from: the line below its title, and the tables of the appendix."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from labcode import settings
from labcode.book.text import table
from labcode.data.types import Provenance
from labcode.results.number import count

_TITLES = {"prices": "NYSE prices", "maintenance": "predictive maintenance"}


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
    return Markdown("\n".join(lines))  # type: ignore[no-untyped-call]


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

"""Which rows a page was computed from: the line below its title, and the tables of the appendix."""

from __future__ import annotations

import pandas as pd
from IPython.display import Markdown

from labcode import settings
from labcode.book.text import escaped, marked, table
from labcode.data.types import Provenance
from labcode.results.number import count

_TITLES = {"prices": "NYSE prices", "maintenance": "predictive maintenance"}


def data_line(*provenances: Provenance, in_every_edition: bool = False) -> Markdown:
    """Say which data the page was computed from; a callout if any of them are simulated.

    What is handed in says once, where it is ``in_every_edition``, which files it was computed from; that rows are
    simulated, it says on every page.
    """
    parts = "; ".join(
        f"{_TITLES[each.name]}: {escaped(_origin(each))}, {count(each.rows)} rows" for each in provenances
    )
    line = f"*Computed from {parts}.*"
    simulated = [_TITLES[each.name] for each in provenances if each.simulated]
    if not simulated:
        text = line if in_every_edition else f'::: {{.content-visible when-profile="full"}}\n{line}\n:::'
        return marked(text)
    quick = " of the quick profile" if settings.profile() == "quick" else ""
    return marked(
        f'::: {{.callout-warning title="Simulated data{quick}"}}\n'
        f"The rows of {' and '.join(simulated)} on this page are **simulated**: a stand-in{quick} built from "
        "published facts, for a machine without the data. Nothing here is a finding about real prices or machines. "
        f"`labcode data fetch` gets the real rows.\n\n{line}\n:::"
    )


def _origin(provenance: Provenance) -> str:
    if provenance.simulated or provenance.path is None:
        return "simulated stand-in"
    return f"{provenance.path.name} ({provenance.status})"


def provenance_table(*provenances: Provenance) -> Markdown:
    """Where each data set came from, one column each."""
    columns = {
        _TITLES[each.name]: {
            "source": _origin(each),
            "rows": count(each.rows),
            "SHA-256": marked(f"`{each.sha256[:16]}…`"),
            "licence": each.licence,
            "notes": " ".join(each.notes) or "none",
        }
        for each in provenances
    }
    return table(pd.DataFrame(columns), index="")


def oddity_table(provenance: Provenance) -> Markdown:
    """The odd rows that were found, and the rule that treats them."""
    found = [(name, rows, provenance.rules[name]) for name, rows in provenance.oddities.items()]
    return table(pd.DataFrame(found, columns=["oddity", "rows", "rule"]))

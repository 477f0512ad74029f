"""What a reader of the report can take away beside its pages: the scalars of every stored result, and notebooks."""

from __future__ import annotations

import json
import math

RESULTS = "results.json"
#: What a page calls the link to its chapter's notebook.
NOTEBOOK = "Notebook"


def results_text() -> str:
    """The scalars that are stored, as ``{"experiment/name": {"metric": value}}`` in JSON; NaN and infinity are null."""
    from labcode.experiments import catalog

    found = {name: result.scalars for name, result in catalog.survey().items() if result is not None}
    return json.dumps({name: finite(values) for name, values in found.items()}, indent=2, allow_nan=False) + "\n"


def finite(values: dict[str, float | int | str]) -> dict[str, float | int | str | None]:
    """The same scalars with ``None`` where one is NaN or infinite, which JSON cannot hold.

    >>> finite({"mse": float("nan"), "rows": 3})
    {'mse': None, 'rows': 3}
    """
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }

"""Frames that the figures and tables of the ceiling are drawn from."""

from __future__ import annotations

import pandas as pd

from labcode.lab.classification.ceiling_results import Ceiling, Decision
from labcode.lab.classification.classes import CLASSES

#: What the decisions are called in a figure or table.
NAMES = {
    "most_probable": "most probable class",
    "best": "best decision",
    "most_probable_printed": "most probable class, at 0.1 K",
    "best_printed": "best decision, at 0.1 K",
    "row_order": "best decision that knows the next row",
}


def ceilings(ceiling: Ceiling) -> pd.DataFrame:
    """Macro-F1 of each decision on the rows and on simulated tables: a row a decision, cells as text."""
    found: dict[str, Decision] = {name: getattr(ceiling, name) for name in NAMES}
    return pd.DataFrame(
        {
            "who knows the rules": list(NAMES.values()),
            "these rows": [str(each.macro_f1.interval) for each in found.values()],
            "simulated tables": [str(ceiling.simulated[name].interval) for name in NAMES],
        }
    )


def by_class(ceiling: Ceiling) -> pd.DataFrame:
    """F1 of each class: columns ``label``, ``most probable class``, ``best decision``, ``on simulated tables``."""
    return pd.DataFrame(
        {
            "label": list(CLASSES),
            NAMES["most_probable"]: [ceiling.most_probable.f1[slug].value for slug in CLASSES.values()],
            NAMES["best"]: [ceiling.best.f1[slug].value for slug in CLASSES.values()],
            "on simulated tables": [ceiling.simulated_f1[slug].value for slug in CLASSES.values()],
        }
    )


def simulated(ceiling: Ceiling) -> pd.DataFrame:
    """Macro-F1 on each simulated table: columns ``decision``, ``macro-F1``."""
    wide = pd.DataFrame(ceiling.simulated_scores, columns=[NAMES[name] for name in ceiling.simulated])
    return wide.melt(var_name="decision", value_name="macro-F1")

"""The frame of macro-F1 with each fault put back."""

from __future__ import annotations

import pandas as pd

from labcode.lab.classification.faults_results import Leakage
from labcode.lab.classification.faults_tables import FAULTS

SCORED = {"macro_f1": "recorded rows held out", "own_macro_f1": "its own test rows, classes alike"}


def scores_with_faults(found: Leakage) -> pd.DataFrame:
    """Columns ``fault``, ``scored on``, ``macro-F1``, ``low`` and ``high``; a row a variant and kind of test row."""
    return pd.DataFrame(
        [
            {"fault": FAULTS[name], "scored on": scored, "macro-F1": float(n), "low": n.low, "high": n.high}
            for field, scored in SCORED.items()
            for name, own in found.variants.items()
            for n in [getattr(own, field)]
        ]
    )

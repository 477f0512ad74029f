"""The frame of failures found against needless stops."""

from __future__ import annotations

import pandas as pd

from labcode.lab.classification.balancing_results import EqualAlarms
from labcode.lab.classification.balancing_tables import WAYS


def found_against_needless(found: EqualAlarms, *, undone: bool = False) -> pd.DataFrame:
    """Columns ``way``, ``needless`` and ``found``; with ``undone``, weights and copies are divided out."""
    curves = found.curves_undone if undone else found.curves
    frames = [
        pd.DataFrame({"way": WAYS[name], "needless": found.needless, "found": curve})
        for name, curve in zip(found.methods, curves, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)

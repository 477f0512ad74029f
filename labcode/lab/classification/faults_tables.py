"""The table of our first version's faults."""

from __future__ import annotations

import pandas as pd

from labcode.lab.classification.classes import RANDOM
from labcode.lab.classification.faults_results import Leakage
from labcode.results.number import decimals

#: Variants as tables and figures call them.
FAULTS = {
    "sound": "no fault",
    "scaler_before_split": "scaler before split",
    "smote_before_split": "SMOTE before split",
    "with_target": "Target as input",
    "both": "SMOTE and Target",
    "all": "all three",
}


def with_each_fault(found: Leakage) -> pd.DataFrame:
    """Each variant: macro-F1 on recorded rows, gain, random failures found there, and what it would report."""
    actual = found.counts("sound")[RANDOM].sum()
    return pd.DataFrame(
        {
            "fault": [FAULTS[name] for name in found.variants],
            "macro-F1": [own.macro_f1.interval for own in found.variants.values()],
            "above no fault": [own.gain.interval for own in found.variants.values()],
            f"of {decimals(actual, 0)} random failures": [
                decimals(found.counts(name)[RANDOM, RANDOM], 1) for name in found.variants
            ],
            "its own test rows": [own.own_macro_f1.interval for own in found.variants.values()],
        }
    )

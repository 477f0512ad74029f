"""The table of ways to treat rare classes."""

from __future__ import annotations

import pandas as pd

from labcode.lab.classification.balancing_results import EqualAlarms

WAYS = {
    "nothing": "nothing",
    "weights": "class weights",
    "oversampling": "copies of rare rows",
    "undersampling": "fewer healthy rows",
    "smote": "SMOTE, measured columns",
    "smote_derived": "SMOTE, derived columns too",
    "smotenc": "SMOTENC",
    "borderline_smote": "borderline SMOTE",
    "focal_loss": "focal loss",
}


def at_equal_alarms(found: EqualAlarms) -> pd.DataFrame:
    """Each way beside doing nothing, in the order of average precision."""
    ordered = sorted(found.methods.items(), key=lambda each: -each[1].average_precision.value)
    return pd.DataFrame(
        {
            "way": [WAYS[name] for name, _ in ordered],
            "average precision": [own.average_precision.interval for _, own in ordered],
            "average precision, weights divided out": [own.average_precision_undone.bare for _, own in ordered],
            "found at SMOTE's needless stops": [own.found_at_smote.interval for _, own in ordered],
            "log loss": [own.log_loss.bare for _, own in ordered],
            "log loss, weights divided out": [own.log_loss_undone.bare for _, own in ordered],
        }
    )

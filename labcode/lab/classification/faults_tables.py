"""The table of our first version's faults."""

from __future__ import annotations

#: Variants as tables and figures call them.
FAULTS = {
    "sound": "no fault",
    "scaler_before_split": "scaler before split",
    "smote_before_split": "SMOTE before split",
    "with_target": "Target as input",
    "both": "SMOTE and Target",
    "all": "all three",
}

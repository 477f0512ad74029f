"""The table of techniques that hold the position network back."""

from __future__ import annotations

import pandas as pd

from labcode.lab.regularization.results import FewRows

TECHNIQUES = {
    "none": "none",
    "dropout": "dropout",
    "decay": "weight decay",
    "l1": "L1",
    "noise": "noise",
    "smaller": "smaller network",
    "stopping": "early stop",
    "ensemble": "ensemble",
}


def gains(few: FewRows) -> pd.DataFrame:
    """What each technique saves of the squared error, by training rows; the best with the fewest rows first."""
    ordered = sorted(few.fewest.techniques, key=lambda name: -few.fewest.techniques[name].gain.value)
    names = [name for name in ordered if name != "none"]
    return pd.DataFrame(
        {"technique": [TECHNIQUES[name] for name in names]}
        | {
            f"{size.rows} rows": [str(size.techniques[name].gain.interval) for name in names]
            for size in few.sizes.values()
        }
    )

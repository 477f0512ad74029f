"""The table of what a search could choose for the network."""

from __future__ import annotations

import pandas as pd

from labcode.lab.classification.tuned_results import Tuned
from labcode.results.number import decimals


def search(found: Tuned) -> pd.DataFrame:
    """The settings that the search could choose, and how many outer folds chose each."""
    return pd.DataFrame(
        [
            {
                "setting": "first" if place == 0 else decimals(place + 1, 0),
                "exponent of class weights": own.weights.bare,
                "L1": f"{float(own.l1):g}",
                "chosen": f"{own.chosen} of {found.folds}",
            }
            for place, own in found.settings.items()
        ]
    )

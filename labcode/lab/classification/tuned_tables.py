"""The table of what a search could choose for the network."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from labcode.lab.classification.tuned_results import Tuned

VALUES = {
    "exponent of class weights": "weights",
    "L1": "l1",
    "learning rate": "lr",
    "epochs": "epochs",
    "units of the layers": "layers",
}


def search(found: Tuned) -> pd.DataFrame:
    """The values of each hyperparameter, and how many outer folds chose each."""
    rows = []
    for says, name in VALUES.items():
        chosen: Counter[str | float] = Counter()
        for setting in found.settings.values():
            value = getattr(setting, name)
            chosen[value if isinstance(value, str) else float(value)] += int(setting.chosen.value)
        ordered = sorted(chosen.items(), key=lambda each: float(str(each[0]).split()[0]))
        texts = [f"{value if isinstance(value, str) else f'{value:g}'}: {n}" for value, n in ordered]
        rows.append({"hyperparameter": says, "value: folds that chose it": ", ".join(texts)})
    return pd.DataFrame(rows)

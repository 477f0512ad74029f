"""The table of techniques that hold the network back."""

from __future__ import annotations

import pandas as pd

from labcode.lab.classification.regularizing_results import HeldBack

TECHNIQUES = {
    "none": "none",
    "dropout": "dropout",
    "decay": "weight decay",
    "l1": "L1",
    "noise": "noise on the inputs",
    "smoothing": "label smoothing",
    "stopping": "early stop",
    "ensemble": "ensemble of networks",
    "recipe": "the recipe as it is",
}


def techniques(found: HeldBack) -> pd.DataFrame:
    """Each technique beside none, in the order of log loss."""
    ordered = sorted(found.techniques.items(), key=lambda each: each[1].log_loss.value)
    return pd.DataFrame(
        {
            "technique": [TECHNIQUES[name] for name, _ in ordered],
            "strength": [f"{own.strength.value:g}" if own.strength.value else "" for _, own in ordered],
            "log loss": [own.log_loss.bare for _, own in ordered],
            "saved": [own.log_loss_gain_joint.interval for _, own in ordered],
            "macro-F1": [own.macro_f1.bare for _, own in ordered],
            "gained": [own.gain_joint.interval for _, own in ordered],
            "training macro-F1": [own.train_macro_f1.bare for _, own in ordered],
        }
    )

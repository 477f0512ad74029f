"""The frame of losses and accuracies by epoch, with and without holding back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labcode.lab.classification.regularizing_results import HeldBack
from labcode.lab.classification.regularizing_tables import TECHNIQUES


def by_epoch(found: HeldBack, names: Sequence[str]) -> pd.DataFrame:
    """Columns ``technique``, ``epoch`` (from 1), ``rows``, ``log loss`` and ``accuracy``, for some techniques."""
    order = list(found.techniques)
    frames = [
        pd.DataFrame(
            {
                "technique": TECHNIQUES[name],
                "epoch": np.arange(1, found.epochs + 1),
                "rows": rows,
                "log loss": found.curves[order.index(name), :, column],
                "accuracy": found.accuracy_curves[order.index(name), :, column],
            }
        )
        for name in names
        for column, rows in enumerate(("training", "held out"))
    ]
    return pd.concat(frames, ignore_index=True)

"""The frame of losses by epoch, with and without holding back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labcode.lab.classification.regularizing_results import HeldBack
from labcode.lab.classification.regularizing_tables import TECHNIQUES


def losses_by_epoch(found: HeldBack, names: Sequence[str]) -> pd.DataFrame:
    """Columns ``technique``, ``epoch`` (from 1), ``rows`` and ``log loss``, for some techniques."""
    order = list(found.techniques)
    frames = [
        pd.DataFrame(
            {
                "technique": TECHNIQUES[name],
                "epoch": np.arange(1, found.epochs + 1),
                "rows": rows,
                "log loss": found.curves[order.index(name), :, column],
            }
        )
        for name in names
        for column, rows in enumerate(("training", "held out"))
    ]
    return pd.concat(frames, ignore_index=True)

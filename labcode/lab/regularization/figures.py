"""Frames that the figures of the regularization chapter are drawn from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labcode.book.reference import stated
from labcode.lab.regularization.few_rows_results import FewRows
from labcode.lab.regularization.first_results import LIKE_EPOCHS, AsSubmitted
from labcode.lab.regularization.tables import TECHNIQUES

#: Epochs whose losses each run printed, and what the entries of data/reference.toml begin with.
_PRINTED = {"plain": ("regression", (0, 10, 20, 30, 40)), "regularised": ("regularization", LIKE_EPOCHS[:2])}


def runs(first: AsSubmitted) -> pd.DataFrame:
    """Test loss (USD²) of every seed by epoch: columns ``seed``, ``epoch``, ``run``, ``test loss``."""
    frames = []
    for run, curves in (("plain", first.plain_curves), ("regularised", first.curves)):
        seed, epoch = np.indices(curves.shape[:2]).reshape(2, -1)
        losses = {"seed": seed, "epoch": epoch, "run": run, "test loss": curves[..., 1].ravel()}
        frames.append(pd.DataFrame(losses))
    return pd.concat(frames, ignore_index=True)


def printed() -> pd.DataFrame:
    """The test losses (USD²) that our first version printed, as `runs` has them."""
    return pd.DataFrame(
        [
            {"epoch": epoch, "run": run, "test loss": stated(f"{name}.test_{epoch}").value}
            for run, (name, epochs) in _PRINTED.items()
            for epoch in epochs
        ]
    )


def scores(few: FewRows) -> pd.DataFrame:
    """R² of the network without restraint by its training rows: columns ``rows``, ``scored on``, ``R²``."""
    found = [(rows, size.techniques["none"]) for rows, size in few.sizes.items()]
    return pd.DataFrame(
        [
            {"rows": rows, "scored on": name, "R²": float(value)}
            for rows, none in found
            for name, value in (("training rows", none.train_r2), ("test dates", none.r2))
        ]
    )


def scores_by_technique(few: FewRows) -> pd.DataFrame:
    """R² on test dates by training rows, for none and for each technique: columns ``rows``, ``technique``, ``R²``."""
    return pd.DataFrame(
        [
            {"rows": rows, "technique": TECHNIQUES[name], "R²": own.r2.value}
            for rows, size in few.sizes.items()
            for name, own in size.techniques.items()
        ]
    )

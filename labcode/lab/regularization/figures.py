"""Frames that the figures of the regularization chapter are drawn from."""

from __future__ import annotations

import pandas as pd

from labcode.book.reference import stated
from labcode.lab.regression.figures import by_seed_and_epoch
from labcode.lab.regularization.results import LIKE_EPOCHS, AsSubmitted, FewRows
from labcode.lab.regularization.tables import TECHNIQUES

#: Epochs whose losses each run printed, and what the entries of data/reference.toml begin with.
_PRINTED = {"plain": ("regression", (0, 10, 20, 30, 40)), "regularised": ("regularization", LIKE_EPOCHS[:2])}


def runs(first: AsSubmitted) -> pd.DataFrame:
    """Test loss (USD²) of every seed by epoch: columns ``seed``, ``epoch``, ``run``, ``test loss``."""
    curves = {"plain": first.plain_curves, "regularised": first.curves}
    frames = [by_seed_and_epoch({"test loss": losses[..., 1]}).assign(run=run) for run, losses in curves.items()]
    return pd.concat(frames, ignore_index=True)


def printed() -> pd.DataFrame:
    """The test losses (USD²) that our first version printed, as `runs` has them."""
    losses = [
        (epoch, run, stated(f"{name}.test_{epoch}").value)
        for run, (name, epochs) in _PRINTED.items()
        for epoch in epochs
    ]
    return pd.DataFrame(losses, columns=["epoch", "run", "test loss"])


def scores(few: FewRows) -> pd.DataFrame:
    """R² of the network without restraint by its training rows: columns ``rows``, ``scored on``, ``R²``."""
    plain = [(rows, size.techniques["none"]) for rows, size in few.sizes.items()]
    both = [[(rows, "training rows", none.train_r2.value), (rows, "test dates", none.r2.value)] for rows, none in plain]
    return pd.DataFrame([row for pair in both for row in pair], columns=["rows", "scored on", "R²"])


def scores_by_technique(few: FewRows) -> pd.DataFrame:
    """R² on test dates by training rows, for none and for each technique: columns ``rows``, ``technique``, ``R²``."""
    scores = [
        (rows, TECHNIQUES[name], technique.r2.value)
        for rows, size in few.sizes.items()
        for name, technique in size.techniques.items()
    ]
    return pd.DataFrame(scores, columns=["rows", "technique", "R²"])

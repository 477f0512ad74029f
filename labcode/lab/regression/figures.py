"""Frames that the figures of the regression chapter are drawn from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from labcode.book.reference import stated
from labcode.lab.regression.results import PRINTED_EPOCHS, AsSubmitted, Sound, Steps


def by_seed_and_epoch(columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Values ``(n_seeds, n_epochs)`` as columns beside ``seed`` and ``epoch``."""
    seed, epoch = np.indices(next(iter(columns.values())).shape).reshape(2, -1)
    return pd.DataFrame({"seed": seed, "epoch": epoch} | {name: values.ravel() for name, values in columns.items()})


def runs(first: AsSubmitted) -> pd.DataFrame:
    """Loss (USD²) and R² of every seed by epoch: columns ``seed``, ``epoch``, ``rows``, ``loss``, ``R²``."""
    curves = np.moveaxis(first.curves, 2, 0)
    frames = [
        by_seed_and_epoch({"loss": curves[column], "R²": curves[2 + column]}).assign(rows=rows)
        for column, rows in enumerate(("training", "test"))
    ]
    return pd.concat(frames, ignore_index=True)


def printed() -> pd.DataFrame:
    """The losses (USD²) that our first version printed, as `runs` has them."""
    names = {"training": "train", "test": "test"}
    return pd.DataFrame(
        {"epoch": epoch, "rows": rows, "loss": stated(f"regression.{name}_{epoch}").value}
        for rows, name in names.items()
        for epoch in PRINTED_EPOCHS
    )


def curves(steps: Steps) -> pd.DataFrame:
    """Scores by epoch: columns ``epoch``, ``rows``, ``RMSE (USD)``, ``R²`` (of the position)."""
    frames = [
        pd.DataFrame(scores, columns=["RMSE (USD)", "R²"]).assign(rows=rows)
        for rows, scores in zip(("training", "test"), np.split(steps.curves, 2, axis=1), strict=True)
    ]
    return pd.concat(frames).rename_axis("epoch").reset_index()


def response(sound: Sound) -> pd.DataFrame:
    """Where the network puts the close, given the open: columns ``open``, ``close``, ``range`` (of the price)."""
    frames = [
        pd.DataFrame({"open": sound.response_open, "close": close, "range": f"{100 * width:.1f}%"})
        for close, width in zip(sound.response, sound.response_range, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)

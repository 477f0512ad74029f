"""Frames that the figures of the regression chapter are drawn from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labcode.book.reference import stated
from labcode.lab.regression.results import PRINTED_EPOCHS, AsSubmitted, Sound, Steps


def runs(first: AsSubmitted) -> pd.DataFrame:
    """Loss (USD²) and R² of every seed by epoch: columns ``seed``, ``epoch``, ``rows``, ``loss``, ``R²``."""
    seeds, epochs, _ = first.curves.shape
    seed, epoch = np.indices((seeds, epochs)).reshape(2, -1)
    frames = [
        pd.DataFrame(
            {
                "seed": seed,
                "epoch": epoch,
                "rows": rows,
                "loss": first.curves[:, :, column].ravel(),
                "R²": first.curves[:, :, 2 + column].ravel(),
            }
        )
        for column, rows in enumerate(("training", "test"))
    ]
    return pd.concat(frames, ignore_index=True)


def printed() -> pd.DataFrame:
    """The losses (USD²) that our first version printed, as `runs` has them."""
    names = {"training": "train", "test": "test"}
    return pd.DataFrame(
        [
            {"epoch": epoch, "rows": rows, "loss": stated(f"regression.{name}_{epoch}").value}
            for rows, name in names.items()
            for epoch in PRINTED_EPOCHS
        ]
    )


def curves(steps: Steps) -> pd.DataFrame:
    """Scores by epoch: columns ``epoch``, ``rows``, ``RMSE (USD)``, ``R²`` (of the position)."""
    frames = [
        pd.DataFrame(steps.curves[:, start : start + 2], columns=["RMSE (USD)", "R²"]).assign(rows=rows)
        for start, rows in ((0, "training"), (2, "test"))
    ]
    return pd.concat(frames).rename_axis("epoch").reset_index()


def response(sound: Sound) -> pd.DataFrame:
    """Where the network puts the close, given the open: columns ``open``, ``close``, ``range`` (of the price)."""
    widths = [f"{100 * width:.1f}%" for width in sound.response_range]
    frames = [
        pd.DataFrame({"open": sound.response_open, "close": close, "range": width})
        for close, width in zip(sound.response, widths, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)

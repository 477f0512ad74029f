"""The rows that the regression experiments share: splits, folds, and the predictions that need no network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labcode.data.prices import untrustworthy
from labcode.protocols import Split, prices_sound

Positions = NDArray[np.intp]


def sound_split(frame: pd.DataFrame) -> Split:
    """The split by date, its training rows without the untrustworthy ones; every test row stays."""
    split = prices_sound(frame).with_valid_in_train()
    return _without(split, untrustworthy(frame))


def _without(split: Split, odd: pd.Series) -> Split:
    keep = ~odd.loc[split.X_train.index].to_numpy()
    keys = None if split.keys_train is None else split.keys_train[keep]
    return replace(split, X_train=split.X_train[keep], y_train=split.y_train[keep], keys_train=keys)


def test_dates(split: Split) -> np.ndarray:
    """Date of each test row, ``(n,)``: the clusters of its intervals."""
    assert split.keys_test is not None
    return split.keys_test["date"].to_numpy()


def rolling_folds(dates: pd.Series, folds: int, block_share: float) -> list[tuple[Positions, Positions]]:
    """Positions of training and held-out rows: the last ``folds`` blocks of dates, each after all that it trains on."""
    unique, place = np.unique(dates.to_numpy(), return_inverse=True)
    block = round(block_share * len(unique))
    starts = [len(unique) - (folds - i) * block for i in range(folds)]
    return [
        (np.flatnonzero(place < start), np.flatnonzero((place >= start) & (place < start + block))) for start in starts
    ]

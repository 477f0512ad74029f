"""The splits of this version: by date, before anything is fitted."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labcode.data.prices import untrustworthy

Positions = NDArray[np.intp]
Folds = list[tuple[Positions, Positions]]


def split_by_date(prices: pd.DataFrame, test_share: float = 0.2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and test rows: the last fifth of the dates is the test.

    Rows that cannot be right (see the datasheet) are left out of training, never out of the test.
    """
    dates = np.sort(prices["date"].unique())
    first_test = dates[len(dates) - round(test_share * len(dates))]
    is_test = prices["date"] >= first_test
    return prices[~is_test & ~untrustworthy(prices)], prices[is_test]


def folds_by_date(dates: pd.Series, folds: int, block_share: float) -> Folds:
    """Positions of training and held-out rows: the last blocks of dates, each after all that it trains on."""
    unique, place = np.unique(dates, return_inverse=True)
    block = round(block_share * len(unique))
    starts = [len(unique) - left * block for left in range(folds, 0, -1)]
    earlier = [np.flatnonzero(place < start) for start in starts]
    held_out = [np.flatnonzero((place >= start) & (place < start + block)) for start in starts]
    return list(zip(earlier, held_out, strict=True))

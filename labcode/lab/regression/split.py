"""The split of this version: by date, before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labcode.data.prices import untrustworthy


def split_by_date(prices: pd.DataFrame, test_share: float = 0.2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and test rows: the last fifth of the dates is the test.

    Rows that cannot be right (see the datasheet) are left out of training, never out of the test.
    """
    dates = np.sort(prices["date"].unique())
    first_test = dates[len(dates) - round(test_share * len(dates))]
    is_test = prices["date"] >= first_test
    return prices[~is_test & ~untrustworthy(prices)], prices[is_test]


@dataclass(frozen=True)
class Fold:
    """Rows of one rolling fold: train on all earlier dates, hold out the block that follows."""

    train: pd.DataFrame
    held_out: pd.DataFrame


def rolling_folds(train: pd.DataFrame, folds: int, block_share: float) -> list[Fold]:
    """The last ``folds`` blocks of the training dates, each with all that comes before it."""
    dates = np.sort(train["date"].unique())
    block = round(block_share * len(dates))
    starts = [len(dates) - (folds - i) * block for i in range(folds)]
    place = np.searchsorted(dates, train["date"].to_numpy())
    return [Fold(train[place < start], train[(place >= start) & (place < start + block)]) for start in starts]

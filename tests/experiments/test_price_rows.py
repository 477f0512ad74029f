"""The rows of prices that the tuning and regularization experiments are trained on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labcode.data.simulate import simulate_prices
from labcode.experiments.price_rows import rolling_folds, sound_split
from labcode.lab.regression.split import rolling_folds as folds_of_days
from labcode.lab.regression.split import split_by_date

PRICES = simulate_prices(n_symbols=12).astype({"symbol": "category"}).reset_index(drop=True)


def test_the_sound_split_is_the_chapters_split_by_date() -> None:
    spoilt = PRICES.copy()
    spoilt.loc[[5, len(spoilt) - 5], "close"] = 1e5
    split = sound_split(spoilt)
    train, test = split_by_date(spoilt)
    assert set(split.X_train.index) == set(train.index) and 5 not in train.index
    assert set(split.X_test.index) == set(test.index)


def test_rolling_folds_train_on_the_past_only() -> None:
    days = pd.DataFrame({"date": pd.date_range("2016-01-01", periods=40).repeat(3)})
    folds = rolling_folds(days["date"], folds=3, block_share=0.1)
    for (train, held), fold in zip(folds, folds_of_days(days, 3, 0.1), strict=True):
        assert days["date"].iloc[train].max() < days["date"].iloc[held].min()
        np.testing.assert_array_equal(held, fold.held_out.index)
        np.testing.assert_array_equal(train, fold.train.index)

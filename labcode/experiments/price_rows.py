"""The rows that the regression experiments share: splits, folds, and the predictions that need no network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labcode.data.prices import untrustworthy
from labcode.experiments.price_models import Floats, midpoint
from labcode.protocols import PRICE_FEATURES, Split, prices_as_submitted, prices_sound

Positions = NDArray[np.intp]


def sound_split(frame: pd.DataFrame) -> Split:
    """The split by date, its training rows without the untrustworthy ones; every test row stays."""
    split = prices_sound(frame).with_valid_in_train()
    return _without(split, untrustworthy(frame))


def random_split(frame: pd.DataFrame) -> Split:
    """The original's rows of training and test, unscaled."""
    split = prices_as_submitted(frame)
    rows = {name: frame.loc[getattr(split, f"X_{name}").index, PRICE_FEATURES] for name in ("train", "test")}
    return Split(
        protocol="as-submitted",
        X_train=rows["train"],
        X_test=rows["test"],
        y_train=split.y_train,
        y_test=split.y_test,
        keys_test=split.keys_test,
    )


def _without(split: Split, odd: pd.Series) -> Split:
    keep = ~odd.loc[split.X_train.index].to_numpy()
    keys = None if split.keys_train is None else split.keys_train[keep]
    return replace(split, X_train=split.X_train[keep], y_train=split.y_train[keep], keys_train=keys)


def test_dates(split: Split) -> np.ndarray:
    """Date of each test row, ``(n,)``: the clusters of its intervals."""
    assert split.keys_test is not None
    return split.keys_test["date"].to_numpy()


def baseline_predictions(split: Split, *, ridge_alpha: float = 1.0) -> dict[str, Floats]:
    """Predictions (USD) for the test rows ``(n,)``, by baseline; ``ols_raw`` is least squares on unscaled columns."""
    X, y, test = split.X_train, split.y_train, split.X_test
    least_squares = make_pipeline(StandardScaler(), LinearRegression())
    ridge = make_pipeline(StandardScaler(), Ridge(alpha=ridge_alpha))
    return {
        "zero": np.zeros(len(test)),
        "mean": np.full(len(test), y.mean()),
        "open": test["open"].to_numpy(),
        "midpoint": midpoint(test),
        "ols": least_squares.fit(X, y).predict(test),
        "ols_raw": LinearRegression().fit(X, y).predict(test),
        "ridge": ridge.fit(X, y).predict(test),
    }


def rolling_folds(dates: pd.Series, folds: int, block_share: float) -> list[tuple[Positions, Positions]]:
    """Positions of training and held-out rows: the last ``folds`` blocks of dates, each after all that it trains on."""
    unique, place = np.unique(dates.to_numpy(), return_inverse=True)
    block = round(block_share * len(unique))
    starts = [len(unique) - (folds - i) * block for i in range(folds)]
    return [
        (np.flatnonzero(place < start), np.flatnonzero((place >= start) & (place < start + block))) for start in starts
    ]


def next_day_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows with the same symbol's next date and next close; a symbol's last row is left out, ``odd`` marks bad rows."""
    ordered = frame.sort_values(["symbol", "date"])
    following = ordered.groupby("symbol", observed=True)[["date", "close"]].shift(-1)
    rows = ordered.assign(next_date=following["date"], next_close=following["close"], odd=untrustworthy(frame))
    return rows.dropna(subset=["next_close"])

"""Prices before any model: how they move, how they are scaled, and what a random split of them gives away."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

#: Prices (USD) and volume (shares).
COLUMNS = ["open", "low", "high", "close", "volume"]
#: Into how many shares a share is usually split.
SPLITS = (2, 3, 4, 5, 7, 10)


def log_returns(prices: pd.DataFrame) -> pd.Series:
    """Daily log return of each symbol's close, ``(n,)``, in the order of the rows; missing on a symbol's first day."""
    ordered = prices.sort_values(["symbol", "date"])
    day_before = ordered.groupby("symbol", observed=True)["close"].shift()
    returns = pd.Series(np.log(ordered["close"] / day_before))
    return returns.reindex(prices.index)


def standardized(train: pd.DataFrame, test: pd.DataFrame, columns: list[str]) -> list[pd.DataFrame]:
    """Both parts in standard deviations from the mean of the training rows: two frames, ``(n, k)`` and ``(m, k)``."""
    scaler = StandardScaler().fit(train[columns])  # the test rows are not looked at
    return [pd.DataFrame(scaler.transform(part[columns]), part.index, columns) for part in (train, test)]


def closes_beside(prices: pd.DataFrame) -> pd.DataFrame:
    """Test rows of our first version's split, with the closes that a network has seen in training.

    Returns
    -------
    DataFrame
        ``date``, ``close``, and the same symbol's close on the days ``before`` and ``after`` (USD), which is missing
        where that day is a test row too; ``(n_test, 4)``.
    """
    train, test = train_test_split(prices, test_size=0.2, random_state=42)  # at random, days mixed
    ordered = prices.sort_values(["symbol", "date"])
    seen = ordered["close"].where(ordered.index.isin(train.index))
    by_symbol = seen.groupby(ordered["symbol"], observed=True)
    beside = pd.DataFrame({"before": by_symbol.shift(1), "after": by_symbol.shift(-1)})
    return pd.DataFrame(test[["date", "close"]].join(beside))


def looks_split(falls: pd.Series) -> pd.Series:
    """Whether a price that fell by these shares ``(n,)`` ends within 5% of a half, a third or another share's part.

    Examples
    --------
    >>> looks_split(pd.Series([-0.51, -0.42])).tolist()
    [True, False]
    """
    distance = np.abs(-np.log1p(falls.to_numpy())[:, None] - np.log(SPLITS)).min(axis=1)
    return pd.Series(distance < np.log(1.05), index=falls.index)

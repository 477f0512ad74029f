"""What needs no network: formulas, least squares, boosted trees; and how predictions are scored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labcode.lab.regression.network import Floats, midpoint, position, position_inputs, to_dollars


def without_network(train: pd.DataFrame, test: pd.DataFrame, ridge_alpha: float = 1.0) -> dict[str, Floats]:
    """Predicted closes (USD) of the test rows ``(n,)``, by model."""
    columns = ["open", "low", "high", "volume"]
    X_train, y_train, X_test = train[columns], train["close"], test[columns]
    least_squares = make_pipeline(StandardScaler(), LinearRegression())
    ridge = make_pipeline(StandardScaler(), Ridge(alpha=ridge_alpha))
    return {
        "zero": np.zeros(len(test)),
        "mean": np.full(len(test), y_train.mean()),
        "open": test["open"].to_numpy(),
        "midpoint": midpoint(test),
        "ols_raw": LinearRegression().fit(X_train, y_train).predict(X_test),
        "ols": least_squares.fit(X_train, y_train).predict(X_test),
        "ridge": ridge.fit(X_train, y_train).predict(X_test),
    }


def boosted_trees(trees: HistGradientBoostingRegressor, train: pd.DataFrame, test: pd.DataFrame) -> Floats:
    """Closes (USD) from boosted trees on the columns as they are."""
    columns = ["open", "low", "high", "volume"]
    return clone(trees).fit(train[columns], train["close"]).predict(test[columns])  # type: ignore[no-any-return]


def trees_on_position(trees: HistGradientBoostingRegressor, train: pd.DataFrame, test: pd.DataFrame) -> Floats:
    """The same, asked for the position in the day's range."""
    fitted = clone(trees).fit(position_inputs(train), position(train, train["close"]))
    return to_dollars(test, fitted.predict(position_inputs(test)))


def rmse(predicted: Floats, actual: Any) -> float:
    """Root mean squared error, in the unit of the two."""
    return float(np.sqrt(np.mean((predicted - np.asarray(actual)) ** 2)))

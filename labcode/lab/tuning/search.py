"""A sound search: everything that is fitted stands in a pipeline, and every fold trains on earlier dates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from labcode.lab.regression.network import Floats, day_range, position, position_inputs

Positions = NDArray[np.intp]
Folds = list[tuple[Positions, Positions]]


def folds_by_date(dates: pd.Series, folds: int, block_share: float) -> Folds:
    """Positions of training and held-out rows: the last blocks of dates, each after all that it trains on."""
    unique, place = np.unique(dates, return_inverse=True)
    block = round(block_share * len(unique))
    starts = [len(unique) - left * block for left in range(folds, 0, -1)]
    earlier = [np.flatnonzero(place < start) for start in starts]
    held_out = [np.flatnonzero((place >= start) & (place < start + block)) for start in starts]
    return list(zip(earlier, held_out, strict=True))


def position_pipeline(batch_size: int) -> Pipeline:
    """A network that is asked where in the day's range the close lies; what it sees is scaled on its own rows."""
    from labcode.nets.estimators import TabularRegressor

    network = TabularRegressor(batch_size=batch_size, schedule="onecycle", random_state=0)
    return Pipeline(
        [("inputs", FunctionTransformer(position_inputs)), ("scale", StandardScaler()), ("network", network)]
    )


def dollar_errors(network: Any, days: pd.DataFrame, actual: Floats) -> Floats:
    """Errors in USD ``(n,)`` of a network that answers with positions; ``actual`` holds the true ones."""
    return (np.clip(network.predict(days), -1, 1) - actual) * day_range(days) / 2  # type: ignore[no-any-return]


def negative_rmse(network: Any, days: pd.DataFrame, actual: Floats) -> float:
    """The score of the search: minus the root mean squared error, in USD."""
    return -float(np.sqrt(np.mean(dollar_errors(network, days, actual) ** 2)))


def search(days: pd.DataFrame, grid: Any, cv: Folds, batch_size: int, kind: Any = GridSearchCV, **more: Any) -> Any:
    """Score every setting of the grid on every fold; ``kind`` is scikit-learn's search, or a faster one."""
    found = kind(position_pipeline(batch_size), grid, scoring=negative_rmse, cv=cv, refit=False, **more)
    return found.fit(days, position(days, days["close"]))

"""A sound search: everything that is fitted stands in a pipeline, and every fold trains on earlier dates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV

from labcode.lab.regression.network import Floats, day_range, position, position_pipeline
from labcode.lab.regression.split import Folds


def dollar_errors(network: Any, days: pd.DataFrame, actual: Floats) -> Floats:
    """Errors in USD ``(n,)`` of a network that answers with positions; ``actual`` holds the true ones."""
    return (np.clip(network.predict(days), -1, 1) - actual) * day_range(days) / 2  # type: ignore[no-any-return]


def negative_rmse(network: Any, days: pd.DataFrame, actual: Floats) -> float:
    """The score of the search: minus the root mean squared error, in USD."""
    return -float(np.sqrt(np.mean(dollar_errors(network, days, actual) ** 2)))


def search(days: pd.DataFrame, grid: Any, cv: Folds, batch_size: int, kind: Any = GridSearchCV, **more: Any) -> Any:
    """Score every setting of the grid on every fold; ``kind`` is scikit-learn's search, or a faster one."""
    from labcode.nets.estimators import TabularRegressor

    network = TabularRegressor(batch_size=batch_size, schedule="onecycle", random_state=0)
    searched = kind(position_pipeline(network), grid, scoring=negative_rmse, cv=cv, refit=False, **more)
    return searched.fit(days, position(days, days["close"]))

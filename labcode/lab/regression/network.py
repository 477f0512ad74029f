"""The network of this version: it answers with where in the day's range the close lies."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

if TYPE_CHECKING:
    from labcode.lab.regression.settings import Network

Floats = NDArray[np.float64]
#: Turns days into what a network sees, ``(n, k)``.
Inputs = Callable[[pd.DataFrame], Floats]


def day_range(days: pd.DataFrame) -> Floats:
    """High minus low, in USD; 0 for the few rows in which the high is below the low."""
    return (days["high"] - days["low"]).clip(lower=0).to_numpy()


def midpoint(days: pd.DataFrame) -> Floats:
    """(high + low) / 2, in USD."""
    return ((days["high"] + days["low"]) / 2).to_numpy()


def position(days: pd.DataFrame, price: ArrayLike) -> Floats:
    """Where a price (USD) lies in the day's range: -1 at the low, 1 at the high; 0 on a day without a range."""
    width = day_range(days)
    place = 2 * (np.asarray(price) - days["low"].to_numpy()) / np.where(width > 0, width, 1) - 1
    return np.where(width > 0, place, 0.0)


def position_inputs(days: pd.DataFrame) -> Floats:
    """What the network sees, ``(n, 4)``: the open's position, the relative range, the volume, the price level."""
    middle = (days["high"] + days["low"]) / 2
    width = ((days["high"] - days["low"]) / middle).clip(lower=1e-5)
    opened = np.clip(position(days, days["open"]), -1, 1)
    return np.column_stack([opened, np.log(width), np.log1p(days["volume"]), np.log(middle.clip(5, 100))])


def to_dollars(days: pd.DataFrame, answers: Floats) -> Floats:
    """The closes (USD) that positions stand for; no answer leaves the range."""
    return midpoint(days) + np.clip(answers, -1, 1) * day_range(days) / 2


class MirrorScaler(StandardScaler):  # type: ignore[misc]
    """Leaves the first column as it is, the position, so that mirroring a day is a change of its sign."""

    def fit(self, X: Floats, y: Any = None, sample_weight: Any = None) -> Self:
        super().fit(X)
        self.mean_[0], self.scale_[0] = 0.0, 1.0
        return self


def position_pipeline(
    network: Any, *, inputs: Inputs = position_inputs, scaler: type[StandardScaler] = StandardScaler
) -> Pipeline:
    """Days to positions: what a network sees of them, scaled on its training rows, and the network."""
    return Pipeline([("inputs", FunctionTransformer(inputs)), ("scale", scaler()), ("network", network)])


def position_network(settings: Network, *, seed: int, odd: bool = False, inputs: Inputs = position_inputs) -> Pipeline:
    """An unfitted network for positions; ``odd`` has mirrored days give mirrored answers."""
    from labcode.nets.estimators import TabularRegressor
    from labcode.nets.mlp import OddMLP

    network = TabularRegressor(
        hidden=settings.hidden,
        module=partial(OddMLP, hidden=settings.hidden) if odd else None,
        batch_size=settings.batch_size,
        max_epochs=settings.epochs,
        lr=settings.lr,
        schedule="onecycle",
        standardize_target=not odd,
        random_state=seed,
    )
    return position_pipeline(network, inputs=inputs, scaler=MirrorScaler)


def fit_position_network(days: pd.DataFrame, settings: Network, **options: Any) -> Pipeline:
    """Train such a network on days with their closes."""
    return position_network(settings, **options).fit(days, position(days, days["close"]))


def predict_close(networks: list[Pipeline], days: pd.DataFrame) -> Floats:
    """The close (USD) of each day: the mean answer of the networks, as a price."""
    return to_dollars(days, np.mean([network.predict(days) for network in networks], axis=0))

"""The ladder: one network for the close of a day, on one representation of the same four columns after the other.

What a network sees and what it answers matters more here than how large it is. A :class:`View` says both: how a row of
open, low, high and volume becomes inputs, how the close becomes a target, and how an answer becomes dollars again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.preprocessing import StandardScaler

from labcode.lab.regression.network import Floats, position, position_inputs, to_dollars
from labcode.lab.regression.settings import First, Network

ViewName = Literal["levels", "logs", "relative", "position"]


@dataclass(frozen=True)
class View:
    """How rows become inputs, the close a target, and an answer dollars.

    Shape
    -----
    ``inputs``: frame ``(n, 4)`` to ``(n, k)``. ``target``: frame and close (USD) to ``(n,)``. ``dollars``: frame and
    answers ``(n,)`` to ``(n,)``, in USD.
    """

    inputs: Callable[[pd.DataFrame], Floats]
    target: Callable[[pd.DataFrame, Floats], Floats]
    dollars: Callable[[pd.DataFrame, Floats], Floats]


def midpoint(rows: pd.DataFrame) -> Floats:
    """(high + low) / 2, in USD."""
    return ((rows["high"] + rows["low"]) / 2).to_numpy()


def relative_range(rows: pd.DataFrame) -> Floats:
    """The day's range as a share of the midpoint, at least 1e-5 so that its logarithm exists."""
    return np.maximum((rows["high"] - rows["low"]).to_numpy() / midpoint(rows), 1e-5)


def _levels(rows: pd.DataFrame) -> Floats:
    return rows[["open", "low", "high", "volume"]].to_numpy(dtype=np.float64)


def _log_volume(rows: pd.DataFrame) -> Floats:
    return np.log1p(rows["volume"].to_numpy())  # type: ignore[no-any-return]


def _logs(rows: pd.DataFrame) -> Floats:
    return np.column_stack([np.log(rows[["open", "low", "high"]].to_numpy()), _log_volume(rows)])


def _relative(rows: pd.DataFrame) -> Floats:
    middle = midpoint(rows)
    from_middle = (rows["open"].to_numpy() - middle) / middle
    return np.column_stack([from_middle, relative_range(rows), _log_volume(rows), np.log(middle)])


VIEWS: dict[ViewName, View] = {
    "levels": View(_levels, lambda rows, close: close, lambda rows, answer: answer),
    "logs": View(_logs, lambda rows, close: np.log(close), lambda rows, answer: np.exp(answer)),
    "relative": View(
        _relative,
        lambda rows, close: close / midpoint(rows) - 1,
        lambda rows, answer: midpoint(rows) * (1 + answer),
    ),
    "position": View(position_inputs, position, to_dollars),
}


@dataclass(kw_only=True, eq=False, repr=False)
class ClosePredictor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A multilayer perceptron that predicts the close (USD) of a row of open, low, high and volume.

    Parameters
    ----------
    view
        What the network sees and answers: see :data:`VIEWS`.
    hidden
        Units of each hidden layer.
    shortcut
        Whether a linear shortcut leads from the inputs to the output.
    percent_error
        Whether rows weigh by the square of their relative range, which makes the squared error of the position that of
        the price in per cent.
    standardize_target, batch_size, max_epochs, lr, schedule, callbacks, random_state
        As in :class:`labcode.nets.estimators.TabularRegressor`.

    Attributes
    ----------
    network_
        The fitted :class:`~labcode.nets.estimators.TabularRegressor`.

    Shape
    -----
    ``X`` ``(n, 4)``: a frame with the columns open, low, high (USD) and volume (shares). ``y`` ``(n,)``, in USD.
    """

    view: ViewName = "position"
    hidden: Sequence[int] = (64, 32)
    shortcut: bool = False
    percent_error: bool = False
    standardize_target: bool = True
    batch_size: int | Literal["full"] = 1024
    max_epochs: int = 4
    lr: float = 3e-3
    schedule: Literal["onecycle"] | None = "onecycle"
    callbacks: Sequence[Any] | None = None
    random_state: int = 0

    def fit(self, X: pd.DataFrame, y: pd.Series) -> Self:
        """Train on rows ``X`` with their closes ``y``."""
        # As the network of the chapter has it (labcode.lab.regression.network).
        self.scaler_ = StandardScaler().fit(VIEWS[self.view].inputs(X))
        if self.view == "position":
            self.scaler_.mean_[0], self.scaler_.scale_[0] = 0.0, 1.0
        weight = relative_range(X) ** 2 if self.percent_error else None
        scaled, target = self.encode(X, y)
        self.network_ = self._network().fit(scaled, target, weight)
        return self

    def predict(self, X: pd.DataFrame) -> Floats:
        """Predicted closes, in USD, shape ``(n,)``."""
        return self.decode(X, self.network_.predict(self.scaler_.transform(VIEWS[self.view].inputs(X))))

    def encode(self, X: pd.DataFrame, y: pd.Series) -> tuple[Floats, Floats]:
        """What a network sees and should answer: scaled inputs ``(n, k)`` and targets ``(n,)``."""
        view = VIEWS[self.view]
        return self.scaler_.transform(view.inputs(X)), view.target(X, np.asarray(y, dtype=np.float64))

    def decode(self, X: pd.DataFrame, answers: Floats) -> Floats:
        """A network's answers ``(n,)`` as closes in USD."""
        return VIEWS[self.view].dollars(X, answers)

    def _network(self) -> RegressorMixin:
        # These load PyTorch, which reading a stored result does not need.
        from labcode.nets.estimators import TabularRegressor
        from labcode.nets.mlp import ShortcutMLP

        return TabularRegressor(
            hidden=self.hidden,
            module=partial(ShortcutMLP, hidden=self.hidden) if self.shortcut else None,
            standardize_target=self.standardize_target,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            lr=self.lr,
            schedule=self.schedule,
            callbacks=self.callbacks,
            random_state=self.random_state,
        )


def ladder(first: First, network: Network) -> dict[str, dict[str, Any]]:
    """One change at a time, from our first version's network on the split by date to this version's."""
    full = {"hidden": first.hidden, "batch_size": "full", "max_epochs": first.epochs, "lr": first.lr, "schedule": None}
    batches = {"hidden": first.hidden, "batch_size": network.batch_size, "max_epochs": 10, "lr": network.lr}
    final = {**batches, "hidden": network.hidden, "max_epochs": network.epochs}
    return {
        "as submitted": {"view": "levels", "standardize_target": False, **full},
        "target scaled": {"view": "levels", **full},
        "mini-batches": {"view": "levels", **batches, "lr": first.lr, "schedule": None},
        "learning-rate schedule": {"view": "levels", **batches},
        "linear shortcut": {"view": "levels", **batches, "shortcut": True},
        "logarithms": {"view": "logs", **batches},
        "relative to the midpoint": {"view": "relative", **final},
        "position in the range": {"view": "position", **final},
    }

"""Networks for the close of a day, each on another representation of the same four columns.

What a network sees and what it answers matters more here than how large it is. A :class:`View` says both: how a row of
open, low, high and volume becomes inputs, how the close becomes a target, and how an answer becomes dollars again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.preprocessing import StandardScaler

from labcode.experiments.recipes import PRICE_TRAINING

Floats = NDArray[np.float64]
ViewName = Literal["levels", "logs", "relative", "position"]
Symmetry = Literal["free", "odd", "half"]
#: Prices (USD) between which the position view tells the network the price level; beyond them it would extrapolate.
PRICE_CLIP = (5.0, 100.0)


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


def day_range(rows: pd.DataFrame) -> Floats:
    """High minus low, in USD; 0 for the few rows in which the high is below the low."""
    return (rows["high"] - rows["low"]).clip(lower=0).to_numpy()


def relative_range(rows: pd.DataFrame) -> Floats:
    """The day's range as a share of the midpoint, at least 1e-5 so that its logarithm exists."""
    return np.maximum(day_range(rows) / midpoint(rows), 1e-5)


def position(rows: pd.DataFrame, prices: Floats) -> Floats:
    """Where a price lies in the day's range: -1 at the low, 0 in the middle, 1 at the high; 0 without a range."""
    spread = day_range(rows)
    place = 2 * (prices - rows["low"].to_numpy()) / np.where(spread > 0, spread, 1.0) - 1
    return np.where(spread > 0, place, 0.0)


def _levels(rows: pd.DataFrame) -> Floats:
    return rows[["open", "low", "high", "volume"]].to_numpy(dtype=np.float64)


def _log_volume(rows: pd.DataFrame) -> Floats:
    return np.log1p(rows["volume"].to_numpy())


def _logs(rows: pd.DataFrame) -> Floats:
    return np.column_stack([np.log(rows[["open", "low", "high"]].to_numpy()), _log_volume(rows)])


def _relative(rows: pd.DataFrame) -> Floats:
    middle = midpoint(rows)
    from_middle = (rows["open"].to_numpy() - middle) / middle
    return np.column_stack([from_middle, relative_range(rows), _log_volume(rows), np.log(middle)])


def _position(rows: pd.DataFrame) -> Floats:
    of_open = np.clip(position(rows, rows["open"].to_numpy()), -1, 1)
    level = np.log(np.clip(midpoint(rows), *PRICE_CLIP))
    return np.column_stack([of_open, np.log(relative_range(rows)), _log_volume(rows), level])


VIEWS: dict[ViewName, View] = {
    "levels": View(_levels, lambda rows, close: close, lambda rows, answer: answer),
    "logs": View(_logs, lambda rows, close: np.log(close), lambda rows, answer: np.exp(answer)),
    "relative": View(
        _relative,
        lambda rows, close: close / midpoint(rows) - 1,
        lambda rows, answer: midpoint(rows) * (1 + answer),
    ),
    "position": View(
        _position,
        position,
        lambda rows, answer: midpoint(rows) + np.clip(answer, -1, 1) * day_range(rows) / 2,
    ),
}


@dataclass(kw_only=True, eq=False, repr=False)
class ClosePredictor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A multilayer perceptron that predicts the close (USD) of a row of open, low, high and volume.

    Parameters
    ----------
    view
        What the network sees and answers: see :data:`VIEWS`.
    symmetry
        ``"free"`` for a plain network. ``"odd"``: mirrored at the midpoint, a day gives the mirrored answer,
        f(x) = (g(x) - g(mirrored x)) / 2. ``"half"``: the mean of a free and an odd network, which halves the average
        drift from open to close instead of removing it. The last two need the view ``"position"``.
    percent_error
        Whether rows weigh by the square of their relative range, which makes the squared error of the position that of
        the price in per cent.
    standardize_target, batch_size, max_epochs, lr, schedule, callbacks, random_state
        As in :class:`labcode.training.TabularRegressor`.

    Attributes
    ----------
    networks_
        The fitted :class:`~labcode.training.TabularRegressor` objects: one, or two for ``"half"``.

    Shape
    -----
    ``X`` ``(n, 4)``: a frame with the columns open, low, high (USD) and volume (shares). ``y`` ``(n,)``, in USD.
    """

    view: ViewName = "position"
    symmetry: Symmetry = "free"
    percent_error: bool = False
    standardize_target: bool = True
    batch_size: int | Literal["full"] = PRICE_TRAINING["batch_size"]
    max_epochs: int = PRICE_TRAINING["max_epochs"]
    lr: float = PRICE_TRAINING["lr"]
    schedule: Literal["cosine", "onecycle"] | None = "onecycle"
    callbacks: Sequence[Any] | None = None
    random_state: int = 0

    def fit(self, X: pd.DataFrame, y: pd.Series) -> Self:
        """Train on rows ``X`` with their closes ``y``."""
        # A mirror image needs an unshifted position, so that column is left alone; it lies in [-1, 1] as it is.
        self.scaler_ = StandardScaler().fit(VIEWS[self.view].inputs(X))
        if self.view == "position":
            self.scaler_.mean_[0], self.scaler_.scale_[0] = 0.0, 1.0
        weight = relative_range(X) ** 2 if self.percent_error else None
        kinds = {"free": [False], "odd": [True], "half": [False, True]}[self.symmetry]
        scaled, target = self.encode(X, y)
        self.networks_ = [self._network(odd).fit(scaled, target, weight) for odd in kinds]
        return self

    def predict(self, X: pd.DataFrame) -> Floats:
        """Predicted closes, in USD, shape ``(n,)``."""
        scaled = self.scaler_.transform(VIEWS[self.view].inputs(X))
        return self.decode(X, np.mean([network.predict(scaled) for network in self.networks_], axis=0))

    def encode(self, X: pd.DataFrame, y: pd.Series) -> tuple[Floats, Floats]:
        """What a network sees and should answer: scaled inputs ``(n, k)`` and targets ``(n,)``."""
        view = VIEWS[self.view]
        return self.scaler_.transform(view.inputs(X)), view.target(X, np.asarray(y, dtype=np.float64))

    def decode(self, X: pd.DataFrame, answers: Floats) -> Floats:
        """A network's answers ``(n,)`` as closes in USD."""
        return VIEWS[self.view].dollars(X, answers)

    def _network(self, odd: bool) -> RegressorMixin:
        # These load PyTorch, which reading a stored result does not need.
        from labcode.models import OddMLP
        from labcode.training import TabularRegressor

        return TabularRegressor(
            module=OddMLP if odd else None,
            # Taking the mean off the target would undo the symmetry.
            standardize_target=self.standardize_target and not odd,
            batch_size=self.batch_size,
            max_epochs=self.max_epochs,
            lr=self.lr,
            schedule=self.schedule,
            callbacks=self.callbacks,
            random_state=self.random_state,
        )

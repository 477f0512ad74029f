"""The rows of the regularization experiments, and how good networks are on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from labcode.experiments.price_rows import sound_split, test_dates
from labcode.lab.regression.network import Floats, position, position_inputs, to_dollars
from labcode.protocols import Split, maintenance_encoder, maintenance_sound

if TYPE_CHECKING:
    from labcode.training import TabularClassifier, TabularRegressor

Positions = NDArray[np.intp]
#: Probabilities are taken to be no lower than this in a log loss.
LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, eq=False)
class PriceBlock:
    """Rows of a stretch of dates, as the position view shows them.

    Shape
    -----
    ``X`` ``(n, 4)``: open, low, high (USD) and volume (shares). ``close`` ``(n,)``, in USD. ``dates`` ``(n,)``.
    ``inputs`` ``(n, 4)``, not scaled. ``place`` ``(n,)``: the close's position in the day's range, -1 at the low.
    """

    X: pd.DataFrame
    close: Floats
    dates: np.ndarray
    inputs: Floats
    place: Floats

    @classmethod
    def of(cls, X: pd.DataFrame, close: pd.Series, dates: np.ndarray) -> PriceBlock:
        """The block of these rows."""
        prices = close.to_numpy(dtype=np.float64)
        return cls(X, prices, dates, position_inputs(X), position(X, prices))

    def squared_errors(self, answers: Floats) -> Floats:
        """Squared errors (USD^2) of positions, ``(n,)``."""
        return (to_dollars(self.X, answers) - self.close) ** 2

    def errors_of(self, network: TabularRegressor, scaler: StandardScaler) -> Floats:
        """Squared errors (USD^2) of a fitted network, in evaluation mode, ``(n,)``."""
        return self.squared_errors(network.predict(scaler.transform(self.inputs)))


def price_blocks(frame: pd.DataFrame, *, every: int, valid_share: float) -> dict[str, PriceBlock]:
    """``train``, ``valid`` and ``test`` rows of every ``every``-th symbol, each later than the one before.

    The test block is that of the regression chapter; ``valid`` is the last ``valid_share`` of the dates before it.
    """
    split = sound_split(frame)
    assert split.keys_train is not None and split.keys_test is not None
    symbols = split.keys_train["symbol"].astype(str)
    chosen = np.sort(symbols.unique())[::every]
    dates = split.keys_train["date"].to_numpy()
    distinct = np.unique(dates)
    first_valid = distinct[len(distinct) - round(valid_share * len(distinct))]
    some, late = symbols.isin(chosen).to_numpy(), dates >= first_valid
    parts = {"train": some & ~late, "valid": some & late}
    blocks = {
        name: PriceBlock.of(split.X_train[kept], split.y_train[kept], dates[kept]) for name, kept in parts.items()
    }
    tested = split.keys_test["symbol"].astype(str).isin(chosen).to_numpy()
    return blocks | {"test": PriceBlock.of(split.X_test[tested], split.y_test[tested], test_dates(split)[tested])}


@dataclass(frozen=True, eq=False)
class Fold:
    """A fold of the maintenance rows, encoded by its training rows.

    Attributes
    ----------
    seed
        Of the partition that it belongs to, and of the networks trained on it.
    train, held
        Positions of its rows.
    X_train, X_held
        Encoded inputs, ``(n, 6)``.
    """

    seed: int
    train: Positions
    held: Positions
    X_train: Floats
    X_held: Floats

    @classmethod
    def of(cls, X: pd.DataFrame, seed: int, train: Positions, held: Positions) -> Fold:
        """Encode; the encoder is fitted on the training rows."""
        encoder = maintenance_encoder().fit(X.iloc[train])
        return cls(seed, train, held, encoder.transform(X.iloc[train]), encoder.transform(X.iloc[held]))


def maintenance_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, Positions]:
    """Inputs of the training rows of the sound split, and their class numbers in the order of the alphabet."""
    split: Split = maintenance_sound(frame)
    return split.X_train, np.unique(split.y_train, return_inverse=True)[1]


def maintenance_folds(X: pd.DataFrame, y: Positions, seeds: tuple[int, ...], folds: int) -> list[Fold]:
    """Stratified folds, a partition of the rows for each seed."""
    return [
        Fold.of(X, seed, train, held)
        for seed in seeds
        for train, held in StratifiedKFold(folds, shuffle=True, random_state=seed).split(X, y)
    ]


def probabilities(network: TabularClassifier, X: Floats, n_classes: int) -> Floats:
    """Probability of each class ``(n, n_classes)``; 0 for one that the network has not seen."""
    found = np.zeros((len(X), n_classes))
    found[:, network.classes_] = network.predict_proba(X)
    return found


def log_losses(probability: Floats, y: Positions) -> Floats:
    """Minus the logarithm of the probability of the actual class, ``(n,)``.

    Examples
    --------
    >>> log_losses(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 0]))
    array([0.693..., 0.        ])
    """
    return 0.0 - np.log(np.maximum(probability[np.arange(len(y)), y], LEAST_PROBABILITY))

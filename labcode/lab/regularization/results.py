"""What the experiments on regularization return. Losses are in USD²; positions and their errors have no unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.lab.quantities import ByNumber, counted, positive, skill, squared_dollars
from labcode.results.number import Number, Over, Quantity
from labcode.results.typed import Results

#: Epochs, counted from 0, at which both runs are compared: those that our first version printed, and its last.
LIKE_EPOCHS = (0, 10, 19)
#: The epoch of the plain run that our first version set beside epoch 10 of the regularised one.
UNLIKE_EPOCH = 40


def _added(says: str, decimals: int = 1, over: Over | None = "mean over seeds") -> Quantity:
    return Quantity(says=says, unit="USD²", decimals=decimals, over=over)


def _saved(says: str, over: Over, decimals: int = 0, most: float = np.inf) -> Quantity:
    return Quantity(says=says, unit="%", decimals=decimals, most=most, over=over)


@dataclass(frozen=True, kw_only=True)
class AsSubmitted(Results):
    """Our first version's regularised run beside its plain one, in pairs with the same initial weights.

    ``curves`` and ``plain_curves`` ``(n_seeds, n_epochs, 2)``: loss of the step and of the test rows after it.
    """

    experiment = "regularization/as-submitted"
    seeds: int
    train_mse_epoch: Annotated[ByNumber, squared_dollars("regularised training loss at epoch", "seeds")]
    test_mse_epoch: Annotated[ByNumber, squared_dollars("regularised test loss at epoch", "seeds")]
    plain_train_mse_epoch: Annotated[ByNumber, squared_dollars("plain training loss at epoch", "seeds")]
    plain_test_mse_epoch: Annotated[ByNumber, squared_dollars("plain test loss at epoch", "seeds")]
    added_mse_epoch: Annotated[ByNumber, _added("test loss that regularization adds at epoch")]
    added_mse_unlike: Annotated[Number, _added("test loss of epoch 10 regularised above that of epoch 40 plain", 0)]
    plain_epoch_as_good: Annotated[
        Number, positive("epoch at which the plain run has the regularised one's last loss", 1, "mean over seeds")
    ]
    last_epoch: Annotated[Number, counted("last epoch of the regularised run")]
    printed_added_mse_epoch: Annotated[
        ByNumber, _added("printed regularised test loss above the printed plain one at epoch", 0, None)
    ]
    printed_added_mse_unlike: Annotated[
        Number, _added("printed test loss of epoch 10 regularised above that of epoch 40", 0, None)
    ]
    variance_saved: Annotated[
        Number, _saved("share of the last test loss's variance over seeds that regularization saves", "mean over seeds")
    ]
    mean_mse: Annotated[Number, squared_dollars("loss of always saying the mean")]
    curves: Annotated[np.ndarray, Quantity(least=0)]
    plain_curves: Annotated[np.ndarray, Quantity(least=0)]


@dataclass(frozen=True, kw_only=True)
class HeldBackBy(Results):
    """A technique with a number of rows, its strength chosen on their own later dates.

    Gains are over none, on the same rows and seeds. Limits of ``gain`` hold for all techniques and all numbers of rows
    together (Bonferroni); those of ``r2`` for itself alone.
    """

    r2: Annotated[Number, skill("R² of the position on test dates", "dates and seeds")]
    gain: Annotated[
        Number,
        _saved("squared error saved against none, with limits for all statements together", "dates and seeds", 1, 1),
    ]
    train_r2: Annotated[Number, skill("R² of the position on training rows", None)]
    gap: Annotated[Number, Quantity(says="R² lost from training rows to test dates", decimals=3)]


@dataclass(frozen=True, kw_only=True)
class AtSize(Results):
    """All techniques with one number of training rows."""

    rows: Annotated[Number, counted("training rows", least=1)]
    passes: Annotated[Number, counted("passes over the training rows", least=1)]
    techniques: Annotated[Mapping[str, HeldBackBy], Quantity(name="technique")]
    best: str
    positive: Annotated[Number, counted("techniques shown to save squared error")]
    negative: Annotated[Number, counted("techniques shown to add squared error")]


@dataclass(frozen=True, kw_only=True)
class FewRows(Results):
    """The position network, trained for equally many steps on few rows and on many."""

    experiment = "regularization/few-rows"
    sizes: Annotated[Mapping[int, AtSize], Quantity(name="rows")]
    seeds: int
    steps: Annotated[Number, counted("optimiser steps", least=1)]
    tried: Annotated[Number, counted("techniques tried", least=1)]
    statements: Annotated[Number, counted("statements whose limits hold together", least=1)]
    weights: Annotated[Number, counted("weights of the network", least=1)]
    all_rows: Annotated[Number, counted("training rows that there are", least=1)]
    all_rows_r2: Annotated[Number, skill("R² of a network trained on all rows", None)]

    @property
    def fewest(self) -> AtSize:
        """With the fewest rows."""
        return self.sizes[min(self.sizes)]

    @property
    def most(self) -> AtSize:
        """With the most rows."""
        return self.sizes[max(self.sizes)]

"""What the experiment on our first version's regularised run returns. Losses are in USD²."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.results.number import Number, Quantity
from labcode.results.typed import Results

#: Epochs, counted from 0, at which both runs are compared: those that our first version printed, and its last.
LIKE_EPOCHS = (0, 10, 19)
#: The epoch of the plain run that our first version set beside epoch 10 of the regularised one.
UNLIKE_EPOCH = 40


def _loss(says: str, name: str) -> Quantity:
    return Quantity(says=says, unit="USD²", decimals=0, least=0, over="seeds", name=name)


def _added(says: str, places: int = 1) -> Quantity:
    return Quantity(says=says, unit="USD²", decimals=places, over="mean over seeds")


@dataclass(frozen=True, kw_only=True)
class AsSubmitted(Results):
    """Our first version's regularised run beside its plain one, in pairs with the same initial weights.

    Shape
    -----
    ``curves`` and ``plain_curves`` ``(n_seeds, n_epochs, 2)``: loss of the step and of the test rows after it. ``loop``
    ``(n_epochs, 2)``: the regularised run of the first seed, by the plain loop.
    """

    experiment = "regularization/as-submitted"
    seeds: int
    train_mse_epoch: Annotated[Mapping[int, Number], _loss("regularised training loss at epoch", "train_mse_epoch")]
    test_mse_epoch: Annotated[Mapping[int, Number], _loss("regularised test loss at epoch", "test_mse_epoch")]
    plain_train_mse_epoch: Annotated[
        Mapping[int, Number], _loss("plain training loss at epoch", "plain_train_mse_epoch")
    ]
    plain_test_mse_epoch: Annotated[Mapping[int, Number], _loss("plain test loss at epoch", "plain_test_mse_epoch")]
    added_mse_epoch: Annotated[Mapping[int, Number], _added("test loss that regularization adds at epoch")]
    added_mse_unlike: Annotated[Number, _added("test loss of epoch 10 regularised above that of epoch 40 plain", 0)]
    plain_epoch_as_good: Annotated[
        Number,
        Quantity(
            says="epoch at which the plain run has the regularised one's last loss",
            decimals=1,
            least=0,
            over="mean over seeds",
        ),
    ]
    last_epoch: Annotated[Number, Quantity(says="last epoch of the regularised run", decimals=0, least=0)]
    printed_added_mse_epoch: Annotated[
        Mapping[int, Number],
        Quantity(says="printed regularised test loss above the printed plain one at epoch", unit="USD²", decimals=0),
    ]
    printed_added_mse_unlike: Annotated[
        Number,
        Quantity(says="printed test loss of epoch 10 regularised above that of epoch 40", unit="USD²", decimals=0),
    ]
    variance_saved: Annotated[
        Number,
        Quantity(
            says="share of the last test loss's variance over seeds that regularization saves",
            unit="%",
            decimals=0,
            over="mean over seeds",
        ),
    ]
    mean_mse: Annotated[Number, Quantity(says="loss of always saying the mean", unit="USD²", decimals=0, least=0)]
    largest_difference: Annotated[
        Number, Quantity(says="largest relative difference between the two loops", decimals=5, least=0)
    ]
    curves: Annotated[np.ndarray, Quantity(least=0)]
    plain_curves: Annotated[np.ndarray, Quantity(least=0)]
    loop: Annotated[np.ndarray, Quantity(least=0)]

"""Our first version's grid search, in plain skorch; whether its fault is in it depends on the shape of the target."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetRegressor

from labcode.lab.regression.first import FirstNetwork


class SearchedNetwork(FirstNetwork):
    """Our first network, the size of its first layer a parameter that a search can set."""

    def __init__(self, hidden1: int = 64) -> None:
        super().__init__((hidden1, 32))


def first_search(X: Any, y: Any, *, epochs: int = 5) -> GridSearchCV:
    """Search as our first version did; all but the epochs of each training is skorch's default.

    Standardised inputs ``(n, 4)`` and closes in USD, ``(n,)`` as we passed them, which is the fault, or ``(n, 1)``, the
    cure; both are float32.
    """
    network = NeuralNetRegressor(SearchedNetwork, max_epochs=epochs, optimizer=torch.optim.Adam, verbose=0)
    grid = {"lr": [0.001, 0.01], "module__hidden1": [32, 64]}
    search = GridSearchCV(network, grid, cv=2, scoring="neg_mean_squared_error")
    return search.fit(X, y)


def warning_of(X: Any, y: Any, *, epochs: int = 1) -> str:
    """What PyTorch says to that search on some rows, on one line; empty where it says nothing."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first_search(X, y, epochs=epochs)
    said = [str(warning.message) for warning in caught if "broadcasting" in str(warning.message)]
    return " ".join(said[0].split()) if said else ""

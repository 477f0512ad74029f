"""A network of the ladder watched while it trains: its scores after each epoch, and how many steps it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from skorch.callbacks import Callback

from labcode.lab.regression.network import Floats, position
from labcode.lab.regression.settings import Network
from labcode.lab.regression.views import ClosePredictor
from labcode.nets.batches import batch_sizes
from labcode.settings import SEED


def updates(rung: Mapping[str, Any], rows: int) -> int:
    """Optimiser steps of a training: batches of an epoch, as the loop takes them, times epochs."""
    size = rows if rung["batch_size"] == "full" else rung["batch_size"]
    return len(batch_sizes(rows, size)) * int(rung["max_epochs"])


def curves(network: Network, epochs: int, train: pd.DataFrame, test: pd.DataFrame) -> Floats:
    """RMSE (USD) and R² of the position after each epoch: on a random fifth of the training rows, then on the test's.

    Returns
    -------
    ndarray
        ``(epochs, 4)``.
    """
    predictor = ClosePredictor(hidden=network.hidden, batch_size=network.batch_size, max_epochs=epochs, lr=network.lr)
    target = position(train, train["close"])
    watch = _Watch(predictor, [train.sample(frac=0.2, random_state=SEED), test], target.mean(), target.std())
    predictor.callbacks = [watch]
    predictor.fit(train, train["close"])
    return np.array(watch.scores)


class _Watch(Callback):  # type: ignore[misc]
    """Scores a network that is still training."""

    def __init__(self, predictor: ClosePredictor, watched: list[pd.DataFrame], centre: float, scale: float) -> None:
        self.predictor, self.watched, self.centre, self.scale = predictor, watched, centre, scale
        self.scores: list[list[float]] = []

    def on_epoch_end(self, net: Any, **_: Any) -> None:
        """Note the scores of this epoch."""
        self.scores.append([score for days in self.watched for score in self._of(net, days)])

    def _of(self, net: Any, days: pd.DataFrame) -> tuple[float, float]:
        inputs, target = self.predictor.encode(days, days["close"])
        outputs = net.outputs(torch.from_numpy(inputs.astype(np.float32)).to(net.device)).cpu().double().numpy()
        answers = outputs[:, 0] * self.scale + self.centre  # as the estimator does once it has finished
        dollars = self.predictor.decode(days, answers)
        error = float(np.sqrt(np.mean((dollars - days["close"].to_numpy()) ** 2)))
        return error, float(1 - ((answers - target) ** 2).mean() / target.var())

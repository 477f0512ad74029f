"""What the experiments on tuning return. Errors are in USD, scores are minus a squared or a root mean squared error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd

from labcode.lab.quantities import counted, dollars, positive, skill
from labcode.results.number import Number, Over, Quantity
from labcode.results.typed import Results

#: The optimisers by their place in :attr:`Searched.optimizer`.
OPTIMIZERS = ("adam", "sgd")
OPTIMIZER_NAMES = {"adam": "Adam", "sgd": "SGD"}


def _score(says: str, over: Over | None = None) -> Quantity:
    return Quantity(says=says, unit="USD²", decimals=0, most=0, over=over)


@dataclass(frozen=True, kw_only=True)
class Tried(Results):
    """A candidate of our first version's grid."""

    lr: Annotated[Number, positive("learning rate", 3)]
    hidden1: Annotated[Number, counted("units of the first layer")]
    rmse: Annotated[Number, dollars("error with the fault", 1, over="range of seeds")]
    rmse_aligned: Annotated[Number, dollars("error with aligned shapes", 2, over="range of seeds")]


@dataclass(frozen=True, kw_only=True)
class FirstSearch(Results):
    """Our first version's search over many seeds, with the fault and with aligned shapes.

    ``scores`` ``(n_seeds, n_candidates)``, with the fault; ``lr``, ``hidden1`` ``(n_candidates,)``. ``actual``,
    ``predicted``, ``predicted_aligned`` ``(n_shown,)``: closes of some rows held out, by the first seed's choices.
    """

    experiment = "tuning/as-submitted"
    seeds: int
    warning: str
    batch_size: Annotated[Number, counted("rows of a batch")]
    updates: Annotated[Number, counted("optimiser steps of a training")]
    best_score: Annotated[Number, _score("best score", "seeds")]
    best_score_aligned: Annotated[Number, _score("best score with aligned shapes", "seeds")]
    best_rmse: Annotated[Number, dollars("error of the best candidate", 1, over="seeds")]
    best_rmse_aligned: Annotated[Number, dollars("error of the best candidate with aligned shapes", 2, over="seeds")]
    mean_score: Annotated[Number, _score("score of always saying the mean")]
    mean_rmse: Annotated[Number, dollars("error of always saying the mean", 1)]
    echo_score: Annotated[Number, _score("score of the mean with its echo")]
    echo_rmse: Annotated[Number, dollars("error of the mean with its echo", 1)]
    slope: Annotated[Number, Quantity(says="slope of the answers over the closes", decimals=3)]
    widest: Annotated[
        Number, Quantity(says="how far the worst candidate lies behind the best", unit="%", decimals=1, least=0)
    ]
    as_stated: Annotated[Number, counted("seeds that choose the stated candidate")]
    candidates: Annotated[Mapping[str, Tried], Quantity(name="candidate")]
    scores: Annotated[np.ndarray, Quantity(most=0)]
    lr: Annotated[np.ndarray, Quantity(least=0)]
    hidden1: Annotated[np.ndarray, Quantity(least=1)]
    actual: Annotated[np.ndarray, Quantity(least=0)]
    predicted: np.ndarray
    predicted_aligned: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Setting(Results):
    """A candidate of the search, and its mean score over the blocks."""

    optimizer: str
    lr: Annotated[Number, positive("learning rate", 4)]
    epochs: Annotated[Number, counted("epochs")]
    hidden: str
    rank: Annotated[Number, counted("rank in the search", least=1)]
    rmse: Annotated[Number, dollars("mean error over the blocks", 4)]
    over: Annotated[Number, skill("skill of the winner over it")]

    @property
    def words(self) -> str:
        """The setting in words: ``Adam, rate 0.001, layers 64-32, 4 epochs``."""
        name, epochs = (
            OPTIMIZER_NAMES[self.optimizer],
            f"{int(self.epochs.value)} epoch{'' if self.epochs == 1 else 's'}",
        )
        return f"{name}, rate {self.lr.value:g}, layers {self.hidden}, {epochs}"


@dataclass(frozen=True, kw_only=True)
class Block(Results):
    """A block of dates: what earlier blocks chose, what that promised over the start, and what it kept."""

    choice: str
    promised: Annotated[Number, skill("skill over the start, promised by earlier blocks", None)]
    kept: Annotated[Number, skill("skill over the start on the block", None)]


@dataclass(frozen=True, kw_only=True)
class Searched(Results):
    """The search, what its best are worth beside each other, and what its choice is worth on later dates.

    ``scores`` ``(n_candidates, n_folds)``: minus the RMSE. ``lr``, ``epochs``, ``optimizer`` (its place in
    :data:`OPTIMIZERS`) ``(n_candidates,)``, ``hidden`` ``(n_candidates, n_layers)``.
    """

    experiment = "tuning/regression"
    folds: int
    seeds: int
    rows: Annotated[Number, counted("rows of the search")]
    every: Annotated[Number, counted("every how many-th symbol", least=1)]
    candidates: Annotated[Number, counted("candidates")]
    fits: Annotated[Number, counted("networks trained")]
    best_score: Annotated[Number, Quantity(says="score of the winner", unit="USD", decimals=4, most=0)]
    within_a_cent: Annotated[Number, counted("candidates within a cent of the winner")]
    edges: Annotated[Number, counted("axes at whose end the winner lies")]
    start: Annotated[Setting, Quantity(says="the start")]
    paired: Annotated[Number, counted("runners-up")]
    tied: Annotated[Number, counted("runners-up whose interval holds zero")]
    best: Annotated[Mapping[int, Setting], Quantity(name="best")]
    replay: Annotated[Mapping[int, Block], Quantity(name="block")]
    promised: Annotated[Number, skill("promised skill over the start, mean of the blocks", None)]
    nested: Annotated[Number, skill("skill of the choice over the start on the block that follows")]
    test_rmse: Annotated[Number, dollars("error of the winner on the test dates", over="dates")]
    test_start_rmse: Annotated[Number, dollars("error of the start on the test dates", over="dates")]
    test_gain: Annotated[Number, skill("skill of the winner over the start on the test dates")]
    test_seed_spread: Annotated[Number, dollars("largest difference between seeds of a setting")]
    scores: Annotated[np.ndarray, Quantity(most=0)]
    lr: Annotated[np.ndarray, Quantity(least=0)]
    epochs: Annotated[np.ndarray, Quantity(least=1)]
    optimizer: Annotated[np.ndarray, Quantity(least=0, most=1)]
    hidden: Annotated[np.ndarray, Quantity(least=1)]

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each candidate, in the order of the search: its settings, and ``score``, minus the RMSE (USD)."""
        return pd.DataFrame(
            {
                "optimizer": [OPTIMIZERS[int(place)] for place in self.optimizer],
                "lr": self.lr,
                "epochs": self.epochs.astype(int),
                "hidden": ["-".join(map(str, layers)) for layers in self.hidden.astype(int)],
                "score": self.scores.mean(axis=1),
            }
        )


@dataclass(frozen=True, kw_only=True)
class Halved(Results):
    """Successive halving over the search's candidates, beside the full search.

    ``rungs`` ``(n, 3)``: candidate, epochs and RMSE (USD), a row for each candidate and rung.
    """

    experiment = "tuning/halving"
    candidates: Annotated[Number, counted("candidates")]
    epochs: Annotated[Number, counted("epochs that halving trains, a fold")]
    full_epochs: Annotated[Number, counted("epochs that a full search trains, a fold")]
    affordable: Annotated[Number, counted("candidates that a full search could train at the cost of halving")]
    better_in_full: Annotated[Number, counted("candidates of the full search that beat its choice")]
    best_rmse: Annotated[Number, dollars("error of halving's choice", 4)]
    full_rmse: Annotated[Number, dollars("error of the full search's choice", 4)]
    affordable_rmse: Annotated[Number, dollars("expected best error of a full search at the cost of halving", 4)]
    rungs: Annotated[np.ndarray, Quantity(least=0)]

"""The rows and folds of the classification experiments, and the scores that all of them state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedKFold

from labcode.data.columns import FAILURE, QUALITY, SENSORS
from labcode.lab.classification.classes import CLASSES, RANDOM
from labcode.scoring import scores
from labcode.scoring.intervals import Confusions, Statistic
from labcode.scoring.scores import Floats, macro_f1_without
from labcode.settings import SEED

Numbers = NDArray[np.int64]
Fold = tuple[Numbers, Numbers]
N_CLASSES = len(CLASSES)


@dataclass(frozen=True)
class FailureRows:
    """Rows of quality and sensors with their failure types.

    Shape
    -----
    ``X`` ``(n, 6)``, ``labels`` ``(n,)``, and ``y`` ``(n,)``: the label's place in the alphabet, from 0.
    """

    X: pd.DataFrame
    labels: NDArray[np.str_]
    y: Numbers

    def __len__(self) -> int:
        return len(self.y)

    def take(self, places: Numbers) -> tuple[pd.DataFrame, NDArray[np.str_]]:
        """Inputs and labels of some rows, to train on."""
        return self.X.iloc[places], self.labels[places]


def failure_rows(X: pd.DataFrame, y: pd.Series | None = None) -> FailureRows:
    """Rows of a frame in Kaggle's layout, or of inputs and labels of a split; `Target` is left out."""
    labels = np.asarray(X[FAILURE] if y is None else y, dtype=str)
    return FailureRows(X[[QUALITY, *SENSORS]], labels, class_numbers(labels))


def class_numbers(labels: ArrayLike) -> Numbers:
    """Places of labels in :data:`~labcode.lab.classification.classes.CLASSES`, ``(n,)`` to ``(n,)``."""
    return np.searchsorted(list(CLASSES), np.asarray(labels, dtype=str)).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class FoldsSpec:
    """Repeated stratified folds over all rows, the same for every model that is compared."""

    folds: int = 5
    repeats: int = 2

    def of(self, rows: FailureRows) -> list[list[Fold]]:
        """For each repeat, the training and the held-out rows of each fold."""
        seeds = range(SEED, SEED + self.repeats)
        return [
            list(StratifiedKFold(self.folds, shuffle=True, random_state=seed).split(rows.X, rows.labels))
            for seed in seeds
        ]


def in_all_classes(probabilities: Floats, labels: ArrayLike) -> Floats:
    """Probabilities of the labels that a model knows, ``(…, k)``, as those of all six, ``(…, 6)``."""
    whole = np.zeros((*probabilities.shape[:-1], N_CLASSES))
    whole[..., class_numbers(labels)] = probabilities
    return whole


def without_weights(probabilities: Floats, weights: Floats) -> Floats:
    """Probabilities ``(…, k)`` of a model whose classes weighed ``(k,)`` in the loss, as if they had weighed alike.

    A model that sees a class ``w`` times as often learns odds that are ``w`` times too high (Saerens et al., 2002,
    "Adjusting the outputs of a classifier to new a priori probabilities").

    Examples
    --------
    >>> without_weights(np.array([0.5, 0.5]), np.array([1.0, 4.0]))
    array([0.8, 0.2])
    """
    shares = probabilities / weights
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def five_classes(confusion: Floats) -> Floats:
    """Macro-F1 without random failures, which are luck; ``(…, 6, 6)`` to ``(…)``."""
    return macro_f1_without(confusion, RANDOM)


def confusion_counts(y: Numbers, calls: Numbers) -> Floats:
    """Confusion counts ``(6, 6)`` of class numbers ``(n,)``, actual classes in rows."""
    return scores.confusion_counts(y, calls, N_CLASSES)


def confusions_of(y: Numbers, predictions: Sequence[ArrayLike]) -> Confusions:
    """Counts and resamples for predictors that each have class numbers ``(repeats, n)``, one after the other."""
    return Confusions.of(y, np.concatenate([np.atleast_2d(np.asarray(each)) for each in predictions]), N_CLASSES)


def mean_score(score: Callable[[Floats], Floats], place: int, repeats: int) -> Statistic:
    """Mean over the repeats of the score of the predictor at a place; scores may be ``(…)`` or one a class."""

    def statistic(counts: Floats) -> Floats:
        return np.asarray(np.mean([score(counts[..., place * repeats + i, :, :]) for i in range(repeats)], axis=0))

    return statistic


def mean_gain(score: Callable[[Floats], Floats], place: int, other: int, repeats: int) -> Statistic:
    """How much higher the mean score of one predictor is than that of another."""
    ours, theirs = (mean_score(score, each, repeats) for each in (place, other))
    return lambda counts: ours(counts) - theirs(counts)

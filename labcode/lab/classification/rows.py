"""The rows and folds of the classification experiments, and the scores that all of them state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedKFold

from labcode.data.columns import FAILURE, QUALITY, SENSORS
from labcode.lab.classification.classes import CLASSES, RANDOM
from labcode.results.number import Number
from labcode.scoring import scores
from labcode.scoring.intervals import Confusions, Interval, Statistic
from labcode.scoring.scores import Floats, macro_f1_without
from labcode.settings import SEED

T = TypeVar("T")
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

    def part(self, places: Numbers) -> FailureRows:
        """Some of the rows."""
        return FailureRows(self.X.iloc[places], self.labels[places], self.y[places])


def failure_rows(X: pd.DataFrame, y: pd.Series | None = None) -> FailureRows:
    """Rows of a frame in Kaggle's layout, or of inputs and labels of a split; `Target` is left out."""
    labels = np.asarray(X[FAILURE] if y is None else y, dtype=str)
    return FailureRows(X[[QUALITY, *SENSORS]], labels, class_numbers(labels))


def class_numbers(labels: ArrayLike) -> Numbers:
    """Places of labels in :data:`~labcode.lab.classification.classes.CLASSES`, ``(n,)`` to ``(n,)``."""
    return np.searchsorted(list(CLASSES), np.asarray(labels, dtype=str)).astype(np.int64)


def folds_of(labels: NDArray[np.str_], folds: int, repeat: int = 0) -> list[Fold]:
    """Training and held-out rows of each stratified fold, the same for every model that is compared."""
    return list(StratifiedKFold(folds, shuffle=True, random_state=SEED + repeat).split(labels, labels))


def out_of_fold(folds: Sequence[Fold], answers: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """What is said of each row when it is held out, ``(n, …)``."""
    whole = np.zeros((sum(len(own) for own in answers), *answers[0].shape[1:]), answers[0].dtype)
    for (_, held), own in zip(folds, answers, strict=True):
        whole[held] = own
    return whole


def number(found: Interval) -> Number:
    """A measured interval as a figure of a result."""
    return Number(float(found.value), float(found.low), float(found.high))


def by_class(values: Iterable[T]) -> dict[str, T]:
    """Values ``(6,)`` by the names of the classes."""
    return dict(zip(CLASSES.values(), values, strict=True))


def row_losses(y: Numbers, chances: Floats) -> Floats:
    """Minus the logarithm of the actual class's chance, at least 1e-15; ``(n,)`` and ``(…, n, 6)`` to ``(…, n)``."""
    return np.asarray(-np.log(np.maximum(chances[..., np.arange(len(y)), y], 1e-15)))


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

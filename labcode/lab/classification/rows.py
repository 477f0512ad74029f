"""The rows and folds of the classification experiments, and the scores that all of them state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedKFold

from labcode.data.columns import FAILURE, QUALITY, SENSORS
from labcode.lab.classification.classes import CLASSES, N_CLASSES, RANDOM, Fold, Labels, Numbers
from labcode.lab.quantities import number
from labcode.results.number import Number
from labcode.scoring import scores
from labcode.scoring.intervals import Confusions, Statistic
from labcode.scoring.scores import Floats, macro_f1_without
from labcode.settings import SEED

#: Turns confusion counts ``(…, 6, 6)`` into values ``(…)``, or one a class.
Score = Callable[[Floats], Floats]


@dataclass(frozen=True)
class FailureRows:
    """Quality and sensors of rows ``X`` ``(n, 6)``, their ``labels`` ``(n,)``, and these' places in the alphabet."""

    X: pd.DataFrame
    labels: Labels
    y: Numbers

    def __len__(self) -> int:
        return len(self.y)

    def part(self, places: Numbers) -> FailureRows:
        """Some of the rows."""
        return FailureRows(self.X.iloc[places], self.labels[places], self.y[places])


def failure_rows(machines: pd.DataFrame) -> FailureRows:
    """Rows of a frame in Kaggle's layout; `Target` is left out."""
    labels = np.asarray(machines[FAILURE], dtype=str)
    return FailureRows(machines[[QUALITY, *SENSORS]], labels, class_numbers(labels))


def class_numbers(labels: ArrayLike) -> Numbers:
    """Places of labels in :data:`~labcode.lab.classification.classes.CLASSES`, ``(n,)`` to ``(n,)``."""
    return np.searchsorted(list(CLASSES), np.asarray(labels, dtype=str)).astype(np.int64)


def folds_of(labels: Labels, folds: int, repeat: int = 0) -> list[Fold]:
    """Training and held-out rows of each stratified fold, the same for every model that is compared."""
    return list(StratifiedKFold(folds, shuffle=True, random_state=SEED + repeat).split(labels, labels))


def out_of_fold(folds: Sequence[Fold], answers: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """What is said of each row when it is held out, ``(n, …)``."""
    whole = np.zeros((sum(len(own) for own in answers), *answers[0].shape[1:]), answers[0].dtype)
    for (_, held), own in zip(folds, answers, strict=True):
        whole[held] = own
    return whole


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


@dataclass(frozen=True)
class Compared:
    """Predictors of the same rows, each with so many repeats; a score is the mean of a predictor's repeats."""

    counts: Confusions
    repeats: int = 1

    @classmethod
    def of(cls, y: Numbers, predictions: Sequence[ArrayLike], repeats: int = 1) -> Compared:
        """Count and resample predictors that each have class numbers ``(repeats, n)``."""
        calls = np.concatenate([np.atleast_2d(np.asarray(each)) for each in predictions])
        return cls(Confusions.of(y, calls, N_CLASSES), repeats)

    def score(self, score: Score, place: int = 0) -> Number:
        """The mean score of the predictor at a place; limits resample rows within each class."""
        return number(self.counts.interval(self._mean(score, place)))

    def gain(self, score: Score, place: int, other: int = 0) -> Number:
        """How much higher that is than the mean score of another."""
        return number(self.counts.interval(self._difference(score, place, other)))

    def by_class(self, score: Score, place: int, other: int | None = None) -> dict[str, Number]:
        """The same, or the gain over another, for a score with a value a class, ``(…, 6)``."""
        statistic = self._mean(score, place) if other is None else self._difference(score, place, other)
        return dict(zip(CLASSES.values(), map(number, self.counts.intervals(statistic)), strict=True))

    def _mean(self, score: Score, place: int) -> Statistic:
        places = range(place * self.repeats, (place + 1) * self.repeats)
        return lambda counts: np.asarray(np.mean([score(counts[..., i, :, :]) for i in places], axis=0))

    def _difference(self, score: Score, place: int, other: int) -> Statistic:
        ours, theirs = self._mean(score, place), self._mean(score, other)
        return lambda counts: np.asarray(ours(counts) - theirs(counts))

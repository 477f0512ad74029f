"""Scores of classifiers from their confusion counts, with intervals that resample rows; scores of probabilities.

Rows are resampled within each actual class, so that every resample has the class mix of the rows. What a resample says
about several predictors of the same rows is known together, so differences between them are paired.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labcode.scoring.scores import Interval, macro_f1
from labcode.settings import SEED

Floats = NDArray[np.float64]
#: Turns confusion counts ``(…, n_predictors, k, k)`` into values ``(…)``.
Statistic = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Confusions:
    """Confusion counts of predictors of the same rows, and of resamples of those rows.

    Attributes
    ----------
    counts
        Shape ``(n_predictors, k, k)``: actual classes in rows, predicted ones in columns.
    draws
        The same for each resample, shape ``(n_draws, n_predictors, k, k)``.

    Examples
    --------
    >>> found = Confusions.of([0, 0, 1, 1], [[0, 0, 1, 1], [0, 0, 0, 1]], 2)
    >>> found.counts[1].tolist()
    [[2.0, 0.0], [1.0, 1.0]]
    >>> found.interval(lambda counts: accuracy(counts[..., 0, :, :]) - accuracy(counts[..., 1, :, :])).value
    0.25
    """

    counts: Floats
    draws: Floats

    @classmethod
    def of(cls, y: ArrayLike, predictions: ArrayLike, k: int, *, draws: int = 2_000, seed: int = SEED) -> Confusions:
        """Count, and count again in resamples.

        Parameters
        ----------
        y
            Actual class numbers from 0, shape ``(n_rows,)``.
        predictions
            Predicted class numbers, shape ``(n_predictors, n_rows)``.
        k
            Number of classes.
        draws, seed
            Number of resamples, and their seed.
        """
        rows = np.column_stack([np.asarray(y), np.asarray(predictions).T]).astype(np.int64)
        # Rows that agree in everything are drawn together, so a draw costs little however many rows there are.
        patterns, sizes = np.unique(rows, axis=0, return_counts=True)
        weights = np.zeros((draws, len(patterns)))
        random = np.random.default_rng(seed)
        for actual in np.unique(patterns[:, 0]):
            own = np.flatnonzero(patterns[:, 0] == actual)
            weights[:, own] = random.multinomial(sizes[own].sum(), sizes[own] / sizes[own].sum(), size=draws)
        cells = patterns[:, :1] * k + patterns[:, 1:]
        # One predictor at a time, or the indicators of all would need gigabytes.
        counted = [np.vstack([weights, sizes]) @ np.eye(k * k)[own] for own in cells.T]
        both = np.stack(counted, axis=1).reshape(draws + 1, -1, k, k)
        return cls(both[-1], both[:-1])

    def interval(self, statistic: Statistic, *, level: float = 0.95) -> Interval:
        """A statistic of the counts, and its percentile limits over the resamples."""
        return self.intervals(lambda counts: statistic(counts)[..., None], level=level)[0]

    def intervals(self, statistic: Statistic, *, level: float = 0.95) -> list[Interval]:
        """The same for a statistic with several values, ``(…, m)``, such as one a class."""
        tail = (1 - level) / 2
        low, high = np.quantile(statistic(self.draws), [tail, 1 - tail], axis=0)
        return [Interval(*map(float, limits)) for limits in zip(statistic(self.counts), low, high, strict=True)]


def _ratio(part: Floats, whole: Floats) -> Floats:
    """A share, 0 where there is nothing to share."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _right(confusion: Floats) -> Floats:
    return np.diagonal(confusion, axis1=-2, axis2=-1).astype(np.float64)


def accuracy(confusion: Floats) -> Floats:
    """Share of rows that are right; ``(…, k, k)`` to ``(…)``."""
    return _right(confusion).sum(axis=-1) / confusion.sum(axis=(-2, -1))


def recalls(confusion: Floats) -> Floats:
    """Share of each class's rows that are found (sensitivity); ``(…, k, k)`` to ``(…, k)``."""
    return _ratio(_right(confusion), confusion.sum(axis=-1))


def precisions(confusion: Floats) -> Floats:
    """Share of what is called a class that is of it, 0 where nothing is; ``(…, k, k)`` to ``(…, k)``."""
    return _ratio(_right(confusion), confusion.sum(axis=-2))


def specificities(confusion: Floats) -> Floats:
    """Share of the rows of other classes that are not called this one; ``(…, k, k)`` to ``(…, k)``."""
    right, actual, called = _right(confusion), confusion.sum(axis=-1), confusion.sum(axis=-2)
    others = confusion.sum(axis=(-2, -1))[..., None] - actual
    return _ratio(others - (called - right), others)


def f1_scores(confusion: Floats) -> Floats:
    """F1 of each class, 0 for one that is neither there nor predicted; ``(…, k, k)`` to ``(…, k)``.

    Examples
    --------
    >>> f1_scores(np.array([[3.0, 1.0], [0.0, 4.0]])).round(3).tolist()
    [0.857, 0.889]
    """
    return _ratio(2 * _right(confusion), confusion.sum(axis=-1) + confusion.sum(axis=-2))


def balanced_accuracy(confusion: Floats) -> Floats:
    """Mean recall of the classes that there are; ``(…, k, k)`` to ``(…)``."""
    return recalls(confusion).sum(axis=-1) / (confusion.sum(axis=-1) > 0).sum(axis=-1)


def matthews(confusion: Floats) -> Floats:
    """Matthews' correlation of actual and predicted classes, 0 for a constant answer; ``(…, k, k)`` to ``(…)``.

    For several classes as in Gorodkin (2004), "Comparing two K-category assignments by a K-category correlation
    coefficient".

    Examples
    --------
    >>> float(matthews(np.array([[3.0, 1.0], [0.0, 4.0]])))
    0.774...
    """
    actual, called = confusion.sum(axis=-1), confusion.sum(axis=-2)
    n = confusion.sum(axis=(-2, -1))
    covariance = _right(confusion).sum(axis=-1) * n - (actual * called).sum(axis=-1)
    spread = (n**2 - (actual**2).sum(axis=-1)) * (n**2 - (called**2).sum(axis=-1))
    return _ratio(covariance, np.sqrt(spread))


def weighted_f1(confusion: Floats) -> Floats:
    """Mean F1 of the rows' classes; ``(…, k, k)`` to ``(…)``."""
    return (f1_scores(confusion) * confusion.sum(axis=-1)).sum(axis=-1) / confusion.sum(axis=(-2, -1))


def macro_f1_without(confusion: Floats, left_out: int) -> Floats:
    """Mean F1 of the other classes, in the problem that still has this one; ``(…, k, k)`` to ``(…)``."""
    return np.delete(f1_scores(confusion), left_out, axis=-1).mean(axis=-1)


def balanced_counts(confusion: Floats) -> Floats:
    """Shares of each actual class, as if the rows held equally many of each; ``(…, k, k)`` to the same."""
    return _ratio(confusion.astype(np.float64), np.broadcast_to(confusion.sum(axis=-1)[..., None], confusion.shape))


def _mean_of_classes(score: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    return lambda confusion: score(confusion).mean(axis=-1)


#: Scores of confusion counts ``(…, k, k)``, each of shape ``(…)``.
SCORES: dict[str, Callable[[Floats], Floats]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "precision_macro": _mean_of_classes(precisions),
    "sensitivity_macro": _mean_of_classes(recalls),
    "specificity_macro": _mean_of_classes(specificities),
    "f1_macro": macro_f1,
    "f1_weighted": weighted_f1,
    "mcc": matthews,
}


def log_loss(y: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean of minus the logarithm of the probability given to the actual class, at least 1e-15."""
    given = np.asarray(probabilities, dtype=np.float64)[np.arange(len(np.asarray(y))), np.asarray(y)]
    return float(-np.log(np.clip(given, 1e-15, 1.0)).mean())


def brier_score(y: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean squared distance of the probabilities from the actual class, summed over classes: 0 is perfect, 2 worst.

    Examples
    --------
    >>> brier_score([0, 1], [[1.0, 0.0], [0.5, 0.5]])
    0.25
    """
    shares = np.asarray(probabilities, dtype=np.float64)
    return float(((shares - np.eye(shares.shape[1])[np.asarray(y)]) ** 2).sum(axis=1).mean())


def ranking_scores(y: ArrayLike, probabilities: ArrayLike) -> tuple[Floats, Floats]:
    """Area under the precision-recall and under the ROC curve of each class against the rest.

    Shape
    -----
    ``y`` ``(n,)`` class numbers, ``probabilities`` ``(n, k)``; returns two of ``(k,)``, NaN for a class without rows or
    without others.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    numbers, shares = np.asarray(y), np.asarray(probabilities)
    precision_recall, roc = np.full((2, shares.shape[1]), np.nan)
    for k in np.unique(numbers) if len(np.unique(numbers)) > 1 else []:
        precision_recall[k] = average_precision_score(numbers == k, shares[:, k])
        roc[k] = roc_auc_score(numbers == k, shares[:, k])
    return precision_recall, roc


def calibration_error(actual: ArrayLike, probability: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error: mean distance of probability and frequency, over equally wide bins of probability.

    Parameters
    ----------
    actual
        Whether it happened, shape ``(n,)``.
    probability
        With what probability it was expected, shape ``(n,)``.
    bins
        Number of bins between 0 and 1; each counts by its rows.

    Examples
    --------
    >>> calibration_error([False, False, True, True], [0.1, 0.1, 0.6, 0.6])
    0.25
    """
    happened, expected = np.asarray(actual, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    places = np.minimum((expected * bins).astype(int), bins - 1)
    gaps = np.bincount(places, weights=happened - expected, minlength=bins)
    return float(np.abs(gaps).sum() / len(happened))

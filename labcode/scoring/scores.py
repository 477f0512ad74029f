"""Scores of classifiers from their confusion counts, for many predictors and resamples at once; of probabilities too.

A score takes counts of shape ``(…, k, k)``: actual classes in rows, predicted ones in columns. A share of nothing is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def confusion_counts(y: ArrayLike, predicted: ArrayLike, k: int) -> Floats:
    """Confusion counts ``(…, k, k)`` of predictors of the same rows.

    ``y`` ``(n,)`` holds the actual class numbers, from 0 to ``k - 1``, ``predicted`` ``(…, n)`` the predicted ones.

    >>> confusion_counts([0, 0, 1, 1], [[0, 0, 1, 1], [0, 0, 0, 1]], 2)[1].tolist()
    [[2.0, 0.0], [1.0, 1.0]]
    """
    cells = np.asarray(y) * k + np.asarray(predicted)
    counts = [np.bincount(own, minlength=k * k) for own in cells.reshape(-1, cells.shape[-1])]
    return np.stack(counts).reshape(*cells.shape[:-1], k, k).astype(np.float64)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _right(confusion: Floats) -> Floats:
    return np.diagonal(confusion, axis1=-2, axis2=-1).astype(np.float64)


def accuracy(confusion: Floats) -> Floats:
    """Share of rows that are right; ``(…, k, k)`` to ``(…)``."""
    return np.asarray(_right(confusion).sum(axis=-1) / confusion.sum(axis=(-2, -1)))


def recalls(confusion: Floats) -> Floats:
    """Share of each class's rows that are found (sensitivity); ``(…, k, k)`` to ``(…, k)``."""
    return _ratio(_right(confusion), confusion.sum(axis=-1))


def precisions(confusion: Floats) -> Floats:
    """Share of what is called a class that is of it; ``(…, k, k)`` to ``(…, k)``."""
    return _ratio(_right(confusion), confusion.sum(axis=-2))


def f1_scores(confusion: Floats) -> Floats:
    """F1 of each class, 2 TP / (2 TP + FP + FN); ``(…, k, k)`` to ``(…, k)``.

    >>> f1_scores(np.array([[3.0, 1.0], [0.0, 4.0]])).round(3).tolist()
    [0.857, 0.889]
    """
    return _ratio(2 * _right(confusion), confusion.sum(axis=-1) + confusion.sum(axis=-2))


def macro_f1(confusion: Floats) -> Floats:
    """Mean F1 over classes; ``(…, k, k)`` to ``(…)``."""
    return np.asarray(f1_scores(confusion).mean(axis=-1))


def macro_f1_without(confusion: Floats, left_out: int) -> Floats:
    """Mean F1 of the other classes, in the problem that still has this one; ``(…, k, k)`` to ``(…)``."""
    return np.asarray(np.delete(f1_scores(confusion), left_out, axis=-1).mean(axis=-1))


def weighted_f1(confusion: Floats) -> Floats:
    """Mean F1 of the rows' classes; ``(…, k, k)`` to ``(…)``."""
    return np.asarray((f1_scores(confusion) * confusion.sum(axis=-1)).sum(axis=-1) / confusion.sum(axis=(-2, -1)))


def balanced_counts(confusion: Floats) -> Floats:
    """Shares of each actual class, as if the rows held equally many of each; ``(…, k, k)`` to the same."""
    return _ratio(confusion.astype(np.float64), np.broadcast_to(confusion.sum(axis=-1)[..., None], confusion.shape))


def log_loss(y: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean of minus the logarithm of the probability given to the actual class, at least 1e-15.

    ``y`` ``(n,)`` holds class numbers from 0, ``probabilities`` has the shape ``(n, k)``.
    """
    given = np.asarray(probabilities, dtype=np.float64)[np.arange(len(np.asarray(y))), np.asarray(y)]
    return float(-np.log(np.clip(given, 1e-15, 1.0)).mean())


def calibration_error(actual: ArrayLike, probability: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error: mean distance of probability and frequency, over equally wide bins of probability.

    ``actual`` ``(n,)`` says whether it happened, ``probability`` ``(n,)`` how likely it was said to be; each of the
    ``bins`` between 0 and 1 counts by its rows.

    >>> calibration_error([False, False, True, True], [0.1, 0.1, 0.6, 0.6])
    0.25
    """
    happened, expected = np.asarray(actual, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    places = np.minimum((expected * bins).astype(int), bins - 1)
    gaps = np.bincount(places, weights=happened - expected, minlength=bins)
    return float(np.abs(gaps).sum() / len(happened))

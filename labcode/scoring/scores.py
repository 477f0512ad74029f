"""Scores and their intervals, for rows that come in clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labcode.settings import SEED

Floats = NDArray[np.float64]
#: Trading days that an interval draws together, about a month: bad days come in runs.
DATE_BLOCK = 20


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence limits."""

    value: float
    low: float
    high: float


def cluster_bootstrap(
    parts: ArrayLike,
    clusters: ArrayLike,
    statistic: Callable[[Floats], Floats],
    *,
    block: int = 1,
    draws: int = 2_000,
    level: float = 0.95,
    seed: int = SEED,
) -> Interval:
    """Interval of a statistic of sums, by resampling whole clusters with replacement (percentile method).

    Clusters that depend on their neighbours, as days do, are drawn in blocks: the circular block bootstrap of Politis
    and Romano (1992).

    Parameters
    ----------
    parts
        What is summed, shape ``(n_rows, n_parts)``; for a root mean squared error the squared errors and ones.
    clusters
        Cluster of each row, shape ``(n_rows,)``: a date, a symbol, or the row's own number.
    statistic
        Turns sums of shape ``(..., n_parts)`` into values of shape ``(...)``.
    block
        Neighbouring clusters, in their sorted order, that are drawn together; see :func:`resampled_sums`.
    draws
        Number of resamples.
    level
        Coverage of the interval.
    seed
        Seed of the resampling.

    Returns
    -------
    Interval
        The statistic of all rows, and the percentile limits.

    Examples
    --------
    >>> mean = lambda sums: sums[..., 0] / sums[..., 1]
    >>> cluster_bootstrap([[1, 1], [1, 1], [4, 1]], [0, 0, 1], mean).value
    2.0
    """
    rows = np.asarray(parts, dtype=np.float64)
    _, codes = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.column_stack([np.bincount(codes, weights=column) for column in rows.T])
    random = np.random.default_rng(seed)
    # In slices: with a cluster a row, all draws at once would need gigabytes.
    sizes = [min(200, draws - start) for start in range(0, draws, 200)]
    values = [statistic(resampled_sums(sums, random, draws=size, block=block)) for size in sizes]
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(values), [tail, 1 - tail])
    return Interval(float(statistic(sums.sum(axis=0))), float(low), float(high))


def resampled_sums(sums: Floats, random: np.random.Generator, *, draws: int, block: int = 1) -> Floats:
    """Sums over clusters that are drawn with replacement, in blocks of neighbours.

    Parameters
    ----------
    sums
        The sums of each cluster, in order, shape ``(n_clusters, n_parts)``.
    random
        What draws.
    draws
        Number of resamples.
    block
        Clusters in a block, at most a tenth of all; the last and the first are neighbours.

    Returns
    -------
    ndarray
        Shape ``(draws, n_parts)``; with blocks, of about as many clusters as there are.
    """
    n = len(sums)
    block = max(1, min(block, n // 10))
    totals = np.sum([np.roll(sums, -shift, axis=0) for shift in range(block)], axis=0)
    return random.multinomial(max(1, round(n / block)), np.full(n, 1 / n), size=draws) @ totals


def two_way_interval(
    parts: ArrayLike,
    dates: ArrayLike,
    others: ArrayLike,
    statistic: Callable[[Floats], Floats],
    *,
    block: int = 1,
    draws: int = 2_000,
    level: float = 0.95,
    seed: int = SEED,
) -> Interval:
    """Interval of a statistic of sums, by resampling dates and, independently, other clusters such as symbols.

    Each row counts as often as its date times as often as its symbol was drawn: the pigeonhole bootstrap (Owen 2007),
    here with dates in circular blocks. It is a little wider than needed, never too narrow.

    Parameters
    ----------
    parts
        What is summed, shape ``(n_rows, n_parts)``.
    dates, others
        The two clusters of each row, shape ``(n_rows,)``.
    statistic
        Turns sums of shape ``(..., n_parts)`` into values of shape ``(...)``.
    block
        Neighbouring dates that are drawn together.
    draws, level, seed
        Number of resamples, coverage of the interval, and seed of the resampling.
    """
    rows = np.asarray(parts, dtype=np.float64)
    (_, date), (_, other) = (np.unique(np.asarray(each), return_inverse=True) for each in (dates, others))
    shape = (date.max() + 1, other.max() + 1)
    cells = np.stack(
        [np.bincount(date * shape[1] + other, column, shape[0] * shape[1]).reshape(shape) for column in rows.T]
    )
    random = np.random.default_rng(seed)
    size = max(1, min(block, shape[0] // 10))
    starts = random.multinomial(max(1, round(shape[0] / size)), np.full(shape[0], 1 / shape[0]), size=draws)
    by_date = np.sum([np.roll(starts, shift, axis=1) for shift in range(size)], axis=0).astype(np.float64)
    by_other = random.multinomial(shape[1], np.full(shape[1], 1 / shape[1]), size=draws)
    sums = np.stack([((by_date @ part) * by_other).sum(axis=1) for part in cells], axis=-1)
    tail = (1 - level) / 2
    low, high = np.quantile(statistic(sums), [tail, 1 - tail])
    return Interval(float(statistic(rows.sum(axis=0))), float(low), float(high))


def next_draw_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Mean of draws, and the empirical quantiles between which one more draw should fall; no shape is assumed.

    With n draws the i-th smallest is taken as the quantile i / (n + 1), so that few draws give the wider limits that
    they can vouch for, and never more than from the lowest to the highest.

    Parameters
    ----------
    values
        Earlier draws, shape ``(n,)``. A single one gives infinite limits.
    level
        Chance that the next draw falls inside, where there are enough draws.
    """
    draws = np.asarray(values, dtype=np.float64)
    if len(draws) < 2:
        return Interval(float(draws.mean()), -np.inf, np.inf)
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], method="weibull")
    return Interval(float(draws.mean()), float(low), float(high))


def rmse_interval(errors: ArrayLike, clusters: ArrayLike, **options: int) -> Interval:
    """Root mean squared error, in the unit of the errors, and its interval by resampling clusters.

    Parameters
    ----------
    errors
        Predicted minus actual, shape ``(n_rows,)``.
    clusters
        Cluster of each row, shape ``(n_rows,)``.
    """
    squared = np.square(np.asarray(errors, dtype=np.float64))
    parts = np.column_stack([squared, np.ones_like(squared)])
    return cluster_bootstrap(parts, clusters, lambda sums: np.sqrt(sums[..., 0] / sums[..., 1]), **options)


def mean_interval(values: ArrayLike, clusters: ArrayLike, **options: int) -> Interval:
    """Mean of values, shape ``(n_rows,)``, and its interval by resampling clusters."""
    numbers = np.asarray(values, dtype=np.float64)
    parts = np.column_stack([numbers, np.ones_like(numbers)])
    return cluster_bootstrap(parts, clusters, lambda sums: sums[..., 0] / sums[..., 1], **options)


def skill_interval(squared: ArrayLike, reference: ArrayLike, clusters: ArrayLike, **options: int) -> Interval:
    """Skill over a reference, 1 - MSE / MSE of the reference, and its interval: 0 is as good, 1 perfect.

    Parameters
    ----------
    squared, reference
        Squared errors of the model and of the reference on the same rows, shape ``(n_rows,)``.
    clusters
        Cluster of each row, shape ``(n_rows,)``.
    """
    parts = np.column_stack([np.asarray(squared), np.asarray(reference)])
    return cluster_bootstrap(parts, clusters, lambda sums: 1 - sums[..., 0] / sums[..., 1], **options)


def prediction_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Where one more draw should fall, given draws from the same normal distribution: mean, and Student's t limits.

    Parameters
    ----------
    values
        Earlier draws, shape ``(n,)``, such as a score over seeds. A single one gives infinite limits.
    level
        Chance that the next draw falls inside.

    Examples
    --------
    >>> prediction_interval([1.0, 2.0, 3.0]).value
    2.0
    """
    from scipy.stats import t  # heavy, and needed here only

    draws = np.asarray(values, dtype=np.float64)
    n, mean = len(draws), float(draws.mean())
    if n < 2:
        return Interval(mean, -np.inf, np.inf)
    half = float(t.ppf((1 + level) / 2, n - 1) * draws.std(ddof=1) * np.sqrt(1 + 1 / n))
    return Interval(mean, mean - half, mean + half)


def mean_of_seeds(values: ArrayLike) -> Interval:
    """Mean over seeds and its confidence interval by Student's t; a single seed gives infinite limits.

    Examples
    --------
    >>> mean_of_seeds([1.0, 1.0, 1.0])
    Interval(value=1.0, low=1.0, high=1.0)
    """
    next_draw = prediction_interval(values)
    n = np.size(values)
    if n < 2:
        return next_draw
    half = (next_draw.high - next_draw.value) / np.sqrt(n + 1)
    return Interval(next_draw.value, float(next_draw.value - half), float(next_draw.value + half))


def intraclass_correlation(values: ArrayLike, clusters: ArrayLike, **options: int) -> Interval:
    """Share of the variance that lies between clusters: the one-way random-effects ICC(1), and its interval.

    From the mean squares of a one-way analysis of variance with clusters of unequal size (Shrout and Fleiss 1979, case
    1). 0 means that rows of a cluster are no more alike than any others, 1 that they are all the same.

    Parameters
    ----------
    values, clusters
        One value and one cluster for each row, shape ``(n_rows,)``; no value may be missing.
    """
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers - numbers.mean()  # the sums of squares below cancel badly for values far from zero
    _, codes, sizes = np.unique(np.asarray(clusters), return_inverse=True, return_counts=True)
    sums = np.bincount(codes, weights=numbers)
    squares = np.bincount(codes, weights=numbers**2)
    parts = np.column_stack([sizes, sums, squares, sums**2 / sizes, sizes**2, np.ones(len(sizes))])
    return cluster_bootstrap(parts, np.arange(len(sizes)), _icc, **options)


def _icc(sums: Floats) -> Floats:
    n, total, squares, explained, sizes_squared, k = np.moveaxis(sums, -1, 0)
    between = (explained - total**2 / n) / (k - 1)
    within = (squares - explained) / (n - k)
    size = (n - sizes_squared / n) / (k - 1)
    return (between - within) / (between + (size - 1) * within)


def effective_rows(icc: float, sizes: ArrayLike) -> float:
    """Independent rows that would tell as much about a mean as clustered ones do.

    The number of rows divided by Kish's design effect for clusters of unequal size, 1 + (sum m^2 / sum m - 1) ICC.

    Parameters
    ----------
    icc
        Intraclass correlation.
    sizes
        Rows of each cluster, shape ``(n_clusters,)``.

    Examples
    --------
    >>> effective_rows(0.0, [10, 10]), effective_rows(1.0, [10, 10])
    (20.0, 2.0)
    """
    m = np.asarray(sizes, dtype=np.float64)
    return float(m.sum() / (1 + ((m**2).sum() / m.sum() - 1) * icc))


def macro_f1(confusion: Floats) -> Floats:
    """Mean over classes of F1, 2 TP / (2 TP + FP + FN); 0 for a class that is neither there nor predicted.

    Shape
    -----
    ``confusion`` ``(…, k, k)``, actual classes in rows and predicted ones in columns; returns ``(…)``.

    Examples
    --------
    >>> float(macro_f1(np.array([[3.0, 1.0], [0.0, 4.0]])))
    0.873...
    """
    confusion = np.asarray(confusion, dtype=np.float64)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    total = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    return np.divide(2 * right, total, out=np.zeros_like(right), where=total > 0).mean(axis=-1)


def macro_f1_interval(y: ArrayLike, predicted: ArrayLike, **options: int) -> Interval:
    """Macro-F1 of predicted class numbers, and its interval from resampling rows within each class."""
    return macro_f1_gain(y, predicted, None, **options)


def macro_f1_gain(
    y: ArrayLike,
    predicted: ArrayLike,
    reference: ArrayLike | None,
    *,
    draws: int = 2_000,
    level: float = 0.95,
    seed: int = SEED,
) -> Interval:
    """How much macro-F1 predictions gain over a reference on the same rows, and the paired interval of that.

    Rows are resampled within each actual class, so that every draw has the class mix of the rows (percentile method).

    Parameters
    ----------
    y, predicted, reference
        Class numbers from 0, shape ``(n_rows,)``: actual, predicted, and predicted by the reference. Without a
        reference, the macro-F1 itself.
    draws, level, seed
        Number of resamples, coverage of the interval, and seed of the resampling.

    Examples
    --------
    >>> macro_f1_gain([0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]).value
    0.266...
    """
    actual, first = np.asarray(y), np.asarray(predicted)
    second = first if reference is None else np.asarray(reference)
    k = int(max(actual.max(), first.max(), second.max())) + 1
    cells = np.zeros((k, k * k))  # for each class, its rows by what the two predict
    np.add.at(cells, (actual, first * k + second), 1.0)

    def value(counts: Floats) -> Floats:
        pairs = counts.reshape(*counts.shape[:-1], k, k)
        of_first = macro_f1(pairs.sum(axis=-1))
        return of_first if reference is None else of_first - macro_f1(pairs.sum(axis=-2))

    random = np.random.default_rng(seed)
    sizes = cells.sum(axis=1)
    drawn = [
        random.multinomial(int(n), row / n if n else np.full(k * k, 1 / (k * k)), size=draws)
        for n, row in zip(sizes, cells)
    ]
    tail = (1 - level) / 2
    low, high = np.quantile(value(np.stack(drawn, axis=1)), [tail, 1 - tail])
    return Interval(float(value(cells)), float(low), float(high))

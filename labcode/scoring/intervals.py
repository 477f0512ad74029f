"""Intervals of 95%: by resampling rows, clusters of rows or both their clusters, and over seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labcode.scoring.scores import Floats, confusion_counts
from labcode.settings import SEED

#: Turns sums ``(…, n_parts)``, or confusion counts ``(…, n_predictors, k, k)``, into values ``(…)``.
Statistic = Callable[[Floats], Floats]

#: Trading days that an interval draws together, about a month: bad days come in runs.
DATE_BLOCK = 20
LEVEL = 0.95
_TAIL = (1 - LEVEL) / 2


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence limits."""

    value: float
    low: float
    high: float


def percentile_interval(value: Floats, draws: Floats, tried: int = 1) -> Interval:
    """An estimate and the percentile limits of its resamples ``(n_draws,)``.

    The limits hold for so many statements together (Bonferroni).
    """
    low, high = np.quantile(draws, [_TAIL / tried, 1 - _TAIL / tried])
    return Interval(float(value), float(low), float(high))


def draws_within(strata: ArrayLike, sizes: ArrayLike, *, draws: int) -> NDArray[np.float32]:
    """How often each of some groups of equal rows is drawn, ``(draws, n)``, when rows are drawn within their strata.

    ``strata`` and ``sizes`` ``(n,)`` are the label and the number of rows of each group.
    """
    labels, rows = np.asarray(strata), np.asarray(sizes)
    random = np.random.default_rng(SEED)
    counts = np.empty((draws, len(labels)), dtype=np.float32)
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        counts[:, own] = random.multinomial(rows[own].sum(), rows[own] / rows[own].sum(), size=draws)
    return counts


@dataclass(frozen=True)
class Confusions:
    """Confusion counts of predictors of the same rows, and of resamples of those rows within each actual class.

    ``counts`` has the shape ``(n_predictors, k, k)``, actual classes in rows, ``draws`` ``(n_draws, n_predictors, k,
    k)``. What a resample says about several predictors is known together, so differences between them are paired.

    >>> found = Confusions.of([0, 0, 1, 1], [[0, 0, 1, 1], [0, 0, 0, 1]], 2)
    >>> found.interval(lambda counts: counts[..., 0, 1, 1] - counts[..., 1, 1, 1]).value
    1.0
    """

    counts: Floats
    draws: Floats

    @classmethod
    def of(cls, y: ArrayLike, predictions: ArrayLike, k: int, *, draws: int = 2_000) -> Confusions:
        """Count, and count again in resamples: class numbers ``(n_rows,)`` and ``(n_predictors, n_rows)``."""
        rows = np.column_stack([np.asarray(y), np.asarray(predictions).T]).astype(np.int64)
        # Rows that agree in everything are drawn together, so a draw costs little however many rows there are.
        patterns, sizes = np.unique(rows, axis=0, return_counts=True)
        weights = draws_within(patterns[:, 0], sizes, draws=draws)
        cells = patterns[:, :1] * k + patterns[:, 1:]
        # One predictor at a time, or the indicators of all would need gigabytes.
        counted = np.stack([weights @ np.eye(k * k)[own] for own in cells.T], axis=1)
        return cls(confusion_counts(y, predictions, k), counted.reshape(draws, -1, k, k))

    def interval(self, statistic: Statistic) -> Interval:
        """A statistic of the counts, and its percentile limits over the resamples."""
        return percentile_interval(statistic(self.counts), statistic(self.draws))

    def intervals(self, statistic: Statistic) -> list[Interval]:
        """The same for a statistic with several values, ``(…, m)``, such as one a class."""
        return [
            percentile_interval(*pair) for pair in zip(statistic(self.counts), statistic(self.draws).T, strict=True)
        ]


def _starts(n: int, random: np.random.Generator, draws: int, block: int) -> tuple[NDArray[np.int64], int]:
    """How often a block begins at each of ``n`` neighbours, ``(draws, n)``, and its length: a tenth of all at most."""
    block = max(1, min(block, n // 10))
    return random.multinomial(max(1, round(n / block)), np.full(n, 1 / n), size=draws), block


def block_draws(n: int, random: np.random.Generator, *, draws: int, block: int = 1) -> Floats:
    """How often each of ``n`` neighbours is drawn, ``(draws, n)``, in blocks; the last and the first are neighbours."""
    starts, block = _starts(n, random, draws, block)
    return np.asarray(np.sum([np.roll(starts, shift, axis=1) for shift in range(block)], axis=0), dtype=np.float64)


def cluster_bootstrap(
    parts: ArrayLike, clusters: ArrayLike, statistic: Statistic, *, block: int = 1, draws: int = 2_000
) -> Interval:
    """Interval of a statistic of sums, by resampling whole clusters with replacement.

    Clusters that depend on their neighbours, as days do, are drawn in blocks: the circular block bootstrap of Politis
    and Romano (1992).

    ``parts`` ``(n_rows, n_parts)`` is what is summed: for a root mean squared error the squared errors and ones.
    ``clusters`` ``(n_rows,)`` holds a date, a symbol or the row's own number for each, and ``statistic`` turns sums
    ``(…, n_parts)`` into values ``(…)``. ``block`` neighbouring clusters, in their sorted order, are drawn together; a
    tenth of all at most.

    >>> mean = lambda sums: sums[..., 0] / sums[..., 1]
    >>> cluster_bootstrap([[1, 1], [1, 1], [4, 1]], [0, 0, 1], mean).value
    2.0
    """
    _, codes = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.column_stack([np.bincount(codes, weights=column) for column in np.asarray(parts, dtype=np.float64).T])
    random = np.random.default_rng(SEED)
    values = []
    for start in range(0, draws, 200):  # with a cluster a row, all draws at once would need gigabytes
        starts, length = _starts(len(sums), random, min(200, draws - start), block)
        values.append(statistic(starts @ np.sum([np.roll(sums, -shift, axis=0) for shift in range(length)], axis=0)))
    return percentile_interval(statistic(sums.sum(axis=0)), np.concatenate(values))


def two_way_interval(
    parts: ArrayLike, dates: ArrayLike, others: ArrayLike, statistic: Statistic, *, block: int = 1, draws: int = 2_000
) -> Interval:
    """Interval of a statistic of sums, by resampling dates and, independently, other clusters such as symbols.

    Each row counts as often as its date times as often as its symbol was drawn: the pigeonhole bootstrap (Owen 2007),
    here with dates in circular blocks. It is a little wider than needed, never too narrow. For the parameters see
    :func:`cluster_bootstrap`; `block` dates are drawn together.
    """
    rows = np.asarray(parts, dtype=np.float64)
    (_, date), (_, other) = (np.unique(np.asarray(each), return_inverse=True) for each in (dates, others))
    n, m = date.max() + 1, other.max() + 1
    cells = [np.bincount(date * m + other, column, n * m).reshape(n, m) for column in rows.T]
    random = np.random.default_rng(SEED)
    by_date = block_draws(n, random, draws=draws, block=block)
    by_other = block_draws(m, random, draws=draws)
    sums = np.stack([((by_date @ part) * by_other).sum(axis=1) for part in cells], axis=-1)
    return percentile_interval(statistic(rows.sum(axis=0)), statistic(sums))


def _shares(sums: Floats) -> Floats:
    return np.asarray(sums[..., 0] / sums[..., 1])


def mean_interval(values: ArrayLike, clusters: ArrayLike, **options: int) -> Interval:
    """Mean of values, shape ``(n_rows,)``, and its interval by :func:`cluster_bootstrap`, which takes the options."""
    numbers = np.asarray(values, dtype=np.float64)
    return cluster_bootstrap(np.column_stack([numbers, np.ones_like(numbers)]), clusters, _shares, **options)


def rmse_interval(errors: ArrayLike, clusters: ArrayLike, **options: int) -> Interval:
    """Root mean squared error of predicted minus actual, shape ``(n_rows,)``, in their unit; as `mean_interval`."""
    squared = np.square(np.asarray(errors, dtype=np.float64))
    parts = np.column_stack([squared, np.ones_like(squared)])
    return cluster_bootstrap(parts, clusters, lambda sums: np.sqrt(_shares(sums)), **options)


def skill_interval(squared: ArrayLike, reference: ArrayLike, clusters: ArrayLike, **options: int) -> Interval:
    """Skill over a reference, 1 - MSE / MSE of the reference, as :func:`mean_interval`: 0 is as good, 1 perfect.

    ``squared`` and ``reference`` are the squared errors of both on the same rows, shape ``(n_rows,)``.
    """
    parts = np.column_stack([np.asarray(squared), np.asarray(reference)])
    return cluster_bootstrap(parts, clusters, lambda sums: 1 - _shares(sums), **options)


def next_draw_limits(values: ArrayLike) -> Floats:
    """Empirical quantiles between which one more draw should fall, ``(n, …)`` to ``(2, …)``; no shape is assumed.

    The i-th smallest of n draws is taken as the quantile i / (n + 1), so that few draws give the wider limits that they
    can vouch for, and never more than from the lowest to the highest.
    """
    return np.asarray(np.quantile(np.asarray(values, dtype=np.float64), [_TAIL, 1 - _TAIL], axis=0, method="weibull"))


def next_draw_interval(values: ArrayLike) -> Interval:
    """Mean of draws ``(n,)``, and :func:`next_draw_limits`; a single draw gives infinite limits."""
    draws = np.asarray(values, dtype=np.float64)
    low, high = next_draw_limits(draws) if len(draws) > 1 else (-np.inf, np.inf)
    return Interval(float(draws.mean()), float(low), float(high))


def prediction_limits(values: ArrayLike) -> Floats:
    """Limits by Student's t of one more draw from the normal distribution of these, ``(n, …)`` to ``(2, …)``."""
    from scipy.stats import t  # heavy, and needed here only

    draws = np.asarray(values, dtype=np.float64)
    n, mean = len(draws), draws.mean(axis=0)
    half = t.ppf(1 - _TAIL, n - 1) * draws.std(axis=0, ddof=1) * np.sqrt(1 + 1 / n)
    return np.stack([mean - half, mean + half])


def prediction_interval(values: ArrayLike) -> Interval:
    """Mean of draws ``(n,)``, and :func:`prediction_limits`; a single draw gives infinite limits.

    >>> prediction_interval([1.0, 2.0, 3.0]).value
    2.0
    """
    low, high = prediction_limits(values) if np.size(values) > 1 else (-np.inf, np.inf)
    return Interval(float(np.mean(np.asarray(values, dtype=np.float64))), float(low), float(high))


def mean_of_seeds(values: ArrayLike) -> Interval:
    """Mean over seeds and its confidence interval by Student's t; a single seed gives infinite limits.

    >>> mean_of_seeds([1.0, 1.0, 1.0])
    Interval(value=1.0, low=1.0, high=1.0)
    """
    next_draw = prediction_interval(values)
    half = (next_draw.high - next_draw.value) / np.sqrt(np.size(values) + 1)
    return Interval(next_draw.value, float(next_draw.value - half), float(next_draw.value + half))


def intraclass_correlation(values: ArrayLike, clusters: ArrayLike, **options: int) -> Interval:
    """Share of the variance that lies between clusters: the one-way random-effects ICC(1), and its interval.

    From the mean squares of a one-way analysis of variance with clusters of unequal size (Shrout and Fleiss 1979, case
    1). 0 means that rows of a cluster are no more alike than any others, 1 that they are all the same. ``values`` and
    ``clusters`` ``(n_rows,)`` lack none.
    """
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers - numbers.mean()  # the sums of squares below cancel badly for values far from zero
    _, codes, sizes = np.unique(np.asarray(clusters), return_inverse=True, return_counts=True)
    sums, squares = np.bincount(codes, weights=numbers), np.bincount(codes, weights=numbers**2)
    parts = np.column_stack([sizes, sums, squares, sums**2 / sizes, sizes**2, np.ones(len(sizes))])
    return cluster_bootstrap(parts, np.arange(len(sizes)), _icc, **options)


def _icc(sums: Floats) -> Floats:
    n, total, squares, explained, sizes_squared, k = np.moveaxis(sums, -1, 0)
    between = (explained - total**2 / n) / (k - 1)
    within = (squares - explained) / (n - k)
    size = (n - sizes_squared / n) / (k - 1)
    return np.asarray((between - within) / (between + (size - 1) * within))


def effective_rows(icc: float, sizes: ArrayLike) -> float:
    """Independent rows that would tell as much about a mean as clustered ones do, by their intraclass correlation.

    The number of rows divided by Kish's design effect for clusters of ``sizes`` ``(n_clusters,)`` rows,
    1 + (sum m^2 / sum m - 1) ICC.

    >>> effective_rows(0.0, [10, 10]), effective_rows(1.0, [10, 10])
    (20.0, 2.0)
    """
    m = np.asarray(sizes, dtype=np.float64)
    return float(m.sum() / (1 + ((m**2).sum() / m.sum() - 1) * icc))

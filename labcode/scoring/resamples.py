"""Resamples of rows, and of rows with seeds, drawn once for all methods, so that their differences are paired."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labcode.scoring.intervals import draws_within
from labcode.scoring.scores import Floats, macro_f1
from labcode.settings import SEED

Counts = NDArray[np.float32]
Places = NDArray[np.int64]


def row_draws(y: Places, draws: int) -> Counts:
    """How often each row is drawn, ``(draws + 1, n)``; rows are drawn within each class of ``y`` ``(n,)``.

    The first draw has every row once: a statistic of it is the estimate itself.
    """
    once = np.ones((1, len(y)), dtype=np.float32)
    return np.concatenate([once, draws_within(y, np.ones_like(y), draws=draws)])


def seed_draws(folds: int, seeds: int, draws: int) -> Floats:
    """How much each network of a fold counts, ``(runs, draws + 1, folds, seeds)``: one seed a fold in each of the runs.

    A draw has one run less than there are seeds, which makes the variance of its mean that of the mean over seeds (Rao
    and Wu, 1988, "Resampling inference with complex survey data"). In the first draw all seeds count alike; with a
    single seed, in all draws.
    """
    runs = max(1, seeds - 1)
    picks = np.random.default_rng(SEED + 1).integers(seeds, size=(runs, draws + 1, folds))
    weights = np.eye(seeds)[picks]
    weights[:, 0] = 1 / seeds
    return weights


def drawn_means(losses: Floats, fold_of: Places, counts: Counts, weights: Floats) -> Floats:
    """Means over rows and seeds in each draw, ``(k, draws + 1)``, of losses ``(k, n_seeds, n)`` of ``k`` methods.

    ``fold_of`` ``(n,)`` is the fold that holds each row out; `row_draws` and `seed_draws` give counts and weights.
    """
    k, seeds, n = losses.shape
    share = weights.mean(axis=0)
    total = np.zeros((k, len(counts)))
    for fold in range(share.shape[1]):
        own = fold_of == fold
        sums = counts[:, own].astype(np.float64) @ losses[:, :, own].reshape(k * seeds, -1).T
        total += np.einsum("dks,ds->kd", sums.reshape(-1, k, seeds), share[:, fold])
    return np.asarray(total / n)


def drawn_macro_f1(y: Places, predicted: Places, fold_of: Places, counts: Counts, weights: Floats, k: int) -> Floats:
    """Mean over seeds of macro-F1 in each draw, ``(n_methods, draws + 1)``; the rest as in :func:`drawn_means`.

    ``y`` are class numbers from 0 to ``k`` ``(n,)``, ``predicted`` those of the networks, ``(n_methods, n_seeds, n)``.
    """
    found = np.zeros((len(predicted), len(counts)))
    folds = range(weights.shape[2])
    for i, of_seeds in enumerate(predicted):
        cells = np.stack([_cells(y, own, fold_of, counts, len(folds), k) for own in of_seeds], axis=2)
        runs = [np.einsum("dfsc,dfs->dc", cells, run).reshape(-1, k, k) for run in weights]
        found[i] = np.mean([macro_f1(run) for run in runs], axis=0)
        found[i, 0] = np.mean([macro_f1(own.sum(axis=0).reshape(k, k)) for own in np.moveaxis(cells[0], 1, 0)])
    return found


def _cells(y: Places, predicted: Places, fold_of: Places, counts: Counts, folds: int, k: int) -> Floats:
    """Confusion counts in each draw and fold, ``(draws + 1, folds, k * k)``."""
    cell = np.eye(k * k, dtype=np.float32)[y * k + predicted]
    found = [counts[:, fold_of == fold] @ cell[fold_of == fold] for fold in range(folds)]
    return np.stack(found, axis=1).astype(np.float64)

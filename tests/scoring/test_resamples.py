"""Draws of rows and seeds: the first is the estimate, alike methods never differ, variances are those of the means."""

from __future__ import annotations

import numpy as np
import pytest

from labcode.scoring.resamples import drawn_macro_f1, drawn_means, row_draws, seed_draws
from labcode.scoring.scores import macro_f1


def test_the_first_draw_is_the_estimate_and_alike_methods_never_differ() -> None:
    random = np.random.default_rng(1)
    y, fold_of = random.integers(0, 3, 300), random.integers(0, 4, 300)
    predicted = np.where(random.random((2, 3, 300)) < 0.7, y, random.integers(0, 3, (2, 3, 300)))
    predicted[1] = predicted[0]
    losses = random.random((2, 3, 300))
    counts, weights = row_draws(y, 200), seed_draws(4, 3, 200)
    assert drawn_means(losses, fold_of, counts, weights)[:, 0] == pytest.approx(losses.mean(axis=(1, 2)))
    f1 = drawn_macro_f1(y, predicted, fold_of, counts, weights, 3)
    single = [macro_f1(np.bincount(y * 3 + own, minlength=9).reshape(3, 3).astype(float)) for own in predicted[0]]
    assert f1[0, 0] == pytest.approx(np.mean(single))
    assert (f1[0] == f1[1]).all() and len(np.unique(f1[0])) > 100
    assert f1[0, 1:].mean() == pytest.approx(f1[0, 0], abs=0.01)


def test_draws_of_seeds_have_the_variance_of_their_mean() -> None:
    by_seed = np.array([0.0, 1.0, 5.0])
    losses = np.broadcast_to(by_seed[None, :, None], (1, 3, 60)).copy()
    y, fold_of = np.zeros(60, dtype=int), np.zeros(60, dtype=int)
    drawn = drawn_means(losses, fold_of, row_draws(y, 20_000), seed_draws(1, 3, 20_000))[0, 1:]
    assert drawn.var() == pytest.approx(by_seed.var(ddof=1) / 3, rel=0.05)

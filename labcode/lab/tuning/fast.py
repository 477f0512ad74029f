"""Our first version's search again, over many seeds: the same steps, with all networks of a shape in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import KFold

from labcode.lab.regression.network import Floats

if TYPE_CHECKING:
    from labcode.lab.tuning.settings import First

#: skorch holds out the first fifth of the rows that it is given, to watch a loss that nobody reads.
_WATCHED = 5


def asked_for(y: Floats, batch_size: int) -> Floats:
    """What the broadcast loss asks of each row ``(n,)``: the mean of its batch.

    The mean over all n × n errors is the squared distance to that mean, and the variance of the batch, which no answer
    can change; so the two losses have the same gradients.
    """
    starts = np.arange(0, len(y), batch_size)
    sizes = np.diff([*starts, len(y)])
    return np.repeat(np.add.reduceat(y, starts) / sizes, sizes)


def folds_of(rows: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """scikit-learn's two folds, their training rows without those that skorch holds out."""
    folds = KFold(2).split(np.empty(rows))
    return [(train[next(KFold(_WATCHED).split(train))[0]], held) for train, held in folds]


def fast_search(X: Any, y: Any, settings: First, *, faulty: bool) -> tuple[Floats, list[Any]]:
    """Train all candidates with all seeds on both folds.

    Parameters
    ----------
    X, y
        Inputs ``(n, 4)`` and closes ``(n,)``.
    settings
        The grid, and how many seeds.
    faulty
        Whether a network is asked for the mean of its batch, as the broadcast does, or for the close.

    Returns
    -------
    scores, networks
        Mean over the folds of minus the mean squared error (USD²), ``(n_seeds, n_candidates)``; and the networks of
        the first fold, seed by seed.
    """
    from labcode.nets.estimators import TabularRegressor
    from labcode.nets.together import TrainingRows, fit_together

    common: dict[str, Any] = {"standardize_target": False, "shuffle": False}
    common |= {"batch_size": settings.batch_size, "max_epochs": settings.epochs}
    networks = [
        TabularRegressor(**common, lr=rate, hidden=(units, 32), random_state=seed)
        for seed in range(settings.seeds)
        for rate, units in settings.candidates
    ]
    folds = folds_of(len(X))
    targets = [y[train].astype(np.float64) for train, _ in folds]
    targets = [asked_for(closes, settings.batch_size) for closes in targets] if faulty else targets
    rows = [TrainingRows(X[train], target) for (train, _), target in zip(folds, targets, strict=True)]
    fits = fit_together([*networks, *networks], [fold for fold in rows for _ in networks], n_jobs=-1)
    fitted = np.array([fit.estimator for fit in fits], dtype=object).reshape(2, -1)
    errors = [
        [np.mean((network.predict(X[held]) - y[held]) ** 2) for network in of_fold]
        for of_fold, (_, held) in zip(fitted, folds, strict=True)
    ]
    return -np.mean(errors, axis=0).reshape(settings.seeds, -1), list(fitted[0])

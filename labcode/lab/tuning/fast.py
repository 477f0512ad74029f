"""Our first version's grid search over many seeds, with the fault in its shapes and without it.

The steps are the same, with all networks of a shape in one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import KFold

from labcode.book.reference import stated
from labcode.lab.needs import closes, on_prices
from labcode.lab.quantities import Data, Stored, over_range
from labcode.lab.regression.network import Floats
from labcode.lab.tuning.results import FirstSearch, Tried
from labcode.lab.tuning.settings import First
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.intervals import prediction_interval
from labcode.settings import SEED

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
    """Train all candidates with all seeds on both folds of inputs ``(n, 4)`` and closes ``(n,)``.

    If ``faulty``, a network is asked for the mean of its batch, as the broadcast does, else for the close. Returns
    the mean over the folds of minus the mean squared error (USD²), ``(n_seeds, n_candidates)``; and the networks of the
    first fold, seed by seed.
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


def run_first_search(spec: First, *, data: Data, results: Stored, progress: Progress) -> FirstSearch:
    """Search twice, with the broadcast loss and with the squared error that was meant, and see what was learned."""
    from labcode.lab.regression.first import first_split
    from labcode.lab.tuning.first import warning_of

    X, _, y, _ = (part.numpy() for part in first_split(data["prices"].frame))
    y = y[:, 0]
    folds = folds_of(len(X))
    shown = np.random.default_rng(SEED).choice(folds[0][1], min(spec.shown_rows, len(folds[0][1])), replace=False)
    scores, answers = [], []
    for broadcast in (True, False):
        of_loss, networks = fast_search(X, y, spec, faulty=broadcast)
        scores.append(of_loss)
        answers.append(networks[int(of_loss[0].argmax())].predict(X[shown]))
        progress(len(scores) / 2)
    warning = warning_of(X[: spec.warned_rows], y[: spec.warned_rows])
    y = y.astype(np.float64)
    mean = -float(np.mean([((y[held] - y[train].mean()) ** 2).mean() for train, held in folds]))
    echo = mean * (1 - 1 / spec.batch_size) ** 2
    faulty, aligned = scores
    best, best_aligned = faulty.max(axis=1), aligned.max(axis=1)
    rmse = np.sqrt(-faulty.mean(axis=0))
    lr, hidden1 = np.array(spec.candidates).T
    reported = (stated("tuning.lr").value, stated("tuning.hidden1").value)
    return FirstSearch(
        seeds=spec.seeds,
        warning=warning,
        batch_size=Number(spec.batch_size),
        updates=Number(-(-len(folds[0][0]) // spec.batch_size) * spec.epochs),
        best_score=_next_seed(best, most=0.0),
        best_score_aligned=_next_seed(best_aligned, most=0.0),
        best_rmse=_next_seed(np.sqrt(-best), least=0.0),
        best_rmse_aligned=_next_seed(np.sqrt(-best_aligned), least=0.0),
        mean_score=Number(mean),
        mean_rmse=Number((-mean) ** 0.5),
        echo_score=Number(echo),
        echo_rmse=Number((-echo) ** 0.5),
        slope=Number(float(np.polyfit(y[shown], answers[0], 1)[0])),
        widest=Number(float(rmse.max() / rmse.min() - 1)),
        as_stated=Number(sum(spec.candidates[place] == reported for place in faulty.argmax(axis=1))),
        candidates={
            f"{rate:g}, {units}": Tried(
                lr=Number(rate),
                hidden1=Number(units),
                rmse=over_range(np.sqrt(-faulty[:, place])),
                rmse_aligned=over_range(np.sqrt(-aligned[:, place])),
            )
            for place, (rate, units) in enumerate(spec.candidates)
        },
        scores=faulty,
        lr=lr,
        hidden1=hidden1,
        actual=y[shown],
        predicted=answers[0],
        predicted_aligned=answers[1],
    )


def _next_seed(values: Floats, *, least: float = -np.inf, most: float = np.inf) -> Number:
    """The mean over seeds, and where one more should fall; limits end where the number must."""
    interval = prediction_interval(values)
    return Number(interval.value, max(interval.low, least), min(interval.high, most))


EXPERIMENTS = (on_prices(run_first_search, "tuning.first", lacks=closes, seconds=75),)

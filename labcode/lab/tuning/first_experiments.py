"""Our first version's grid search over many seeds, with the fault in its shapes and without it."""

from __future__ import annotations

import numpy as np

from labcode.book.reference import stated
from labcode.lab.needs import closes, on_prices
from labcode.lab.quantities import Data, Stored, over_range
from labcode.lab.regression.network import Floats
from labcode.lab.tuning.fast import fast_search, folds_of
from labcode.lab.tuning.results import FirstSearch, Tried
from labcode.lab.tuning.settings import First
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.intervals import prediction_interval
from labcode.settings import SEED


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
        as_stated=Number(_as_stated(faulty, spec)),
        candidates=_candidates(spec, faulty, aligned),
        scores=faulty,
        lr=lr,
        hidden1=hidden1,
        actual=y[shown],
        predicted=answers[0],
        predicted_aligned=answers[1],
    )


def _candidates(spec: First, faulty: Floats, aligned: Floats) -> dict[str, Tried]:
    """Each candidate's error in USD, from scores ``(n_seeds, n_candidates)``."""
    return {
        f"{rate:g}, {units}": Tried(
            lr=Number(rate),
            hidden1=Number(units),
            rmse=over_range(np.sqrt(-faulty[:, place])),
            rmse_aligned=over_range(np.sqrt(-aligned[:, place])),
        )
        for place, (rate, units) in enumerate(spec.candidates)
    }


def _next_seed(values: Floats, *, least: float = -np.inf, most: float = np.inf) -> Number:
    """The mean over seeds, and where one more should fall; limits end where the number must."""
    interval = prediction_interval(values)
    return Number(interval.value, max(interval.low, least), min(interval.high, most))


def _as_stated(scores: Floats, spec: First) -> int:
    """How many seeds choose the candidate that our first version reports."""
    choice = (stated("tuning.lr").value, stated("tuning.hidden1").value)
    return sum(spec.candidates[place] == choice for place in scores.argmax(axis=1))


EXPERIMENTS = (on_prices(run_first_search, "tuning.first", lacks=closes, seconds=75),)

"""The experiment on few rows and many: strengths from their own later dates, gains over seeds and test dates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from labcode.lab.needs import on_prices
from labcode.lab.quantities import Data, Stored, estimate
from labcode.lab.regression.network import Floats, fit_position_network, position, position_inputs, position_pipeline
from labcode.lab.regression.split import folds_by_date, split_by_date
from labcode.lab.regularization.results import AtSize, FewRows, HeldBackBy
from labcode.lab.regularization.settings import FewRows as Settings
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.intervals import DATE_BLOCK, block_draws
from labcode.scoring.resamples import drawn_means, seed_draws
from labcode.settings import SEED

if TYPE_CHECKING:
    from labcode.nets.estimators import TabularRegressor

#: The parameter of a :class:`~labcode.nets.estimators.TabularRegressor` that each technique with a strength sets.
PARAMETER: dict[str, str] = {
    "dropout": "dropout",
    "decay": "weight_decay",
    "l1": "l1",
    "noise": "input_noise",
    "smaller": "hidden",
    "stopping": "max_epochs",
}
#: All that are compared with none: six with a strength, and an ensemble.
TECHNIQUES = (*PARAMETER, "ensemble")
#: A technique's name and its strength.
Candidate = tuple[str, float]
NONE: Candidate = ("none", 0.0)


def unfitted(spec: Settings, rows: int, seed: int, technique: str, strength: float) -> TabularRegressor:
    """The network of a technique for so many training rows."""
    from labcode.nets.estimators import TabularRegressor

    passes = passes_over(spec, rows)
    changed: dict[str, Any] = {"smaller": (int(strength),), "stopping": max(1, round(strength * passes))}
    options: dict[str, Any] = {"hidden": spec.network.hidden, "max_epochs": passes, "weight_decay": 0.0}
    if technique in PARAMETER:
        options[PARAMETER[technique]] = changed.get(technique, strength)
    return TabularRegressor(
        lr=spec.lr,
        batch_size=spec.batch_size,
        schedule="onecycle",
        optimizer="adamw",
        random_state=seed,
        **options,
    )


def passes_over(spec: Settings, rows: int) -> int:
    """Passes over so many rows in which the steps are taken, one at least."""
    return max(1, round(spec.steps / -(-rows // spec.batch_size)))


def predicted(
    spec: Settings, days: pd.DataFrame, candidates: Sequence[Candidate], seeds: Sequence[int], *others: pd.DataFrame
) -> list[Floats]:
    """Train a network for each candidate, all of one shape as one, and ask for positions of others, ``(k, n)`` each."""
    from labcode.nets.together import TrainingRows, fit_together

    inputs = position_pipeline(None)[:-1].fit(days)
    rows = TrainingRows(inputs.transform(days), position(days, days["close"]))
    networks = [unfitted(spec, len(days), seed, *named) for named, seed in zip(candidates, seeds, strict=True)]
    fitted: Any = [fit.estimator for fit in fit_together(networks, [rows] * len(networks))]
    asked = [inputs.transform(other) for other in others]
    return [np.stack([np.clip(network.predict(X), -1, 1) for network in fitted]) for X in asked]


def chosen_strengths(spec: Settings, days: pd.DataFrame, seed: int) -> list[Candidate]:
    """For each technique the strength with the lowest squared error on later dates of the training rows themselves."""
    candidates = [(name, float(strength)) for name in PARAMETER for strength in getattr(spec, name)]
    losses = np.zeros(len(candidates))
    for earlier, later in folds_by_date(days["date"], spec.folds, spec.block_share):
        held_out = days.iloc[later]
        (answers,) = predicted(spec, days.iloc[earlier], candidates, [seed] * len(candidates), held_out)
        losses += ((answers - position(held_out, held_out["close"])) ** 2).sum(axis=1)
    ranked = sorted(zip(losses, candidates, strict=True), key=lambda tried: (tried[0], tried[1][1]))
    return [next(candidate for _, candidate in ranked if candidate[0] == name) for name in PARAMETER]


def held_back(spec: Settings, days: pd.DataFrame, test: pd.DataFrame, seed: int) -> tuple[Floats, Floats]:
    """Choose strengths, train with each on all these days, and score the positions, by technique, ``none`` first.

    Returns the share of the training rows' variance that is left, ``(n_techniques + 1,)``, and squared errors on the
    test rows, ``(n_techniques + 1, n_test)``.
    """
    chosen = chosen_strengths(spec, days, seed)
    others = [seed + 1000 * i for i in range(1, spec.members)]  # of the ensemble, in which none is a member too
    candidates = [NONE, *chosen, *[NONE] * len(others)]
    answers = predicted(spec, days, candidates, [seed] * (1 + len(chosen)) + others, days, test)
    fitted, asked = (with_ensemble(of_days, len(chosen)) for of_days in answers)
    actual = position(days, days["close"])
    return ((fitted - actual) ** 2).mean(axis=1) / actual.var(), (asked - position(test, test["close"])) ** 2


def with_ensemble(answers: Floats, chosen: int) -> Floats:
    """Answers of none and of each technique, then the mean of none and of the other members, which stand last."""
    mean = np.concatenate([answers[:1], answers[1 + chosen :]]).mean(axis=0)
    return np.concatenate([answers[: 1 + chosen], mean[None]])


def run_few_rows(spec: Settings, *, data: Data, results: Stored, progress: Progress) -> FewRows:
    """Hold the network back with few rows and with many, and compare with none."""
    train, test = split_by_date(data["prices"].frame)
    test = test.sample(min(spec.test_rows, len(test)), random_state=SEED)
    orders = [np.random.default_rng(seed).permutation(len(train)) for seed in range(spec.seeds)]
    sizes = [min(rows, len(train)) for rows in spec.rows]
    tasks = [(spec, train.iloc[order[:rows]], test, seed) for rows in sizes for seed, order in enumerate(orders)]
    answers = in_parallel(held_back, tasks, done=lambda share: progress(0.95 * share))
    by_size = [answers[i : i + spec.seeds] for i in range(0, len(answers), spec.seeds)]
    actual, mean_of = position(test, test["close"]), means_by_date(test["date"].to_numpy(), spec)
    whole = fit_position_network(train, spec.network, seed=0).predict(test)
    network = unfitted(spec, sizes[0], 0, *NONE)
    widths = [position_inputs(test.iloc[:1]).shape[1], *network.hidden, 1]
    statements = len(TECHNIQUES) * len(sizes)
    return FewRows(
        sizes={
            rows: _at_size(spec, rows, of_seeds, mean_of, actual, statements)
            for rows, of_seeds in zip(sizes, by_size, strict=True)
        },
        seeds=spec.seeds,
        steps=Number(spec.steps),
        tried=Number(len(TECHNIQUES)),
        statements=Number(statements),
        weights=Number(sum((inputs + 1) * units for inputs, units in pairwise(widths))),
        all_rows=Number(len(train)),
        all_rows_r2=Number(float(1 - ((np.clip(whole, -1, 1) - actual) ** 2).mean() / actual.var())),
    )


def means_by_date(dates: np.ndarray, spec: Settings) -> Callable[[Floats], Floats]:
    """What sums test rows by date, divides by the number of dates, and takes the mean over seeds, in each draw.

    ``(k, n_seeds, n_test)`` to ``(k, draws + 1)``, in whose first column every date and seed counts once.
    """
    distinct, codes = np.unique(dates, return_inverse=True)
    n = len(distinct)
    drawn = block_draws(n, np.random.default_rng(SEED), draws=spec.draws, block=DATE_BLOCK)
    counts = np.concatenate([np.ones((1, n)), drawn]).astype(np.float32)
    weights = seed_draws(1, spec.seeds, spec.draws)

    def means(values: Floats) -> Floats:
        rows = values.reshape(-1, values.shape[-1])
        sums: Floats = np.stack([np.bincount(codes, row, n).astype(np.float64) for row in rows])
        return drawn_means(sums.reshape(*values.shape[:2], n), np.zeros(n, dtype=np.int64), counts, weights)

    return means


def _at_size(
    spec: Settings,
    rows: int,
    answers: Sequence[tuple[Floats, Floats]],
    mean_of: Callable[[Floats], Floats],
    actual: Floats,
    statements: int,
) -> AtSize:
    """The techniques with one number of rows; the gain is one less the ratio of mean squared errors."""
    left, squared = zip(*answers)
    loss = mean_of(np.stack(squared, axis=1))
    (variance,) = mean_of(np.repeat(((actual - actual.mean()) ** 2)[None, None], spec.seeds, axis=1))
    train = 1 - np.mean(left, axis=0)
    techniques = {}
    for i, name in enumerate(("none", *TECHNIQUES)):
        r2 = estimate(1 - loss[i] / variance)
        techniques[name] = HeldBackBy(
            r2=r2,
            gain=estimate(1 - loss[i] / loss[0], statements),
            train_r2=Number(float(train[i])),
            gap=Number(float(train[i] - r2)),
        )
    return AtSize(
        rows=Number(rows),
        passes=Number(passes_over(spec, rows)),
        techniques=techniques,
        best=max(TECHNIQUES, key=lambda name: techniques[name].gain.value),
        positive=Number(sum(technique.gain.low > 0 for technique in techniques.values())),
        negative=Number(sum(technique.gain.high < 0 for technique in techniques.values())),
    )


EXPERIMENTS = (on_prices(run_few_rows, "regularization.few_rows", seconds=150),)

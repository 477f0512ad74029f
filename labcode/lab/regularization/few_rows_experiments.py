"""The experiment on few rows and many: strengths from their own later dates, gains over seeds and test dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from labcode.data.types import Dataset
from labcode.lab.classification.resamples import drawn_means, estimate, seed_draws
from labcode.lab.config import configured
from labcode.lab.regression.network import Floats, fit_position_network, position, position_inputs
from labcode.lab.regression.settings import Network
from labcode.lab.regression.split import rolling_folds, split_by_date
from labcode.lab.regularization.few_rows_results import AtSize, FewRows, HeldBackBy
from labcode.lab.regularization.settings import FewRows as Settings
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.intervals import DATE_BLOCK, block_draws
from labcode.settings import SEED, Profile

if TYPE_CHECKING:
    from labcode.nets.estimators import TabularRegressor

#: A technique's name and its strength, 0 for none.
Candidate = tuple[str, float]


@dataclass(frozen=True, kw_only=True)
class FewRowsSpec:
    """What is compared, and the network of the regression chapter that is held back."""

    few: Settings
    network: Network


@dataclass(frozen=True, eq=False)
class Answer:
    """Squared errors of positions with some rows and one seed, by technique, ``none`` first.

    Shape
    -----
    ``train`` ``(n_techniques + 1,)``: share of the training rows' variance that is left. ``squared``
    ``(n_techniques + 1, n_test)``. ``chosen`` ``(n_techniques + 1,)``: strengths.
    """

    train: Floats
    squared: Floats
    chosen: Floats


def unfitted(spec: FewRowsSpec, rows: int, seed: int, technique: str, strength: float) -> TabularRegressor:
    """The network of a technique for so many training rows."""
    from labcode.lab.regularization.holding import PARAMETER
    from labcode.nets.estimators import TabularRegressor

    few = spec.few
    passes = passes_over(few, rows)
    changed: dict[str, Any] = {"smaller": (int(strength),), "stopping": max(1, round(strength * passes))}
    options: dict[str, Any] = {"hidden": spec.network.hidden, "max_epochs": passes}
    if technique in PARAMETER:
        options[PARAMETER[technique]] = changed.get(technique, strength)
    return TabularRegressor(
        lr=few.lr,
        batch_size=few.batch_size,
        schedule="onecycle",
        optimizer="adamw",
        random_state=seed,
        **{"weight_decay": 0.0, **options},
    )


def passes_over(few: Settings, rows: int) -> int:
    """Passes over so many rows in which the steps are taken, one at least."""
    return max(1, round(few.steps / -(-rows // few.batch_size)))


def predicted(
    spec: FewRowsSpec, days: pd.DataFrame, candidates: Sequence[Candidate], seeds: Sequence[int], *others: pd.DataFrame
) -> list[Floats]:
    """Train a network for each candidate, all of one shape as one, and ask for positions of others, ``(k, n)`` each."""
    from labcode.nets.together import TrainingRows, fit_together

    scaler = StandardScaler().fit(position_inputs(days))
    rows = TrainingRows(scaler.transform(position_inputs(days)), position(days, days["close"]))
    networks = [unfitted(spec, len(days), seed, *own) for own, seed in zip(candidates, seeds, strict=True)]
    found = [fit.estimator for fit in fit_together(networks, [rows] * len(networks))]
    inputs = [scaler.transform(position_inputs(each)) for each in others]
    return [np.stack([np.clip(own.predict(X), -1, 1) for own in found if own]) for X in inputs]


def chosen_strengths(spec: FewRowsSpec, days: pd.DataFrame, seed: int) -> dict[str, float]:
    """For each technique the strength with the lowest squared error on later dates of the training rows themselves."""
    from labcode.lab.regularization.holding import PARAMETER

    candidates = [(name, float(strength)) for name in PARAMETER for strength in getattr(spec.few, name)]
    losses = np.zeros(len(candidates))
    for fold in rolling_folds(days, spec.few.folds, spec.few.block_share):
        (answers,) = predicted(spec, fold.train, candidates, [seed] * len(candidates), fold.held_out)
        losses += ((answers - position(fold.held_out, fold.held_out["close"])) ** 2).sum(axis=1)
    return {
        name: min((loss, strength) for (own, strength), loss in zip(candidates, losses, strict=True) if own == name)[1]
        for name in PARAMETER
    }


def held_back(spec: FewRowsSpec, days: pd.DataFrame, test: pd.DataFrame, seed: int) -> Answer:
    """Choose strengths, train with each on all these days, and score the test rows."""
    chosen = chosen_strengths(spec, days, seed)
    members = [seed + 1000 * i for i in range(spec.few.members)]
    candidates = [("none", 0.0), *chosen.items(), *[("none", 0.0)] * (len(members) - 1)]
    seeds = [seed] * (1 + len(chosen)) + members[1:]
    fitted, asked = (
        _with_ensemble(answers, len(chosen)) for answers in predicted(spec, days, candidates, seeds, days, test)
    )
    actual = position(days, days["close"])
    return Answer(
        train=((fitted - actual) ** 2).mean(axis=1) / actual.var(),
        squared=(asked - position(test, test["close"])) ** 2,
        chosen=np.array([0.0, *chosen.values(), 0.0]),
    )


def _with_ensemble(answers: Floats, chosen: int) -> Floats:
    """Answers of none and of each technique, then the mean of none and of the other members, which stand last."""
    mean = np.concatenate([answers[:1], answers[1 + chosen :]]).mean(axis=0)
    return np.concatenate([answers[: 1 + chosen], mean[None]])


def run_few_rows(
    spec: FewRowsSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> FewRows:
    """Hold the network back with few rows and with many, and compare with none."""
    from labcode.lab.regularization.holding import TECHNIQUES

    few = spec.few
    train, test = split_by_date(data["prices"].frame)
    test = test.sample(min(few.test_rows, len(test)), random_state=SEED)
    orders = [np.random.default_rng(seed).permutation(len(train)) for seed in range(few.seeds)]
    sizes = [min(rows, len(train)) for rows in few.rows]
    tasks = [(spec, train.iloc[order[:rows]], test, seed) for rows in sizes for seed, order in enumerate(orders)]
    answers = in_parallel(held_back, tasks, done=lambda share: progress(0.95 * share))
    by_size = [answers[i : i + few.seeds] for i in range(0, len(answers), few.seeds)]
    actual = position(test, test["close"])
    statements = len(TECHNIQUES) * len(sizes)
    dates = _Dates(test["date"].to_numpy(), few)
    whole = fit_position_network(train, spec.network, seed=0).predict(position_inputs(test))
    network = unfitted(spec, sizes[0], 0, "none", 0.0)
    widths = [position_inputs(test.iloc[:1]).shape[1], *network.hidden, 1]
    return FewRows(
        sizes={
            rows: _at_size(few, rows, own, dates, actual, statements) for rows, own in zip(sizes, by_size, strict=True)
        },
        seeds=few.seeds,
        steps=Number(few.steps),
        tried=Number(len(TECHNIQUES)),
        statements=Number(statements),
        weights=Number(sum((inputs + 1) * units for inputs, units in pairwise(widths))),
        all_rows=Number(len(train)),
        all_rows_r2=Number(float(1 - ((np.clip(whole, -1, 1) - actual) ** 2).mean() / actual.var())),
        chosen=np.stack([[answer.chosen for answer in own] for own in by_size]).transpose(2, 0, 1),
    )


class _Dates:
    """Sums of the test rows by date, and how often each date and each seed is drawn."""

    def __init__(self, dates: np.ndarray, few: Settings) -> None:
        distinct, self.codes = np.unique(dates, return_inverse=True)
        self.n = len(distinct)
        random = np.random.default_rng(SEED)
        drawn = block_draws(self.n, random, draws=few.draws, block=DATE_BLOCK)
        self.counts = np.concatenate([np.ones((1, self.n)), drawn]).astype(np.float32)
        self.weights = seed_draws(1, few.seeds, few.draws)

    def means(self, values: Floats) -> Floats:
        """Sums over rows divided by the number of dates, mean over seeds, in each draw.

        Shape
        -----
        ``values`` ``(k, n_seeds, n_test)``; returns ``(k, draws + 1)``, in whose first column every date counts once.
        """
        flat = values.reshape(-1, values.shape[-1])
        sums = [np.bincount(self.codes, own, self.n).astype(np.float64) for own in flat]
        by_date = np.stack(sums).reshape(*values.shape[:2], self.n)
        return drawn_means(by_date, np.zeros(self.n, dtype=np.int64), self.counts, self.weights)


def _at_size(
    few: Settings, rows: int, answers: Sequence[Answer], dates: _Dates, actual: Floats, statements: int
) -> AtSize:
    """The techniques with one number of rows; the gain is one less the ratio of mean squared errors."""
    from labcode.lab.regularization.holding import TECHNIQUES

    loss = dates.means(np.stack([answer.squared for answer in answers], axis=1))
    centred = np.repeat(((actual - actual.mean()) ** 2)[None, None], few.seeds, axis=1)
    (variance,) = dates.means(centred)
    train = 1 - np.mean([answer.train for answer in answers], axis=0)
    chosen = np.median([answer.chosen for answer in answers], axis=0)
    techniques = {}
    for i, name in enumerate(("none", *TECHNIQUES)):
        r2 = estimate(1 - loss[i] / variance)
        techniques[name] = HeldBackBy(
            r2=r2,
            gain=estimate(1 - loss[i] / loss[0], statements),
            train_r2=Number(float(train[i])),
            gap=Number(float(train[i] - r2)),
            strength=Number(float(chosen[i])),
        )
    gains = [own.gain for own in techniques.values()]
    return AtSize(
        rows=Number(rows),
        passes=Number(passes_over(few, rows)),
        techniques=techniques,
        best=max(TECHNIQUES, key=lambda name: techniques[name].gain.value),
        positive=Number(sum(gain.low > 0 for gain in gains)),
        negative=Number(sum(gain.high < 0 for gain in gains)),
    )


def _spec(profile: Profile) -> FewRowsSpec:
    return FewRowsSpec(
        few=configured(Settings, "regularization.few_rows", profile=profile),
        network=configured(Network, "regression.network", profile=profile),
    )


EXPERIMENTS = (
    Experiment(
        name=FewRows.experiment,
        run=run_few_rows,
        spec=_spec("full"),
        quick=_spec("quick"),
        datasets=("prices",),
        seconds=150,
    ),
)

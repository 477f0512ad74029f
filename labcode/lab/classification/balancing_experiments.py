"""The experiment on rare classes: each way on the same folds, by as many optimiser steps, compared at equal alarms.

Failures found at equally many needless stops, and average precision, are counted in many resamples of the rows at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.preprocessing import StandardScaler

from labcode.lab.classification import balancing
from labcode.lab.classification.balancing import Failed, Method, measured_columns, with_derived
from labcode.lab.classification.classes import N_CLASSES, NORMAL, Inputs, Labels, Numbers
from labcode.lab.classification.network import class_chances, plain_networks
from labcode.lab.classification.rows import (
    Compared,
    FailureRows,
    class_numbers,
    failure_rows,
    folds_of,
    row_losses,
    without_weights,
)
from labcode.lab.classification.settings import Balancing, Plain
from labcode.lab.classification.training_results import Balanced, EqualAlarms
from labcode.lab.needs import on_machines
from labcode.lab.quantities import Data, Stored, estimate
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.resamples import Counts, row_draws
from labcode.scoring.scores import Floats, macro_f1


@dataclass(frozen=True, kw_only=True)
class BalancingSpec:
    """What is compared, and the plain network."""

    balancing: Annotated[Balancing, "classification.balancing"]
    plain: Annotated[Plain, "classification.plain"]


@dataclass(frozen=True, eq=False)
class Ranking:
    """How a probability ranks the failures among the healthy rows, in each draw; all ``(draws, f)``.

    ``failures``: how often each is drawn, the most probable first. ``above``: healthy rows that are as probable, or
    more so; ``right``: the same for failures, itself included.
    """

    failures: Floats
    above: Floats
    right: Floats

    @classmethod
    def of(cls, failed: Failed, probability: Floats, counts: Counts) -> Ranking:
        """Rank rows ``(n,)`` that are drawn so often, ``(draws, n)``."""
        places = np.flatnonzero(failed)
        places = places[np.argsort(-probability[places], kind="stable")]
        scores = -probability[places]
        healthy = np.flatnonzero(~failed)
        # For each healthy row, the first failure that is no more probable than it.
        first = np.searchsorted(scores, -probability[healthy], side="left")
        shape = (len(healthy), len(places) + 1)
        bins = csr_matrix((np.ones(len(healthy), dtype=np.float32), (np.arange(len(healthy)), first)), shape=shape)
        above = np.cumsum((bins.T @ counts[:, healthy].T).T, axis=1, dtype=np.float64)[:, :-1]
        failures = counts[:, places].astype(np.float64)
        last = np.searchsorted(scores, scores, side="right") - 1
        return cls(failures, above, np.cumsum(failures, axis=1)[:, last])

    def average_precision(self) -> Floats:
        """Mean over the failures of the precision at the threshold that finds them, ``(draws,)``."""
        called = np.maximum(self.right + self.above, 1)
        return np.asarray((self.failures * self.right / called).sum(axis=1) / self.failures.sum(axis=1))

    def found(self, needless: int | Floats) -> Floats:
        """Failures found at so many needless stops at most, a number or one for each draw; ``(draws,)``."""
        allowed = np.asarray(needless, dtype=np.float64).reshape(-1, 1)
        return np.asarray((self.failures * (self.above <= allowed)).sum(axis=1))

    def found_by(self, needless: NDArray[np.int64]) -> Floats:
        """Failures found among the rows as they are, by needless stops ``(k,)``."""
        order = np.sort(self.above[0])
        return np.searchsorted(order, needless, side="right").astype(np.float64)


@dataclass(frozen=True, eq=False)
class Given:
    """What the networks of a method say of rows held out.

    ``probabilities`` and ``undone`` ``(n_seeds, n, 6)``: as trained, and with weights and copies divided out;
    ``thresholds`` ``(n_budgets, n)``: from inner folds of the fold that holds the row out.
    """

    probabilities: Floats
    undone: Floats
    thresholds: Floats
    updates: int


def run_equal_alarms(spec: BalancingSpec, *, data: Data, results: Stored, progress: Progress) -> EqualAlarms:
    """Train the same network each way on the same folds, and count what is found at equally many needless stops."""
    rows, settings = failure_rows(data["maintenance"].frame), spec.balancing
    given = _out_of_fold(spec, rows)
    progress(0.85)
    failed, counts = rows.y != NORMAL, row_draws(rows.y, settings.draws)
    at_smote = _needless(given["smote"].probabilities, failed, counts)
    tasks = [(settings, own, rows.y, counts, at_smote) for own in given.values()]
    scored = dict(zip(given, in_parallel(_scored, tasks), strict=True))
    f1 = Compared.of(rows.y, [own.probabilities.argmax(axis=2) for own in given.values()], settings.seeds)
    found = {
        name: Balanced(
            **_estimates(own, scored["nothing"], len(given) - 1),
            macro_f1=f1.score(macro_f1, place),
            updates=Number(given[name].updates),
        )
        for place, (name, own) in enumerate(scored.items())
    }
    return EqualAlarms(
        methods=found,
        seeds=settings.seeds,
        failures=Number(int(failed.sum())),
        healthy=Number(int((~failed).sum())),
        needless=np.arange(settings.longest + 1),
        curves=np.stack([own.curve for own in scored.values()]),
    )


def _out_of_fold(spec: BalancingSpec, rows: FailureRows) -> dict[str, Given]:
    """Train all methods on all folds and inner folds together, and ask for the rows held out."""
    settings = spec.balancing
    ways, outer = balancing.methods(settings.neighbors, settings.gamma), folds_of(rows.labels, settings.folds)
    inner = [
        (place, fit[own], fit[held])
        for place, (fit, _) in enumerate(outer)
        for own, held in folds_of(rows.labels[fit], settings.inner_folds)
    ]
    parts = [*((fit, held, settings.seeds) for fit, held in outer), *((fit, held, 1) for _, fit, held in inner)]
    tasks = [
        (spec, way, rows, fit, held, [100 * number + seed for seed in range(seeds)])
        for way in ways.values()
        for number, (fit, held, seeds) in enumerate(parts)
    ]
    prepared = in_parallel(_prepared, tasks)
    chances = class_chances([(own.networks, own.X, own.labels, own.held) for own in prepared])
    answers = iter(zip(chances, prepared, strict=True))
    given = {}
    for name in ways:
        members = np.zeros((2, settings.seeds, len(rows), N_CLASSES))
        thresholds = np.zeros((len(settings.needless), len(rows)))
        for _, held in outer:
            own, last = next(answers)
            members[:, :, held] = own, without_weights(own, last.weights)
        inside = [np.zeros(len(rows)) for _ in outer]
        for place, _, held in inner:
            inside[place][held] = 1 - next(answers)[0][0, :, NORMAL]
        for place, (fit, held) in enumerate(outer):
            thresholds[:, held] = _thresholds(settings, rows.y != NORMAL, inside[place], fit)[:, None]
        given[name] = Given(members[0], members[1], thresholds, last.updates)
    return given


def _thresholds(settings: Balancing, failed: Failed, inside: Floats, fit: Numbers) -> Floats:
    """For each budget, the threshold that as large a share of the healthy training rows exceeds."""
    shares = [needless / (~failed).sum() for needless in settings.needless]
    return np.array([balancing.threshold_at(failed[fit], inside[fit], share) for share in shares])


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Unfitted networks of one method on one fold, the rows that they train on, those to ask for, and their steps."""

    networks: list[Any]
    X: Inputs
    labels: Labels
    held: Inputs
    weights: Floats
    updates: int


def _prepared(
    spec: BalancingSpec, method: Method, rows: FailureRows, fit: Numbers, held: Numbers, seeds: Sequence[int]
) -> _Prepared:
    measured = measured_columns(rows.X)
    natural, labels = measured.iloc[fit], rows.labels[fit]
    X, trained = method.training_rows(natural, labels)
    scaler = StandardScaler().fit(with_derived(natural))
    seen, asked = (
        np.asarray(scaler.transform(part), dtype=np.float32) for part in (X, with_derived(measured.iloc[held]))
    )
    steps, natural_steps = (-(-len(part) // spec.plain.batch_size) for part in (X, fit))
    epochs = max(1, round(spec.balancing.epochs * natural_steps / steps))
    weights = np.ones(N_CLASSES)
    for label, weight in balancing.seen_weights(labels, trained, method).items():
        weights[class_numbers([label])[0]] = weight
    networks = plain_networks(spec.plain, epochs, seeds, **method.network)
    return _Prepared(networks, seen, trained, asked, weights, epochs * steps)


@dataclass(frozen=True, eq=False)
class _Scored:
    """Scores of a method, means over seeds; the first of each ``(draws + 1,)`` is the estimate; ``curve`` ``(k,)``."""

    values: dict[str, Floats]
    by_needless: dict[str, dict[int, Floats]]
    curve: Floats
    by_seed: Floats


def _needless(probabilities: Floats, failed: Failed, counts: Counts) -> Floats:
    """Healthy rows whose most probable class is some failure, ``(n_seeds, draws)``."""
    return np.stack([counts @ (~failed & (own.argmax(axis=1) != NORMAL)).astype(np.float32) for own in probabilities])


def _scored(settings: Balancing, own: Given, y: Numbers, counts: Counts, at_smote: Floats) -> _Scored:
    """All that is computed from resamples of one method."""
    failed, budgets, values = y != NORMAL, settings.needless, {}
    for kind, members in (("_undone", own.undone), ("", own.probabilities)):
        ranked = [Ranking.of(failed, 1 - each[:, NORMAL], counts) for each in members]
        values[f"average_precision{kind}"] = _mean(one.average_precision() for one in ranked)
        values[f"log_loss{kind}"] = counts.astype(np.float64) @ row_losses(y, members).mean(axis=0) / len(y)
    values["found_at_smote"] = _mean(one.found(at) for one, at in zip(ranked, at_smote, strict=True))
    values["called_needless"] = _needless(own.probabilities, failed, counts).mean(axis=0)
    above = (1 - own.probabilities[None, :, :, NORMAL] > own.thresholds[:, None]).mean(axis=1)
    by_needless = {
        "found": {at: _mean(one.found(at) for one in ranked) for at in budgets},
        "tuned_found": {at: counts @ (row * failed) for at, row in zip(budgets, above, strict=True)},
        "tuned_needless": {at: counts @ (row * ~failed) for at, row in zip(budgets, above, strict=True)},
    }
    curve = _mean(one.found_by(np.arange(settings.longest + 1)) for one in ranked)
    return _Scored(values, by_needless, curve, np.array([one.average_precision()[0] for one in ranked]))


def _mean(each: Iterable[Floats]) -> Floats:
    return np.asarray(np.mean(list(each), axis=0))


def _estimates(own: _Scored, nothing: _Scored, tried: int) -> dict[str, Any]:
    """Figures of a method, and its gains over doing nothing, with limits for so many methods together."""
    return {
        **{name: estimate(draws) for name, draws in own.values.items()},
        **{
            f"{name}_gain_joint": estimate(own.values[name] - nothing.values[name], tried)
            for name in ("average_precision", "found_at_smote")
        },
        **{name: {at: estimate(draws) for at, draws in by.items()} for name, by in own.by_needless.items()},
        "seed_sd": Number(float(own.by_seed.std(ddof=1)) if len(own.by_seed) > 1 else 0.0),
    }


EXPERIMENTS = (on_machines(run_equal_alarms, seconds=60),)

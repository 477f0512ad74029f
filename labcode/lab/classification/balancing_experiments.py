"""The experiment on rare classes: each way on the same folds, by as many optimiser steps, compared at equal alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from labcode.data.types import Dataset
from labcode.lab.classification.balancing import (
    Failed,
    Floats,
    Method,
    measured_columns,
    methods,
    seen_weights,
    threshold_at,
    with_derived,
)
from labcode.lab.classification.balancing_alarms import Ranking
from labcode.lab.classification.balancing_results import Balanced, EqualAlarms
from labcode.lab.classification.classes import NORMAL
from labcode.lab.classification.needs import enough_of_each
from labcode.lab.classification.network import plain_networks
from labcode.lab.classification.resamples import estimate, row_draws
from labcode.lab.classification.rows import (
    N_CLASSES,
    FailureRows,
    class_numbers,
    confusions_of,
    failure_rows,
    folds_of,
    in_all_classes,
    mean_gain,
    mean_score,
    number,
    row_losses,
    without_weights,
)
from labcode.lab.classification.settings import Balancing, Plain
from labcode.lab.config import configured
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.intervals import Interval
from labcode.scoring.scores import macro_f1
from labcode.settings import Profile

Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class BalancingSpec(Balancing):
    """What is compared, and the plain network."""

    plain: Plain


@dataclass(frozen=True, eq=False)
class Given:
    """What the networks of a method say of rows held out.

    Shape
    -----
    ``probabilities`` and ``undone`` ``(n_seeds, n, 6)``: as trained, and with weights and copies divided out.
    ``thresholds`` ``(n_budgets, n)``: from inner folds of the fold that holds the row out.
    """

    probabilities: Floats
    undone: Floats
    thresholds: Floats
    updates: int


def run_equal_alarms(
    spec: BalancingSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> EqualAlarms:
    """Train the same network each way on the same folds, and count what is found at equally many needless stops."""
    rows = failure_rows(data["maintenance"].frame)
    given = _out_of_fold(spec, rows)
    progress(0.85)
    failed, counts = rows.y != NORMAL, row_draws(rows.y, spec.draws)
    budgets = [_needless(own.probabilities, failed, counts) for own in given.values()]
    at_smote = budgets[list(given).index("smote")]
    tasks = [
        (name, own, rows.y, counts, spec.needless, needless, at_smote, spec.longest)
        for (name, own), needless in zip(given.items(), budgets, strict=True)
    ]
    scored = dict(zip(given, in_parallel(_scored, tasks), strict=True))
    scores = confusions_of(rows.y, [own.probabilities.argmax(axis=2) for own in given.values()])
    f1 = {
        name: (
            scores.interval(mean_score(macro_f1, place, spec.seeds)),
            scores.interval(mean_gain(macro_f1, place, 0, spec.seeds)),
        )
        for place, name in enumerate(given)
    }
    found = {
        name: _balanced(own, scored["nothing"], f1[name], given[name], len(given) - 1) for name, own in scored.items()
    }
    return EqualAlarms(
        methods=found,
        seeds=spec.seeds,
        failures=Number(int(failed.sum())),
        healthy=Number(int((~failed).sum())),
        best=max(found, key=lambda name: found[name].average_precision.value),
        needless=np.arange(spec.longest + 1),
        curves=np.stack([own.curve for own in scored.values()]),
    )


def _out_of_fold(spec: BalancingSpec, rows: FailureRows) -> dict[str, Given]:
    """Train all methods on all folds and inner folds together, and ask for the rows held out."""
    ways = methods(spec.neighbors, spec.gamma)
    outer = folds_of(rows.labels, spec.folds)
    inner = [
        (place, fit[own], fit[held])
        for place, (fit, _) in enumerate(outer)
        for own, held in folds_of(rows.labels[fit], spec.inner_folds)
    ]
    tasks = [
        (spec, way, rows, fit, held, [100 * number + seed for seed in range(seeds)])
        for way in ways.values()
        for number, (fit, held, seeds) in enumerate(
            [*((fit, held, spec.seeds) for fit, held in outer), *((fit, held, 1) for _, fit, held in inner)]
        )
    ]
    prepared = in_parallel(_prepared, tasks)
    answers = iter(_trained(prepared))
    given = {}
    for name in ways:
        members = np.zeros((2, spec.seeds, len(rows), N_CLASSES))
        thresholds = np.zeros((len(spec.needless), len(rows)))
        updates = 0
        for _, held in outer:
            own, updates = next(answers)
            members[:, :, held] = own
        inside = [np.zeros(len(rows)) for _ in outer]
        for place, _, held in inner:
            inside[place][held] = 1 - next(answers)[0][0, 0, :, NORMAL]
        for place, (fit, held) in enumerate(outer):
            thresholds[:, held] = _thresholds(spec, rows.y != NORMAL, inside[place], fit)[:, None]
        given[name] = Given(members[0], members[1], thresholds, updates)
    return given


def _thresholds(spec: BalancingSpec, failed: Failed, inside: Floats, fit: Places) -> Floats:
    """For each budget, the threshold that as large a share of the healthy training rows exceeds."""
    healthy = (~failed).sum()
    return np.array([threshold_at(failed[fit], inside[fit], needless / healthy) for needless in spec.needless])


@dataclass(frozen=True, eq=False)
class _Prepared:
    """Unfitted networks of one method on one fold, with the rows that they train on and those to ask for."""

    networks: list[Any]
    X: NDArray[np.float32]
    labels: NDArray[np.str_]
    held: NDArray[np.float32]
    weights: Floats


def _prepared(
    spec: BalancingSpec, method: Method, rows: FailureRows, fit: Places, held: Places, seeds: Sequence[int]
) -> _Prepared:
    measured = measured_columns(rows.X)
    natural, labels = measured.iloc[fit], rows.labels[fit]
    X, trained = method.training_rows(natural, labels)
    scaler = StandardScaler().fit(with_derived(natural))
    batch = spec.plain.batch_size
    steps = spec.epochs * -(-len(fit) // batch)
    epochs = max(1, round(steps / -(-len(X) // batch)))
    weights = np.ones(N_CLASSES)
    for label, weight in seen_weights(labels, trained, method).items():
        weights[class_numbers([label])[0]] = weight
    return _Prepared(
        plain_networks(spec.plain, epochs, seeds, **method.network),
        _scaled(scaler, X),
        trained,
        _scaled(scaler, with_derived(measured.iloc[held])),
        weights,
    )


def _scaled(scaler: StandardScaler, X: pd.DataFrame) -> NDArray[np.float32]:
    return np.asarray(scaler.transform(X), dtype=np.float32)


def _trained(prepared: Sequence[_Prepared]) -> list[tuple[Floats, int]]:
    """Probabilities of the rows held out ``(2, n_seeds, n, 6)``, as trained and undone, and the steps taken."""
    from labcode.nets.together import TrainingRows, fit_together

    rows = [TrainingRows(own.X, own.labels) for own in prepared]
    networks = [network for own in prepared for network in own.networks]
    fits = fit_together(
        networks, [own for own, each in zip(rows, prepared, strict=True) for _ in each.networks], n_jobs=-1
    )
    answers, fitted = [], iter(fits)
    for own in prepared:
        members = []
        for _ in own.networks:
            fit = next(fitted)
            if fit.estimator is None:
                raise fit.error or RuntimeError("A network was not trained.")
            network: Any = fit.estimator
            members.append(in_all_classes(network.predict_proba(own.held), network.classes_))
        probabilities = np.stack(members)
        updates = network.max_epochs * -(-len(own.X) // network.batch_size)
        answers.append((np.stack([probabilities, without_weights(probabilities, own.weights)]), updates))
    return answers


@dataclass(frozen=True, eq=False)
class _Scored:
    """Scores of a method, means over seeds; the first of each ``(draws + 1,)`` is the estimate; ``curve`` ``(k,)``."""

    values: dict[str, Floats]
    by_needless: dict[str, dict[int, Floats]]
    curve: Floats
    by_seed: Floats


def _needless(probabilities: Floats, failed: Failed, counts: NDArray[np.float32]) -> Floats:
    """Healthy rows whose most probable class is some failure, ``(n_seeds, draws)``."""
    return np.stack([counts @ (~failed & (own.argmax(axis=1) != NORMAL)).astype(np.float32) for own in probabilities])


def _scored(
    name: str,
    own: Given,
    y: Places,
    counts: NDArray[np.float32],
    budgets: Sequence[int],
    needless: Floats,
    at_smote: Floats,
    longest: int,
) -> _Scored:
    """All that is computed from resamples of one method."""
    failed, grid = y != NORMAL, np.arange(longest + 1)
    ranked = {
        kind: [Ranking.of(failed, 1 - each[:, NORMAL], counts) for each in members]
        for kind, members in (("", own.probabilities), ("_undone", own.undone))
    }
    values = {
        f"average_precision{kind}": _mean(one.average_precision() for one in each) for kind, each in ranked.items()
    }
    values["found_at_smote"] = _mean(one.found(at) for one, at in zip(ranked[""], at_smote, strict=True))
    values["called_needless"] = needless.mean(axis=0)
    for kind, members in (("", own.probabilities), ("_undone", own.undone)):
        losses = row_losses(y, members).mean(axis=0)
        values[f"log_loss{kind}"] = counts.astype(np.float64) @ losses / len(y)
    by_needless = {"found": {at: _mean(one.found(at) for one in ranked[""]) for at in budgets}}
    above = (1 - own.probabilities[None, :, :, NORMAL] > own.thresholds[:, None]).mean(axis=1)
    by_needless["tuned_found"] = {at: counts @ (row * failed) for at, row in zip(budgets, above, strict=True)}
    by_needless["tuned_needless"] = {at: counts @ (row * ~failed) for at, row in zip(budgets, above, strict=True)}
    by_seed = np.array([one.average_precision()[0] for one in ranked[""]])
    return _Scored(values, by_needless, np.mean([one.found_by(grid) for one in ranked[""]], axis=0), by_seed)


def _mean(each: Iterable[Floats]) -> Floats:
    return np.asarray(np.mean(list(each), axis=0))


def _balanced(own: _Scored, nothing: _Scored, f1: tuple[Interval, Interval], given: Given, tried: int) -> Balanced:
    values: dict[str, Any] = {name: estimate(draws) for name, draws in own.values.items()}
    for name in ("average_precision", "found_at_smote"):
        values[f"{name}_gain_joint"] = estimate(own.values[name] - nothing.values[name], tried)
    families: dict[str, Any] = {
        name: {at: estimate(draws) for at, draws in by.items()} for name, by in own.by_needless.items()
    }
    return Balanced(
        **values,
        **families,
        macro_f1=number(f1[0]),
        gain=number(f1[1]),
        seed_sd=Number(float(own.by_seed.std(ddof=1)) if len(own.by_seed) > 1 else 0.0),
        updates=Number(given.updates),
    )


def _spec(profile: Profile) -> BalancingSpec:
    balancing = configured(Balancing, "classification.balancing", profile=profile)
    return BalancingSpec(**vars(balancing), plain=configured(Plain, "classification.plain", profile=profile))


EXPERIMENTS = (
    Experiment(
        name="classification/equal-alarms",
        run=run_equal_alarms,
        spec=_spec("full"),
        quick=_spec("quick"),
        datasets=("maintenance",),
        lacks=enough_of_each,
        seconds=60,
    ),
)

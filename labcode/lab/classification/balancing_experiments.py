"""The experiment on rare classes: each way on the same folds, by as many optimiser steps, compared at equal alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
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
from labcode.lab.classification.balancing_settings import Balancing
from labcode.lab.classification.classes import NETWORK, NORMAL
from labcode.lab.classification.needs import enough_of_each
from labcode.lab.classification.resamples import estimate, row_draws
from labcode.lab.classification.rows import (
    N_CLASSES,
    FailureRows,
    class_numbers,
    confusions_of,
    failure_rows,
    in_all_classes,
    mean_gain,
    mean_score,
    without_weights,
)
from labcode.lab.config import configured
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.intervals import Interval
from labcode.scoring.scores import macro_f1
from labcode.settings import SEED

Places = NDArray[np.int64]
Fold = tuple[Places, Places]
#: Probabilities are at least this in a log loss, as in :func:`labcode.scoring.scores.log_loss`.
LEAST_PROBABILITY = 1e-15


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
    spec: Balancing, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
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
        curves_undone=np.stack([own.curve_undone for own in scored.values()]),
    )


def _out_of_fold(spec: Balancing, rows: FailureRows) -> dict[str, Given]:
    """Train all methods on all folds and inner folds together, and ask for the rows held out."""
    ways = methods(spec.neighbors, spec.gamma)
    outer = _folds(rows.labels, spec.folds)
    inner = [
        (place, fit[own], fit[held]) for place, (fit, _) in enumerate(outer) for own, held in _inner(spec, rows, fit)
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


def _folds(labels: NDArray[np.str_], folds: int) -> list[Fold]:
    return list(StratifiedKFold(folds, shuffle=True, random_state=SEED).split(labels, labels))


def _inner(spec: Balancing, rows: FailureRows, fit: Places) -> list[Fold]:
    return _folds(rows.labels[fit], spec.inner_folds)


def _thresholds(spec: Balancing, failed: Failed, inside: Floats, fit: Places) -> Floats:
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
    spec: Balancing, method: Method, rows: FailureRows, fit: Places, held: Places, seeds: Sequence[int]
) -> _Prepared:
    from labcode.nets.estimators import TabularClassifier

    measured = measured_columns(rows.X)
    natural, labels = measured.iloc[fit], rows.labels[fit]
    X, trained = method.training_rows(natural, labels)
    scaler = StandardScaler().fit(with_derived(natural))
    batch = int(NETWORK["batch_size"])
    steps = spec.epochs * -(-len(fit) // batch)
    settings = {**NETWORK, "l1": 0.0, "max_epochs": max(1, round(steps / -(-len(X) // batch))), **method.network}
    weights = np.ones(N_CLASSES)
    for label, weight in seen_weights(labels, trained, method).items():
        weights[class_numbers([label])[0]] = weight
    return _Prepared(
        [TabularClassifier(**settings, random_state=seed) for seed in seeds],
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
    """Scores of a method, means over seeds; the first of each ``(draws + 1,)`` is the estimate, the others resamples.

    ``curve`` and ``curve_undone`` are ``(k,)``.
    """

    values: dict[str, Floats]
    by_needless: dict[str, dict[int, Floats]]
    curve: Floats
    curve_undone: Floats
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
    called = failed & (own.probabilities.argmax(axis=2) != NORMAL)
    values |= {"called_found": called.mean(axis=0) @ counts.T, "called_needless": needless.mean(axis=0)}
    for kind, members in (("", own.probabilities), ("_undone", own.undone)):
        losses = -np.log(np.maximum(members[:, np.arange(len(y)), y], LEAST_PROBABILITY)).mean(axis=0)
        values[f"log_loss{kind}"] = counts.astype(np.float64) @ losses / len(y)
    by_needless = {
        f"found{kind}": {at: _mean(one.found(at) for one in each) for at in budgets} for kind, each in ranked.items()
    }
    above = (1 - own.probabilities[None, :, :, NORMAL] > own.thresholds[:, None]).mean(axis=1)
    by_needless["tuned_found"] = {at: counts @ (row * failed) for at, row in zip(budgets, above, strict=True)}
    by_needless["tuned_needless"] = {at: counts @ (row * ~failed) for at, row in zip(budgets, above, strict=True)}
    curve, curve_undone = (np.mean([one.found_by(grid) for one in each], axis=0) for each in ranked.values())
    by_seed = np.array([one.average_precision()[0] for one in ranked[""]])
    return _Scored(values, by_needless, curve, curve_undone, by_seed)


def _mean(each: Iterable[Floats]) -> Floats:
    return np.asarray(np.mean(list(each), axis=0))


def _balanced(own: _Scored, nothing: _Scored, f1: tuple[Interval, Interval], given: Given, tried: int) -> Balanced:
    values: dict[str, Any] = {name: estimate(draws) for name, draws in own.values.items()}
    for name in ("average_precision", "average_precision_undone", "found_at_smote"):
        gain = own.values[name] - nothing.values[name]
        values |= {f"{name}_gain": estimate(gain), f"{name}_gain_joint": estimate(gain, tried)}
    for name in ("log_loss", "log_loss_undone"):
        values[f"{name}_gain"] = estimate(nothing.values[name] - own.values[name])
    families: dict[str, Any] = {
        name: {at: estimate(draws) for at, draws in by.items()} for name, by in own.by_needless.items()
    }
    for name in ("found", "found_undone"):
        others = nothing.by_needless[name]
        families[f"{name}_gain"] = {at: estimate(draws - others[at]) for at, draws in own.by_needless[name].items()}
    return Balanced(
        **values,
        **families,
        macro_f1=Number(f1[0].value, f1[0].low, f1[0].high),
        gain=Number(f1[1].value, f1[1].low, f1[1].high),
        seed_sd=Number(float(own.by_seed.std(ddof=1)) if len(own.by_seed) > 1 else 0.0),
        updates=Number(given.updates),
    )


EXPERIMENTS = (
    Experiment(
        name="classification/equal-alarms",
        run=run_equal_alarms,
        spec=configured(Balancing, "classification.balancing"),
        quick=configured(Balancing, "classification.balancing", profile="quick"),
        datasets=("maintenance",),
        lacks=enough_of_each,
        seconds=60,
    ),
)

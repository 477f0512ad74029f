"""The experiment on the decision: the contest's network in its first repeat, asked by cost, by sensor and by plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labcode.data.columns import QUALITIES, QUALITY, SENSORS
from labcode.data.types import Dataset
from labcode.lab.classification.classes import CLASSES, NORMAL
from labcode.lab.classification.decision import (
    AIR,
    HELD,
    PLANES,
    PROCESS,
    SPEED,
    TORQUE,
    WEAR,
    cost,
    plane_rows,
    published_rule,
    shuffled,
    stops_where_cheaper,
)
from labcode.lab.classification.decision_results import Cost, Decided, Fall, Plane, SlicedPlane
from labcode.lab.classification.needs import enough_of_each
from labcode.lab.classification.rows import (
    Fold,
    Numbers,
    by_class,
    class_numbers,
    confusions_of,
    failure_rows,
    folds_of,
    mean_gain,
    mean_score,
    number,
    out_of_fold,
    row_losses,
)
from labcode.lab.classification.settings import Decision
from labcode.lab.classification.sound import Answer, ContestSpec, compete
from labcode.lab.classification.sound_experiments import reliability
from labcode.lab.config import experiment
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.intervals import Confusions, mean_interval
from labcode.scoring.scores import f1_scores, macro_f1, recalls
from labcode.settings import SEED

Floats = NDArray[np.float64]
Stops = NDArray[np.bool_]
#: Inputs that are shuffled, as results call them.
INPUTS = {"quality": QUALITY, "air": AIR, "process": PROCESS, "speed": SPEED, "torque": TORQUE, "wear": WEAR}
#: Policies, the first of which the others are compared with.
POLICIES = ("expected_cost", "argmax", "macro_f1_rule", "forest", "never", "always")


@dataclass(frozen=True, kw_only=True)
class DecisionSpec(ContestSpec):
    """The contest's network, and what it is asked."""

    decision: Decision


@dataclass(frozen=True, eq=False)
class Asked:
    """A plane or a slice: its axes, its rows, and what is held still."""

    x: Floats
    y: Floats
    rows: pd.DataFrame


def run_decision(
    spec: DecisionSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Decided:
    """Train the contest's network and forest on its first folds; ask of rows held out, shuffled and made up."""
    rows = failure_rows(data["maintenance"].frame)
    folds = folds_of(rows.labels, spec.contest.folds)
    planes, slices = _planes(spec.decision, rows.X), _slices(spec.decision, rows.X)
    made_up = [asked.rows for asked in (*planes.values(), *slices.values())]
    tasks: list[tuple[Any, ...]] = []
    for place, (fit, held) in enumerate(folds):
        train = rows.part(fit)
        spoilt = _spoilt(rows.X.iloc[held], spec.decision.permutations, place)
        tasks += [("network", spec, train, [rows.X.iloc[held], *spoilt, *made_up])]
        tasks += [("forest", spec, train, [rows.X.iloc[held]])]
    answers = in_parallel(compete, tasks, done=progress)
    network, forest = answers[::2], answers[1::2]
    chances, before = (out_of_fold(folds, [getattr(own, name)[0] for own in network]) for name in ("chances", "fitted"))
    forest_failure = 1 - out_of_fold(folds, [own.chances[0] for own in forest])[:, NORMAL]
    called = {name: out_of_fold(folds, [getattr(own, name)[0] for own in network]) for name in ("plain", "ruled")}
    ratios = np.geomspace(*spec.decision.ratios, spec.decision.curve_points)
    failed, failure = rows.y != NORMAL, 1 - chances[:, NORMAL]
    curves = np.array(
        [[cost(failed, own, ratio) for own in _stops(ratio, failure, forest_failure, called)] for ratio in ratios]
    ).T
    asked_of = 1 + len(INPUTS) * spec.decision.permutations
    votes = [_most_called([own.ruled[asked_of + place] for own in network]) for place in range(len(made_up))]
    return Decided(
        folds=spec.contest.folds,
        seeds=spec.contest.seeds,
        failures=Number(float(failed.mean())),
        macro_f1=number(confusions_of(rows.y, [called["ruled"]]).interval(mean_score(macro_f1, 0, 1))),
        **_calibration(rows.y, before, chances),
        costs={
            f"{name}_{ratio}": own
            for ratio in spec.decision.stated
            for name, own in _costs(failed, _stops(ratio, failure, forest_failure, called), ratio).items()
        },
        threshold={ratio: Number(1 / (1 + ratio)) for ratio in spec.decision.stated},
        always_cheaper_from=Number(_cheaper_from(ratios, curves)),
        ratios=ratios,
        curves=curves,
        importance=_importance(spec, network, folds, rows.y),
        **_drawn(planes, slices, votes, spec.decision),
    )


def _spoilt(held: pd.DataFrame, permutations: int, place: int) -> list[pd.DataFrame]:
    """The rows held out with each input shuffled, so many times each."""
    random = np.random.default_rng([SEED, place])
    return [shuffled(held, column, random) for column in INPUTS.values() for _ in range(permutations)]


def _most_called(calls: Sequence[Numbers]) -> Numbers:
    """The class that most folds' networks call each row; of several, the first."""
    return np.asarray(np.sum([np.eye(len(CLASSES))[own] for own in calls], axis=0).argmax(axis=1))


def _calibration(y: Numbers, before: Floats, after: Floats) -> dict[str, Any]:
    """Log loss and calibration in bins of equally many rows, as fitted and with temperature and hazard."""
    failed, losses = y != NORMAL, row_losses(y, after)
    (first, bins_before), (second, bins) = (reliability(failed, 1 - own[:, NORMAL]) for own in (before, after))
    return {
        "log_loss": number(mean_interval(losses, np.arange(len(y)))),
        "calibration_error_before": Number(first),
        "calibration_error": Number(second),
        "reliability_before": bins_before,
        "reliability": bins,
    }


def _stops(ratio: float, failure: Floats, forest: Floats, called: Mapping[str, Numbers]) -> list[Stops]:
    """Which rows each policy stops, ``(n,)`` each, in their order."""
    return [
        stops_where_cheaper(failure, ratio),
        called["plain"] != NORMAL,
        called["ruled"] != NORMAL,
        stops_where_cheaper(forest, ratio),
        np.zeros(len(failure), dtype=bool),
        np.ones(len(failure), dtype=bool),
    ]


def _costs(failed: Stops, stops: Sequence[Stops], ratio: int) -> dict[str, Cost]:
    found = Confusions.of(failed, stops, 2)

    def priced(counts: Floats) -> Floats:
        return np.asarray(1000 * (ratio * counts[..., 1, 0] + counts[..., 0, 1]) / counts.sum(axis=(-2, -1)))

    return {
        name: Cost(
            cost=number(found.interval(mean_score(priced, place, 1))),
            saved=number(found.interval(mean_gain(priced, place, 0, 1))),
            missed=Number(float(found.counts[place, 1, 0])),
            needless=Number(float(found.counts[place, 0, 1])),
        )
        for place, name in enumerate(POLICIES)
    }


def _cheaper_from(ratios: Floats, curves: Floats) -> float:
    """The least of the ratios from which on always stopping costs less than stopping by chance; NaN for none."""
    dearer = np.flatnonzero(curves[POLICIES.index("always")] >= curves[0])
    start = dearer[-1] + 1 if len(dearer) else 0
    return float(ratios[start]) if start < len(ratios) else float("nan")


def _importance(spec: DecisionSpec, network: Sequence[Answer], folds: Sequence[Fold], y: Numbers) -> dict[str, Fall]:
    """How far each class falls with each input shuffled."""
    n = spec.decision.permutations
    calls = [out_of_fold(folds, [own.ruled[place] for own in network]) for place in range(1 + len(INPUTS) * n)]
    counts = confusions_of(y, [np.repeat(calls[0][None], n, axis=0), *calls[1:]])

    def fall(score: Any, place: int) -> dict[str, Number]:
        return by_class(map(number, counts.intervals(mean_gain(score, 0, 1 + place, n))))

    return {
        name: Fall(
            macro_f1=number(counts.interval(mean_gain(macro_f1, 0, 1 + place, n))),
            f1=fall(f1_scores, place),
            recall=fall(recalls, place),
        )
        for place, name in enumerate(INPUTS)
    }


def _asked(X: pd.DataFrame, name: str, points: int, held: Mapping[str, object]) -> Asked:
    across, upwards = PLANES[name]
    x, y = (np.linspace(X[each].min(), X[each].max(), points) for each in PLANES[name])
    return Asked(x, y, plane_rows((across, x), (upwards, y), held))


def _planes(spec: Decision, X: pd.DataFrame) -> dict[str, Asked]:
    """Planes of quality L, the other sensors at their medians; that of the temperatures at a slow speed."""
    medians = X[SENSORS].median()
    speed = {"temperatures": X[SPEED].quantile(spec.slow)}
    return {
        name: _asked(X, name, spec.points, {QUALITY: "L", **medians, SPEED: speed.get(name, medians[SPEED])})
        for name in PLANES
    }


def _slices(spec: Decision, X: pd.DataFrame) -> dict[tuple[str, str, float], Asked]:
    """A slice for each quality and each level of the sensor that a plane holds still."""
    medians = X[SENSORS].median()
    return {
        (name, quality, level): _asked(X, name, spec.slice_points, {QUALITY: quality, **medians, sensor: level})
        for name, sensor in HELD.items()
        for quality in QUALITIES
        for level in (spec.wears if sensor == WEAR else spec.speeds)
    }


def _drawn(
    planes: Mapping[str, Asked],
    slices: Mapping[tuple[str, str, float], Asked],
    votes: Sequence[Numbers],
    spec: Decision,
) -> dict[str, Any]:
    """The planes, with their slices where there are any."""
    of_planes = dict(zip(planes, votes, strict=False))
    of_slices = dict(zip(slices, votes[len(planes) :], strict=True))
    drawn: dict[str, Plane] = {}
    for name, asked in planes.items():
        whole = _plane(asked, of_planes[name], name)
        if name not in HELD:
            drawn[name] = Plane(**whole)
            continue
        levels = spec.wears if HELD[name] == WEAR else spec.speeds
        x, y = next((asked.x, asked.y) for (plane, *_), asked in slices.items() if plane == name)
        own = [calls for (plane, *_), calls in of_slices.items() if plane == name]
        shape = (len(QUALITIES), len(levels), len(y), len(x))
        drawn[name] = SlicedPlane(
            **whole,
            slices=np.array(own).astype(np.uint8).reshape(shape),
            levels=np.array(levels, dtype=float),
            slice_x=x,
            slice_y=y,
        )
    return drawn


def _plane(asked: Asked, calls: Numbers, name: str) -> dict[str, Any]:
    rule, shape = class_numbers(published_rule(asked.rows)), (len(asked.y), len(asked.x))
    return {
        "x": asked.x,
        "y": asked.y,
        "learned": calls.reshape(shape).astype(np.int8),
        "rule": rule.reshape(shape).astype(np.int8),
        "agreement": Number(float((calls == rule).mean())),
        "held": {
            key: Number(float(asked.rows[column].iloc[0]))
            for key, column in INPUTS.items()
            if column not in (QUALITY, *PLANES[name])
        },
    }


EXPERIMENTS = (
    experiment(
        run_decision,
        {
            "contest": "classification.contest",
            "network": "classification.network",
            "decision": "classification.decision",
        },
        datasets=("maintenance",),
        lacks=enough_of_each,
        seconds=60,
    ),
)

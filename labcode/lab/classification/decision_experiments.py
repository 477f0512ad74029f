"""The experiment on the decision: the contest's network in its first repeat, asked by cost, by sensor and by plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd

from labcode.data.columns import QUALITY, SENSORS
from labcode.lab.classification import decision
from labcode.lab.classification.classes import CLASSES, NORMAL
from labcode.lab.classification.decision import PLANES, SPEED, Stops
from labcode.lab.classification.decision_results import Cost, Decided, Fall, Plane
from labcode.lab.classification.rows import Compared, Fold, Numbers, class_numbers, failure_rows, folds_of, out_of_fold
from labcode.lab.classification.settings import Decision
from labcode.lab.classification.sound import Answer, ContestSpec, compete
from labcode.lab.classification.sound_experiments import reliability
from labcode.lab.needs import on_machines
from labcode.lab.quantities import Data, Stored
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.intervals import Confusions
from labcode.scoring.scores import Floats, f1_scores
from labcode.settings import SEED

#: Inputs that are shuffled, as results call them.
INPUTS = dict(zip(("quality", "air", "process", "speed", "torque", "wear"), (QUALITY, *SENSORS), strict=True))
#: Policies, the first of which the others are compared with.
POLICIES = ("expected_cost", "argmax", "macro_f1_rule", "forest", "never", "always")


@dataclass(frozen=True, kw_only=True)
class DecisionSpec(ContestSpec):
    """The contest's network, and what it is asked."""

    decision: Annotated[Decision, "classification.decision"]


@dataclass(frozen=True, eq=False)
class Asked:
    """A plane: its axes, and its rows."""

    x: Floats
    y: Floats
    rows: pd.DataFrame


def run_decision(spec: DecisionSpec, *, data: Data, results: Stored, progress: Progress) -> Decided:
    """Train the contest's network and forest on its first folds; ask of rows held out, shuffled and made up."""
    rows = failure_rows(data["maintenance"].frame)
    folds, planes = folds_of(rows.labels, spec.contest.folds), _planes(spec.decision, rows.X)
    tasks: list[tuple[Any, ...]] = []
    for place, (fit, held) in enumerate(folds):
        train, own = rows.part(fit), rows.X.iloc[held]
        spoilt = _spoilt(own, spec.decision.permutations, place)
        tasks += [("network", spec, train, [own, *spoilt, *(asked.rows for asked in planes.values())])]
        tasks += [("forest", spec, train, [own])]
    answers = in_parallel(compete, tasks, done=progress)
    network, forest = answers[::2], answers[1::2]
    before, chances, plain, ruled = (
        out_of_fold(folds, [getattr(own, name)[0] for own in network])
        for name in ("fitted", "chances", "plain", "ruled")
    )
    failed, failure = rows.y != NORMAL, 1 - chances[:, NORMAL]
    forest_failure = 1 - out_of_fold(folds, [own.chances[0] for own in forest])[:, NORMAL]

    def stops(ratio: float) -> list[Stops]:
        cheaper = [decision.stops_where_cheaper(chance, ratio) for chance in (failure, forest_failure)]
        always = np.ones(len(rows), dtype=bool)
        return [cheaper[0], plain != NORMAL, ruled != NORMAL, cheaper[1], ~always, always]

    ratios = np.geomspace(*spec.decision.ratios, spec.decision.curve_points)
    curves = np.array([[decision.cost(failed, own, ratio) for own in stops(ratio)] for ratio in ratios]).T
    errors, bins = zip(*(reliability(failed, 1 - own[:, NORMAL]) for own in (before, chances)), strict=True)
    return Decided(
        calibration_error_before=Number(errors[0]),
        calibration_error=Number(errors[1]),
        reliability_before=bins[0],
        reliability=bins[1],
        costs={
            f"{name}_{ratio}": own
            for ratio in spec.decision.stated
            for name, own in _costs(failed, stops(ratio), ratio).items()
        },
        threshold={ratio: Number(1 / (1 + ratio)) for ratio in spec.decision.stated},
        always_cheaper_from=Number(_cheaper_from(ratios, curves)),
        ratios=ratios,
        curves=curves,
        importance=_importance(spec, network, folds, rows.y),
        **_drawn(planes, network),
    )


def _spoilt(held: pd.DataFrame, permutations: int, place: int) -> list[pd.DataFrame]:
    """The rows held out with each input shuffled, so many times each."""
    random = np.random.default_rng([SEED, place])
    return [decision.shuffled(held, column, random) for column in INPUTS.values() for _ in range(permutations)]


def _costs(failed: Stops, stops: Sequence[Stops], ratio: int) -> dict[str, Cost]:
    found = Compared(Confusions.of(failed, stops, 2))

    def priced(counts: Floats) -> Floats:
        return np.asarray(1000 * (ratio * counts[..., 1, 0] + counts[..., 0, 1]) / counts.sum(axis=(-2, -1)))

    return {
        name: Cost(
            cost=found.score(priced, place),
            saved=found.gain(priced, place),
            missed=Number(float(found.counts.counts[place, 1, 0])),
            needless=Number(float(found.counts.counts[place, 0, 1])),
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
    found = Compared.of(y, [np.repeat(calls[0][None], n, axis=0), *calls[1:]], n)
    return {name: Fall(f1=found.by_class(f1_scores, 0, 1 + place)) for place, name in enumerate(INPUTS)}


def _planes(spec: Decision, X: pd.DataFrame) -> dict[str, Asked]:
    """Planes of quality L, the other sensors at their medians; that of the temperatures at a slow speed."""
    held = {QUALITY: "L", **X[SENSORS].median()}
    slow = {"temperatures": {SPEED: X[SPEED].quantile(spec.slow)}}
    planes = {}
    for name, sensors in PLANES.items():
        x, y = (np.linspace(X[each].min(), X[each].max(), spec.points) for each in sensors)
        rows = decision.plane_rows((sensors[0], x), (sensors[1], y), held | slow.get(name, {}))
        planes[name] = Asked(x, y, rows)
    return planes


def _drawn(planes: Mapping[str, Asked], network: Sequence[Answer]) -> dict[str, Any]:
    """What most folds' networks call each point of a plane, and what the rules say; planes were asked last."""
    drawn = {}
    for place, (name, asked) in enumerate(planes.items(), start=-len(planes)):
        calls = _most_called([own.ruled[place] for own in network]), class_numbers(decision.published_rule(asked.rows))
        learned, rule = (numbers.reshape(len(asked.y), len(asked.x)).astype(np.int8) for numbers in calls)
        drawn[name] = Plane(x=asked.x, y=asked.y, learned=learned, rule=rule)
    return drawn


def _most_called(calls: Sequence[Numbers]) -> Numbers:
    """The class that most folds' networks call each row; of several, the first."""
    return np.asarray(np.sum([np.eye(len(CLASSES))[own] for own in calls], axis=0).argmax(axis=1))


EXPERIMENTS = (on_machines(run_decision, seconds=60),)

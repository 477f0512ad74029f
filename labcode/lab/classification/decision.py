"""When to stop a machine, what each failure is seen by, and where the rules lie: asked of the contest's network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labcode.data.columns import QUALITY, SENSORS
from labcode.data.labels import failure_type, physical_flags
from labcode.lab.classification.classes import CLASSES, NORMAL, Fold, Numbers
from labcode.lab.classification.rows import Compared, class_numbers, failure_rows, folds_of, out_of_fold
from labcode.lab.classification.settings import Decision
from labcode.lab.classification.sound import Answer, ContestSpec, compete
from labcode.lab.classification.sound_experiments import reliability
from labcode.lab.classification.sound_results import Cost, Decided, Fall, Plane
from labcode.lab.needs import on_machines
from labcode.lab.quantities import Data, Stored
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.intervals import Confusions
from labcode.scoring.scores import Floats, f1_scores
from labcode.settings import SEED

Stops = NDArray[np.bool_]
AIR, PROCESS, SPEED, TORQUE, WEAR = SENSORS
#: The planes that are drawn: what lies across and upwards.
PLANES = {"torque_speed": (SPEED, TORQUE), "wear_torque": (WEAR, TORQUE), "temperatures": (AIR, PROCESS)}
#: Inputs that are shuffled, as results call them.
INPUTS = dict(zip(("quality", "air", "process", "speed", "torque", "wear"), (QUALITY, *SENSORS), strict=True))
#: Policies, the first of which the others are compared with.
POLICIES = ("expected_cost", "argmax", "macro_f1_rule", "forest", "never", "always")


def stops_where_cheaper(failure: Floats, ratio: float) -> Stops:
    """Stop a machine where that costs less, by the chance of a failure ``(n,)``.

    A missed failure costs ``ratio`` needless stops: stopping costs ``1 - failure``, going on ``ratio * failure``.
    """
    return failure > 1 / (1 + ratio)


def cost(failed: Stops, stops: Stops, ratio: float) -> float:
    """Cost of stopping some of the machines ``(n,)``, in needless stops a thousand rows.

    >>> cost(np.array([True, False, False, False]), np.array([False, True, False, False]), 10.0)
    2750.0
    """
    missed, needless = failed & ~stops, ~failed & stops
    return float(1000 * (ratio * missed.mean() + needless.mean()))


@dataclass(frozen=True, kw_only=True)
class DecisionSpec(ContestSpec):
    """The contest's network, and what it is asked."""

    decision: Annotated[Decision, "classification.decision"]


def run_decision(spec: DecisionSpec, *, data: Data, results: Stored, progress: Progress) -> Decided:
    """Train the contest's network and forest on its first folds; ask of rows held out, shuffled and made up."""
    rows = failure_rows(data["maintenance"].frame)
    folds, planes = folds_of(rows.labels, spec.contest.folds), planes_of(spec.decision, rows.X)
    tasks: list[tuple[Any, ...]] = []
    for place, (fit, held) in enumerate(folds):
        train, own = rows.part(fit), rows.X.iloc[held]
        others = [*spoilt(own, spec.decision.permutations, place), *(rows for _, _, rows in planes.values())]
        tasks += [("network", spec, train, [own, *others])]
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
        cheaper = [stops_where_cheaper(chance, ratio) for chance in (failure, forest_failure)]
        always = np.ones(len(rows), dtype=bool)
        return [cheaper[0], plain != NORMAL, ruled != NORMAL, cheaper[1], ~always, always]

    ratios = np.geomspace(*spec.decision.ratios, spec.decision.curve_points)
    curves = np.array([[cost(failed, own, ratio) for own in stops(ratio)] for ratio in ratios]).T
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
        always_cheaper_from=Number(_always_from(failed, failure, ratios)),
        ratios=ratios,
        curves=curves,
        importance=_importance(spec, network, folds, rows.y),
        **_drawn(planes, network),
    )


def spoilt(held: pd.DataFrame, permutations: int, place: int) -> list[pd.DataFrame]:
    """The rows held out with the values of each input dealt out anew, so many times each."""
    random = np.random.default_rng([SEED, place])
    columns = [column for column in INPUTS.values() for _ in range(permutations)]
    return [held.assign(**{column: random.permutation(held[column].to_numpy())}) for column in columns]


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


def _always_from(failed: Stops, failure: Floats, ratios: Floats) -> float:
    """The least ratio, in steps of these, from which on always stopping is no dearer than stopping by the chance."""
    step = ratios[1] / ratios[0]
    beyond = max(0, int(np.ceil(np.log(1 / failure.min() / ratios[-1]) / np.log(step))))
    steps, always = np.r_[ratios, ratios[-1] * step ** np.arange(1, beyond + 2)], np.ones(len(failed), dtype=bool)
    dearer = [cost(failed, always, ratio) > cost(failed, stops_where_cheaper(failure, ratio), ratio) for ratio in steps]
    return float(steps[np.flatnonzero(dearer)[-1] + 1]) if any(dearer) else float(steps[0])


def _importance(spec: DecisionSpec, network: Sequence[Answer], folds: Sequence[Fold], y: Numbers) -> dict[str, Fall]:
    """How far each class falls with each input shuffled."""
    n = spec.decision.permutations
    calls = [out_of_fold(folds, [own.ruled[place] for own in network]) for place in range(1 + len(INPUTS) * n)]
    found = Compared.of(y, [np.repeat(calls[0][None], n, axis=0), *calls[1:]], n)
    return {name: Fall(f1=found.by_class(f1_scores, 0, 1 + place)) for place, name in enumerate(INPUTS)}


def planes_of(spec: Decision, X: pd.DataFrame) -> dict[str, tuple[Floats, Floats, pd.DataFrame]]:
    """The axes of each plane, and made-up rows at its points, row by row upwards.

    They are of quality L, the other sensors at their medians; in the plane of the temperatures, the speed is slow.
    """
    held = {QUALITY: "L", **X[SENSORS].median()}
    slow = {"temperatures": {SPEED: X[SPEED].quantile(spec.slow)}}
    planes = {}
    for name, sensors in PLANES.items():
        x, y = (np.linspace(X[each].min(), X[each].max(), spec.points) for each in sensors)
        points = dict(zip(sensors, (axis.ravel() for axis in np.meshgrid(x, y)), strict=True))
        planes[name] = x, y, pd.DataFrame({**held, **slow.get(name, {}), **points})[[QUALITY, *SENSORS]]
    return planes


def _drawn(planes: Mapping[str, tuple[Floats, Floats, pd.DataFrame]], network: Sequence[Answer]) -> dict[str, Any]:
    """What most folds' networks call each point (of several classes, the first), and what the rules say.

    The planes were asked last; of the rules, those of tool wear and chance are left out.
    """
    drawn = {}
    for place, (name, (x, y, rows)) in enumerate(planes.items(), start=-len(planes)):
        votes = np.sum([np.eye(len(CLASSES))[own.ruled[place]] for own in network], axis=0)
        rule = class_numbers(failure_type(physical_flags(rows).assign(TWF=False, RNF=False)))
        maps = {"learned": votes.argmax(axis=1), "rule": rule}
        drawn[name] = Plane(
            x=x, y=y, **{key: each.reshape(len(y), len(x)).astype(np.int8) for key, each in maps.items()}
        )
    return drawn


EXPERIMENTS = (on_machines(run_decision, seconds=60),)

"""What the network is worth in a workshop: when to stop, what drives each failure, and which rules it has drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from labcode.confusion import Confusions, f1_scores, recalls
from labcode.data.columns import QUALITIES
from labcode.data.labels import failure_type, physical_flags
from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.failure_models import Rival, SeedEnsemble, fit_ensembles, rivals
from labcode.experiments.failure_rows import named, numbers, probabilities
from labcode.lab.classification.classes import CLASSES, NETWORK, NORMAL
from labcode.lab.classification.planes import HELD, PLANES, SPEED, WEAR
from labcode.lab.classification.rows import (
    FailureRows,
    Fold,
    FoldsSpec,
    Numbers,
    class_numbers,
    confusions_of,
    failure_rows,
    in_all_classes,
    mean_score,
)
from labcode.parallel import in_parallel, training_device
from labcode.protocols import QUALITY, SENSORS
from labcode.settings import SEED
from labcode.store import Result

Floats = NDArray[np.float64]
Stops = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class WorkshopSpec(FoldsSpec):
    """Costs, permutations and grids.

    Attributes
    ----------
    folds, repeats
        See :class:`~labcode.experiments.failure_rows.FoldsSpec`.
    ratios
        Lowest and highest cost of a missed failure, in needless stops, and how many lie between on a logarithmic scale.
    stated
        The ratios for which intervals are stated.
    seeds, epochs
        Networks of the ensemble of each fold, and their training.
    permutations
        How often a sensor's values are shuffled among the rows held out.
    points
        Grid points along each axis of a plane.
    slow
        Quantile of the speed at which the plane of the temperatures is drawn: fast machines cool themselves.
    wears, speeds
        Tool wear (min) and speed (rpm) that the slices hold still.
    slice_points
        Grid points along each axis of a slice.
    """

    repeats: int = 1
    ratios: tuple[float, float, int] = (1.0, 1000.0, 61)
    stated: tuple[float, ...] = (5.0, 25.0, 125.0)
    seeds: int = 2
    epochs: int = NETWORK["max_epochs"]
    permutations: int = 3
    points: int = 121
    slow: float = 0.1
    wears: tuple[float, ...] = tuple(range(0, 241, 30))
    speeds: tuple[float, ...] = tuple(range(1200, 2001, 100))
    slice_points: int = 40


def run_workshop(
    spec: WorkshopSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Decide by cost, shuffle each sensor, and ask the networks about planes of made-up rows."""
    rows = failure_rows(data["maintenance"].frame)
    sound, forest = results["classification/sound"], _forest(rows, results["classification/baselines"])
    progress(0.3)
    costs = np.geomspace(spec.ratios[0], spec.ratios[1], spec.ratios[2])
    curve, decisions = _decisions(spec, rows.y != NORMAL, costs, sound, forest)
    folds = spec.of(rows)[0]
    ensemble = SeedEnsemble(seeds=spec.seeds, network={"max_epochs": spec.epochs})
    unfitted = [clone(ensemble).set_params(random_state=100 * number) for number in range(len(folds))]
    fitted = fit_ensembles(unfitted, [rows.take(fit) for fit, _ in folds])
    progress(0.6)
    importance, shuffled = _importance(spec, fitted, rows, folds)
    progress(0.9)
    planes, scalars = _planes(spec, fitted, rows)
    for row in decisions:
        stem = f"{row['policy']}_{row['ratio']:g}"
        scalars |= {f"{stem}_{name}": row[name] for name in row if name not in ("policy", "ratio")}
    return Payload(
        scalars=scalars | {"failures": float((rows.y != NORMAL).mean())},
        tables={"decisions": decisions, "importance": importance},
        arrays={
            "ratios": costs,
            **{f"cost_{name}": values for name, values in curve.items()},
            "forest_failure_probability": forest.astype(np.float32),
            "shuffled": shuffled,
            **planes,
            **_slices(spec, fitted, rows),
        },
        device=training_device(),
    )


def _forest(rows: FailureRows, stored: Result) -> Floats:
    """Probability of a failure that the rivals' plain forest gives to rows held out, ``(repeats, n)``, on their folds.

    The rivals' result holds their answers alone; the same forests are fitted again for what they expect.
    """
    own: Mapping[str, Any] = stored.meta["spec"]  # type: ignore[assignment]
    known = {name: own[name] for name in ("trees", "smote_neighbors", "smote_share")}
    folds = FoldsSpec(folds=own["folds"], repeats=own["repeats"]).of(rows)
    tasks = [(rivals(**known)["forest"], rows, fold) for repeat in folds for fold in repeat]
    answers = iter(in_parallel(_failures_of, tasks))
    expected = np.zeros((len(folds), len(rows)))
    for repeat, pairs in enumerate(folds):
        for _, held in pairs:
            expected[repeat, held] = next(answers)
    return expected


def _failures_of(model: Rival, rows: FailureRows, fold: Fold) -> Floats:
    fitted = model.fit(*rows.take(fold[0]))
    return 1 - in_all_classes(fitted.predict_proba(rows.X.iloc[fold[1]]), fitted.classes_)[:, NORMAL]


def _decisions(
    spec: WorkshopSpec, failed: Stops, costs: Floats, sound: Result, forest: Floats
) -> tuple[dict[str, Floats], list[dict[str, Any]]]:
    """Cost of each policy over the ratios ``(n_ratios,)``, and what it costs at the stated ones, with intervals."""
    curve: dict[str, list[float]] = {}
    for ratio in costs:
        for name, stops in _policies(ratio, sound, forest).items():
            curve.setdefault(name, []).append(float(np.mean([cost(failed, each, ratio) for each in stops])))
    table = []
    for ratio in spec.stated:
        policies = _policies(ratio, sound, forest)
        found = Confusions.of(failed, np.concatenate(list(policies.values())), 2)
        places = {name: place for place, name in enumerate(policies)}
        repeats = len(policies["expected_cost"])
        for name, place in places.items():
            row: dict[str, Any] = {"ratio": ratio, "policy": name, "threshold": 1 / (1 + ratio)}
            row |= named("cost", found.interval(mean_score(_cost_of(ratio), place, repeats)))
            saved = _saving(ratio, places["expected_cost"], place, repeats)
            row |= named("saved", found.interval(saved))
            cells = found.counts[place * repeats :][:repeats].mean(axis=0)
            table.append(row | {"missed": float(cells[1, 0]), "needless": float(cells[0, 1])})
    return {name: np.array(values) for name, values in curve.items()}, table


def _policies(ratio: float, sound: Result, forest: Floats) -> dict[str, Stops]:
    """Which rows each policy stops, ``(repeats, n)``, where a missed failure costs `ratio` needless stops.

    The network and the forest both stop a row where that is cheaper by the probability that they give to a failure.
    """
    given, undone = sound.arrays["probabilities"], sound.arrays["probabilities_without_weights"]
    stop = numbers(given) != NORMAL
    return {
        "expected_cost": 1 - undone[..., NORMAL].astype(np.float64) > 1 / (1 + ratio),
        "argmax": stop,
        "forest": forest > 1 / (1 + ratio),
        "never": np.zeros_like(stop),
        "always": np.ones_like(stop),
    }


def cost(failed: Stops, stops: Stops, ratio: float) -> float:
    """Cost of stopping some of the rows ``(n,)``, in needless stops a thousand rows.

    Examples
    --------
    >>> cost(np.array([True, False, False, False]), np.array([False, True, False, False]), 10.0)
    2750.0
    """
    return float(1000 * np.mean(ratio * (failed & ~stops) + (~failed & stops)))


def _cost_of(ratio: float) -> Any:
    return lambda counts: 1000 * (ratio * counts[..., 1, 0] + counts[..., 0, 1]) / counts.sum(axis=(-2, -1))


def _saving(ratio: float, ours: int, theirs: int, repeats: int) -> Any:
    first, second = (mean_score(_cost_of(ratio), place, repeats) for place in (theirs, ours))
    return lambda counts: first(counts) - second(counts)


def _importance(
    spec: WorkshopSpec, fitted: Sequence[SeedEnsemble], rows: FailureRows, folds: Sequence[Fold]
) -> tuple[list[dict[str, Any]], Floats]:
    """A row for each input and class: how much F1 and recall fall when the input's values are shuffled.

    Beside it, the mean confusion counts ``(1 + n_inputs, 6, 6)``: with nothing shuffled, then with each input.
    """
    whole = _predict(fitted, rows, folds, rows.X)
    random = np.random.default_rng(SEED)
    shuffled = []
    for name in (QUALITY, *SENSORS):
        for _ in range(spec.permutations):
            X = rows.X.copy()
            for _, held in folds:
                X.iloc[held, X.columns.get_loc(name)] = X[name].to_numpy()[random.permutation(held)]
            shuffled.append(_predict(fitted, rows, folds, X))
    counts = confusions_of(rows.y, [np.repeat(whole[None], spec.permutations, axis=0), *shuffled])
    table = []
    for place, name in enumerate((QUALITY, *SENSORS)):
        drops = [_drops(counts, score, place, spec.permutations) for score in (f1_scores, recalls)]
        for k, (label, slug) in enumerate(CLASSES.items()):
            row: dict[str, Any] = {"input": name, "label": label, "slug": slug}
            table.append(row | named("f1_drop", drops[0][k]) | named("recall_drop", drops[1][k]))
    return table, counts.counts.reshape(-1, spec.permutations, len(CLASSES), len(CLASSES)).mean(axis=1)


def _drops(counts: Confusions, score: Any, place: int, repeats: int) -> Any:
    """How much lower a score of each class is with the input at a place shuffled."""
    whole, spoilt = (mean_score(score, each, repeats) for each in (0, place + 1))
    return counts.intervals(lambda cells: whole(cells) - spoilt(cells))


def _predict(fitted: Sequence[SeedEnsemble], rows: FailureRows, folds: Sequence[Fold], X: pd.DataFrame) -> Numbers:
    """Class numbers of rows ``(n,)``, each from the ensemble that has not seen it."""
    predicted = np.zeros(len(rows), dtype=np.int64)
    for ensemble, (_, held) in zip(fitted, folds, strict=True):
        own = FailureRows(X.iloc[held], rows.labels[held], rows.y[held])
        predicted[held] = numbers(probabilities(ensemble, own))
    return predicted


def _planes(
    spec: WorkshopSpec, fitted: Sequence[SeedEnsemble], rows: FailureRows
) -> tuple[dict[str, NDArray[Any]], dict[str, float]]:
    """Axes of each plane, and the class numbers that networks and rules give to its points, ``(points, points)``."""
    arrays: dict[str, NDArray[Any]] = {}
    scalars: dict[str, float] = {}
    for name, (across, upwards) in PLANES.items():
        x, y = (np.linspace(rows.X[each].min(), rows.X[each].max(), spec.points) for each in (across, upwards))
        grid = _grid(spec, rows.X, name, x, y)
        learned = _answers(fitted, grid)
        shape = (len(y), len(x))
        arrays |= {f"{name}_x": x, f"{name}_y": y}
        arrays |= {f"{name}_learned": learned.reshape(shape).astype(np.int8)}
        arrays |= {f"{name}_rule": grid.y.reshape(shape).astype(np.int8)}
        scalars[f"agreement_{name}"] = float((learned == grid.y).mean())
        scalars |= {
            f"{name}_{_short(each)}": float(grid.X[each].iloc[0]) for each in SENSORS if each not in PLANES[name]
        }
    return arrays, scalars


def _answers(fitted: Sequence[SeedEnsemble], grid: FailureRows) -> Numbers:
    """Class numbers that the networks of all folds give together."""
    return numbers(np.mean([probabilities(each, grid) for each in fitted], axis=0))


def _slices(spec: WorkshopSpec, fitted: Sequence[SeedEnsemble], rows: FailureRows) -> dict[str, NDArray[Any]]:
    """Axes and levels of the sliced planes, and the class numbers ``(n_qualities, n_levels, points, points)`` in them.

    A slice holds one sensor at a level, for a quality; the temperatures are at their medians. Upwards comes first.
    """
    arrays: dict[str, NDArray[Any]] = {}
    medians = rows.X[SENSORS].median()
    for name, sensor in HELD.items():
        levels = spec.wears if sensor == WEAR else spec.speeds
        x, y = (np.linspace(rows.X[each].min(), rows.X[each].max(), spec.slice_points) for each in PLANES[name])
        held = [{QUALITY: quality, **medians, sensor: level} for quality in QUALITIES for level in levels]
        learned = [_answers(fitted, _made_up(name, x, y, each)).astype(np.uint8) for each in held]
        shape = (len(QUALITIES), len(levels), len(y), len(x))
        arrays |= {f"{name}_slices": np.array(learned).reshape(shape), f"{name}_levels": np.array(levels, dtype=float)}
        arrays |= {f"{name}_slice_x": x, f"{name}_slice_y": y}
    return arrays


def _short(sensor: str) -> str:
    """A sensor's name in scalars: ``"Tool wear [min]"`` is ``tool_wear``."""
    return sensor.partition(" [")[0].lower().replace(" ", "_")


def _grid(spec: WorkshopSpec, X: pd.DataFrame, name: str, x: Floats, y: Floats) -> FailureRows:
    """Made-up rows of quality L on a plane, the other sensors at their medians, with the failure that the rules say."""
    values = X[SENSORS].median()
    if name == "temperatures":
        values[SPEED] = X[SPEED].quantile(spec.slow)
    return _made_up(name, x, y, {QUALITY: "L", **values})


def _made_up(name: str, x: Floats, y: Floats, held: Mapping[str, object]) -> FailureRows:
    """Rows at the points of a plane, all else as held, with the failure that the rules say."""
    across, upwards = np.meshgrid(x, y)
    rows = pd.DataFrame({**held, PLANES[name][0]: across.ravel(), PLANES[name][1]: upwards.ravel()})
    flags = physical_flags(rows).assign(TWF=False, RNF=False)
    labels = np.asarray(failure_type(flags), dtype=str)
    return FailureRows(rows[[QUALITY, *SENSORS]], labels, class_numbers(labels))


EXPERIMENTS = (
    Experiment(
        name="classification/workshop",
        run=run_workshop,
        spec=WorkshopSpec(),
        quick=WorkshopSpec(folds=2, seeds=1, epochs=4, permutations=1, points=21, slice_points=13),
        datasets=("maintenance",),
        needs=("classification/sound", "classification/baselines"),
        seconds=15,
    ),
)

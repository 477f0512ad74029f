"""What a classifier that knows the rules of the table would do and score, on the rows and on simulated tables.

The rules are those that UCI published with the data (https://doi.org/10.24432/C5HS5C). Heat dissipation, power and
overstrain follow from a row; when a tool fails and when a process fails for no reason is drawn by chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import triang, uniform

from labcode.data.columns import FAILURE, QUALITY, SENSORS
from labcode.data.labels import FAILURE_MODES, MIN_COOLING_SPEED, MIN_TEMPERATURE_DIFFERENCE, NO_FAILURE, physical_flags
from labcode.data.simulate_maintenance import (
    QUALITIES,
    RANDOM_FAILURES,
    TOOL_LIFE,
    WORN_TOOL_FAILS,
    simulate_maintenance,
)
from labcode.lab.classification.classes import CLASSES, RANDOM, Numbers
from labcode.lab.classification.rows import Compared, class_numbers, confusion_counts, row_losses
from labcode.lab.classification.settings import Simulation
from labcode.lab.classification.sound_results import Ceiling, Decision
from labcode.lab.needs import on_machines
from labcode.lab.quantities import Data, Stored, next_seed, number
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.intervals import mean_interval
from labcode.scoring.scores import Floats, accuracy, f1_scores, macro_f1
from labcode.settings import SEED

AIR, PROCESS, SPEED, _, WEAR = SENSORS
Precision = Literal["float64", "float32", "float64_as_float32", "printed"]


@dataclass(frozen=True)
class Chances:
    """What the rules leave to chance: the wear (min) at which a tool is replaced (``life``), and what fails how often.

    A worn tool ``fails`` with a chance; that of ``random`` is that a process fails for no reason.
    """

    life: Any
    fails: float
    random: float


#: As UCI published them.
PUBLISHED = Chances(uniform(200, 40), fails=51 / 120, random=0.001)
#: As the simulated stand-in has them: tool lives and random failures as frequent as they are in the published table.
STAND_IN = Chances(
    triang((TOOL_LIFE[1] - TOOL_LIFE[0]) / (TOOL_LIFE[2] - TOOL_LIFE[0]), TOOL_LIFE[0], TOOL_LIFE[2] - TOOL_LIFE[0]),
    fails=WORN_TOOL_FAILS,
    random=RANDOM_FAILURES,
)


def tool_ends(rows: pd.DataFrame, life: Any) -> Floats:
    """Chance that the tool comes to its end in a row, given its wear and that it has lasted so far, ``(n,)``.

    A process adds 2, 3 or 5 min of wear, by quality. A tool that is past the longest life ends at once.
    """
    wear = rows[WEAR].to_numpy(dtype=np.float64)
    growth = rows[QUALITY].astype(str).map({name: quality.wear for name, quality in QUALITIES.items()})
    lasted, lasts = life.sf(wear), life.sf(wear + growth.to_numpy(dtype=np.float64))
    ends: Floats = 1 - np.divide(lasts, lasted, out=np.zeros_like(lasts), where=lasted > 0)
    return ends


def true_probabilities(
    rows: pd.DataFrame, chances: Chances, *, heat: ArrayLike | None = None, ends: ArrayLike | None = None
) -> Floats:
    """Probability of each label, ``(n, 6)`` in alphabetical order, by the rules alone; no label of the rows is read.

    ``heat`` is the chance of a heat dissipation failure ``(n,)``, else that of the rule, 0 or 1; ``ends`` the chance
    that the tool comes to its end ``(n,)``, else that of `tool_ends`.
    """
    flags = physical_flags(rows).astype(float)
    ends = tool_ends(rows, chances.life) if ends is None else np.asarray(ends)
    chance: dict[str, ArrayLike] = {
        "PWF": flags["PWF"],
        "TWF": ends * chances.fails,
        "HDF": flags["HDF"] if heat is None else heat,
        "OSF": flags["OSF"],
        "RNF": chances.random,
    }
    columns = {}
    left = np.ones(len(rows))
    for mode, label in FAILURE_MODES.items():  # of several failures, the first of these gives the label
        columns[label] = left * np.asarray(chance[mode])
        left = left - columns[label]
    columns[NO_FAILURE] = left
    return np.column_stack([columns[label] for label in CLASSES])


class Weights(NamedTuple):
    """A decision by the largest of ``scale * (probability - offset)``; both ``(6,)``."""

    scale: Floats
    offset: Floats


#: The most probable class.
MOST_PROBABLE = Weights(np.ones(len(CLASSES)), np.zeros(len(CLASSES)))


def decide(probabilities: Floats, weights: Weights) -> Numbers:
    """Class numbers of rows, ``(n, 6)`` to ``(n,)``.

    Random failures are never named: their chance is the same in all rows, so that naming them in some rows rather than
    in others is worth nothing that could be learned (less than 0.001 of macro-F1).
    """
    values = weights.scale * (probabilities - weights.offset)
    values[:, RANDOM] = -np.inf
    return np.asarray(values.argmax(axis=1))


def best_weights(probabilities: Floats, rounds: int = 50) -> Weights:
    """The decision with the highest expected macro-F1 on rows like these; no label is read.

    With ``right`` of the ``named`` and of the ``actual`` rows, a class has an F1 of ``2 right / (actual + named)``. To
    name it in one more row, of probability p, raises that by ``2 / (actual + named) * (p - F1 / 2)``. Each row gets the
    class that raises the sum most, which changes the counts, so this is repeated, and the best round is kept. (For one
    class, Lipton et al. 2014, "Optimal thresholding of classifiers to maximize F1 measure".) Probabilities ``(n, 6)``.
    """
    actual = probabilities.sum(axis=0)
    weights = best = MOST_PROBABLE
    highest = -np.inf
    for _ in range(rounds):
        named = np.eye(len(actual))[decide(probabilities, weights)]
        right = (probabilities * named).sum(axis=0)
        total = actual + named.sum(axis=0)
        f1 = 2 * right / total
        if f1.mean() > highest:
            highest, best = f1.mean(), weights
        weights = Weights(2 / total, f1 / 2)
    return best


def known_ends(rows: pd.DataFrame) -> Floats:
    """Whether the tool was replaced after a row, 0 or 1, ``(n,)``: seen from the next row, whose wear is less."""
    return np.append(np.diff(rows[WEAR].to_numpy(dtype=np.float64)) < 0, [False]).astype(float)


def temperature_difference(rows: pd.DataFrame, precision: Precision = "float64") -> NDArray[np.floating[Any]]:
    """Process minus air temperature, K, ``(n,)``, as a computer or a thermometer has it; both are printed to 0.1 K.

    With ``"float32"``, the columns are rounded before they are subtracted, with ``"float64_as_float32"`` the difference
    after it.
    """
    columns = rows[[AIR, PROCESS]].to_numpy(dtype=np.float32 if precision == "float32" else np.float64)
    difference: NDArray[np.floating[Any]] = columns[:, 1] - columns[:, 0]
    if precision == "printed":
        return difference.round(1)
    return difference.astype(np.float32) if precision == "float64_as_float32" else difference


def on_the_edge(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows slow enough to fail by heat whose temperatures are 8.6 K apart as they are printed, ``(n,)``."""
    slow = rows[SPEED].to_numpy() < MIN_COOLING_SPEED
    return np.asarray((temperature_difference(rows, "printed") == MIN_TEMPERATURE_DIFFERENCE) & slow)


def below_by_noise() -> float:
    """Share of temperatures 8.6 K apart, from 295.0 K on to 305.0 K, whose difference in float64 is less than 8.6."""
    tenths = np.arange(2950, 3051)
    apart = round(10 * MIN_TEMPERATURE_DIFFERENCE)
    return float(np.mean((tenths + apart) / 10 - tenths / 10 < MIN_TEMPERATURE_DIFFERENCE))


def heat_as_printed(rows: pd.DataFrame) -> Floats:
    """Chance of a heat dissipation failure for one who reads the temperatures to 0.1 K, ``(n,)``."""
    slow = rows[SPEED].to_numpy() < MIN_COOLING_SPEED
    below = temperature_difference(rows, "printed") < MIN_TEMPERATURE_DIFFERENCE
    return np.where(on_the_edge(rows), below_by_noise(), (below & slow).astype(float))


def most_right(values: ArrayLike, failed: ArrayLike) -> int:
    """Rows that are right if each distinct value is called what most of its rows are.

    >>> most_right([8.6, 8.6, 8.6, 8.7], [True, False, False, True])
    3
    """
    by_value = pd.Series(np.asarray(failed, dtype=bool)).groupby(np.asarray(values))
    return int(np.maximum(by_value.sum(), by_value.size() - by_value.sum()).sum())


#: What a decision may know of a row.
VIEWS = ("exact", "printed", "row order")
#: Decisions: what each sees of a row, and whether it is the best one or the most probable class.
DECISIONS = {
    "most_probable": ("exact", False),
    "best": ("exact", True),
    "most_probable_printed": ("printed", False),
    "best_printed": ("printed", True),
    "row_order": ("row order", True),
}
#: Seeds of the simulated tables: those that set the decisions, and those that are scored.
_LEARNING, _SCORING = 1_000 + SEED, 1_000_000 + SEED


def run_ceiling(spec: Simulation, *, data: Data, results: Stored, progress: Progress) -> Ceiling:
    """Score decisions that know the rules, on the rows and on simulated tables; set them on other tables."""
    rows = data["maintenance"].frame
    y = class_numbers(rows[FAILURE])
    tables = [simulate_maintenance(spec.rows[0], _LEARNING + i) for i in range(spec.learning_draws)]
    published, stand_in = (_weights(tables, chances) for chances in (PUBLISHED, STAND_IN))
    progress(0.15)
    views = _views(rows, PUBLISHED)
    measured = decide(true_probabilities(rows, STAND_IN), stand_in["exact"])
    drawn = []
    for i in range(spec.draws):  # not side by side: what starts another process takes longer than many tables
        drawn.append(_score_draw(spec.rows, _SCORING + i, stand_in))
        progress(0.15 + 0.8 * (i + 1) / spec.draws)
    scores, parts = (np.array(found) for found in zip(*drawn, strict=True))
    return Ceiling(
        **_on_rows(y, dict(zip(DECISIONS, _named(views, published))) | {"best_measured": measured}),
        log_loss=number(mean_interval(row_losses(y, views["exact"]), np.arange(len(y)))),
        **_edge(rows, y),
        draws=len(drawn),
        simulated={name: next_seed(column) for name, column in zip(DECISIONS, scores.T)},
        leak_bound={size: Number(float(column.max())) for size, column in zip(spec.rows, parts.T, strict=True)},
    )


def _views(rows: pd.DataFrame, chances: Chances) -> dict[str, Floats]:
    """Probabilities by what is known of a row."""
    return {
        "exact": true_probabilities(rows, chances),
        "printed": true_probabilities(rows, chances, heat=heat_as_printed(rows)),
        "row order": true_probabilities(rows, chances, ends=known_ends(rows)),
    }


def _weights(tables: list[pd.DataFrame], chances: Chances) -> dict[str, Weights]:
    """The best decision for each view, set on simulated rows without their labels."""
    views = [_views(table, chances) for table in tables]
    return {view: best_weights(np.concatenate([each[view] for each in views])) for view in VIEWS}


def _named(views: Mapping[str, Floats], best: Mapping[str, Weights]) -> list[Numbers]:
    """What each decision calls the rows."""
    weights = {True: best, False: dict.fromkeys(VIEWS, MOST_PROBABLE)}
    return [decide(views[view], weights[is_best][view]) for view, is_best in DECISIONS.values()]


def _on_rows(y: Numbers, named: Mapping[str, Numbers]) -> dict[str, Any]:
    """Scores of each decision on the rows, and paired differences."""
    found, place = Compared.of(y, list(named.values())), {name: i for i, name in enumerate(named)}
    decisions: dict[str, Any] = {
        name: Decision(
            macro_f1=found.score(macro_f1, i), accuracy=found.score(accuracy, i), f1=found.by_class(f1_scores, i)
        )
        for name, i in place.items()
    }
    return decisions | {
        "gain_of_deciding": found.gain(macro_f1, place["best"], place["most_probable"]),
        "artefact_best": found.gain(macro_f1, place["best"], place["best_printed"]),
    }


def _edge(rows: pd.DataFrame, y: Numbers) -> dict[str, Any]:
    """Rows whose temperatures are 8.6 K apart as printed, and how well a difference tells which of them failed."""
    edge = on_the_edge(rows)
    heat = np.array(list(CLASSES.values()))[y[edge]] == "heat_dissipation"
    differences = {name: temperature_difference(rows[edge], name) for name in get_args(Precision)}
    return {
        "edge_rows": Number(int(edge.sum())),
        "edge_failures": Number(int(heat.sum())),
        "edge_right": {name: Number(most_right(values, heat)) for name, values in differences.items()},
    }


def _score_draw(sizes: tuple[int, ...], seed: int, best: Mapping[str, Weights]) -> tuple[Floats, list[float]]:
    """Macro-F1 on a simulated table of each decision that knows its rules, and of the best one on parts of it."""
    rows = simulate_maintenance(sizes[0], seed)
    y, named = class_numbers(rows[FAILURE]), np.stack(_named(_views(rows, STAND_IN), best))
    ours, order = named[list(DECISIONS).index("best")], np.random.default_rng(seed).permutation(len(y))
    parts = [float(macro_f1(confusion_counts(y[order[:n]], ours[order[:n]]))) for n in sizes]
    return macro_f1(confusion_counts(y, named)), parts


EXPERIMENTS = (on_machines(run_ceiling, "classification.ceiling", seconds=30),)

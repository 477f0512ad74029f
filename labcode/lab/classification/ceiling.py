"""What a classifier that knows the rules of the table would do: chances of each class, and what to make of them.

The rules are those that UCI published with the data (https://doi.org/10.24432/C5HS5C). Heat dissipation, power and
overstrain follow from a row; when a tool fails and when a process fails for no reason is drawn by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import triang, uniform

from labcode.data.columns import QUALITY, SENSORS
from labcode.data.labels import FAILURE_MODES, MIN_COOLING_SPEED, MIN_TEMPERATURE_DIFFERENCE, NO_FAILURE, physical_flags
from labcode.data.simulate_maintenance import QUALITIES, RANDOM_FAILURES, TOOL_LIFE, WORN_TOOL_FAILS
from labcode.lab.classification.classes import CLASSES, RANDOM
from labcode.lab.classification.rows import Numbers
from labcode.scoring.scores import Floats

AIR, PROCESS, SPEED, _, WEAR = SENSORS
Precision = Literal["float64", "float32", "float64_as_float32", "printed"]


@dataclass(frozen=True)
class Chances:
    """What the rules leave to chance.

    ``life`` is the distribution of the tool wear (min) at which a tool is replaced; then it ``fails`` with a chance.
    ``random`` is the chance that a process fails for no reason.
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
    air, process = rows[AIR].to_numpy(dtype=np.float64), rows[PROCESS].to_numpy(dtype=np.float64)
    if precision == "float32":
        return np.asarray(process.astype(np.float32) - air.astype(np.float32))
    difference = np.asarray(process - air)
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

    Examples
    --------
    >>> most_right([8.6, 8.6, 8.6, 8.7], [True, False, False, True])
    3
    """
    by_value = pd.Series(np.asarray(failed, dtype=bool)).groupby(np.asarray(values))
    return int(np.maximum(by_value.sum(), by_value.size() - by_value.sum()).sum())

"""When to stop a machine, what each failure is seen by, and where the published rules lie."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labcode.data.columns import QUALITY, SENSORS
from labcode.data.labels import failure_type, physical_flags
from labcode.scoring.scores import Floats

Stops = NDArray[np.bool_]
AIR, PROCESS, SPEED, TORQUE, WEAR = SENSORS
#: The planes that are drawn: what lies across and upwards.
PLANES = {"torque_speed": (SPEED, TORQUE), "wear_torque": (WEAR, TORQUE), "temperatures": (AIR, PROCESS)}


def stops_where_cheaper(failure: Floats, ratio: float) -> Stops:
    """Stop a machine where that costs less, by the chance of a failure ``(n,)``.

    A missed failure costs ``ratio`` needless stops: stopping costs ``1 - failure``, going on ``ratio * failure``.
    """
    return failure > 1 / (1 + ratio)


def cost(failed: Stops, stops: Stops, ratio: float) -> float:
    """Cost of stopping some of the machines ``(n,)``, in needless stops a thousand rows.

    Examples
    --------
    >>> cost(np.array([True, False, False, False]), np.array([False, True, False, False]), 10.0)
    2750.0
    """
    missed, needless = failed & ~stops, ~failed & stops
    return float(1000 * (ratio * missed.mean() + needless.mean()))


def shuffled(rows: pd.DataFrame, column: str, random: np.random.Generator) -> pd.DataFrame:
    """The rows with the values of one column dealt out anew: what it said of each row is lost, its spread is not."""
    return rows.assign(**{column: random.permutation(rows[column].to_numpy())})


def plane_rows(x: tuple[str, Floats], y: tuple[str, Floats], held: Mapping[str, object]) -> pd.DataFrame:
    """Made-up rows at the points of a plane, row by row upwards; all other columns as held."""
    across, upwards = np.meshgrid(x[1], y[1])
    return pd.DataFrame({**held, x[0]: across.ravel(), y[0]: upwards.ravel()})[[QUALITY, *SENSORS]]


def published_rule(rows: pd.DataFrame) -> NDArray[np.str_]:
    """The failure type of each row by the published rules, ``(n,)``; tool wear and chance are left out."""
    return np.asarray(failure_type(physical_flags(rows).assign(TWF=False, RNF=False)), dtype=str)

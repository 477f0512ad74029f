"""The simulated stand-in for the maintenance data: UCI's published process and failure rules, drawn anew."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labcode.data.columns import SENSORS
from labcode.data.labels import MIN_TEMPERATURE_DIFFERENCE, failure_type, physical_flags
from labcode.settings import SEED

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


class _Quality(NamedTuple):
    share: float
    wear: int
    serial: int


#: Product quality: share of the rows, tool wear per process in min, and the number that a Product ID adds to the row's.
QUALITIES: Final = {"L": _Quality(0.6, 2, 47_179), "M": _Quality(0.3, 3, 14_859), "H": _Quality(0.1, 5, 29_413)}
#: In the published table: correlation of the two temperature walks, and share of rows less than 8.6 K apart.
WALK_CORRELATION, CLOSE_TEMPERATURES = -0.70, 0.072
#: Pairs of temperature walks, and how many of them, nearest to the published share, compete for the one that is kept.
TEMPERATURE_DRAWS, NEAREST_DRAWS = 100, 10
#: Tool life in min: UCI's bounds of 200 and 240, and the mode that gives the published table's average life.
TOOL_LIFE: Final = (200, 213, 240)
#: Chance that a tool at the end of its life fails before it is replaced (UCI: 51 of 120).
WORN_TOOL_FAILS: Final = 51 / 120
#: Share of rows with a random failure, and with ``Target`` = 1 though no failure is recorded, in the published table.
RANDOM_FAILURES, UNEXPLAINED_FAILURES = 19 / 10_000, 9 / 10_000


def simulate_maintenance(n_rows: int = 10_000, seed: int = SEED) -> pd.DataFrame:
    """Simulate Kaggle's copy of the AI4I 2020 predictive maintenance data by the rules that UCI published.

    Sources: https://archive.ics.uci.edu/dataset/601 (DOI 10.24432/C5HS5C) and S. Matzka, "Explainable Artificial
    Intelligence for Predictive Maintenance Applications", AI4I 2020. Measured on the published table where the page is
    silent or differs from it: the correlation of the two temperature walks, speed as a function of torque (the stated
    2860 W would give half the speed), the shape of tool life, and 19 random failures in 10,000 instead of 10.

    ``Target`` keeps the table's quirks: 1 for every failure but random ones, and for 9 in 10,000 rows without any.

    Gives Kaggle's ten columns, shape ``(n_rows, 10)``: temperatures in K, speed in rpm, torque in Nm, tool wear in min;
    equal arguments give equal frames. Fewer than 100 rows raise `ValueError`.

    >>> machines = simulate_maintenance(n_rows=200)
    >>> machines.shape, machines["Failure Type"].iloc[0]
    ((200, 10), 'No Failure')
    """
    if n_rows < 100:
        raise ValueError(f"{n_rows=} is below 100, too few for a random walk of temperatures.")
    rng = np.random.default_rng(seed)
    quality = rng.choice(list(QUALITIES), size=n_rows, p=[row.share for row in QUALITIES.values()])
    products = [f"{kind}{QUALITIES[kind].serial + udi}" for udi, kind in enumerate(quality, start=1)]
    air, process = _temperatures(rng, n_rows)
    speed, torque = _speed_and_torque(rng, n_rows)
    wear, worn_out = _tool_wear(rng, np.array([QUALITIES[kind].wear for kind in quality]))
    names = {"Product ID": pd.array(products, dtype="str"), "Type": pd.array(quality, dtype="str")}
    sensors = dict(zip(SENSORS, (air, process, speed, torque, wear)))
    return _labelled(rng, pd.DataFrame({"UDI": np.arange(1, n_rows + 1), **names, **sensors}), worn_out)


def _temperatures(rng: np.random.Generator, n_rows: int) -> tuple[Array, Array]:
    """Air and process temperature in K, to 0.1 K: two random walks, of 2 K around 300 K and of 1 K around air + 10 K.

    How often, and when, the walks come closer than 8.6 K differs widely between draws. Of the draws nearest to the
    published table's share, the one is taken whose close rows lie nearest together, since there they are one warm
    spell (rows 3,239 to 4,855): heat dissipation failures are as frequent and as much alike as in the table.
    """
    walks = np.cumsum(rng.standard_normal((2, TEMPERATURE_DRAWS, n_rows)), axis=2)
    first, second = (walks - walks.mean(axis=2, keepdims=True)) / walks.std(axis=2, keepdims=True)
    second = second - (first * second).mean(axis=1, keepdims=True) * first
    second /= second.std(axis=1, keepdims=True)
    air = 300 + 2 * first
    process = air + 10 + WALK_CORRELATION * first + np.sqrt(1 - WALK_CORRELATION**2) * second
    air, process = air.round(1), process.round(1)
    close = process - air < MIN_TEMPERATURE_DIFFERENCE
    nearest = np.argsort(np.abs(close.mean(axis=1) - CLOSE_TEMPERATURES), kind="stable")[:NEAREST_DRAWS]
    spread = [np.flatnonzero(close[draw]).std() if close[draw].any() else n_rows for draw in nearest]
    kept = nearest[int(np.argmin(spread))]
    return air[kept], process[kept]


def _speed_and_torque(rng: np.random.Generator, n_rows: int) -> tuple[Integers, Array]:
    """Speed in rpm and torque in Nm: normal torque, and the speed that follows from it with a noise of 50 rpm."""
    torque = np.abs(rng.normal(40, 10, n_rows)).clip(1, None).round(1)
    speed = 1000 + 20_000 / torque + rng.normal(0, 50, n_rows)
    return np.where(speed > 2700, 3000 - 30 * torque, speed).round().astype(np.int64), torque


def _tool_wear(rng: np.random.Generator, growth: Integers) -> tuple[Integers, Integers]:
    """Tool wear in min at the start of each process, and the rows in which a tool reaches the end of its life.

    A life ends at a random wear between 200 and 240 min; the next process starts with a new tool.
    """
    total = np.cumsum(growth)
    wear, ends, start = total - growth, [], 0
    while start < len(growth):
        worn = total[start] - growth[start]
        end = int(np.searchsorted(total, worn + rng.triangular(*TOOL_LIFE)))
        wear[start : end + 1] -= worn
        ends.append(end)
        start = end + 1
    return wear, np.array(ends[:-1], dtype=np.int64)


def _labelled(rng: np.random.Generator, frame: pd.DataFrame, worn_out: Integers) -> pd.DataFrame:
    """`frame` with ``Target`` and ``Failure Type``: failures by rule, by worn tools, and by chance."""
    flags = physical_flags(frame)
    n_rows = len(frame)
    flags["TWF"] = np.isin(np.arange(n_rows), worn_out[rng.random(len(worn_out)) < WORN_TOOL_FAILS])
    machine_failure = flags.any(axis=1)
    flags["RNF"] = np.isin(np.arange(n_rows), rng.choice(n_rows, round(RANDOM_FAILURES * n_rows), replace=False))
    sound = np.flatnonzero(~flags.any(axis=1))
    machine_failure.iloc[rng.choice(sound, round(UNEXPLAINED_FAILURES * n_rows), replace=False)] = True
    return frame.assign(**{"Target": machine_failure.astype(np.int64), "Failure Type": failure_type(flags)})

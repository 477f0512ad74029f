"""Machines before any model: what tells failures apart, by single sensors and by the rules that made them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labcode.data.columns import FAILURE, SENSORS
from labcode.data.simulate_maintenance import TOOL_LIFE
from labcode.scoring.intervals import Interval, cluster_bootstrap

Floats = NDArray[np.float64]
AIR, PROCESS, SPEED, TORQUE, WEAR = SENSORS
#: What results and tables call the sensors; the first version named the last three.
SENSOR_NAMES = dict(
    zip(SENSORS, ("air temperature", "process temperature", "speed", "torque", "tool wear"), strict=True)
)
#: Tool wear (min) between which UCI lets a tool come to its end, at random.
WORN = (TOOL_LIFE[0], TOOL_LIFE[-1])


def equal_eta_squared(sensor: pd.Series, failure: pd.Series) -> float:
    """Share of a sensor's variance ``(n,)`` between the failure types, if all were equally common."""
    by_type = sensor.groupby(failure)
    between, within = by_type.mean().var(ddof=0), by_type.var(ddof=0).mean()
    return float(between / (between + within))


def eta_intervals(machines: pd.DataFrame, draws: int) -> tuple[dict[str, Interval], Interval]:
    """Eta squared of each sensor with its limits, and the lead of the three that our first version named.

    The lead is that of the weakest of speed, torque and wear over the stronger of the two temperatures. All limits
    resample rows.
    """
    label = pd.get_dummies(machines[FAILURE]).to_numpy(dtype=np.float64)
    values = ((machines[SENSORS] - machines[SENSORS].mean()) / machines[SENSORS].std()).to_numpy()
    totals = (label[:, :, None] * values[:, None, :]).reshape(len(values), -1)
    parts = np.column_stack([label, totals, values**2])
    rows, k = np.arange(len(machines)), label.shape[1]

    def lead(sums: Floats) -> Floats:
        shares = _shares(sums, k)
        return np.asarray(shares[..., 2:].min(axis=-1) - shares[..., :2].max(axis=-1))

    found = {
        name: cluster_bootstrap(parts, rows, lambda sums, i=i: _shares(sums, k)[..., i], draws=draws)  # type: ignore[misc]
        for i, name in enumerate(SENSOR_NAMES.values())
    }
    return found, cluster_bootstrap(parts, rows, lead, draws=draws)


def _shares(sums: Floats, k: int) -> Floats:
    """Eta squared of each sensor from the sums of ``k`` class indicators, of class totals, and of squares."""
    sizes, squares = sums[..., :k, None], sums[..., -len(SENSORS) :]
    totals = sums[..., k : -len(SENSORS)].reshape(*sums.shape[:-1], k, len(SENSORS))
    centre = totals.sum(axis=-2) ** 2 / sizes.sum(axis=-2)
    return np.asarray(((totals**2 / np.maximum(sizes, 1)).sum(axis=-2) - centre) / (squares - centre))

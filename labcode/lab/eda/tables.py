"""The tables of the chapter on the data."""

from __future__ import annotations

import pandas as pd

from labcode.data.labels import (
    MIN_COOLING_SPEED,
    MIN_TEMPERATURE_DIFFERENCE,
    POWER_LIMITS,
    STRAIN_LIMITS,
)
from labcode.lab.eda.results import Machines

#: The rules as formulas, by what results call them.
FORMULAS = {
    "power": f"power < {POWER_LIMITS[0]:,} W or > {POWER_LIMITS[1]:,} W",
    "overstrain": f"wear × torque > {', '.join(f'{limit:,} ({kind})' for kind, limit in STRAIN_LIMITS.items())} min Nm",
    "heat": f"process − air < {MIN_TEMPERATURE_DIFFERENCE} K and speed < {MIN_COOLING_SPEED:,} rpm",
}


def sensor_shares(mill: Machines) -> pd.DataFrame:
    """How much of each sensor's variance lies between the failure types, the most first; cells as text."""
    ordered = sorted(mill.sensors.items(), key=lambda sensor: -sensor[1].share.value)
    return pd.DataFrame(
        {
            "sensor": [name for name, _ in ordered],
            "share between types": [str(found.share.interval) for _, found in ordered],
            "if all were equally common": [str(found.equal) for _, found in ordered],
        }
    )


def rules(mill: Machines) -> pd.DataFrame:
    """Rows that meet each published rule, rows with its label, and rows with both."""
    return pd.DataFrame(
        [
            {
                "failure": name,
                "rule": FORMULAS[name],
                "meet it": mill.rules[name].meet.bare,
                "labelled": mill.rules[name].labelled.bare,
                "both": mill.rules[name].both.bare,
            }
            for name in FORMULAS
        ]
    )

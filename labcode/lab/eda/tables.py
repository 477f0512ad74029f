"""The tables of the chapter on the data."""

from __future__ import annotations

import pandas as pd

from labcode.data.labels import MIN_COOLING_SPEED, MIN_TEMPERATURE_DIFFERENCE, POWER_LIMITS, STRAIN_LIMITS
from labcode.lab.eda.results import Machines

#: The rules as formulas, by what results call them.
FORMULAS = {
    "power": f"power < {POWER_LIMITS[0]:,} W or > {POWER_LIMITS[1]:,} W",
    "overstrain": f"wear × torque > {', '.join(f'{limit:,} ({kind})' for kind, limit in STRAIN_LIMITS.items())} min Nm",
    "heat": f"process − air < {MIN_TEMPERATURE_DIFFERENCE} K and speed < {MIN_COOLING_SPEED:,} rpm",
}


def sensor_shares(mill: Machines) -> pd.DataFrame:
    """How much of each sensor's variance lies between the failure types, the most first; cells as text."""
    columns = ["sensor", "share between types", "if all were equally common"]
    ordered = sorted(mill.sensors.items(), key=lambda sensor: -sensor[1].share.value)
    return pd.DataFrame([(name, str(of.share.interval), str(of.equal)) for name, of in ordered], columns=columns)


def rules(mill: Machines) -> pd.DataFrame:
    """Rows that meet each published rule, rows with its label, and rows with both."""
    columns = ["failure", "rule", "meet it", "labelled", "both"]
    rows = [(name, formula, mill.rules[name]) for name, formula in FORMULAS.items()]
    return pd.DataFrame(
        [(*of, rule.meet.bare, rule.labelled.bare, rule.both.bare) for *of, rule in rows], columns=columns
    )

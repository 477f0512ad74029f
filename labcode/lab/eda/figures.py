"""What the figures of the data share: rows of one kind over all others, and the shape of a plane."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from labcode.book.plots import LIGHT
from labcode.data.columns import FAILURE
from labcode.data.labels import NO_FAILURE

#: Colour and marker of each failure type, so that a grey print tells them apart.
LOOKS = {
    NO_FAILURE: (LIGHT.soft, "."),
    "Heat Dissipation Failure": (LIGHT.red, "o"),
    "Power Failure": (LIGHT.blue, "s"),
    "Overstrain Failure": (LIGHT.green, "^"),
    "Tool Wear Failure": (LIGHT.orange, "D"),
    "Random Failures": (LIGHT.purple, "X"),
}
#: Sensors with their units, as axes have them.
AXES = {
    "Air temperature [K]": "air (K)",
    "Process temperature [K]": "process (K)",
    "Rotational speed [rpm]": "speed (rpm)",
    "Torque [Nm]": "torque (Nm)",
    "Tool wear [min]": "wear (min)",
}
#: Ticks that small panels have room for.
TICKS = {
    "Air temperature [K]": [300],
    "Process temperature [K]": [310],
    "Rotational speed [rpm]": [1500, 2500],
    "Torque [Nm]": [20, 60],
    "Tool wear [min]": [0, 200],
}


def some_of_each(machines: pd.DataFrame, most: int = 150) -> pd.DataFrame:
    """At most so many rows of each failure type, drawn at random."""
    return machines.sample(frac=1, random_state=0).groupby(FAILURE).head(most)


def marked(ax: Axes, machines: pd.DataFrame, x: str, y: str, *failures: str) -> None:
    """Rows with these failures in a plane of two columns; behind them, pale, those with none."""
    none = machines[machines[FAILURE] == NO_FAILURE]
    # Thousands of points as vectors would weigh a megabyte.
    ax.plot(none[x], none[y], ".", color=LIGHT.soft, alpha=0.25, markersize=1.5, rasterized=True)
    for name in failures:
        rows = machines[machines[FAILURE] == name]
        colour, marker = LOOKS[name]
        ax.plot(rows[x], rows[y], marker, color=colour, markersize=3, label=name, rasterized=True)
    if x in TICKS:
        ax.set_xticks(TICKS[x])
    ax.set(xlabel=AXES.get(x, x), ylabel=AXES.get(y, y))

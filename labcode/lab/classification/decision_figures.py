"""Frames on the decision: calibration, cost, falls of F1, and the planes."""

from __future__ import annotations

import pandas as pd
from matplotlib.colors import ListedColormap, to_rgba

from labcode.book.plots import Theme
from labcode.lab.classification.classes import CLASSES, NORMAL
from labcode.lab.classification.decision_results import Decided
from labcode.lab.classification.decision_tables import POLICIES

INPUTS = {
    "quality": "quality",
    "air": "air temperature",
    "process": "process temperature",
    "speed": "speed",
    "torque": "torque",
    "wear": "tool wear",
}
#: Failures that sensors can tell, as figures call them.
FAILURES = {
    "heat_dissipation": "heat",
    "overstrain": "overstrain",
    "power": "power",
    "tool_wear": "tool wear",
}

#: Policies that the cost curves show, without the two that lie near others.
SHOWN = [POLICIES[name] for name in ("expected_cost", "argmax", "forest", "always")]
#: What lies across and upwards in each plane.
PLANE_LABELS = {
    "torque_speed": {"xlabel": "speed, rpm", "ylabel": "torque, Nm"},
    "wear_torque": {"xlabel": "tool wear, min", "ylabel": "torque, Nm"},
    "temperatures": {"xlabel": "air, K", "ylabel": "process, K"},
}


def class_shades(theme: Theme) -> ListedColormap:
    """A colour a class, through which the page shows; none for "No Failure"."""
    return ListedColormap([to_rgba(theme.failures[label], 0.6 * (k != NORMAL)) for k, label in enumerate(CLASSES)])


def calibration(found: Decided) -> pd.DataFrame:
    """Columns ``chances``, ``chance``, ``failed`` and ``shown``; a row a bin of equally many rows.

    A logarithmic axis has no zero, so a share of none is shown at half the least share that there is.
    """
    both = {"as fitted": found.reliability_before, "mended": found.reliability}
    bins = pd.concat(
        [pd.DataFrame({"chances": name, "chance": own[:, 0], "failed": own[:, 1]}) for name, own in both.items()],
        ignore_index=True,
    )
    return bins.assign(shown=bins["failed"].where(bins["failed"] > 0, bins.loc[bins["failed"] > 0, "failed"].min() / 2))


def cost_curves(found: Decided) -> pd.DataFrame:
    """Columns ``policy``, ``ratio`` and ``cost`` (needless stops a thousand rows)."""
    return pd.concat(
        [
            pd.DataFrame({"policy": name, "ratio": found.ratios, "cost": curve})
            for name, curve in zip(POLICIES.values(), found.curves, strict=True)
        ],
        ignore_index=True,
    )


def falls(found: Decided) -> pd.DataFrame:
    """Columns ``input``, ``failure``, ``fall``, ``low`` and ``high``: of F1, with the input shuffled."""
    return pd.DataFrame(
        [
            {"input": INPUTS[name], "failure": failure, "fall": float(own), "low": own.low, "high": own.high}
            for name, fall in found.importance.items()
            for slug, failure in FAILURES.items()
            for own in [fall.f1[slug]]
        ]
    )

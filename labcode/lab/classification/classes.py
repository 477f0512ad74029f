"""The six classes, and the plain network that tells them apart: constants alone, so that a page loads nothing more."""

from __future__ import annotations

from typing import Any

#: Labels in alphabetical order, as everywhere here, and what scalars call them.
CLASSES = {
    "Heat Dissipation Failure": "heat_dissipation",
    "No Failure": "no_failure",
    "Overstrain Failure": "overstrain",
    "Power Failure": "power",
    "Random Failures": "random",
    "Tool Wear Failure": "tool_wear",
}
#: Labels as tables and figures call them.
SHORT = dict(zip(CLASSES, ("heat", "none", "overstrain", "power", "random", "tool wear"), strict=True))
#: Places of two labels among them.
NORMAL, RANDOM = list(CLASSES.values()).index("no_failure"), list(CLASSES.values()).index("random")
#: The network that tells failures apart: settings of a :class:`~labcode.nets.estimators.TabularClassifier`.
NETWORK: dict[str, Any] = {
    "hidden": (64, 32),
    "optimizer": "adamw",
    "lr": 0.01,
    "weight_decay": 0.01,
    "l1": 1e-4,
    "schedule": "onecycle",
    "batch_size": 128,
    "max_epochs": 40,
}

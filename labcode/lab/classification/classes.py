"""The six classes: constants alone, so that a page loads nothing more."""

from __future__ import annotations

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

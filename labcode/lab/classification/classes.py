"""The six classes, and the types of what holds them: nothing that takes a page long to load."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Inputs = NDArray[np.float32]
Labels = NDArray[np.str_]
Numbers = NDArray[np.int64]
#: Places of the training rows and of the rows held out.
Fold = tuple[Numbers, Numbers]
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
N_CLASSES = len(CLASSES)
#: Places of two labels among them.
NORMAL, RANDOM = list(CLASSES.values()).index("no_failure"), list(CLASSES.values()).index("random")

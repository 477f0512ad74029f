"""What machines must have for an experiment: looked at before it runs, so that odd rows end in a sentence.

Each function tells in words what is needed and what was found; an empty text where nothing is lacking.
"""

from __future__ import annotations

from collections.abc import Mapping

from labcode.data.columns import FAILURE, SENSORS
from labcode.data.types import Dataset
from labcode.lab.classification.classes import CLASSES
from labcode.lab.classification.settings import First
from labcode.lab.config import configured
from labcode.settings import profile


def varied(data: Mapping[str, Dataset]) -> str:
    """For facts of the rows: two kinds of them, and sensors that vary."""
    machines = data["maintenance"].frame
    if machines[FAILURE].nunique() < 2:
        return f"at least two kinds of machines, but all have {machines[FAILURE].iloc[0]!r} as their failure type"
    still = [sensor for sensor in SENSORS if machines[sensor].nunique() < 2]
    return f"sensors that vary, but {' and '.join(still)} is always the same" if still else ""


def enough_of_each(data: Mapping[str, Dataset]) -> str:
    """For training and test: also twice as many rows of each failure type as SMOTE draws from, a row and neighbours."""
    least = 2 * (1 + configured(First, "classification.first", profile=profile()).smote_neighbors)
    counts = data["maintenance"].frame[FAILURE].value_counts()
    few = [f"{counts.get(label, 0)} of {label!r}" for label in CLASSES if counts.get(label, 0) < least]
    return varied(data) or (
        f"at least {least} rows of each failure type, but there are {', '.join(few)}" if few else ""
    )

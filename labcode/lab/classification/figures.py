"""Frames that the figures of the classification chapter are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap, to_rgba

from labcode.book.reference import stated
from labcode.errors import RowsError
from labcode.lab.classification.classes import CLASSES, NORMAL, SHORT
from labcode.lab.classification.first import first_split, split_first
from labcode.lab.classification.first_results import PRINTED_EPOCHS, AsSubmitted, Leakage
from labcode.lab.classification.sound_results import Decided
from labcode.lab.classification.tables import CLASS_NAMES, FAULTS, POLICIES, TECHNIQUES, WAYS
from labcode.lab.classification.training_results import EqualAlarms, HeldBack
from labcode.lab.eda.figures import LOOKS
from labcode.lab.regression.figures import by_seed_and_epoch


def class_counts(machines: pd.DataFrame, smote_seed: int = 0, neighbors: int = 5) -> pd.DataFrame:
    """Rows of each class before and after SMOTE, in both orders: columns ``order``, ``part``, ``class``, ``rows``.

    ``order`` is ``"recorded"``, ``"SMOTE first"`` (as our first version did) or ``"split first"``; ``part`` ``"all"``,
    ``"training"`` or ``"test"``. `RowsError` if a class has too few rows for SMOTE on either side of the split.
    """
    recorded = np.searchsorted(np.unique(machines["Failure Type"]), machines["Failure Type"])
    least, fewest = 2 * (1 + neighbors), np.bincount(recorded, minlength=len(CLASS_NAMES)).min()
    if fewest < least:
        raise RowsError({f"at least {least} rows of each failure type, but of one there are {fewest}": ["SMOTE"]})
    parts = {("recorded", "all"): recorded}
    for order, split in (("SMOTE first", first_split), ("split first", split_first)):
        rows = split(machines, smote_seed, neighbors)
        parts |= {(order, "training"): rows[2].numpy(), (order, "test"): rows[3].numpy()}
    return pd.DataFrame(
        {"order": order, "part": part, "class": name, "rows": int(count)}
        for (order, part), y in parts.items()
        for name, count in zip(CLASS_NAMES, np.bincount(y, minlength=len(CLASS_NAMES)), strict=True)
    )


def runs(first: AsSubmitted) -> pd.DataFrame:
    """Every seed of the plain network by epoch: columns ``seed``, ``epoch``, ``rows``, ``loss``, ``accuracy``."""
    frames = [
        by_seed_and_epoch({"loss": first.curves[..., i], "accuracy": first.curves[..., 2 + i]}).assign(rows=rows)
        for i, rows in enumerate(("training", "test"))
    ]
    return pd.concat(frames, ignore_index=True)


def printed() -> pd.DataFrame:
    """What our first version printed, as `runs` has it: training loss and test accuracy; the others are missing."""
    names = {"training": ("loss", "classification.baseline_loss"), "test": ("accuracy", "classification.baseline")}
    return pd.DataFrame(
        {"epoch": epoch, "rows": rows, score: stated(f"{name}_{epoch}").value}
        for epoch in PRINTED_EPOCHS[:-1]
        for rows, (score, name) in names.items()
    )


def confusions(first: AsSubmitted) -> Mapping[str, pd.DataFrame]:
    """Confusion matrices of the balanced test rows, actual classes in rows: as stated, and our mean."""
    found = {
        "stated": np.array(stated("classification.confusion").values, dtype=np.float64),
        "balanced test rows": first.confusion_plain_test.mean(axis=0),
    }
    return {name: pd.DataFrame(counts, index=CLASS_NAMES, columns=CLASS_NAMES) for name, counts in found.items()}


def scores_with_faults(found: Leakage) -> pd.DataFrame:
    """Columns ``fault``, ``scored on`` and ``macro-F1``; a row a variant and kind of test row."""
    kinds = {"macro_f1": "recorded rows held out", "own_macro_f1": "its own test rows, classes alike"}
    return pd.DataFrame(
        {"fault": FAULTS[name], "scored on": scored, "macro-F1": float(getattr(own, field))}
        for field, scored in kinds.items()
        for name, own in found.variants.items()
    )


def found_against_needless(found: EqualAlarms) -> pd.DataFrame:
    """Columns ``way``, ``needless`` and ``found``."""
    frames = [
        pd.DataFrame({"way": WAYS[name], "needless": found.needless, "found": curve})
        for name, curve in zip(found.methods, found.curves, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


def by_epoch(found: HeldBack, names: Sequence[str]) -> pd.DataFrame:
    """Columns ``technique``, ``epoch`` (from 1), ``rows``, ``log loss`` and ``accuracy``, for some techniques."""
    order = list(found.techniques)
    curves = {name: np.dstack([found.curves, found.accuracy_curves])[order.index(name)] for name in names}
    frames = [
        pd.DataFrame(own[:, column::2], columns=["log loss", "accuracy"]).assign(
            technique=TECHNIQUES[name], epoch=np.arange(1, found.epochs + 1), rows=rows
        )
        for name, own in curves.items()
        for column, rows in enumerate(("training", "held out"))
    ]
    return pd.concat(frames, ignore_index=True)


INPUTS = {
    "quality": "quality",
    "air": "air temperature",
    "process": "process temperature",
    "speed": "speed",
    "torque": "torque",
    "wear": "tool wear",
}
#: Failures that sensors can tell, as figures call them.
FAILURES = {CLASSES[label]: name for label, name in SHORT.items() if name not in ("none", "random")}
#: Policies that the cost curves show, without the two that lie near others.
SHOWN = [POLICIES[name] for name in ("expected_cost", "argmax", "forest", "always")]
#: What lies across and upwards in each plane.
PLANE_LABELS = {
    "torque_speed": {"xlabel": "speed, rpm", "ylabel": "torque, Nm"},
    "wear_torque": {"xlabel": "tool wear, min", "ylabel": "torque, Nm"},
    "temperatures": {"xlabel": "air, K", "ylabel": "process, K"},
}


def class_shades() -> ListedColormap:
    """A colour a class, through which the page shows; none for "No Failure"."""
    return ListedColormap([to_rgba(LOOKS[label][0], 0.6 * (k != NORMAL)) for k, label in enumerate(CLASSES)])


def calibration(found: Decided) -> pd.DataFrame:
    """Columns ``chances``, ``chance``, ``failed`` and ``shown``; a row a bin of equally many rows.

    A logarithmic axis has no zero, so a share of none is shown at half the least share that there is.
    """
    both = {"as fitted": found.reliability_before, "mended": found.reliability}
    frames = [pd.DataFrame(own, columns=["chance", "failed"]).assign(chances=name) for name, own in both.items()]
    bins = pd.concat(frames, ignore_index=True)
    return bins.assign(shown=bins["failed"].where(bins["failed"] > 0, bins.loc[bins["failed"] > 0, "failed"].min() / 2))


def cost_curves(found: Decided) -> pd.DataFrame:
    """Columns ``policy``, ``ratio`` and ``cost`` (needless stops a thousand rows)."""
    frames = [
        pd.DataFrame({"policy": name, "ratio": found.ratios, "cost": curve})
        for name, curve in zip(POLICIES.values(), found.curves, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


def falls(found: Decided) -> pd.DataFrame:
    """Columns ``input``, ``failure`` and ``fall``: of F1, with the input shuffled."""
    return pd.DataFrame(
        {"input": INPUTS[name], "failure": failure, "fall": float(fall.f1[slug])}
        for name, fall in found.importance.items()
        for slug, failure in FAILURES.items()
    )

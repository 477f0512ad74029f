"""The tables of the sound classification: scores of each set of rows, of each class, and gains over the rivals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labcode.confusion import (
    SCORES,
    Confusions,
    brier_score,
    calibration_error,
    f1_scores,
    log_loss,
    precisions,
    ranking_scores,
    recalls,
    specificities,
)
from labcode.experiments.failure_rows import MACRO_F1, named
from labcode.lab.classification.classes import CLASSES, NORMAL
from labcode.lab.classification.rows import Numbers, five_classes, mean_gain, mean_score, without_weights
from labcode.metrics import Interval
from labcode.store import Result

Floats = NDArray[np.float64]
#: Scores of the counts: those of one set of rows, and macro-F1 without random failures.
COUNTED = {**SCORES, "f1_macro_without_random": five_classes}


@dataclass(frozen=True)
class Scored:
    """What a model says about one set of rows.

    Attributes
    ----------
    name
        ``"train"``, ``"test"``, ``"out_of_fold"`` or ``"fresh"``.
    y
        Actual class numbers, ``(n,)``.
    probabilities, weights
        What it says, ``(repeats, n, 6)``, and how much each class weighed in its loss, which broadcasts against that.
    counts
        Confusion counts of its repeats first, then those of other models.
    """

    name: str
    y: Numbers
    probabilities: Floats
    weights: Floats
    counts: Confusions

    @property
    def repeats(self) -> int:
        """Number of times that each row was predicted."""
        return len(self.probabilities)

    def counted(self) -> dict[str, Interval]:
        """Scores of the counts, with intervals."""
        return {name: self.counts.interval(mean_score(score, 0, self.repeats)) for name, score in COUNTED.items()}

    def of_classes(self, score: Any) -> list[Interval]:
        """A score of each class, with intervals."""
        return self.counts.intervals(mean_score(score, 0, self.repeats))

    def ranked(self) -> tuple[Floats, Floats]:
        """Areas under the precision-recall and the ROC curve of each class, ``(6,)`` each, means over the repeats."""
        areas = np.array([ranking_scores(self.y, each) for each in self.probabilities]).mean(axis=0)
        return areas[0], areas[1]


def probability_scores(y: Numbers, probabilities: Floats) -> dict[str, float]:
    """Log loss, Brier score, and calibration of the chance of any failure; means over the repeats ``(r, n, 6)``."""
    failed = y != NORMAL
    return {
        "log_loss": float(np.mean([log_loss(y, each) for each in probabilities])),
        "brier": float(np.mean([brier_score(y, each) for each in probabilities])),
        "calibration_error": float(np.mean([calibration_error(failed, 1 - each[:, NORMAL]) for each in probabilities])),
        "expected_failures": float((1 - probabilities[..., NORMAL]).mean()),
    }


def score_table(sets: Sequence[Scored]) -> list[dict[str, Any]]:
    """A row for each score, with a column for each set of rows, and its limits where there are such."""
    columns: dict[str, dict[str, float]] = {}
    for own in sets:
        for name, found in own.counted().items():
            columns.setdefault(name, {}).update(named(own.name, found))
        areas = dict(zip(("pr_auc_macro", "roc_auc_macro"), own.ranked(), strict=True))
        values = {name: float(np.nanmean(area)) for name, area in areas.items()}
        values |= probability_scores(own.y, own.probabilities)
        undone = probability_scores(own.y, without_weights(own.probabilities, own.weights))
        values |= {f"{name}_without_weights": value for name, value in undone.items()}
        values["failures"] = float((own.y != NORMAL).mean())
        for name, value in values.items():
            columns.setdefault(name, {})[own.name] = value
    return [{"score": name, **values} for name, values in columns.items()]


def class_table(own: Scored) -> list[dict[str, Any]]:
    """A row for each class of one set of rows."""
    scores = {"precision": precisions, "recall": recalls, "specificity": specificities, "f1": f1_scores}
    found = {name: own.of_classes(score) for name, score in scores.items()}
    precision_recall, roc = own.ranked()
    rows = []
    for k, (label, slug) in enumerate(CLASSES.items()):
        row: dict[str, Any] = {"set": own.name, "label": label, "slug": slug, "support": int((own.y == k).sum())}
        for name, intervals in found.items():
            row |= named(name, intervals[k])
        rows.append(row | {"pr_auc": float(precision_recall[k]), "roc_auc": float(roc[k])})
    return rows


def set_scalars(own: Scored, prefix: str = "") -> dict[str, float]:
    """The fixed names of scores, and recall and F1 of each class, with limits."""
    names = {name: name for name in ("accuracy", "balanced_accuracy", "mcc")}
    names |= {"f1_macro": "macro_f1", "f1_macro_without_random": "macro_f1_without_random"}
    counted = own.counted()
    scalars: dict[str, float] = {}
    for name, stated in names.items():
        scalars |= named(f"{prefix}{stated}", counted[name])
    for name, score in (("recall", recalls), ("f1", f1_scores)):
        for slug, found in zip(CLASSES.values(), own.of_classes(score), strict=True):
            scalars |= named(f"{prefix}{name}_{slug}", found)
    return scalars


def rival_numbers(rivals: Result, end: str) -> list[NDArray[np.int8]]:
    """Class numbers that the rivals predict for one set of rows, in the order of their table."""
    return [rivals.arrays[f"{row['model']}{end}"] for row in rivals.tables["baselines"]]


def gain_table(sets: Mapping[str, Scored], rivals: Result) -> list[dict[str, Any]]:
    """A row for each rival: how much higher the network's macro-F1 is on the same rows, with paired intervals."""
    rows = []
    for place, rival in enumerate(rivals.tables["baselines"], start=1):
        row: dict[str, Any] = {name: rival[name] for name in ("model", "features", "balance")}
        for prefix, own in sets.items():
            for name, score in MACRO_F1.items():
                end = name.removeprefix("macro_f1")
                gain = own.counts.interval(mean_gain(score, 0, place, own.repeats))
                row |= named(f"{prefix}gain{end}", gain)
        rows.append(row)
    return rows


def gain_scalars(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The gains as scalars: ``gain_over_forest``, ``gain_over_forest_without_random``, ``fresh_gain_over_forest`` …"""
    scalars = {}
    for row in rows:
        for name, value in row.items():
            if "gain" in name:
                before, _, after = name.partition("gain")
                scalars[f"{before}gain_over_{row['model']}{after}"] = float(value)
    return scalars

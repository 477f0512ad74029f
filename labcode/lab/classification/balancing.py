"""What can be done about rare classes, each on training rows only, and what is found at equally many needless stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from imblearn.base import BaseSampler
from imblearn.over_sampling import SMOTE, SMOTENC, BorderlineSMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from labcode.data.columns import QUALITIES, QUALITY, SENSORS
from labcode.data.labels import NO_FAILURE, power
from labcode.lab.classification.classes import Labels
from labcode.scoring.scores import Floats
from labcode.settings import SEED

Failed = NDArray[np.bool_]


def measured_columns(rows: pd.DataFrame) -> pd.DataFrame:
    """The five sensors (K, K, rpm, Nm, min), and the quality as 0, 1, 2 for L, M, H; ``(n, 6)``."""
    grades = {quality: float(grade) for grade, quality in enumerate(QUALITIES)}
    return rows[SENSORS].astype(float).assign(quality=rows[QUALITY].astype(str).map(grades))


def with_derived(measured: pd.DataFrame) -> pd.DataFrame:
    """The measured columns with temperature difference (K), power (W) and strain (min Nm), ``(n, 9)``."""
    air, process, speed, torque, wear = (measured[sensor] for sensor in SENSORS)
    return measured.assign(difference=process - air, power=power(torque, speed), strain=wear * torque)


def resampled(X: pd.DataFrame, labels: Labels, sampler: BaseSampler) -> tuple[pd.DataFrame, Labels]:
    """Training rows ``(n, k)`` and ``(n,)`` with other numbers of each class; neighbours are near in equal spreads."""
    scaler = StandardScaler().fit(X)
    more, more_labels = sampler.fit_resample(scaler.transform(X), labels)
    return pd.DataFrame(scaler.inverse_transform(more), columns=X.columns), more_labels


def as_many_as_failures(labels: Labels) -> dict[str, int]:
    """How many healthy rows are kept: as many as there are failures of all types together."""
    return {NO_FAILURE: int((labels != NO_FAILURE).sum())}


def as_many_as_healthy(labels: Labels, neighbors: int) -> dict[str, int]:
    """How many rows each class gets: as many as the largest has; a class without so many neighbours stays as it is."""
    counts = Counter(labels.tolist())
    return {label: max(counts.values()) for label, count in counts.items() if count > neighbors}


def threshold_at(failed: Failed, probability: Floats, share: float) -> float:
    """The threshold that this share of the healthy rows exceeds, at most; the lowest for a share of 1 and more."""
    healthy = np.sort(probability[~failed])[::-1]
    return float(healthy[min(int(share * len(healthy)), len(healthy) - 1)])


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to treat rare classes: what changes the training rows, and parameters of the network that differ.

    With ``derived_first``, the derived columns are computed before the rows are changed, so that a made-up row's power
    is not its torque times its speed.
    """

    sampler: BaseSampler | None = None
    derived_first: bool = False
    network: Mapping[str, Any] = field(default_factory=dict)

    def training_rows(self, measured: pd.DataFrame, labels: Labels) -> tuple[pd.DataFrame, Labels]:
        """What the network trains on: measured and derived columns ``(m, 9)``, and labels ``(m,)``."""
        if self.sampler is None:
            return with_derived(measured), labels
        if self.derived_first:
            return resampled(with_derived(measured), labels, self.sampler)
        more, more_labels = resampled(measured, labels, self.sampler)
        return with_derived(more), more_labels


def methods(neighbors: int, gamma: float) -> dict[str, Method]:
    """All ways by name; what makes all classes equally frequent has the neighbours of SMOTE."""
    from labcode.nets.losses import FocalLoss

    more: dict[str, Any] = {
        "k_neighbors": neighbors,
        "sampling_strategy": partial(as_many_as_healthy, neighbors=neighbors),
        "random_state": SEED,
    }
    smote, of_type = SMOTE(**more), SMOTENC([len(SENSORS)], **more)
    borderline = BorderlineSMOTE(m_neighbors=2 * neighbors, **more)
    fewer = RandomUnderSampler(sampling_strategy=as_many_as_failures, random_state=SEED)
    return {
        "nothing": Method(),
        "weights": Method(network={"class_weight": "balanced"}),
        "oversampling": Method(sampler=RandomOverSampler(random_state=SEED)),
        "undersampling": Method(sampler=fewer),
        "smote": Method(sampler=smote),
        "smote_derived": Method(sampler=smote, derived_first=True),
        "smotenc": Method(sampler=of_type),
        "borderline_smote": Method(sampler=borderline),
        "focal_loss": Method(network={"loss": FocalLoss(gamma)}),
    }


def seen_weights(labels: Labels, trained: Labels, method: Method) -> dict[str, float]:
    """How much more each class weighed in training, by labels ``(m,)``, than its natural share of ``(n,)``."""
    natural, seen = Counter(labels.tolist()), Counter(trained.tolist())
    if method.network.get("class_weight"):
        return {label: len(labels) / count for label, count in natural.items()}
    return {label: seen[label] / count for label, count in natural.items()}

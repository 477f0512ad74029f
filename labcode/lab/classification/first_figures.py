"""Frames that the figures on our first version of the classification are drawn from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from labcode.book.reference import stated
from labcode.lab.classification.first import first_split, split_first
from labcode.lab.classification.first_results import AsSubmitted
from labcode.lab.classification.first_stated import Floats
from labcode.lab.classification.first_tables import EPOCHS, SHORT

#: Names of the networks' stored curves, and of what our first version printed of them.
NETWORKS = {"plain": "baseline", "regularised": "regularised"}


def class_counts(machines: pd.DataFrame, smote_seed: int = 0, neighbors: int = 5) -> pd.DataFrame:
    """Rows of each class before and after SMOTE, in both orders: columns ``order``, ``part``, ``class``, ``rows``.

    ``order`` is ``"recorded"``, ``"SMOTE first"`` (as our first version did) or ``"split first"``; ``part`` ``"all"``,
    ``"training"`` or ``"test"``.
    """
    recorded = np.searchsorted(np.unique(machines["Failure Type"]), machines["Failure Type"])
    parts = {("recorded", "all"): recorded}
    for order, split in (("SMOTE first", first_split), ("split first", split_first)):
        rows = split(machines, smote_seed, neighbors)
        parts |= {(order, "training"): rows[2].numpy(), (order, "test"): rows[3].numpy()}
    return pd.DataFrame(
        [
            {"order": order, "part": part, "class": name, "rows": int(count)}
            for (order, part), y in parts.items()
            for name, count in zip(SHORT, np.bincount(y, minlength=len(SHORT)), strict=True)
        ]
    )


def runs(first: AsSubmitted) -> pd.DataFrame:
    """Every seed by epoch: columns ``network``, ``seed``, ``epoch``, ``rows``, ``loss``, ``accuracy``."""
    frames = []
    for network in NETWORKS:
        curves: Floats = getattr(first, f"curves_{network}")
        seed, epoch = np.indices(curves.shape[:2]).reshape(2, -1)
        for column, rows in enumerate(("training", "test")):
            values = {"loss": curves[:, :, column].ravel(), "accuracy": curves[:, :, 2 + column].ravel()}
            frames.append(pd.DataFrame({"network": network, "seed": seed, "epoch": epoch, "rows": rows, **values}))
    return pd.concat(frames, ignore_index=True)


def printed() -> pd.DataFrame:
    """What our first version printed, as `runs` has it: training loss and test accuracy; the others are missing."""
    frames = []
    for network, name in NETWORKS.items():
        for epoch in EPOCHS:
            at = {"network": network, "epoch": epoch}
            loss = stated(f"classification.{name}_loss_{epoch}").value
            frames.append({**at, "rows": "training", "loss": loss, "accuracy": np.nan})
            frames.append(
                {**at, "rows": "test", "loss": np.nan, "accuracy": stated(f"classification.{name}_{epoch}").value}
            )
    return pd.DataFrame(frames)


def confusions(first: AsSubmitted) -> Mapping[str, pd.DataFrame]:
    """Confusion matrices, actual classes in rows: stated, ours on balanced rows, ours on all recorded rows (means)."""
    found = {
        "stated": np.array(stated("classification.confusion").values, dtype=np.float64),
        "balanced test rows": first.confusion_plain_test.mean(axis=0),
        "all recorded rows": first.confusion_plain_natural.mean(axis=0),
    }
    return {name: pd.DataFrame(counts, index=SHORT, columns=SHORT) for name, counts in found.items()}


def by_seed(first: AsSubmitted) -> pd.DataFrame:
    """Accuracy of each seed of the plain network: columns ``seed``, ``rows`` and ``accuracy``."""
    sets = {
        "balanced test rows": first.confusion_plain_test,
        "all recorded rows": first.confusion_plain_natural,
        "recorded, not trained on": first.confusion_plain_held_out,
    }
    return pd.DataFrame(
        [
            {"seed": seed, "rows": name, "accuracy": float(np.trace(counts) / counts.sum())}
            for name, of_seeds in sets.items()
            for seed, counts in enumerate(of_seeds)
        ]
    )

"""The classification as submitted: `Target` among the inputs, scaling and SMOTE before the split, 50 full steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labcode.confusion import accuracy, f1_scores, precisions, recalls
from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.failure_rows import N_CLASSES, named
from labcode.experiments.recipes import CLASSES
from labcode.metrics import macro_f1, prediction_interval
from labcode.parallel import in_parallel, training_device
from labcode.protocols import Split, maintenance_as_submitted
from labcode.settings import SEED
from labcode.store import Result

#: Epochs that the original printed; its "epoch 50" is the last one, 49 counted from 0.
PRINTED_EPOCHS = (0, 10, 20, 30, 40, 49)
#: What the history of a network holds, in the order of the arrays.
CURVES = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
SETS = ("train", "test")


@dataclass(frozen=True, kw_only=True)
class SubmittedSpec:
    """The original's network and training, over several seeds of its weights and of SMOTE.

    Attributes
    ----------
    seeds
        Of the initial weights; each run has a seed of SMOTE of its own as well.
    hidden, lr, epochs
        Layers, learning rate of Adam, and full-batch steps.
    dropout, weight_decay
        Of the regularised run.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    hidden: tuple[int, ...] = (64, 32)
    lr: float = 1e-3
    epochs: int = 50
    dropout: float = 0.3
    weight_decay: float = 1e-4


@dataclass(frozen=True)
class SubmittedRun:
    """Curves ``(epochs, 4)`` and confusion counts ``(2, 6, 6)`` of training and test rows, of one network."""

    curves: np.ndarray
    confusion: np.ndarray


def run_submitted(
    spec: SubmittedSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Repeat the original's training, plain and regularised."""
    splits = [maintenance_as_submitted(data["maintenance"].frame, smote_seed=SEED + seed) for seed in spec.seeds]
    kinds = ("plain", "regularised")
    tasks = [(spec, split, seed, kind) for kind in kinds for split, seed in zip(splits, spec.seeds, strict=True)]
    runs = in_parallel(_train, tasks, done=progress)
    of_kind = {kind: runs[i * len(splits) :][: len(splits)] for i, kind in enumerate(kinds)}
    support = np.bincount(splits[0].y_test, minlength=N_CLASSES)
    scalars: dict[str, float] = {"seeds": len(splits), "test_rows": int(support.sum())}
    scalars |= {f"support_{k}": int(n) for k, n in enumerate(support)}
    scalars["synthetic_share"] = float((splits[0].X_test.index >= len(data["maintenance"].frame)).mean())
    scalars |= _scalars(of_kind["plain"], "") | _scalars(of_kind["regularised"], "regularised_")
    report = [row for kind, own in of_kind.items() for row in _report(own, kind)]
    return Payload(scalars=scalars, tables={"report": report}, arrays=_arrays(of_kind), device=training_device())


def _train(spec: SubmittedSpec, split: Split, seed: int, kind: str) -> SubmittedRun:
    from labcode.training import TabularClassifier

    regularised = {"dropout": spec.dropout, "weight_decay": spec.weight_decay} if kind == "regularised" else {}
    network = TabularClassifier(
        hidden=spec.hidden, lr=spec.lr, max_epochs=spec.epochs, batch_size="full", random_state=seed, **regularised
    ).fit(split.X_train, split.y_train, test_set=split.test_set)
    sets = ((split.X_train, split.y_train), split.test_set)
    confusion = np.stack([_counts(y.to_numpy(), network.predict(X)) for X, y in sets])
    return SubmittedRun(network.history_[list(CURVES)].to_numpy(), confusion)


def _counts(y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return np.bincount(y * N_CLASSES + predicted, minlength=N_CLASSES**2).reshape(N_CLASSES, N_CLASSES)


def _scalars(runs: list[SubmittedRun], prefix: str) -> dict[str, float]:
    """Means over the seeds, and where one more seed should fall."""
    scalars: dict[str, float] = {}
    for place, end in enumerate(("train_", "")):
        confusion = np.stack([run.confusion[place] for run in runs])
        scalars |= named(f"{prefix}{end}accuracy", prediction_interval(accuracy(confusion)))
        scalars |= named(f"{prefix}{end}macro_f1", prediction_interval(macro_f1(confusion)))
    curves = np.stack([run.curves for run in runs])
    for epoch in PRINTED_EPOCHS:
        for column, name in enumerate(CURVES):
            values = curves[:, min(epoch, curves.shape[1] - 1), column]
            scalars |= named(f"{prefix}{name}_epoch_{epoch}", prediction_interval(values))
    return scalars


def _report(runs: list[SubmittedRun], kind: str) -> list[dict[str, Any]]:
    """The classification report of training and of test rows: means over the seeds."""
    rows = []
    for place, name in enumerate(SETS):
        confusion = np.stack([run.confusion[place] for run in runs]).astype(np.float64)
        columns = [score(confusion).mean(axis=0) for score in (precisions, recalls, f1_scores)]
        support = confusion.sum(axis=-1).mean(axis=0)
        for k, label in enumerate(CLASSES):
            scores = dict(zip(("precision", "recall", "f1"), (float(column[k]) for column in columns), strict=True))
            rows.append({"run": kind, "set": name, "class": k, "label": label, **scores, "support": float(support[k])})
    return rows


def _arrays(of_kind: Mapping[str, list[SubmittedRun]]) -> dict[str, np.ndarray]:
    """Curves ``(seeds, epochs, 4)``, and confusion counts ``(seeds, 6, 6)`` of the training and the test rows."""
    arrays = {}
    for kind, runs in of_kind.items():
        arrays[f"curves_{kind}"] = np.stack([run.curves for run in runs])
        for place, name in enumerate(SETS):
            arrays[f"confusion_{kind}_{name}"] = np.stack([run.confusion[place] for run in runs])
    return arrays


EXPERIMENTS = (
    Experiment(
        name="classification/as-submitted",
        run=run_submitted,
        spec=SubmittedSpec(),
        quick=SubmittedSpec(seeds=(0,)),
        datasets=("maintenance",),
        seconds=30,
    ),
)

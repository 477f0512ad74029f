"""What the network has to beat: the majority, logistic regression, forests and boosting, raw and with physics."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labcode.confusion import (
    Confusions,
    accuracy,
    balanced_accuracy,
    brier_score,
    f1_scores,
    log_loss,
    matthews,
    recalls,
)
from labcode.data.simulate import simulate_maintenance
from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.failure_models import Rival, rivals
from labcode.experiments.failure_rows import MACRO_F1, named, numbers, refuse_leak
from labcode.lab.classification.classes import CLASSES
from labcode.lab.classification.rows import (
    FailureRows,
    FoldsSpec,
    confusions_of,
    failure_rows,
    in_all_classes,
    mean_score,
)
from labcode.parallel import in_parallel
from labcode.protocols import maintenance_sound
from labcode.settings import SEED
from labcode.store import Result

Floats = NDArray[np.float64]
#: Ends of the arrays' names: out of fold on all rows, the test rows, and rows simulated anew.
SETS = ("", "_test", "_fresh")


@dataclass(frozen=True, kw_only=True)
class BaselinesSpec(FoldsSpec):
    """The rivals, their folds, and the rows that are simulated to judge them once more.

    Attributes
    ----------
    folds, repeats
        See :class:`~labcode.experiments.failure_rows.FoldsSpec`.
    trees, smote_neighbors, smote_share
        See :func:`~labcode.experiments.failure_models.rivals`.
    fresh_rows
        Rows simulated by UCI's rules, which no choice has been based on.
    """

    trees: int = 100
    smote_neighbors: int = 5
    smote_share: float = 1 / 6
    fresh_rows: int = 10_000


def sound_rows(frame: pd.DataFrame) -> tuple[FailureRows, FailureRows, FailureRows]:
    """All rows; the training rows, and the test rows with the natural mix of classes."""
    split = maintenance_sound(frame)
    return failure_rows(frame), failure_rows(split.X_train, split.y_train), failure_rows(split.X_test, split.y_test)


def fresh_rows(n_rows: int) -> FailureRows:
    """Rows simulated with another seed than the stand-in for the real ones."""
    return failure_rows(simulate_maintenance(n_rows, seed=SEED + 1))


def run_baselines(
    spec: BaselinesSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Score every rival on the same folds, and on the test rows and the fresh ones after training on the others."""
    rows, train, test = sound_rows(data["maintenance"].frame)
    fresh = fresh_rows(spec.fresh_rows)
    models = rivals(trees=spec.trees, smote_neighbors=spec.smote_neighbors, smote_share=spec.smote_share)
    folds = spec.of(rows)
    jobs = [(rows.take(fit), [rows.X.iloc[held]]) for repeat in folds for fit, held in repeat]
    jobs.append(((train.X, train.labels), [test.X, fresh.X]))
    tasks = [(model, *job) for model in models.values() for job in jobs]
    answers = in_parallel(_fit_and_predict, tasks, done=progress)
    found = {name: answers[i * len(jobs) :][: len(jobs)] for i, name in enumerate(models)}
    actual = (rows.y, test.y, fresh.y)
    predicted = {name: (_out_of_fold(own, folds, len(rows)), *own[-1].probabilities) for name, own in found.items()}
    table = _table(models, predicted, actual)
    for row, own in zip(table, found.values(), strict=True):
        row["seconds"] = sum(answer.seconds for answer in own) / len(own)
    arrays = {f"{name}{end}": numbers(own) for name, sets in predicted.items() for end, own in zip(SETS, sets)}
    arrays |= {"y": rows.y, "y_test": test.y, "y_fresh": fresh.y}
    return Payload(scalars=_scalars(table), tables={"baselines": table}, arrays=_small(arrays))


@dataclass(frozen=True)
class _Answer:
    """Probabilities ``(n, 6)`` of each of several sets of rows, and the seconds that fitting took."""

    probabilities: list[Floats]
    seconds: float


def _fit_and_predict(model: Rival, training: tuple[pd.DataFrame, Any], others: Sequence[pd.DataFrame]) -> _Answer:
    started = time.perf_counter()
    fitted = model.fit(*training)
    seconds = time.perf_counter() - started
    return _Answer([in_all_classes(fitted.predict_proba(X), fitted.classes_) for X in others], seconds)


def _out_of_fold(answers: Sequence[_Answer], folds: Any, n: int) -> Floats:
    """Probabilities of all rows, each from the fold that held it out, ``(repeats, n, 6)``."""
    whole, place = np.zeros((len(folds), n, len(CLASSES))), 0
    for repeat, pairs in enumerate(folds):
        for _, held in pairs:
            whole[repeat, held] = answers[place].probabilities[0]
            place += 1
    return whole


def _small(arrays: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int8]]:
    return {name: array.astype(np.int8) for name, array in arrays.items()}


def _table(
    models: Mapping[str, Rival], predicted: Mapping[str, tuple[Floats, ...]], actual: tuple[Any, ...]
) -> list[dict[str, Any]]:
    """A row for each rival: its scores out of fold, with intervals, then on the test and on the fresh rows."""
    counts = [confusions_of(y, [numbers(sets[place]) for sets in predicted.values()]) for place, y in enumerate(actual)]
    rows = []
    for place, (name, model) in enumerate(models.items()):
        whole = predicted[name][0]
        row: dict[str, Any] = {"model": name, "features": model.features, "balance": model.balance}
        row |= _counted(counts[0], place, len(whole))
        row["log_loss"] = float(np.mean([log_loss(actual[0], each) for each in whole]))
        row["brier"] = float(np.mean([brier_score(actual[0], each) for each in whole]))
        for end, own in zip(("test", "fresh"), counts[1:]):
            for score, function in MACRO_F1.items():
                row |= named(f"{end}_{score}", own.interval(mean_score(function, place, 1)))
        rows.append(row)
    return rows


def _counted(counts: Confusions, place: int, repeats: int) -> dict[str, float]:
    """Scores of one predictor from its counts, means over the repeats."""
    row: dict[str, float] = {}
    for name, score in MACRO_F1.items():
        row |= named(name, counts.interval(mean_score(score, place, repeats)))
    own = counts.counts[place * repeats :][:repeats]
    for name, score in {"accuracy": accuracy, "balanced_accuracy": balanced_accuracy, "mcc": matthews}.items():
        row[name] = float(score(own).mean())
    for name, score in {"f1": f1_scores, "recall": recalls}.items():
        row |= {f"{name}_{slug}": float(v) for slug, v in zip(CLASSES.values(), score(own).mean(axis=0), strict=True)}
    return row


def _scalars(table: Sequence[Mapping[str, Any]]) -> dict[str, float | str]:
    """The fixed names, and which rivals are the best; one that is better than anything honest can be is refused."""
    scalars: dict[str, float | str] = {}
    for row in table:
        refuse_leak(row["macro_f1"], row["model"])
        kept = ["accuracy", *(f"{name}{end}" for name in MACRO_F1 for end in ("", "_low", "_high"))]
        kept += [f"{part}_{name}" for part in ("test", "fresh") for name in MACRO_F1]
        scalars |= {f"{row['model']}_{name}": float(row[name]) for name in kept}
    ranked = sorted(table, key=lambda row: -row["macro_f1"])
    forests = [row for row in ranked if row["model"].startswith("forest")]
    for name, best in (("best", ranked[0]), ("best_forest", forests[0])):
        scalars |= {name: str(best["model"]), f"{name}_macro_f1": float(best["macro_f1"])}
    return scalars


FULL = BaselinesSpec()
QUICK = replace(FULL, folds=2, repeats=1, trees=10, smote_neighbors=1, fresh_rows=1_000)
EXPERIMENTS = (
    Experiment(
        name="classification/baselines",
        run=run_baselines,
        spec=FULL,
        quick=QUICK,
        datasets=("maintenance",),
        seconds=48,
    ),
)

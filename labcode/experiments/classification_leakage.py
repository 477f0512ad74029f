"""What each fault of the original adds to the score: `Target` as an input, and scaling or SMOTE before the split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE
from numpy.typing import NDArray
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from labcode.confusion import Confusions, accuracy, balanced_counts
from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.failure_models import SeedEnsemble, fit_ensembles, raw_features
from labcode.experiments.failure_rows import (
    MACRO_F1,
    FailureRows,
    Fold,
    FoldsSpec,
    class_numbers,
    confusions_of,
    failure_rows,
    mean_gain,
    mean_score,
    named,
    numbers,
    out_of_fold,
)
from labcode.metrics import macro_f1
from labcode.parallel import training_device
from labcode.settings import SEED
from labcode.store import Result

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Which of the original's faults are put back."""

    target: bool = False
    scaler: bool = False
    smote: bool = False


#: One fault at a time, the two that matter together, and all.
VARIANTS = {
    "sound": Faults(),
    "scaler_before_split": Faults(scaler=True),
    "smote_before_split": Faults(smote=True),
    "with_target": Faults(target=True),
    "both": Faults(target=True, smote=True),
    "all": Faults(target=True, scaler=True, smote=True),
}


@dataclass(frozen=True, kw_only=True)
class LeakageSpec(FoldsSpec):
    """The original's network on the raw sensors, with mini-batches, and SMOTE inside the folds where it is sound.

    Attributes
    ----------
    folds, repeats
        See :class:`~labcode.experiments.failure_rows.FoldsSpec`.
    seeds
        Networks, whose scores are averaged.
    epochs
        Passes over the oversampled rows.
    smote_neighbors
        Neighbours of SMOTE.
    """

    repeats: int = 1
    seeds: int = 3
    epochs: int = 4
    smote_neighbors: int = 5

    @property
    def smote(self) -> SMOTE:
        """The sampler, unfitted."""
        return SMOTE(k_neighbors=self.smote_neighbors, random_state=SEED)


@dataclass(frozen=True)
class Arranged:
    """Rows of one variant: the natural ones first, then synthetic ones, if those were made before the split.

    ``folds`` say which rows train and which are held out; natural rows lie in the same folds in every variant.
    """

    rows: FailureRows
    folds: list[Fold]
    ensemble: SeedEnsemble


def arrange(spec: LeakageSpec, faults: Faults, frame: pd.DataFrame, folds: Sequence[Fold]) -> Arranged:
    """The rows, folds and networks of a variant of the experiment on a frame in Kaggle's layout."""
    natural = failure_rows(frame)
    X = raw_features(natural.X)
    if faults.target:
        X = X.assign(Target=frame["Target"].astype(float))
    labels, pairs = natural.labels, list(folds)
    if faults.smote:
        X, labels = _oversampled(spec, X, labels)
        pairs = _with_synthetic(folds, len(natural), len(X))
    if faults.scaler:
        X = pd.DataFrame(StandardScaler().fit_transform(X), columns=X.columns)
    ensemble = SeedEnsemble(
        encoder=FunctionTransformer() if faults.scaler else StandardScaler(),
        sampler=None if faults.smote else spec.smote,
        network={"max_epochs": spec.epochs, "l1": 0.0},
        seeds=spec.seeds,
        weight_exponent=0.0,
    )
    return Arranged(FailureRows(X, labels, class_numbers(labels)), pairs, ensemble)


def _oversampled(spec: LeakageSpec, X: pd.DataFrame, labels: Any) -> tuple[pd.DataFrame, Any]:
    """Rows with SMOTE's behind them; neighbours are found in units of each column's spread, as inside the folds."""
    scaler = StandardScaler().fit(X)
    scaled, sampled = spec.smote.fit_resample(scaler.transform(X), labels)
    return pd.DataFrame(scaler.inverse_transform(scaled), columns=X.columns), np.asarray(sampled, dtype=str)


def _with_synthetic(folds: Sequence[Fold], n_natural: int, n: int) -> list[Fold]:
    """The folds with the synthetic rows dealt out to them at random, as a split after SMOTE does."""
    place = np.random.default_rng(SEED).integers(len(folds), size=n - n_natural)
    return [
        (
            np.concatenate([fit, n_natural + np.flatnonzero(place != number)]),
            np.concatenate([held, n_natural + np.flatnonzero(place == number)]),
        )
        for number, (fit, held) in enumerate(folds)
    ]


def run_leakage(
    spec: LeakageSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Train every variant; score it on natural rows held out, and on the balanced ones that it would report."""
    frame = data["maintenance"].frame.reset_index(drop=True)
    natural = failure_rows(frame)
    variants = {name: arrange(spec, faults, frame, spec.of(natural)[0]) for name, faults in VARIANTS.items()}
    progress(0.1)
    predicted = dict(zip(variants, _cross_fit(list(variants.values())), strict=True))
    progress(0.9)
    counts = confusions_of(natural.y, [own[:, : len(natural)] for own in predicted.values()])
    table = [
        _row(name, place, counts, spec.seeds) | _own_scores(variants[name], predicted[name])
        for place, name in enumerate(VARIANTS)
    ]
    return Payload(
        scalars=_scalars(table),
        tables={"variants": table},
        arrays={
            "confusion": counts.counts.reshape(len(VARIANTS), spec.seeds, *counts.counts.shape[1:]),
            "y": natural.y.astype(np.int8),
            "predicted": np.stack([own[:, : len(natural)] for own in predicted.values()]).astype(np.int8),
        },
        device=training_device(),
    )


def _row(name: str, place: int, counts: Confusions, seeds: int) -> dict[str, Any]:
    """A variant's faults, its scores on natural rows held out, and its gain over the sound one."""
    row: dict[str, Any] = {"variant": name, **asdict(VARIANTS[name])}
    for end, score in MACRO_F1.items():
        row |= named(end, counts.interval(mean_score(score, place, seeds)))
        row |= named(end.replace("macro_f1", "gain"), counts.interval(mean_gain(score, place, 0, seeds)))
    return row | named("accuracy", counts.interval(mean_score(accuracy, place, seeds)))


def _own_scores(variant: Arranged, predicted: NDArray[np.int64]) -> dict[str, float]:
    """Scores on all rows that the variant holds out, each class counting alike: what it would report of itself."""
    own, row = confusions_of(variant.rows.y, [predicted]), {"own_rows": float(len(variant.rows))}

    def balanced(score: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
        return lambda cells: score(balanced_counts(cells))

    for name, score in (("own_macro_f1", macro_f1), ("own_accuracy", accuracy)):
        row |= named(name, own.interval(mean_score(balanced(score), 0, len(predicted))))
    return row


def _cross_fit(variants: Sequence[Arranged]) -> list[NDArray[np.int64]]:
    """Class numbers that the networks of each variant give to its rows when held out, ``(seeds, n)`` each."""
    unfitted, sets = [], []
    for variant in variants:
        for number, (fit, _) in enumerate(variant.folds):
            unfitted.append(SeedEnsemble(**{**variant.ensemble.get_params(deep=False), "random_state": 100 * number}))
            sets.append(variant.rows.take(fit))
    fitted = iter(fit_ensembles(unfitted, sets))
    answers = []
    for variant in variants:
        own = [next(fitted) for _ in variant.folds]
        answers.append(numbers(out_of_fold(own, [variant.folds], variant.rows)[0][0]))
    return answers


def _scalars(table: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Macro-F1 on natural rows under the variant's name, and the rest with an end of its own."""
    scalars: dict[str, float] = {}
    for row in table:
        for name, value in row.items():
            if name.startswith("macro_f1"):
                scalars[row["variant"] + name.removeprefix("macro_f1")] = value
            elif name.startswith(("gain", "own", "accuracy")):
                scalars[f"{row['variant']}_{name}"] = value
    return scalars


EXPERIMENTS = (
    Experiment(
        name="classification/leakage",
        run=run_leakage,
        spec=LeakageSpec(),
        quick=LeakageSpec(folds=2, seeds=1, epochs=1, smote_neighbors=1),
        datasets=("maintenance",),
        seconds=14,
    ),
)

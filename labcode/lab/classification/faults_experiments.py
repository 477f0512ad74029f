"""The experiment on our first version's faults: the plain network with each of them put back, on the same folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE
from numpy.typing import NDArray

from labcode.data.types import Dataset
from labcode.lab.classification.balancing import measured_columns
from labcode.lab.classification.faults import (
    Fold,
    Inputs,
    Labels,
    Places,
    fold_rows,
    scaled_before_split,
    smote_before_split,
    with_target,
)
from labcode.lab.classification.faults_results import Leakage, Variant
from labcode.lab.classification.needs import enough_of_each
from labcode.lab.classification.network import plain_networks
from labcode.lab.classification.rows import (
    class_numbers,
    confusions_of,
    failure_rows,
    five_classes,
    folds_of,
    in_all_classes,
    mean_gain,
    mean_score,
    number,
)
from labcode.lab.classification.settings import Faults, Plain
from labcode.lab.config import configured
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.intervals import Confusions
from labcode.scoring.scores import accuracy, balanced_counts, macro_f1
from labcode.settings import SEED, Profile

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FaultsSpec(Faults):
    """Folds, and the plain network."""

    plain: Plain

    @property
    def smote(self) -> SMOTE:
        """The sampler, unfitted."""
        return SMOTE(k_neighbors=self.smote_neighbors, random_state=SEED)


@dataclass(frozen=True, kw_only=True)
class PutBack:
    """Which faults are put back."""

    target: bool = False
    scaler: bool = False
    smote: bool = False


#: One fault at a time, the two that matter together, and all.
VARIANTS = {
    "sound": PutBack(),
    "scaler_before_split": PutBack(scaler=True),
    "smote_before_split": PutBack(smote=True),
    "with_target": PutBack(target=True),
    "both": PutBack(target=True, smote=True),
    "all": PutBack(target=True, scaler=True, smote=True),
}


@dataclass(frozen=True, eq=False)
class Arranged:
    """Rows of a variant, the recorded ones first, its folds, and what each fold still does to its training rows."""

    X: pd.DataFrame
    labels: Labels
    folds: list[Fold]
    faults: PutBack

    def fold_rows(self, fold: Fold, smote: SMOTE) -> tuple[Inputs, Labels, Inputs]:
        """Inputs and labels to train on, and inputs held out."""
        train, held = fold
        if not (self.faults.smote or self.faults.scaler):
            return fold_rows(self.X, self.labels, fold, smote)
        # What came before the split is not done again; the rest is done as the sound way does it.
        X = self.X if self.faults.scaler else _scaled_as(self.X, train)
        X_train, X_held = (X.iloc[rows].to_numpy().astype(np.float32) for rows in (train, held))
        if self.faults.smote:
            return X_train, self.labels[train], X_held
        return *smote.fit_resample(X_train, self.labels[train]), X_held


def _scaled_as(X: pd.DataFrame, train: Places) -> pd.DataFrame:
    from sklearn.preprocessing import StandardScaler

    return pd.DataFrame(StandardScaler().fit(X.iloc[train]).transform(X), columns=X.columns)


def arranged(spec: FaultsSpec, faults: PutBack, machines: pd.DataFrame, folds: Sequence[Fold]) -> Arranged:
    """The rows and folds of a variant."""
    rows = failure_rows(machines)
    X, labels, own_folds = measured_columns(rows.X), rows.labels, list(folds)
    if faults.target:
        X = with_target(X, machines)
    if faults.smote:
        X, labels, own_folds = smote_before_split(X, labels, folds, spec.smote)
    if faults.scaler:
        X = scaled_before_split(X)
    return Arranged(X, np.asarray(labels, dtype=str), own_folds, faults)


def run_leakage(
    spec: FaultsSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Leakage:
    """Train every variant; score it on recorded rows held out, and on the balanced ones that it would report."""
    machines = data["maintenance"].frame.reset_index(drop=True)
    rows = failure_rows(machines)
    folds = folds_of(rows.labels, spec.folds)
    variants = {name: arranged(spec, faults, machines, folds) for name, faults in VARIANTS.items()}
    progress(0.1)
    calls = _out_of_fold(spec, list(variants.values()))
    progress(0.9)
    recorded = [own[:, : len(rows)] for own in calls]
    counts = confusions_of(rows.y, recorded)
    return Leakage(
        variants={
            name: _variant(counts, place, variants[name], calls[place], spec.seeds)
            for place, name in enumerate(VARIANTS)
        },
        folds=spec.folds,
        seeds=spec.seeds,
        rows=Number(len(rows)),
    )


def _out_of_fold(spec: FaultsSpec, variants: Sequence[Arranged]) -> list[Places]:
    """Class numbers that the networks of each variant give to its rows when held out, ``(n_seeds, n)`` each."""
    from labcode.nets.together import TrainingRows, fit_together

    networks, sets, held = [], [], []
    for variant in variants:
        for place, fold in enumerate(variant.folds):
            X, labels, others = variant.fold_rows(fold, spec.smote)
            seeds = range(100 * place, 100 * place + spec.seeds)
            networks += plain_networks(spec.plain, spec.epochs, seeds)
            sets += [TrainingRows(X, labels)] * spec.seeds
            held.append(others)
    fits = fit_together(networks, sets, n_jobs=-1)
    answers = [_answer(fit, held[place // spec.seeds]) for place, fit in enumerate(fits)]
    ends = accumulate((len(variant.folds) * spec.seeds for variant in variants), initial=0)
    return [
        _joined(variant, answers[start:end], spec.seeds)
        for variant, (start, end) in zip(variants, pairwise(ends), strict=True)
    ]


def _answer(fit: Any, held: Inputs) -> Places:
    if fit.error is not None:
        raise fit.error
    given = in_all_classes(fit.estimator.predict_proba(held).astype(np.float64), fit.estimator.classes_)
    return np.asarray(given.argmax(axis=1))


def _joined(variant: Arranged, answers: Sequence[Places], seeds: int) -> Places:
    calls = np.zeros((seeds, len(variant.X)), dtype=np.int64)
    for place, (_, held) in enumerate(variant.folds):
        calls[:, held] = answers[place * seeds :][:seeds]
    return calls


def _variant(counts: Confusions, place: int, variant: Arranged, calls: Places, seeds: int) -> Variant:
    own = confusions_of(class_numbers(variant.labels), [calls])

    def alike(score: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
        return lambda cells: score(balanced_counts(cells))

    return Variant(
        macro_f1=number(counts.interval(mean_score(macro_f1, place, seeds))),
        gain=number(counts.interval(mean_gain(macro_f1, place, 0, seeds))),
        without_random=number(counts.interval(mean_score(five_classes, place, seeds))),
        gain_without_random=number(counts.interval(mean_gain(five_classes, place, 0, seeds))),
        accuracy=number(counts.interval(mean_score(accuracy, place, seeds))),
        own_rows=Number(len(variant.X)),
        own_macro_f1=number(own.interval(mean_score(alike(macro_f1), 0, seeds))),
        own_accuracy=number(own.interval(mean_score(alike(accuracy), 0, seeds))),
    )


def _spec(profile: Profile) -> FaultsSpec:
    faults = configured(Faults, "classification.faults", profile=profile)
    return FaultsSpec(**vars(faults), plain=configured(Plain, "classification.plain", profile=profile))


EXPERIMENTS = (
    Experiment(
        name="classification/leakage",
        run=run_leakage,
        spec=_spec("full"),
        quick=_spec("quick"),
        datasets=("maintenance",),
        lacks=enough_of_each,
        seconds=14,
    ),
)

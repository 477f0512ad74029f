"""What makes a score too good: `Target` as an input, and scaling or SMOTE before the split, put back one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE
from sklearn.preprocessing import StandardScaler

from labcode.lab.classification.balancing import measured_columns, resampled
from labcode.lab.classification.classes import Fold, Inputs, Labels, Numbers
from labcode.lab.classification.first_results import Leakage, Variant
from labcode.lab.classification.network import class_chances, plain_networks
from labcode.lab.classification.rows import Compared, Score, class_numbers, failure_rows, five_classes, folds_of
from labcode.lab.classification.settings import Faults, Plain
from labcode.lab.needs import on_machines
from labcode.lab.quantities import Data, Stored
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.scores import accuracy, balanced_counts, macro_f1
from labcode.settings import SEED


def fold_rows(
    X: pd.DataFrame,
    labels: Labels,
    fold: Fold,
    smote: SMOTE,
) -> tuple[Inputs, Labels, Inputs]:
    """The sound way: split first; the scaler and SMOTE learn from the training rows alone.

    Returns inputs ``(m, k)`` and labels ``(m,)`` to train on, each class as large as the largest; and inputs held out.
    """
    train, held = fold
    scaler = StandardScaler().fit(X.iloc[train])
    X_train, X_held = (scaler.transform(X.iloc[rows]).astype(np.float32) for rows in (train, held))
    X_train, y_train = smote.fit_resample(X_train, labels[train])
    return X_train, y_train, X_held


def scaled_before_split(X: pd.DataFrame) -> pd.DataFrame:
    """Fault: means and spreads come from all rows, those held out among them."""
    return pd.DataFrame(StandardScaler().fit_transform(X), columns=X.columns)


def smote_before_split(
    X: pd.DataFrame, labels: Labels, folds: Sequence[Fold], smote: SMOTE
) -> tuple[pd.DataFrame, Labels, list[Fold]]:
    """Fault: SMOTE makes rows between any neighbours, and then each made-up row goes to some fold.

    So a made-up row that trains may lie beside a row held out that it was made from. The recorded rows come first, and
    stay in their folds.
    """
    more, more_labels = resampled(X, labels, smote)
    fold_of = np.random.default_rng(SEED).integers(len(folds), size=len(more) - len(X))
    made_up = len(X) + np.arange(len(fold_of))
    dealt = [
        (np.append(train, made_up[fold_of != number]), np.append(held, made_up[fold_of == number]))
        for number, (train, held) in enumerate(folds)
    ]
    return more, more_labels, dealt


@dataclass(frozen=True, kw_only=True)
class FaultsSpec:
    """Folds, and the plain network."""

    faults: Annotated[Faults, "classification.faults"]
    plain: Annotated[Plain, "classification.plain"]

    @property
    def smote(self) -> SMOTE:
        """The sampler, unfitted."""
        return SMOTE(k_neighbors=self.faults.smote_neighbors, random_state=SEED)


#: The faults that each variant puts back: one at a time, the two that matter together, and all.
VARIANTS = {
    "sound": (),
    "scaler_before_split": ("scaler",),
    "smote_before_split": ("smote",),
    "with_target": ("target",),
    "both": ("target", "smote"),
    "all": ("target", "scaler", "smote"),
}


@dataclass(frozen=True, eq=False)
class Arranged:
    """Rows of a variant, the recorded ones first, its folds, and what each fold still does to its training rows."""

    X: pd.DataFrame
    labels: Labels
    folds: list[Fold]
    faults: Sequence[str]

    def fold_rows(self, fold: Fold, smote: SMOTE) -> tuple[Inputs, Labels, Inputs]:
        """Inputs and labels to train on, and inputs held out."""
        train, held = fold
        if not {"smote", "scaler"} & set(self.faults):
            return fold_rows(self.X, self.labels, fold, smote)
        # What came before the split is not done again; the rest is done as the sound way does it.
        X = self.X.to_numpy() if "scaler" in self.faults else StandardScaler().fit(self.X.iloc[train]).transform(self.X)
        X_train, X_held = (X[rows].astype(np.float32) for rows in (train, held))
        if "smote" in self.faults:
            return X_train, self.labels[train], X_held
        return *smote.fit_resample(X_train, self.labels[train]), X_held


def arranged(spec: FaultsSpec, faults: Sequence[str], machines: pd.DataFrame, folds: Sequence[Fold]) -> Arranged:
    """The rows and folds of a variant."""
    rows = failure_rows(machines)
    X, labels, own_folds = measured_columns(rows.X), rows.labels, list(folds)
    if "target" in faults:  # nobody knows it before the machine fails
        X = X.assign(Target=machines["Target"].astype(float))
    if "smote" in faults:
        X, labels, own_folds = smote_before_split(X, labels, folds, spec.smote)
    if "scaler" in faults:
        X = scaled_before_split(X)
    return Arranged(X, np.asarray(labels, dtype=str), own_folds, faults)


def run_leakage(spec: FaultsSpec, *, data: Data, results: Stored, progress: Progress) -> Leakage:
    """Train every variant; score it on recorded rows held out, and on the balanced ones that it would report."""
    machines = data["maintenance"].frame.reset_index(drop=True)
    rows, seeds = failure_rows(machines), spec.faults.seeds
    folds = folds_of(rows.labels, spec.faults.folds)
    variants = {name: arranged(spec, faults, machines, folds) for name, faults in VARIANTS.items()}
    progress(0.1)
    calls = _out_of_fold(spec, list(variants.values()))
    progress(0.9)
    found = Compared.of(rows.y, [own[:, : len(rows)] for own in calls], seeds)
    own_rows = [Compared.of(class_numbers(own.labels), [of], seeds) for own, of in zip(variants.values(), calls)]
    return Leakage(
        variants={name: _variant(found, place, own_rows[place], calls[place]) for place, name in enumerate(VARIANTS)},
        folds=spec.faults.folds,
        seeds=seeds,
        rows=Number(len(rows)),
    )


def _out_of_fold(spec: FaultsSpec, variants: Sequence[Arranged]) -> list[Numbers]:
    """Class numbers that the networks of each variant give to its rows when held out, ``(n_seeds, n)`` each."""
    seeds, tasks = spec.faults.seeds, []
    for variant in variants:
        for place, fold in enumerate(variant.folds):
            X, labels, others = variant.fold_rows(fold, spec.smote)
            networks = plain_networks(spec.plain, spec.faults.epochs, range(100 * place, 100 * place + seeds))
            tasks.append((networks, X, labels, others))
    answers = iter(class_chances(tasks))
    calls = [np.zeros((seeds, len(variant.X)), dtype=np.int64) for variant in variants]
    for own, variant in zip(calls, variants, strict=True):
        for _, held in variant.folds:
            own[:, held] = next(answers).argmax(axis=2)
    return calls


def _variant(found: Compared, place: int, own: Compared, calls: Numbers) -> Variant:
    def alike(score: Score) -> Score:
        return lambda cells: score(balanced_counts(cells))

    return Variant(
        macro_f1=found.score(macro_f1, place),
        gain=found.gain(macro_f1, place),
        without_random=found.score(five_classes, place),
        gain_without_random=found.gain(five_classes, place),
        accuracy=found.score(accuracy, place),
        own_rows=Number(calls.shape[1]),
        own_macro_f1=own.score(alike(macro_f1)),
        own_accuracy=own.score(alike(accuracy)),
    )


EXPERIMENTS = (on_machines(run_leakage, seconds=14),)

"""Where regularization matters: a large network on few and on many rows, the number of steps the same for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler

from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.regularization_rows import (
    Fold,
    Positions,
    PriceBlock,
    log_losses,
    maintenance_rows,
    price_blocks,
    probabilities,
)
from labcode.experiments.regularization_techniques import Floats, Technique, fit_networks
from labcode.metrics import macro_f1, mean_of_seeds
from labcode.parallel import training_device
from labcode.store import Result

if TYPE_CHECKING:
    from labcode.batched import TrainingRows


@dataclass(frozen=True, kw_only=True)
class CurvesSpec:
    """The sizes, the network and its steps.

    Attributes
    ----------
    failure_rows, price_rows
        Sizes of the training sets, each a part of the next.
    failure_lr, price_lr
        Learning rates; that of the price network rises and falls once.
    steps
        Optimiser steps of each training, whatever its rows; early stopping may take fewer.
    held_share
        Share of the maintenance rows, drawn anew for each seed, that scores. Prices are scored on the validation block.
    dropout, failure_decay, price_decay
        The rate, and AdamW's decay for each task.
    patience_share
        Share of the epochs that early stopping waits for a lower loss, on a tenth of its training rows.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    failure_rows: tuple[int, ...] = (375, 750, 1500, 3000, 6000)
    price_rows: tuple[int, ...] = (300, 1000, 3000, 10_000, 25_000)
    every: int = 20
    valid_share: float = 0.125
    held_share: float = 0.25
    hidden: tuple[int, ...] = (128, 64)
    batch_size: int = 64
    steps: int = 500
    failure_lr: float = 5e-3
    price_lr: float = 3e-3
    dropout: float = 0.3
    failure_decay: float = 0.1
    price_decay: float = 1.0
    patience_share: float = 0.25

    def techniques(self, decay: float) -> tuple[Technique, ...]:
        """None, dropout, AdamW, and early stopping."""
        return (
            Technique(name="none", technique="none"),
            Technique(
                name="dropout", technique="dropout", setting=f"{self.dropout:g}", changes={"dropout": self.dropout}
            ),
            Technique(
                name="adamw",
                technique="AdamW",
                setting=f"{decay:g}",
                changes={"optimizer": "adamw", "weight_decay": decay},
            ),
            Technique(name="early_stopping", technique="early stopping", changes={"patience": 1}),
        )

    def settings(self, technique: Technique, n_rows: int) -> dict[str, Any]:
        """Parameters of the network of a technique that trains on so many rows."""
        epochs = max(1, round(self.steps / -(-n_rows // self.batch_size)))
        found = {"hidden": self.hidden, "batch_size": self.batch_size, "max_epochs": epochs, **technique.changes}
        if "patience" in found:
            found["patience"] = max(1, round(self.patience_share * epochs))
        return found


def run_curves(
    spec: CurvesSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Score each technique on both tasks by the rows that it trains on."""
    failures, failure_arrays = _failure_curves(spec, data["maintenance"])
    progress(0.5)
    prices, price_arrays = _price_curves(spec, data["prices"])
    scalars = {"seeds": len(spec.seeds), "steps": spec.steps}
    scalars |= _ends("classification", failures) | _ends("regression", prices)
    return Payload(
        scalars=scalars,
        tables={"classification": failures, "regression": prices},
        arrays=failure_arrays | price_arrays,
        device=training_device(),
    )


def stratified_order(y: Positions, seed: int) -> Positions:
    """An order of rows in which each beginning has the class mix of all, and one row of each class at least.

    Parameters
    ----------
    y
        Class numbers, ``(n_rows,)``.

    Examples
    --------
    >>> y = np.array([0, 0, 0, 0, 1, 1])
    >>> [int(number) for number in y[stratified_order(y, 0)]][:3].count(1)
    1
    """
    shuffled = np.random.default_rng(seed).permutation(len(y))
    rank = np.zeros(len(y))
    for label in np.unique(y):
        own = shuffled[y[shuffled] == label]
        rank[own] = np.arange(len(own)) / len(own)
    return shuffled[np.argsort(rank[shuffled], kind="stable")]


def _failure_curves(spec: CurvesSpec, data: Dataset) -> tuple[list[dict[str, Any]], dict[str, Floats]]:
    """Macro-F1 and log loss by training rows; arrays ``(n_techniques, n_sizes, n_seeds)``."""
    from labcode.batched import TrainingRows
    from labcode.training import TabularClassifier

    X, y = maintenance_rows(data.frame)
    kinds, k = spec.techniques(spec.failure_decay), int(y.max()) + 1
    splitter = StratifiedShuffleSplit(1, test_size=spec.held_share)
    folds = []
    for seed in spec.seeds:
        splitter.random_state = seed
        train, held = next(splitter.split(X, y))
        order = train[stratified_order(y[train], seed)]
        sizes = at_most(spec.failure_rows, len(train))
        folds += [Fold.of(X, seed, order[:size], held) for size in sizes]
    unfitted = [
        TabularClassifier(**spec.settings(kind, len(fold.train)), lr=spec.failure_lr, random_state=fold.seed)
        for kind in kinds
        for fold in folds
    ]
    rows = [TrainingRows(fold.X_train, y[fold.train]) for fold in folds] * len(kinds)
    networks = fit_networks(unfitted, rows, [None] * len(unfitted))
    scores = [_failure_scores(*case, y, k) for case in zip(networks, folds * len(kinds), strict=True)]
    names = ("train_f1", "test_f1", "train_log_loss", "test_log_loss")
    arrays = _by_technique(names, scores, len(kinds), spec)
    gains = {
        "gain": arrays["test_f1"] - arrays["test_f1"][0],
        "log_loss_gain": 1 - arrays["test_log_loss"] / arrays["test_log_loss"][0],
    }
    columns = {"train": "train_f1", "test": "test_f1", "log_loss_train": names[2], "log_loss_test": names[3]}
    return _table(kinds, sizes, {name: arrays[of] for name, of in columns.items()}, gains), arrays


def _failure_scores(network: Any, fold: Fold, y: Positions, k: int) -> list[float]:
    """Macro-F1 of training and of held-out rows, then their log losses."""
    found = [probabilities(network, X, k) for X in (fold.X_train, fold.X_held)]
    actual = [y[fold.train], y[fold.held]]
    counts = [
        np.bincount(own * k + each.argmax(axis=1), minlength=k * k).reshape(k, k)
        for own, each in zip(actual, found, strict=True)
    ]
    losses = [float(log_losses(each, own).mean()) for own, each in zip(actual, found, strict=True)]
    return [*(float(macro_f1(each)) for each in counts), *losses]


@dataclass(frozen=True, eq=False)
class _Subset:
    """Some training rows of the prices; ``early`` and ``late`` rows of it are for early stopping."""

    seed: int
    block: PriceBlock
    scaler: StandardScaler
    all: TrainingRows
    early: TrainingRows
    late: tuple[Floats, Floats]

    @classmethod
    def of(cls, train: PriceBlock, kept: Positions, seed: int) -> _Subset:
        from labcode.batched import TrainingRows

        # By date, so that the rows held out for early stopping are the latest, as those that score are later still.
        kept = kept[np.argsort(train.dates[kept], kind="stable")]
        parts = (part[kept] for part in (train.close, train.dates, train.inputs, train.place))
        block = PriceBlock(train.X.iloc[kept], *parts)
        scaler = StandardScaler().fit(block.inputs)
        X, n = scaler.transform(block.inputs), round(0.9 * len(kept))
        early = TrainingRows(X[:n], block.place[:n])
        return cls(seed, block, scaler, TrainingRows(X, block.place), early, (X[n:], block.place[n:]))


def at_most(sizes: Sequence[int], n_rows: int) -> list[int]:
    """The sizes, those beyond the rows that there are as one that takes all."""
    return list(dict.fromkeys(min(size, n_rows) for size in sizes))


def _price_curves(spec: CurvesSpec, data: Dataset) -> tuple[list[dict[str, Any]], dict[str, Floats]]:
    """Errors (USD) by training rows; arrays ``(n_techniques, n_sizes, n_seeds)``."""
    from labcode.training import TabularRegressor

    blocks = price_blocks(data.frame, every=spec.every, valid_share=spec.valid_share)
    train, held = blocks["train"], blocks["valid"]
    orders = [(seed, np.random.default_rng(seed).permutation(len(train.X))) for seed in spec.seeds]
    sizes = at_most(spec.price_rows, len(train.X))
    subsets = [_Subset.of(train, order[:size], seed) for seed, order in orders for size in sizes]
    kinds, unfitted, rows, valid = spec.techniques(spec.price_decay), [], [], []
    for kind in kinds:
        for subset in subsets:
            rows.append(subset.early if "patience" in kind.changes else subset.all)
            valid.append(subset.late if "patience" in kind.changes else None)
            settings = {**spec.settings(kind, len(rows[-1].X)), "lr": spec.price_lr, "schedule": "onecycle"}
            unfitted.append(TabularRegressor(**settings, random_state=subset.seed))
    networks = fit_networks(unfitted, rows, valid)
    scores = [_price_scores(*case, held) for case in zip(networks, subsets * len(kinds), strict=True)]
    arrays = _by_technique(("train_rmse", "test_rmse", "train_skill", "test_skill"), scores, len(kinds), spec)
    gains = {"gain": 1 - (arrays["test_rmse"] / arrays["test_rmse"][0]) ** 2}
    columns = {"train": "train_rmse", "test": "test_rmse", "train_skill": "train_skill", "test_skill": "test_skill"}
    return _table(kinds, sizes, {name: arrays[of] for name, of in columns.items()}, gains), arrays


def _price_scores(network: Any, subset: _Subset, held: PriceBlock) -> list[float]:
    """RMSE (USD) of training and of held-out rows, then their skills over the day's midpoint."""
    blocks = (subset.block, held)
    errors = [float(block.errors_of(network, subset.scaler).mean()) for block in blocks]
    middle = [float(block.squared_errors(np.zeros(len(block.X))).mean()) for block in blocks]
    return [*np.sqrt(errors).tolist(), *(1 - mse / other for mse, other in zip(errors, middle, strict=True))]


def _by_technique(names: Sequence[str], scores: list[list[float]], kinds: int, spec: CurvesSpec) -> dict[str, Floats]:
    """Scores in the order of techniques, seeds and sizes as arrays ``(n_techniques, n_sizes, n_seeds)``."""
    stacked = np.array(scores).reshape(kinds, len(spec.seeds), -1, len(names)).swapaxes(1, 2)
    return {name: stacked[..., i] for i, name in enumerate(names)}


def _table(
    kinds: Sequence[Technique], sizes: Sequence[int], scores: Mapping[str, Floats], gains: Mapping[str, Floats]
) -> list[dict[str, Any]]:
    """A row for each technique and size: means over seeds, and intervals of the held-out score and of the gains."""
    table = []
    for i, kind in enumerate(kinds):
        for j, size in enumerate(sizes):
            row = {"name": kind.name, "technique": kind.technique, "setting": kind.setting, "rows": size}
            row |= {name: float(values[i, j].mean()) for name, values in scores.items()}
            for name, values in {"test": scores["test"], **gains}.items():
                found = mean_of_seeds(values[i, j])
                row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
            table.append(row)
    return table


def _ends(task: str, table: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Scores at the smallest and the largest training set, as scalars."""
    sizes = sorted({row["rows"] for row in table})
    scalars: dict[str, Any] = {}
    for where, size in (("smallest", sizes[0]), ("largest", sizes[-1])):
        scalars[f"{task}_{where}"] = size
        for row in (row for row in table if row["rows"] == size):
            numbers = {name: value for name, value in row.items() if isinstance(value, float)}
            scalars |= {f"{task}_{row['name']}_{where}_{name}": value for name, value in numbers.items()}
    return scalars


EXPERIMENTS = (
    Experiment(
        name="regularization/learning-curves",
        run=run_curves,
        spec=CurvesSpec(),
        quick=CurvesSpec(
            seeds=(0, 1), failure_rows=(200, 1500), price_rows=(300, 3000), every=2, steps=100, hidden=(32, 16)
        ),
        datasets=("prices", "maintenance"),
        seconds=25,
    ),
)

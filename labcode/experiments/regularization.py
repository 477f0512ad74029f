"""Techniques against overfitting on both tasks: same rows, same seeds, same budget, compared with none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import StandardScaler

from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.regularization_rows import (
    Fold,
    PriceBlock,
    log_losses,
    maintenance_folds,
    maintenance_rows,
    price_blocks,
    probabilities,
)
from labcode.experiments.regularization_techniques import (
    COLUMNS,
    Floats,
    Strengths,
    Technique,
    epochs_and_cost,
    fit_networks,
    limits,
    macro_f1_over_seeds,
    resampled_means,
    technique_scalars,
    techniques,
)
from labcode.metrics import DATE_BLOCK, macro_f1
from labcode.parallel import training_device
from labcode.store import Result

PRICE_STRENGTHS = Strengths(
    l2=(1e-4, 1e-2),
    decay=(0.1, 1.0),
    l1=(1e-4, 1e-3),
    input_noise=(0.1, 0.3),
    patience=1,
    smaller=(16, 8),
    combined=(0.1, 0.1),
)
FAILURE_STRENGTHS = Strengths(
    l2=(1e-4, 1e-3),
    decay=(0.01, 0.1),
    l1=(1e-5, 1e-4),
    input_noise=(0.1, 0.3),
    patience=5,
    label_smoothing=(0.1,),
    smaller=(16, 8),
    combined=(0.1, 0.1),
)


@dataclass(frozen=True, kw_only=True)
class RegressionSpec:
    """The position network, its rows and its budget.

    Attributes
    ----------
    every
        Every how many-th symbol takes part.
    valid_share
        Share of the dates before the test block that are for choosing and for stopping, the last of them.
    """

    every: int = 20
    valid_share: float = 0.125
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    hidden: tuple[int, ...] = (64, 32)
    lr: float = 3e-3
    epochs: int = 4
    batch_size: int = 1024
    strengths: Strengths = PRICE_STRENGTHS


def run_regression(
    spec: RegressionSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Train every technique on dates before the validation block; choose by that block; score the test block once."""
    blocks = price_blocks(data["prices"].frame, every=spec.every, valid_share=spec.valid_share)
    kinds = techniques(spec.strengths)
    scaler = StandardScaler().fit(blocks["train"].inputs)
    networks = _price_networks(spec, kinds, blocks, scaler)
    progress(0.8)
    squared = {
        name: np.stack([[block.errors_of(network, scaler) for network in own] for own in networks])
        for name, block in blocks.items()
    }
    table = _price_table(kinds, blocks, squared)
    for row, own in zip(table, networks, strict=True):
        row |= epochs_and_cost(own, len(blocks["train"].X), 1)
    chosen = min(table, key=lambda row: row["valid"])
    scalars = technique_scalars(table, (*COLUMNS, "valid"))
    scalars |= {"chosen": chosen["name"]} | {f"chosen_{name}": chosen[name] for name in ("test", "gain")}
    scalars |= {f"chosen_gain_{end}": chosen[f"gain_{end}"] for end in ("low", "high")}
    for name, block in blocks.items():
        of_middle = block.squared_errors(np.zeros(len(block.X)))
        scalars |= {f"midpoint_{name}": float(np.sqrt(of_middle.mean())), f"{name}_rows": len(block.X)}
        scalars[f"{name}_dates"] = len(np.unique(block.dates))
    scalars |= {"seeds": len(spec.seeds), "epochs": spec.epochs}
    by_seed = {f"{name}_rmse": np.sqrt(errors.mean(axis=2)) for name, errors in squared.items()}
    return Payload(scalars=scalars, tables={"techniques": table}, arrays=by_seed, device=training_device())


def _price_networks(
    spec: RegressionSpec, kinds: Sequence[Technique], blocks: Mapping[str, PriceBlock], scaler: StandardScaler
) -> list[list[Any]]:
    """The fitted networks of each technique, one a seed."""
    from labcode.batched import TrainingRows
    from labcode.training import TabularRegressor

    common = {"hidden": spec.hidden, "lr": spec.lr, "max_epochs": spec.epochs, "batch_size": spec.batch_size}
    unfitted = [
        TabularRegressor(**{**common, **kind.changes}, schedule="onecycle", random_state=seed)
        for kind in kinds
        for seed in spec.seeds
    ]
    rows = TrainingRows(scaler.transform(blocks["train"].inputs), blocks["train"].place)
    valid = (scaler.transform(blocks["valid"].inputs), blocks["valid"].place)
    fitted = fit_networks(unfitted, [rows] * len(unfitted), [valid] * len(unfitted))
    return _in_groups(fitted, len(spec.seeds))


def _in_groups(networks: list[Any], size: int) -> list[list[Any]]:
    return [networks[i : i + size] for i in range(0, len(networks), size)]


def _price_table(
    kinds: Sequence[Technique], blocks: Mapping[str, PriceBlock], squared: Mapping[str, Floats]
) -> list[dict[str, Any]]:
    """Errors (USD) and gains of each technique.

    ``gain`` is 1 - MSE / MSE of none on the test rows, ``valid_gain`` the same on the validation rows; ``…_skill`` is
    1 - MSE / MSE of the day's midpoint, which can be compared between periods of other prices, as the errors cannot.
    """
    means = {name: errors.mean(axis=(1, 2)) for name, errors in squared.items()}
    middle = {name: block.squared_errors(np.zeros(len(block.X))).mean() for name, block in blocks.items()}
    _, drawn = resampled_means(squared["test"], blocks["test"].dates, block=DATE_BLOCK)
    _, drawn_valid = resampled_means(squared["valid"], blocks["valid"].dates, block=DATE_BLOCK)
    by_seed = np.sqrt(squared["test"].mean(axis=2))
    table = []
    for i, kind in enumerate(kinds):
        rmse = {name: float(np.sqrt(values[i])) for name, values in means.items()}
        skill = {f"{name}_skill": float(1 - values[i] / middle[name]) for name, values in means.items()}
        test = limits(rmse["test"], np.sqrt(drawn[:, i]))
        gain = limits(1 - means["test"][i] / means["test"][0], 1 - drawn[:, i] / drawn[:, 0])
        valid_gain = limits(1 - means["valid"][i] / means["valid"][0], 1 - drawn_valid[:, i] / drawn_valid[:, 0])
        row = {"name": kind.name, "technique": kind.technique, "setting": kind.setting, **rmse, **skill}
        row |= {"test_low": test.low, "test_high": test.high, "gap": rmse["test"] - rmse["train"]}
        row |= {"gap_skill": skill["train_skill"] - skill["test_skill"], "seed_sd": _spread(by_seed[i])}
        row |= _interval("gain", gain) | _interval("valid_gain", valid_gain)
        table.append(row)
    return table


def _spread(scores: Floats) -> float:
    """Standard deviation over seeds; 0 for a single one."""
    return float(scores.std(ddof=1)) if len(scores) > 1 else 0.0


def _interval(name: str, found: Any) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


@dataclass(frozen=True, kw_only=True)
class ClassificationSpec:
    """The failure network, its folds and its budget; early stopping holds out a tenth of the training rows."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    folds: int = 3
    hidden: tuple[int, ...] = (64, 32)
    lr: float = 1e-2
    epochs: int = 20
    batch_size: int = 256
    strengths: Strengths = FAILURE_STRENGTHS


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What the networks of all techniques say.

    Shape
    -----
    ``predicted`` and ``losses`` of held-out rows ``(n_techniques, n_seeds, n_rows)``, class numbers and log losses;
    ``train_f1`` and ``train_losses`` ``(n_techniques, n_seeds)``: macro-F1 of the training rows pooled over the folds,
    and their mean log loss.
    """

    predicted: np.ndarray
    losses: Floats
    train_f1: Floats
    train_losses: Floats


def run_classification(
    spec: ClassificationSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Score every technique on rows held out of its training, each row once for each seed."""
    X, y = maintenance_rows(data["maintenance"].frame)
    kinds, folds = techniques(spec.strengths), maintenance_folds(X, y, spec.seeds, spec.folds)
    networks = _failure_networks(spec, kinds, folds, y)
    progress(0.8)
    found = _out_of_fold(spec, networks, folds, y)
    table = _failure_table(kinds, found, y)
    for row, own in zip(table, networks, strict=True):
        held = own[0].validation_fraction if own[0].patience is not None else 0.0
        row |= epochs_and_cost(own, (1 - held) * np.mean([len(fold.train) for fold in folds]), int(y.max()) + 1)
    losses = [f"log_loss_{name}" for name in ("train", "test", "gap", "gain", "gain_low", "gain_high")]
    scalars = technique_scalars(table, (*COLUMNS, *losses))
    gains = [(row["log_loss_gain_low"] > 0, row["log_loss_gain_high"] < 0) for row in table]
    scalars |= {"log_loss_above": sum(up for up, _ in gains), "log_loss_below": sum(down for _, down in gains)}
    scalars |= {"seeds": len(spec.seeds), "folds": spec.folds, "epochs": spec.epochs, "rows": len(y)}
    arrays = {"train_f1": found.train_f1, "test_f1": _f1_by_seed(found, y)}
    arrays |= {"train_log_loss": found.train_losses, "test_log_loss": found.losses.mean(axis=2)}
    return Payload(scalars=scalars, tables={"techniques": table}, arrays=arrays, device=training_device())


def _failure_networks(
    spec: ClassificationSpec, kinds: Sequence[Technique], folds: Sequence[Fold], y: np.ndarray
) -> list[list[Any]]:
    """The fitted networks of each technique, one a fold, the folds of the first seed first."""
    from labcode.batched import TrainingRows
    from labcode.training import TabularClassifier

    common = {"hidden": spec.hidden, "lr": spec.lr, "max_epochs": spec.epochs, "batch_size": spec.batch_size}
    rows = [TrainingRows(fold.X_train, y[fold.train]) for fold in folds]
    unfitted = [
        TabularClassifier(**{**common, **kind.changes}, random_state=fold.seed) for kind in kinds for fold in folds
    ]
    return _in_groups(fit_networks(unfitted, rows * len(kinds), [None] * len(unfitted)), len(folds))


def _out_of_fold(
    spec: ClassificationSpec, networks: Sequence[Sequence[Any]], folds: Sequence[Fold], y: np.ndarray
) -> OutOfFold:
    kinds, seeds, k = len(networks), len(spec.seeds), int(y.max()) + 1
    predicted, losses = np.zeros((kinds, seeds, len(y)), dtype=np.intp), np.zeros((kinds, seeds, len(y)))
    confusion, train_losses = np.zeros((kinds, seeds, k, k)), np.zeros((kinds, seeds))
    for i, own in enumerate(networks):
        for j, (network, fold) in enumerate(zip(own, folds, strict=True)):
            seed = j // spec.folds
            held, trained = probabilities(network, fold.X_held, k), probabilities(network, fold.X_train, k)
            predicted[i, seed, fold.held] = held.argmax(axis=1)
            losses[i, seed, fold.held] = log_losses(held, y[fold.held])
            np.add.at(confusion[i, seed], (y[fold.train], trained.argmax(axis=1)), 1.0)
            train_losses[i, seed] += log_losses(trained, y[fold.train]).mean() / spec.folds
    return OutOfFold(predicted, losses, macro_f1(confusion), train_losses)


def _f1_by_seed(found: OutOfFold, y: np.ndarray) -> Floats:
    """Macro-F1 of the held-out rows, ``(n_techniques, n_seeds)``."""
    k = int(y.max()) + 1
    counts = [[np.bincount(y * k + own, minlength=k * k) for own in of_kind] for of_kind in found.predicted]
    return macro_f1(np.array(counts, dtype=float).reshape(*found.predicted.shape[:2], k, k))


def _failure_table(kinds: Sequence[Technique], found: OutOfFold, y: np.ndarray) -> list[dict[str, Any]]:
    """Macro-F1 and log loss of each technique; ``log_loss_gain`` is 1 - log loss / log loss of none."""
    means, drawn = resampled_means(found.losses, np.arange(len(y)))
    by_seed, table = _f1_by_seed(found, y), []
    for i, kind in enumerate(kinds):
        test = macro_f1_over_seeds(y, found.predicted[i])
        gain = macro_f1_over_seeds(y, found.predicted[i], found.predicted[0])
        better = limits(1 - means[i] / means[0], 1 - drawn[:, i] / drawn[:, 0])
        train, train_loss = float(found.train_f1[i].mean()), float(found.train_losses[i].mean())
        row = {"name": kind.name, "technique": kind.technique, "setting": kind.setting, "train": train}
        row |= _interval("test", test) | {"gap": train - test.value, "seed_sd": _spread(by_seed[i])}
        row |= _interval("gain", gain) | {"log_loss_train": train_loss, "log_loss_test": float(means[i])}
        row |= {"log_loss_gap": float(means[i]) - train_loss, **_interval("log_loss_gain", better)}
        table.append(row)
    return table


EXPERIMENTS = (
    Experiment(
        name="regularization/regression",
        run=run_regression,
        spec=RegressionSpec(),
        quick=RegressionSpec(every=2, seeds=(0, 1)),
        datasets=("prices",),
        seconds=12,
    ),
    Experiment(
        name="regularization/classification",
        run=run_classification,
        spec=ClassificationSpec(),
        quick=ClassificationSpec(seeds=(0, 1), folds=2, epochs=15),
        datasets=("maintenance",),
        seconds=30,
    ),
)

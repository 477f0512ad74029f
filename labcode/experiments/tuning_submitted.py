"""The original's grid search, with the shape fault in its loss and without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import KFold

from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.metrics import prediction_interval
from labcode.parallel import training_device
from labcode.protocols import Split, prices_as_submitted
from labcode.settings import SEED
from labcode.store import Result

if TYPE_CHECKING:
    from torch import Tensor


Fold = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class SubmittedGridSpec:
    """The original's grid and settings, over several seeds of the initial weights."""

    seeds: tuple[int, ...] = (0, 1, 2)
    lrs: tuple[float, ...] = (0.001, 0.01)
    hidden1: tuple[int, ...] = (32, 64)
    hidden2: int = 32
    folds: int = 2
    epochs: int = 5
    batch_size: int = 128
    valid_parts: int = 5
    shown_rows: int = 3_000


def broadcast_mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """The original's loss, a value a row: outputs ``(n, 1)`` minus targets ``(n,)`` make errors ``(n, n)``.

    Targets arrive here as ``(n, 1)``, so they are laid down as a row.
    """
    return (outputs - targets.transpose(0, 1)).square().mean(dim=1)


def run_submitted_grid(
    spec: SubmittedGridSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Search the original's grid twice, with its broadcast loss and with the squared error that was meant."""
    split = prices_as_submitted(data["prices"].frame)
    folds = submitted_folds(split, spec)
    shown = np.random.default_rng(SEED).choice(folds[0][1], spec.shown_rows, replace=False)
    arrays: dict[str, np.ndarray] = {"actual": split.y_train.to_numpy()[shown]}
    tables: list[dict[str, Any]] = []
    scalars: dict[str, float] = {"seeds": len(spec.seeds), "batch_size": spec.batch_size}
    for name, loss in (("broadcast", broadcast_mse), ("aligned", "mse")):
        rows, networks = _search(spec, split, folds, loss)
        tables += [{"loss": name, **row} for row in rows]
        best = [max((row for row in rows if row["seed"] == seed), key=lambda row: row["score"]) for seed in spec.seeds]
        scalars |= _best_scalars(best, suffix="" if name == "broadcast" else f"_{name}")
        arrays[name] = networks[rows.index(best[0])].predict(split.X_train.iloc[shown])
        progress(0.5 if name == "broadcast" else 1.0)
    y = split.y_train.to_numpy()
    scalars["mean_score"] = -float(np.mean([((y[test] - y[train].mean()) ** 2).mean() for train, test in folds]))
    scalars["echo_score"] = scalars["mean_score"] * (1 - 1 / spec.batch_size) ** 2
    scalars["slope"] = float(np.polyfit(arrays["actual"], arrays["broadcast"], 1)[0])
    scalars["fits"] = len(tables) * spec.folds
    return Payload(scalars=scalars, tables={"candidates": tables}, arrays=arrays, device=training_device())


def _best_scalars(best: list[dict[str, Any]], suffix: str) -> dict[str, float]:
    """The best score over the seeds, the first seed's choice, and how many different choices there are."""
    found = prediction_interval([row["score"] for row in best])
    return {
        f"best_score{suffix}": found.value,
        f"best_score{suffix}_low": found.low,
        f"best_score{suffix}_high": found.high,
        f"best_lr{suffix}": best[0]["lr"],
        f"best_hidden1{suffix}": best[0]["hidden1"],
        f"winners{suffix}": len({(row["lr"], row["hidden1"]) for row in best}),
    }


def submitted_folds(split: Split, spec: SubmittedGridSpec) -> list[Fold]:
    """scikit-learn's folds, without the first fifth of the training rows, which skorch sets aside to watch."""
    folds = KFold(spec.folds).split(split.X_train)
    return [(train[next(KFold(spec.valid_parts).split(train))[0]], test) for train, test in folds]


def _search(
    spec: SubmittedGridSpec, split: Split, folds: list[Fold], loss: Any
) -> tuple[list[dict[str, Any]], list[Any]]:
    """A row for each candidate and seed, and the network that each trained for the first fold."""
    from labcode.training import TabularRegressor
    from labcode.tuning import BatchedSearchCV

    network = TabularRegressor(
        loss=loss, standardize_target=False, shuffle=False, batch_size=spec.batch_size, max_epochs=spec.epochs
    )
    hidden = [(first, spec.hidden2) for first in spec.hidden1]
    search = BatchedSearchCV(
        network,
        {"random_state": list(spec.seeds), "lr": list(spec.lrs), "hidden": hidden},
        scoring="neg_mean_squared_error",
        cv=folds,
        n_jobs=-1,
        refit=False,
        return_estimator=True,
    ).fit(split.X_train, split.y_train)
    found = search.cv_results_
    rows = [
        {
            "seed": params["random_state"],
            "lr": params["lr"],
            "hidden1": params["hidden"][0],
            "score": float(found["mean_test_score"][i]),
            **{f"fold {k + 1}": float(found[f"split{k}_test_score"][i]) for k in range(spec.folds)},
        }
        for i, params in enumerate(found["params"])
    ]
    return rows, [of_folds[0] for of_folds in search.cv_estimators_]


EXPERIMENTS = (
    Experiment(
        name="tuning/as-submitted",
        run=run_submitted_grid,
        spec=SubmittedGridSpec(),
        quick=SubmittedGridSpec(seeds=(0,), epochs=2, shown_rows=1_000),
        datasets=("prices",),
        seconds=40,
    ),
)

"""A search for the price network on dates before the test block, and what its choice is worth on later dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.price_rows import Positions, rolling_folds, sound_split, test_dates
from labcode.experiments.searches import (
    Grid,
    best_first,
    candidate_table,
    multiplications,
    optimizer_grids,
    penalty_grids,
    rows_matching,
)
from labcode.lab.regression.network import Floats, day_range, position, position_inputs
from labcode.metrics import DATE_BLOCK, skill_interval
from labcode.parallel import in_parallel, training_device
from labcode.protocols import Split
from labcode.store import Result

if TYPE_CHECKING:
    from labcode.tuning import BatchedSearchCV

#: The regression chapter's settings, against which the search is judged.
DEFAULTS: dict[str, Any] = {
    "lr": 3e-3,
    "optimizer": "adam",
    "max_epochs": 4,
    "hidden": (64, 32),
    "batch_size": 1024,
    "dropout": 0.0,
    "weight_decay": 0.0,
}
_PLAIN_DEFAULTS = {**DEFAULTS, "hidden": "64-32"}


@dataclass(frozen=True, kw_only=True)
class RegressionSearchSpec:
    """The grid, the folds and the rows of the search.

    Attributes
    ----------
    every
        Every how many-th symbol takes part in the search; the test trains on all.
    folds, block_share
        Rolling folds: train on all dates before a block, score the block.
    dropout, weight_decay
        Penalties, tried with every learning rate at the other defaults.
    paired
        Best candidates that are compared with the best, date by date.
    test_seeds
        Seeds of the networks that are trained on all rows before the test block.
    """

    every: int = 16
    folds: int = 5
    block_share: float = 0.125
    lrs: tuple[float, ...] = (1e-3, 3e-3, 1e-2, 3e-2)
    optimizers: tuple[str, ...] = ("adam", "adamw", "sgd")
    max_epochs: tuple[int, ...] = (2, 4)
    hidden: tuple[tuple[int, ...], ...] = ((32, 16), (64, 32))
    batch_sizes: tuple[int, ...] = (256, 1024)
    dropout: float = 0.1
    weight_decay: float = 1e-2
    paired: int = 12
    test_seeds: tuple[int, ...] = (0, 1, 2)

    @property
    def grids(self) -> Grid:
        """All combinations of optimiser, learning rate, epochs, architecture and batch size; then the penalties."""
        shapes = {"max_epochs": self.max_epochs, "hidden": self.hidden, "batch_size": self.batch_sizes}
        factors = optimizer_grids(self.lrs, self.optimizers, **shapes)
        return [*factors, *penalty_grids(self.lrs, self.dropout, self.weight_decay)]


def search_pipeline(**settings: Any) -> Pipeline:
    """What is searched over: the position view of a row, standardised, and a network that answers with a position.

    Its target is the close's position in the day's range, -1 at the low and 1 at the high.
    """
    from labcode.training import TabularRegressor

    view = FunctionTransformer(position_inputs)
    network = TabularRegressor(**{**DEFAULTS, **settings}, schedule="onecycle")
    steps = [("view", view), ("scale", StandardScaler()), ("model", network)]
    return Pipeline(steps)


def dollar_errors(estimator: Any, X: pd.DataFrame, y: Floats) -> Floats:
    """Errors in USD ``(n,)`` of a network that answers with positions; ``y`` holds the true ones."""
    return (np.clip(estimator.predict(X), -1, 1) - y) * day_range(X) / 2


def negative_rmse(estimator: Any, X: pd.DataFrame, y: Floats) -> float:
    """The score of the search: minus the root mean squared error, in USD."""
    return -float(np.sqrt(np.mean(dollar_errors(estimator, X, y) ** 2)))


def search_rows(split: Split, every: int) -> tuple[pd.DataFrame, Floats, pd.Series]:
    """Rows before the test block of every ``every``-th symbol: the four columns, the close's position, and the date."""
    assert split.keys_train is not None
    symbols = split.keys_train["symbol"].astype(str)
    kept = symbols.isin(np.sort(symbols.unique())[::every]).to_numpy()
    X = split.X_train[kept]
    return X, position(X, split.y_train[kept].to_numpy()), split.keys_train["date"][kept]


@dataclass(frozen=True)
class _Errors:
    """Squared errors of candidates on the held-out rows of each fold, asked for one at a time."""

    search: BatchedSearchCV
    X: pd.DataFrame
    y: Floats
    folds: list[tuple[Positions, Positions]]

    def __call__(self, candidate: int, fold: int) -> Floats:
        held = self.folds[fold][1]
        estimator = self.search.cv_estimators_[candidate][fold]
        return dollar_errors(estimator, self.X.iloc[held], self.y[held]) ** 2

    def pooled(self, candidate: int, folds: range) -> Floats:
        return np.concatenate([self(candidate, fold) for fold in folds])


def run_regression_search(
    spec: RegressionSearchSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Search with rolling folds, compare the best, replay the choice block by block, and test it once."""
    from labcode.tuning import BatchedSearchCV

    split = sound_split(data["prices"].frame)
    X, y, dates = search_rows(split, spec.every)
    folds = rolling_folds(dates, spec.folds, spec.block_share)
    search = BatchedSearchCV(
        search_pipeline(random_state=0),
        spec.grids,
        scoring=negative_rmse,
        cv=folds,
        n_jobs=-1,
        refit=False,
        return_estimator=True,
    ).fit(X, y)
    progress(0.75)
    table = candidate_table(search.cv_results_, _PLAIN_DEFAULTS, spec.folds)
    rows = round(np.mean([len(train) for train, _ in folds]))
    table["cost"] = [multiplications(each.hidden, 4, 1, rows, each.max_epochs) for each in table.itertuples()]
    default = int(np.flatnonzero(rows_matching(table, _PLAIN_DEFAULTS))[0])
    order = best_first(table)
    errors = _Errors(search, X, y, folds)
    blocks = [dates.to_numpy()[held] for _, held in folds]
    paired = _compare_with_best(errors, [*order[: spec.paired], default], np.concatenate(blocks))
    replay, scalars = _replay(errors, table, default, blocks)
    progress(0.8)
    best = search.cv_results_["params"][order[0]]
    tuned = {name: best.get(f"model__{name}", value) for name, value in DEFAULTS.items()}
    scalars |= _test_once(split, tuned, spec.test_seeds)
    scalars |= {
        "best_score": table["score"].max(),
        "default_score": table["score"][default],
        "default_rank": order.index(default) + 1,
        "candidates": len(table),
        "fits": len(table) * spec.folds,
        "seconds": float(search.cv_results_["mean_fit_time"].sum() * spec.folds),
        "rows": len(X),
        "within_a_cent": int((table["score"] > table["score"].max() - 0.01).sum()),
        "tied": sum(row["gain_low"] <= 0 for row in paired[1 : spec.paired]),
        "paired": spec.paired,
    }
    tables = {"candidates": table.to_dict("records"), "paired": paired, "replay": replay}
    plain = {name: float(value) for name, value in scalars.items()}
    return Payload(scalars=plain, tables=tables, device=training_device())


def _compare_with_best(errors: _Errors, candidates: list[int], dates: np.ndarray) -> list[dict[str, Any]]:
    """The best one's skill over each candidate on all held-out rows, by date: 0 where the two are as good."""
    everywhere = range(len(errors.folds))
    best = errors.pooled(candidates[0], everywhere)
    rows = []
    for candidate in candidates:
        gain = skill_interval(best, errors.pooled(candidate, everywhere), dates, block=DATE_BLOCK)
        rows.append({"candidate": candidate, "gain": gain.value, "gain_low": gain.low, "gain_high": gain.high})
    return rows


def _replay(
    errors: _Errors, table: pd.DataFrame, default: int, blocks: list[np.ndarray]
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Nested validation: before each block, choose by the blocks before it; score the choice on the block."""
    scores = table[[f"fold {k + 1}" for k in range(len(blocks))]].to_numpy()
    rows, chosen, usual = [], [], []
    for k in range(1, len(blocks)):
        inner = scores[:, :k].mean(axis=1)
        choice = int(np.argmax(inner))
        chosen.append(errors(choice, k))
        usual.append(errors(default, k))
        rows.append(
            {
                "block": k + 1,
                "candidate": choice,
                "promised": 1 - float((scores[choice, :k] ** 2).sum() / (scores[default, :k] ** 2).sum()),
                "kept": 1 - float(chosen[-1].mean() / usual[-1].mean()),
                "rmse": float(np.sqrt(chosen[-1].mean())),
                "default_rmse": float(np.sqrt(usual[-1].mean())),
            }
        )
    gain = skill_interval(np.concatenate(chosen), np.concatenate(usual), np.concatenate(blocks[1:]), block=DATE_BLOCK)
    promised = float(np.mean([row["promised"] for row in rows]))
    return rows, {"promised": promised, "nested": gain.value, "nested_low": gain.low, "nested_high": gain.high}


def _test_once(split: Split, tuned: dict[str, Any], seeds: tuple[int, ...]) -> dict[str, float]:
    """Tuned and default settings trained on all rows before the test block, and scored on the test block."""
    y = position(split.X_train, split.y_train.to_numpy())
    tasks = [(settings, seed, split.X_train, y, split.X_test) for settings in (tuned, DEFAULTS) for seed in seeds]
    actual = position(split.X_test, split.y_test.to_numpy())
    answers = np.stack(in_parallel(_fit_and_answer, tasks)).reshape(2, len(seeds), -1)
    # A day without a range has no position: its close is missed by what it lies off the midpoint, in both the same.
    squared = ((np.clip(answers, -1, 1) - actual) * day_range(split.X_test) / 2) ** 2
    gain = skill_interval(squared[0].mean(axis=0), squared[1].mean(axis=0), test_dates(split), block=DATE_BLOCK)
    by_seed = np.sqrt(squared.mean(axis=2))
    return {
        "test_rmse": float(np.sqrt(squared[0].mean())),
        "test_default_rmse": float(np.sqrt(squared[1].mean())),
        "test_gain": gain.value,
        "test_gain_low": gain.low,
        "test_gain_high": gain.high,
        "test_seed_spread": float(np.ptp(by_seed, axis=1).max()),
    }


def _fit_and_answer(settings: dict[str, Any], seed: int, X: pd.DataFrame, y: Floats, rows: pd.DataFrame) -> Floats:
    return search_pipeline(**settings, random_state=seed).fit(X, y).predict(rows)


EXPERIMENTS = (
    Experiment(
        name="tuning/regression",
        run=run_regression_search,
        spec=RegressionSearchSpec(),
        quick=RegressionSearchSpec(
            every=1, folds=2, lrs=(1e-3, 3e-3, 1e-2), hidden=((64, 32),), optimizers=("adam", "sgd"), test_seeds=(0,)
        ),
        datasets=("prices",),
        seconds=45,
    ),
)

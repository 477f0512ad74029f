"""A search for the failure classifier, with SMOTE inside the folds; nested validation, and successive halving."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import Pipeline
from sklearn.model_selection import StratifiedKFold

from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.searches import (
    Grid,
    best_first,
    candidate_table,
    multiplications,
    optimizer_grids,
    penalty_grids,
    rows_matching,
)
from labcode.metrics import macro_f1_gain, macro_f1_interval
from labcode.parallel import in_parallel, training_device
from labcode.protocols import Split, maintenance_encoder, maintenance_sound
from labcode.settings import SEED
from labcode.store import Result

if TYPE_CHECKING:
    from labcode.tuning import BatchedSearchCV

Classes = np.ndarray

#: The original's network and optimiser, with mini-batches: what a user would try first.
DEFAULTS: dict[str, Any] = {
    "lr": 1e-3,
    "optimizer": "adam",
    "max_epochs": 27,
    "hidden": (64, 32),
    "batch_size": 128,
    "dropout": 0.0,
    "weight_decay": 0.0,
}
_PLAIN_DEFAULTS = {**DEFAULTS, "hidden": "64-32", "sample": "none"}
N_FEATURES, N_CLASSES = 6, 6


@dataclass(frozen=True, kw_only=True)
class ClassificationSearchSpec:
    """The grids, the folds, and the smaller search that is validated from outside.

    Attributes
    ----------
    folds, outer_folds, inner_folds
        Stratified folds of the search, and of the nested validation.
    epochs, smote_epochs
        Epochs without SMOTE; with it, fewer, since an epoch then has almost six times the rows.
    smote_neighbors
        Neighbours of SMOTE.
    min_epochs, factor
        First rung and factor of the successive halving, which ends at the last of ``epochs``.
    paired
        Best candidates that are compared with the best, row by row.
    """

    folds: int = 5
    lrs: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    optimizers: tuple[str, ...] = ("adam", "adamw", "sgd")
    epochs: tuple[int, ...] = (9, 27)
    hidden: tuple[tuple[int, ...], ...] = ((64, 32), (128, 64))
    large_batch: int = 512
    dropout: float = 0.2
    weight_decay: float = 1e-2
    smote_epochs: int = 5
    smote_neighbors: int = 5
    outer_folds: int = 5
    inner_folds: int = 3
    min_epochs: int = 3
    factor: int = 3
    paired: int = 12

    def grids(self, epochs: tuple[int, ...] | None = None) -> Grid:
        """Optimiser, learning rate and architecture (and epochs); a larger batch; penalties. All without SMOTE."""
        with_epochs = {"max_epochs": epochs} if epochs else {}
        factors = optimizer_grids(self.lrs, self.optimizers, hidden=self.hidden, **with_epochs)
        batches = optimizer_grids(self.lrs, self.optimizers, batch_size=[self.large_batch])
        return [*factors, *batches, *penalty_grids(self.lrs, self.dropout, self.weight_decay)]

    @property
    def smote(self) -> Grid:
        """SMOTE in the fold, with Adam."""
        sampler = SMOTE(k_neighbors=self.smote_neighbors, random_state=SEED)
        rest = {"model__dropout": [0.0, self.dropout], "model__max_epochs": [self.smote_epochs]}
        return [{"sample": [sampler], "model__lr": list(self.lrs), **rest}]


def search_pipeline() -> Pipeline:
    """What is searched over: an encoder and a sampler that see training rows only, and a network."""
    from labcode.training import TabularClassifier

    network = TabularClassifier(**DEFAULTS, random_state=0)
    steps = [("transform", maintenance_encoder()), ("sample", None), ("model", network)]
    return Pipeline(steps)


def batched_search(grid: Any, folds: int, *, n_jobs: int | None = -1, **options: Any) -> BatchedSearchCV:
    """An unfitted search by macro-F1 over stratified folds; with ``resource`` among the options, a halving one."""
    from labcode.tuning import BatchedHalvingSearchCV, BatchedSearchCV

    kind = BatchedHalvingSearchCV if "resource" in options else BatchedSearchCV
    cv = StratifiedKFold(folds, shuffle=True, random_state=SEED)
    return kind(search_pipeline(), grid, scoring="f1_macro", cv=cv, n_jobs=n_jobs, **options)


def run_classification_search(
    spec: ClassificationSearchSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Search on the training rows, compare the best row by row, and validate a search from outside."""
    split = maintenance_sound(data["maintenance"].frame)
    search = batched_search([*spec.grids(spec.epochs), *spec.smote], spec.folds, refit=False, return_estimator=True)
    search.fit(split.X_train, split.y_train)
    progress(0.6)
    table = candidate_table(search.cv_results_, _PLAIN_DEFAULTS, spec.folds)
    table["cost"] = [_cost(row, split, spec.folds) for row in table.itertuples()]
    default = int(np.flatnonzero(rows_matching(table, _PLAIN_DEFAULTS))[0])
    order = best_first(table)
    actual, held = _held_out(search, split)
    paired = []
    for candidate in [*order[: spec.paired], default]:
        gain = macro_f1_gain(actual, held(order[0]), held(candidate))
        paired.append({"candidate": candidate, "gain": gain.value, "gain_low": gain.low, "gain_high": gain.high})
    progress(0.7)
    nested, scalars = _nested(spec, split)
    pooled = macro_f1_interval(actual, held(order[0]))
    scalars |= {
        "best_score": table["score"].max(),
        "best_pooled": pooled.value,
        "best_pooled_low": pooled.low,
        "best_pooled_high": pooled.high,
        "default_score": table["score"][default],
        "default_rank": order.index(default) + 1,
        "candidates": len(table),
        "fits": len(table) * spec.folds,
        "seconds": float(search.cv_results_["mean_fit_time"].sum() * spec.folds),
        "best_with_smote": table["score"][table["sample"] != "none"].max(),
        "tied": sum(row["gain_low"] <= 0 for row in paired[1 : spec.paired]),
        "paired": spec.paired,
    }
    plain = {name: float(value) for name, value in scalars.items()}
    tables = {"candidates": table.to_dict("records"), "paired": paired, "nested": nested}
    return Payload(scalars=plain, tables=tables, device=training_device())


def _cost(row: Any, split: Split, folds: int) -> float:
    """Multiplications of one fit, in billions; SMOTE makes all classes as large as the largest."""
    counts = split.y_train.value_counts()
    rows = len(split.y_train) if row.sample == "none" else counts.max() * len(counts)
    return multiplications(row.hidden, N_FEATURES, N_CLASSES, round(rows * (1 - 1 / folds)), row.max_epochs)


def _held_out(search: BatchedSearchCV, split: Split) -> tuple[Classes, Callable[[int], Classes]]:
    """Class numbers of the training rows, and a function that gives those that a candidate predicts out of fold."""
    classes = np.unique(split.y_train)
    folds = [held for _, held in search.cv.split(split.X_train, split.y_train)]

    def predicted(candidate: int) -> Classes:
        numbers = np.empty(len(split.y_train), dtype=np.intp)
        for estimator, held in zip(search.cv_estimators_[candidate], folds, strict=True):
            numbers[held] = np.searchsorted(classes, estimator.predict(split.X_train.iloc[held]))
        return numbers

    return np.searchsorted(classes, split.y_train), predicted


def _nested(spec: ClassificationSearchSpec, split: Split) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Search inside each of the outer training sets, and compare choice and default on the rows left out."""
    X, y = split.X_train, split.y_train
    outer = list(StratifiedKFold(spec.outer_folds, shuffle=True, random_state=SEED + 1).split(X, y))
    tasks = [(spec, X.iloc[train], y.iloc[train], X.iloc[held]) for train, held in outer]
    chosen, usual = np.empty(len(y), dtype=object), np.empty(len(y), dtype=object)
    rows = []
    for number, ((_, held), answer) in enumerate(zip(outer, in_parallel(_search_inside, tasks), strict=True)):
        chosen[held], usual[held], row = answer
        rows.append({"fold": number + 1, **row})
    actual, ours, theirs = (np.searchsorted(np.unique(y), labels) for labels in (y, chosen, usual))
    gain, reached = macro_f1_gain(actual, ours, theirs), macro_f1_interval(actual, ours)
    scalars = {"nested_gain": gain.value, "nested_gain_low": gain.low, "nested_gain_high": gain.high}
    scalars |= {"nested": reached.value, "nested_low": reached.low, "nested_high": reached.high}
    scalars |= {"nested_default": macro_f1_interval(actual, theirs).value}
    return rows, scalars | {"promised": float(np.mean([row["promised"] for row in rows]))}


def _search_inside(
    spec: ClassificationSearchSpec, X: pd.DataFrame, y: pd.Series, rows: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Search a small grid on some rows; what its choice and the default predict for others, and the choice."""
    grid = {"model__lr": list(spec.lrs), "model__hidden": list(spec.hidden)}
    search = batched_search(grid, spec.inner_folds, n_jobs=None).fit(X, y)
    default = search_pipeline().fit(X, y)
    return search.predict(rows), default.predict(rows), {"promised": search.best_score_, **_plain(search.best_params_)}


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    return {"lr": params["model__lr"], "hidden": "-".join(map(str, params["model__hidden"]))}


def run_halving(
    spec: ClassificationSearchSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Successive halving over the candidates without SMOTE, beside what a full search of the same cost would find."""
    split = maintenance_sound(data["maintenance"].frame)
    full = results["tuning/classification"].frame("candidates")
    most = max(spec.epochs)
    rivals = full[(full["sample"] == "none") & (full["max_epochs"] == most)]
    search = batched_search(
        spec.grids(),
        spec.folds,
        refit=False,
        resource="model__max_epochs",
        min_resources=spec.min_epochs,
        max_resources=most,
        factor=spec.factor,
    ).fit(split.X_train, split.y_train)
    epochs = sum(n * r for n, r in zip(search.n_candidates_, search.n_resources_, strict=True))
    best = float(search.cv_results_["mean_test_score"][search.best_index_])
    affordable = epochs // most
    better = int((rivals["score"] > best + 1e-9).sum())
    ranks = [
        {"rung": int(rung), "epochs": int(n), "score": float(score), **_label(params)}
        for rung, n, score, params in zip(
            search.cv_results_["iter"],
            search.cv_results_["n_resources"],
            search.cv_results_["mean_test_score"],
            search.cv_results_["params"],
            strict=True,
        )
    ]
    scalars = {
        "best_score": best,
        "epochs": epochs,
        "full_epochs": len(rivals) * most,
        "candidates": len(rivals),
        "affordable": affordable,
        "better_in_full": better,
        "full_best": float(rivals["score"].max()),
        "affordable_best": expected_best(rivals["score"].to_numpy(), affordable),
        "chance_of_better": 1 - chance_of_none(len(rivals), better, affordable),
    }
    return Payload(scalars=scalars, tables={"rungs": ranks}, device=training_device())


def _label(params: Mapping[str, Any]) -> dict[str, Any]:
    """What tells the candidates of the halving apart, as one text."""
    own = {name.rpartition("__")[2]: value for name, value in params.items()}
    return {
        "candidate": ", ".join(f"{name} {own[name]}" for name in sorted(own) if name not in ("sample", "max_epochs"))
    }


def chance_of_none(n: int, special: int, draws: int) -> float:
    """Chance that ``draws`` of ``n`` things, drawn without replacement, hold none of ``special`` ones.

    Examples
    --------
    >>> chance_of_none(4, 1, 2)
    0.5
    """
    return comb(n - special, draws) / comb(n, draws)


def expected_best(scores: np.ndarray, draws: int) -> float:
    """Expected maximum of ``draws`` scores drawn from ``scores`` without replacement.

    Examples
    --------
    >>> expected_best(np.array([1.0, 2.0, 3.0]), 2)
    2.66...
    """
    ordered, n = np.sort(scores), len(scores)
    return float(sum(value * comb(k, draws - 1) for k, value in enumerate(ordered)) / comb(n, draws))


_QUICK = ClassificationSearchSpec(
    folds=2,
    lrs=(1e-3, 1e-2),
    optimizers=("adam", "sgd"),
    hidden=((64, 32),),
    smote_neighbors=1,
    outer_folds=2,
    inner_folds=2,
    paired=4,
)
EXPERIMENTS = (
    Experiment(
        name="tuning/classification",
        run=run_classification_search,
        spec=ClassificationSearchSpec(),
        quick=_QUICK,
        datasets=("maintenance",),
        seconds=50,
    ),
    Experiment(
        name="tuning/halving",
        run=run_halving,
        spec=ClassificationSearchSpec(),
        quick=_QUICK,
        datasets=("maintenance",),
        needs=("tuning/classification",),
        seconds=10,
    ),
)

"""A search for the network on dates before the test block, what its choice is worth later, and a cheaper search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid

from labcode.lab.needs import on_prices
from labcode.lab.quantities import Data, Stored, rmse_of, skill_of
from labcode.lab.regression.network import Floats, position
from labcode.lab.regression.split import Folds, folds_by_date, split_by_date
from labcode.lab.tuning.results import OPTIMIZERS, Block, Halved, Searched, Setting
from labcode.lab.tuning.search import dollar_errors, search
from labcode.lab.tuning.settings import Halving, Search, Start
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.results.run import typed

Params = dict[str, Any]


def grids(spec: Search, *, epochs: bool = True) -> list[Params]:
    """The grid of each optimiser, as ``GridSearchCV`` takes it, and the start where it is in neither."""
    rest: Params = {"network__hidden": list(spec.hidden)}
    rest |= {"network__max_epochs": list(spec.epochs)} if epochs else {}
    grid: list[Params] = [
        {"network__optimizer": [name], "network__lr": list(rates), **rest}
        for name, rates in (("adam", spec.adam), ("sgd", spec.sgd))
    ]
    start = {name: value for name, value in start_params(spec.start).items() if name in grid[0]}
    missing = start not in list(ParameterGrid(grid))
    return [*grid, {name: [value] for name, value in start.items()}] if missing else grid


def start_params(start: Start) -> Params:
    """The start as ``GridSearchCV`` names its settings."""
    return {
        "network__optimizer": start.optimizer,
        "network__lr": start.lr,
        "network__hidden": start.hidden,
        "network__max_epochs": start.epochs,
    }


def rows_of_search(frame: pd.DataFrame, spec: Search) -> tuple[pd.DataFrame, Folds]:
    """Rows before the test dates of some symbols, and their folds."""
    train, _ = split_by_date(frame)
    kept = np.unique(train["symbol"].to_numpy())[:: spec.every]
    days = train[train["symbol"].isin(kept)]
    return days, folds_by_date(days["date"], spec.folds, spec.block_share)


def squared_errors(days: pd.DataFrame, folds: Folds, tried: Sequence[Params], spec: Search) -> list[list[Floats]]:
    """Squared errors in USD² of settings on each fold's held-out rows ``(seeds, n)``; settings in the outer order."""
    from labcode.nets.search import BatchedSearchCV

    seeds = list(range(1, spec.seeds + 1))  # the search has had seed 0
    grid = [{name: [value] for name, value in params.items()} | {"network__random_state": seeds} for params in tried]
    options: Params = {"kind": BatchedSearchCV, "n_jobs": -1}
    fitted = search(days, grid, folds, spec.batch_size, **options).cv_estimators_
    actual = position(days, days["close"])
    squared = [
        [dollar_errors(network, days.iloc[held], actual[held]) ** 2 for network, (_, held) in zip(networks, folds)]
        for networks in fitted
    ]
    by_setting = [squared[first : first + len(seeds)] for first in range(0, len(squared), len(seeds))]
    return [[np.stack(of_fold) for of_fold in zip(*of_seeds)] for of_seeds in by_setting]


@dataclass(frozen=True, kw_only=True)
class _Search:
    """A finished search: its candidates, their scores ``(n_candidates, n_folds)``, and its rows with their folds."""

    spec: Search
    params: list[Params]
    scores: Floats
    days: pd.DataFrame
    folds: Folds

    @cached_property
    def order(self) -> list[int]:
        """The candidates, the best first."""
        return [int(place) for place in np.argsort(-self.scores.mean(axis=1), kind="stable")]

    @cached_property
    def start(self) -> int:
        """The candidate that the search starts from."""
        return self.params.index(start_params(self.spec.start))

    @cached_property
    def choices(self) -> list[int]:
        """What all blocks before one choose, for each block but the first."""
        return [int(np.argmax(self.scores[:, :k].mean(axis=1))) for k in range(1, len(self.folds))]

    @cached_property
    def dates(self) -> list[np.ndarray]:
        """The date of each row held out, by block."""
        return [self.days["date"].to_numpy()[held] for _, held in self.folds]

    def axes(self) -> dict[str, Any]:
        """The settings of all candidates, as a result keeps them."""
        columns = {"lr": "lr", "epochs": "max_epochs", "hidden": "hidden"}
        axes = {name: np.array([params[f"network__{key}"] for params in self.params]) for name, key in columns.items()}
        return axes | {
            "optimizer": np.array([OPTIMIZERS.index(params["network__optimizer"]) for params in self.params])
        }


def searched(frame: pd.DataFrame, spec: Search) -> _Search:
    """Search with rolling folds."""
    from labcode.nets.search import BatchedSearchCV

    days, folds = rows_of_search(frame, spec)
    found = search(days, grids(spec), folds, spec.batch_size, kind=BatchedSearchCV, n_jobs=-1).cv_results_
    scores = np.stack([found[f"split{k}_test_score"] for k in range(len(folds))], axis=1)
    return _Search(spec=spec, params=list(ParameterGrid(grids(spec))), scores=scores, days=days, folds=folds)


def run_search(spec: Search, *, data: Data, results: Stored, progress: Progress) -> Searched:
    """Search with rolling folds, compare the best, replay the choice block by block, and test it once."""
    frame = data["prices"].frame
    done = searched(frame, spec)
    progress(0.5)
    means, (winner, *runners) = done.scores.mean(axis=1), done.order[: spec.paired + 1]
    again = sorted({winner, *runners, done.start, *done.choices})
    squared = squared_errors(done.days, done.folds, [done.params[place] for place in again], spec)
    errors = {place: [of_fold.mean(axis=0) for of_fold in folds] for place, folds in zip(again, squared, strict=True)}
    progress(0.75)
    described = {place: _setting(done, place, errors) for place in {winner, *runners, done.start}}
    return Searched(
        folds=len(done.folds),
        seeds=spec.seeds,
        rows=Number(len(done.days)),
        every=Number(spec.every),
        candidates=Number(len(done.order)),
        fits=Number(done.scores.size),
        best_score=Number(float(means[winner])),
        within_a_cent=Number(int((means > means[winner] - 0.01).sum())),
        edges=Number(ends(done.params[winner], spec)),
        start=described[done.start],
        paired=Number(len(runners)),
        tied=Number(sum(described[place].over.low <= 0 for place in runners)),
        best={rank: described[place] for rank, place in enumerate((winner, *runners), start=1)},
        **_replayed(done, errors),
        **_tested(frame, [done.params[winner], done.params[done.start]], spec),
        scores=done.scores,
        **done.axes(),
    )


def ends(winner: Params, spec: Search) -> int:
    """On how many of the ordered axes, rate, epochs and layers, the winner lies at an end."""
    rates = spec.adam if winner["network__optimizer"] == "adam" else spec.sgd
    axes: dict[str, Sequence[Any]] = {"lr": rates, "max_epochs": spec.epochs, "hidden": spec.hidden}
    return sum(winner[f"network__{name}"] in (min(levels), max(levels)) for name, levels in axes.items())


def _setting(done: _Search, place: int, errors: Mapping[int, list[Floats]]) -> Setting:
    """A candidate, and the winner's skill over it, from the squared errors of both on all blocks."""
    params = done.params[place]
    winner, other = np.concatenate(errors[done.order[0]]), np.concatenate(errors[place])
    return Setting(
        optimizer=params["network__optimizer"],
        lr=Number(params["network__lr"]),
        epochs=Number(params["network__max_epochs"]),
        hidden="-".join(map(str, params["network__hidden"])),
        rank=Number(done.order.index(place) + 1),
        rmse=Number(-float(done.scores[place].mean())),
        over=skill_of(winner, other, np.concatenate(done.dates)),
    )


def _replayed(done: _Search, errors: Mapping[int, list[Floats]]) -> dict[str, Any]:
    """Before each block but the first, the choice by the blocks before it: what it promised over the start and kept."""
    blocks = {}
    for k, choice in enumerate(done.choices, start=1):
        of_choice, of_start = ((done.scores[place, :k] ** 2).sum() for place in (choice, done.start))
        blocks[k + 1] = Block(
            choice=_setting(done, choice, errors).words,
            promised=Number(1 - float(of_choice / of_start)),
            kept=Number(1 - float(errors[choice][k].mean() / errors[done.start][k].mean())),
        )
    chosen = np.concatenate([errors[choice][k] for k, choice in enumerate(done.choices, start=1)])
    usual = np.concatenate(errors[done.start][1:])
    return {
        "replay": blocks,
        "promised": Number(float(np.mean([block.promised.value for block in blocks.values()]))),
        "nested": skill_of(chosen, usual, np.concatenate(done.dates[1:])),
    }


def _tested(frame: pd.DataFrame, pair: list[Params], spec: Search) -> dict[str, Any]:
    """Winner and start, trained on all rows before the test dates and scored on these."""
    train, test = split_by_date(frame)
    fold = (np.arange(len(train)), np.arange(len(train), len(train) + len(test)))
    # A day without a range has no position: its close is missed by what it lies off the midpoint, by both the same.
    squared = np.stack([by_fold[0] for by_fold in squared_errors(pd.concat([train, test]), [fold], pair, spec)])
    winner, start = squared.mean(axis=1)
    return {
        "test_rmse": rmse_of(np.sqrt(winner), test["date"]),
        "test_start_rmse": rmse_of(np.sqrt(start), test["date"]),
        "test_gain": skill_of(winner, start, test["date"]),
        "test_seed_spread": Number(float(np.ptp(np.sqrt(squared.mean(axis=2)), axis=1).max())),
    }


def run_halving(spec: Halving, *, data: Data, results: Stored, progress: Progress) -> Halved:
    """Successive halving over the search's candidates, beside what a full search of the same cost would find."""
    from labcode.nets.search import BatchedHalvingSearchCV

    full, most = typed(Searched, results[Searched.experiment]).frame, max(spec.search.epochs)
    rivals = full.loc[full["epochs"] == most, "score"].to_numpy()
    days, folds = rows_of_search(data["prices"].frame, spec.search)
    grid = grids(spec.search, epochs=False)
    rungs = {"min_resources": spec.min_epochs, "max_resources": most, "factor": spec.factor}
    options: Params = {"kind": BatchedHalvingSearchCV, "n_jobs": -1, "resource": "network__max_epochs", **rungs}
    halved = search(days, grid, folds, spec.search.batch_size, **options)
    tried, found = list(ParameterGrid(grid)), halved.cv_results_
    candidates = [tried.index({name: params[name] for name in tried[0]}) for params in found["params"]]
    cost = sum(n * epochs for n, epochs in zip(halved.n_candidates_, halved.n_resources_, strict=True))
    best = float(found["mean_test_score"][halved.best_index_])
    return Halved(
        candidates=Number(len(tried)),
        epochs=Number(cost),
        full_epochs=Number(len(rivals) * most),
        affordable=Number(cost // most),
        better_in_full=Number(int((rivals > best + 1e-6).sum())),
        best_rmse=Number(-best),
        full_rmse=Number(-float(rivals.max())),
        affordable_rmse=Number(-expected_best(rivals, cost // most)),
        rungs=np.column_stack([candidates, found["n_resources"], -found["mean_test_score"]]).astype(np.float64),
    )


def expected_best(scores: Floats, draws: int) -> float:
    """Expected maximum of ``draws`` scores drawn from ``scores`` without replacement.

    >>> round(expected_best(np.array([1.0, 2.0, 3.0]), 2), 2)
    2.67
    """
    ordered, n = np.sort(scores), len(scores)
    return float(sum(value * comb(k, draws - 1) for k, value in enumerate(ordered)) / comb(n, draws))


EXPERIMENTS = (
    on_prices(run_search, "tuning.search", seconds=90),
    on_prices(run_halving, "tuning.halving", needs=(Searched.experiment,), seconds=15),
)

"""A search for the network on dates before the test block, what its choice is worth later, and a cheaper search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid

from labcode.data.types import Dataset
from labcode.lab.config import configured
from labcode.lab.regression.network import Floats, position
from labcode.lab.regression.results import number
from labcode.lab.regression.split import split_by_date
from labcode.lab.tuning import settings
from labcode.lab.tuning.results import OPTIMIZERS, Block, Halved, Searched, Setting, in_words
from labcode.lab.tuning.search import Folds, dollar_errors, folds_by_date, search
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.scores import DATE_BLOCK, rmse_interval, skill_interval
from labcode.settings import Profile

Params = dict[str, Any]


def grids(spec: settings.Search, epochs: Sequence[int] | None = None) -> list[Params]:
    """The grid of each optimiser, as ``GridSearchCV`` takes it, and the start where it is in neither.

    Without epochs where an empty sequence is given.
    """
    levels = spec.epochs if epochs is None else epochs
    rest: Params = {"network__hidden": list(spec.hidden)}
    rest |= {"network__max_epochs": list(levels)} if levels else {}
    found: list[Params] = [
        {"network__optimizer": [name], "network__lr": list(rates), **rest}
        for name, rates in (("adam", spec.adam), ("sgd", spec.sgd))
    ]
    start = {name: value for name, value in _as_params(spec.start).items() if name in found[0]}
    missing = start not in list(ParameterGrid(found))
    return [*found, {name: [value] for name, value in start.items()}] if missing else found


def rows_of_search(frame: pd.DataFrame, spec: settings.Search) -> tuple[pd.DataFrame, Folds]:
    """Rows before the test dates of some symbols, and their folds."""
    train, _ = split_by_date(frame)
    kept = np.unique(train["symbol"].to_numpy())[:: spec.every]
    days = train[train["symbol"].isin(kept)]
    return days, folds_by_date(days["date"], spec.folds, spec.block_share)


def squared_errors(
    days: pd.DataFrame, folds: Folds, tried: Sequence[Params], spec: settings.Search
) -> list[list[Floats]]:
    """Squared errors in USD² of settings on each fold's held-out rows ``(seeds, n)``; settings in the outer order."""
    from labcode.nets.search import BatchedSearchCV

    seeds = list(range(1, spec.seeds + 1))  # the search has had seed 0
    grid = [{name: [value] for name, value in own.items()} | {"network__random_state": seeds} for own in tried]
    more: Params = {"kind": BatchedSearchCV, "n_jobs": -1}
    fitted = search(days, grid, folds, spec.batch_size, **more).cv_estimators_
    actual = position(days, days["close"])
    found = []
    for place in range(len(tried)):
        own = fitted[place * len(seeds) : (place + 1) * len(seeds)]
        found.append(
            [
                np.stack([dollar_errors(each[k], days.iloc[held], actual[held]) ** 2 for each in own])
                for k, (_, held) in enumerate(folds)
            ]
        )
    return found


@dataclass(frozen=True, kw_only=True)
class _Search:
    """A finished search: its candidates, their scores ``(n_candidates, n_folds)``, and its rows with their folds."""

    spec: settings.Search
    params: list[Params]
    scores: Floats
    days: pd.DataFrame
    folds: Folds

    @property
    def order(self) -> list[int]:
        """The candidates, the best first."""
        return [int(place) for place in np.argsort(-self.scores.mean(axis=1), kind="stable")]

    @property
    def start(self) -> int:
        """The candidate that the search starts from."""
        return self.params.index(_as_params(self.spec.start))

    @property
    def choices(self) -> list[int]:
        """What all blocks before one choose, for each block but the first."""
        return [int(np.argmax(self.scores[:, :k].mean(axis=1))) for k in range(1, len(self.folds))]

    @property
    def dates(self) -> list[np.ndarray]:
        """The date of each row held out, by block."""
        return [self.days["date"].to_numpy()[held] for _, held in self.folds]

    def axes(self) -> dict[str, Any]:
        """The settings of all candidates, as a result keeps them."""
        columns = ("lr", "max_epochs", "hidden")
        lr, epochs, hidden = (np.array([own[f"network__{name}"] for own in self.params]) for name in columns)
        optimizer = np.array([OPTIMIZERS.index(own["network__optimizer"]) for own in self.params])
        return {"scores": self.scores, "lr": lr, "epochs": epochs, "hidden": hidden, "optimizer": optimizer}


def searched(frame: pd.DataFrame, spec: settings.Search) -> _Search:
    """Search with rolling folds."""
    from labcode.nets.search import BatchedSearchCV

    days, folds = rows_of_search(frame, spec)
    found = search(days, grids(spec), folds, spec.batch_size, kind=BatchedSearchCV, n_jobs=-1).cv_results_
    scores = np.stack([found[f"split{k}_test_score"] for k in range(len(folds))], axis=1)
    return _Search(spec=spec, params=list(ParameterGrid(grids(spec))), scores=scores, days=days, folds=folds)


def run_search(
    spec: settings.Search, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Searched:
    """Search with rolling folds, compare the best, replay the choice block by block, and test it once."""
    frame = data["prices"].frame
    own = searched(frame, spec)
    progress(0.5)
    order, start, means = own.order, own.start, own.scores.mean(axis=1)
    best = order[: spec.paired + 1]
    again = sorted({*best, start, *own.choices})
    squared = squared_errors(own.days, own.folds, [own.params[place] for place in again], spec)
    errors = {place: [each.mean(axis=0) for each in by_fold] for place, by_fold in zip(again, squared, strict=True)}
    progress(0.75)
    described = {place: _setting(own, place, errors) for place in {*best, start}}
    runners = [described[place] for place in best[1:]]
    return Searched(
        folds=len(own.folds),
        seeds=spec.seeds,
        rows=Number(len(own.days)),
        every=Number(spec.every),
        candidates=Number(len(order)),
        fits=Number(own.scores.size),
        best_score=Number(float(means[order[0]])),
        start_score=Number(float(means[start])),
        within_a_cent=Number(int((means > means[order[0]] - 0.01).sum())),
        edges=Number(ends(own.params[order[0]], spec)),
        winner=described[order[0]],
        start=described[start],
        paired=Number(len(runners)),
        tied=Number(sum(each.over.low <= 0 for each in runners)),
        best={rank: described[place] for rank, place in enumerate(best, start=1)},
        **_replayed(own, errors),
        **_tested(frame, [own.params[order[0]], own.params[start]], spec),  # type: ignore[arg-type]
        **own.axes(),
    )


def _as_params(start: settings.Start) -> Params:
    return {
        "network__optimizer": start.optimizer,
        "network__lr": start.lr,
        "network__hidden": start.hidden,
        "network__max_epochs": start.epochs,
    }


def ends(winner: Params, spec: settings.Search) -> int:
    """On how many of the ordered axes, rate, epochs and layers, the winner lies at an end."""
    rates = spec.adam if winner["network__optimizer"] == "adam" else spec.sgd
    axes: dict[str, list[Any]] = {
        "network__lr": sorted(rates),
        "network__max_epochs": sorted(spec.epochs),
        "network__hidden": sorted(spec.hidden),
    }
    return sum(winner[name] in (levels[0], levels[-1]) for name, levels in axes.items())


def _setting(own: _Search, place: int, errors: Mapping[int, list[Floats]]) -> Setting:
    """A candidate, and the winner's skill over it, from the squared errors of both on all blocks."""
    params, order = own.params[place], own.order
    winner, other = np.concatenate(errors[order[0]]), np.concatenate(errors[place])
    return Setting(
        optimizer=params["network__optimizer"],
        lr=Number(params["network__lr"]),
        epochs=Number(params["network__max_epochs"]),
        hidden="-".join(map(str, params["network__hidden"])),
        rank=Number(order.index(place) + 1),
        rmse=Number(-float(own.scores[place].mean())),
        over=number(skill_interval(winner, other, np.concatenate(own.dates), block=DATE_BLOCK)),
    )


def _words(params: Params) -> str:
    layers = "-".join(map(str, params["network__hidden"]))
    return in_words(params["network__optimizer"], params["network__lr"], layers, params["network__max_epochs"])


def _replayed(own: _Search, errors: Mapping[int, list[Floats]]) -> dict[str, Any]:
    """Before each block but the first, the choice by the blocks before it: what it promised over the start and kept."""
    start, blocks = own.start, {}
    for k, choice in enumerate(own.choices, start=1):
        promised = 1 - float((own.scores[choice, :k] ** 2).sum() / (own.scores[start, :k] ** 2).sum())
        kept = 1 - float(errors[choice][k].mean() / errors[start][k].mean())
        blocks[k + 1] = Block(choice=_words(own.params[choice]), promised=Number(promised), kept=Number(kept))
    chosen = np.concatenate([errors[choice][k] for k, choice in enumerate(own.choices, start=1)])
    usual = np.concatenate(errors[start][1:])
    return {
        "replay": blocks,
        "promised": Number(float(np.mean([block.promised.value for block in blocks.values()]))),
        "nested": number(skill_interval(chosen, usual, np.concatenate(own.dates[1:]), block=DATE_BLOCK)),
    }


def _tested(frame: pd.DataFrame, pair: list[Params], spec: settings.Search) -> dict[str, Number]:
    """Winner and start, trained on all rows before the test dates and scored on these."""
    train, test = split_by_date(frame)
    both = pd.concat([train, test])
    fold = (np.arange(len(train)), np.arange(len(train), len(both)))
    (winner,), (start,) = squared_errors(both, [fold], pair, spec)
    # A day without a range has no position: its close is missed by what it lies off the midpoint, by both the same.
    dates = test["date"].to_numpy()
    means = [own.mean(axis=0) for own in (winner, start)]
    found = [rmse_interval(np.sqrt(own), dates, block=DATE_BLOCK) for own in means]
    by_seed = np.sqrt(np.stack([winner, start]).mean(axis=2))
    return {
        "test_rmse": number(found[0]),
        "test_start_rmse": number(found[1]),
        "test_gain": number(skill_interval(means[0], means[1], dates, block=DATE_BLOCK)),
        "test_seed_spread": Number(float(np.ptp(by_seed, axis=1).max())),
    }


@dataclass(frozen=True, kw_only=True)
class HalvingSpec:
    """The search, and the rungs of the cheaper one."""

    search: settings.Search
    halving: settings.Halving


def run_halving(
    spec: HalvingSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Halved:
    """Successive halving over the search's candidates, beside what a full search of the same cost would find."""
    from labcode.nets.search import BatchedHalvingSearchCV
    from labcode.results.run import typed

    full = typed(Searched, results[Searched.experiment]).frame
    most = max(spec.search.epochs)
    rivals = full.loc[full["epochs"] == most, "score"].to_numpy()
    days, folds = rows_of_search(data["prices"].frame, spec.search)
    found = search(
        days,
        grids(spec.search, ()),
        folds,
        spec.search.batch_size,
        kind=BatchedHalvingSearchCV,
        n_jobs=-1,
        resource="network__max_epochs",
        min_resources=spec.halving.min_epochs,
        max_resources=most,
        factor=spec.halving.factor,
    )
    tried = list(ParameterGrid(grids(spec.search, ())))
    rungs = [
        (tried.index({name: value for name, value in own.items() if name != "network__max_epochs"}), epochs, -score)
        for own, epochs, score in zip(
            found.cv_results_["params"],
            found.cv_results_["n_resources"],
            found.cv_results_["mean_test_score"],
            strict=True,
        )
    ]
    cost = sum(n * r for n, r in zip(found.n_candidates_, found.n_resources_, strict=True))
    best = float(found.cv_results_["mean_test_score"][found.best_index_])
    return Halved(
        candidates=Number(len(tried)),
        epochs=Number(cost),
        full_epochs=Number(len(rivals) * most),
        affordable=Number(cost // most),
        better_in_full=Number(int((rivals > best + 1e-6).sum())),
        best_rmse=Number(-best),
        full_rmse=Number(-float(rivals.max())),
        affordable_rmse=Number(-expected_best(rivals, cost // most)),
        rungs=np.array(rungs, dtype=np.float64),
    )


def expected_best(scores: Floats, draws: int) -> float:
    """Expected maximum of ``draws`` scores drawn from ``scores`` without replacement.

    Examples
    --------
    >>> round(expected_best(np.array([1.0, 2.0, 3.0]), 2), 2)
    2.67
    """
    ordered, n = np.sort(scores), len(scores)
    return float(sum(value * comb(k, draws - 1) for k, value in enumerate(ordered)) / comb(n, draws))


def _halving(profile: Profile) -> HalvingSpec:
    return HalvingSpec(
        search=configured(settings.Search, "tuning.search", profile=profile),
        halving=configured(settings.Halving, "tuning.halving", profile=profile),
    )


_FULL, _QUICK = _halving("full"), _halving("quick")
EXPERIMENTS = (
    Experiment(
        name="tuning/regression",
        run=run_search,
        spec=_FULL.search,
        quick=_QUICK.search,
        datasets=("prices",),
        seconds=90,
    ),
    Experiment(
        name="tuning/halving",
        run=run_halving,
        spec=_FULL,
        quick=_QUICK,
        datasets=("prices",),
        needs=("tuning/regression",),
        seconds=15,
    ),
)

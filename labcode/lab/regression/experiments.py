"""Experiments of the regression: our first version over many seeds, what needs no network, and the choice of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

from labcode.book.reference import stated
from labcode.data.types import Dataset
from labcode.lab.config import configured
from labcode.lab.regression import settings
from labcode.lab.regression.baselines import boosted_trees, rmse, trees_on_position, without_network
from labcode.lab.regression.candidates import CANDIDATES, predictions
from labcode.lab.regression.network import Floats, position
from labcode.lab.regression.results import PRINTED_EPOCHS, AsSubmitted, Baseline, Baselines, Candidate, Choice, number
from labcode.lab.regression.split import rolling_folds, split_by_date
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.results.typed import Results
from labcode.scoring.intervals import (
    DATE_BLOCK,
    mean_interval,
    next_draw_interval,
    next_draw_limits,
    rmse_interval,
    skill_interval,
)
from labcode.settings import SEED, Profile

#: Boosted trees, and rows to train on and to predict.
TreeModel = Callable[[HistGradientBoostingRegressor, pd.DataFrame, pd.DataFrame], Floats]
Data = Mapping[str, Dataset]
Stored = Mapping[str, Result]
#: Numbers of seeds for which the printed losses inside the interval are counted.
COUNTED_SEEDS = (3, 5, 10, 20, 30)


@dataclass(frozen=True, kw_only=True)
class FirstSpec:
    """Our first version's settings, and the losses that it printed: (training, test) by epoch."""

    first: settings.First
    printed: tuple[tuple[float, float], ...]


def run_as_submitted(spec: FirstSpec, *, data: Data, results: Stored, progress: Progress) -> AsSubmitted:
    """Train our first version's network with many seeds, and with the first one also by the plain loop."""
    from labcode.lab.regression.first import first_split

    rows = first_split(data["prices"].frame)
    runs = [(0, True), *((seed, False) for seed in range(spec.first.seeds))]
    plain, *fast = in_parallel(_losses, [(spec.first, rows, seed, slow) for seed, slow in runs], done=progress)
    losses = np.stack(fast)
    variances = [float(y.var(correction=0)) for y in rows[2:]]
    printed = np.array(spec.printed)
    at = list(PRINTED_EPOCHS)
    return AsSubmitted(
        seeds=len(losses),
        train_mse_epoch={epoch: number(next_draw_interval(losses[:, epoch, 0])) for epoch in at},
        test_mse_epoch={epoch: number(next_draw_interval(losses[:, epoch, 1])) for epoch in at},
        test_mse_end=number(next_draw_interval(losses[:, -1, 1])),
        mean_mse=Number(float((rows[3] - rows[2].mean()).square().mean())),
        rises=Number(int((np.diff(losses, axis=1) > 0).sum())),
        largest_difference=Number(float(np.abs(losses[0] / plain - 1).max())),
        coverage=Number(_left_out_coverage(losses)),
        inside={n: Number(_mean_inside(losses[:, at], printed, n)) for n in COUNTED_SEEDS if n <= len(losses)},
        curves=np.concatenate([losses, 1 - losses / variances], axis=2),
        plain_curve=plain,
    )


def _losses(spec: settings.First, rows: list[Any], seed: int, plain: bool) -> Floats:
    """Losses ``(epochs, 2)`` of one run, by the plain loop or by the fast one."""
    import torch

    from labcode.lab.regression.fast import full_batch_losses
    from labcode.lab.regression.first import FirstNetwork, train_first

    if not plain:
        return full_batch_losses(rows, hidden=spec.hidden, lr=spec.lr, epochs=spec.epochs, seed=seed)
    torch.manual_seed(seed)
    return np.asarray(train_first(FirstNetwork(spec.hidden), *rows, epochs=spec.epochs, lr=spec.lr))


def _inside(losses: Floats, values: Floats) -> np.ndarray:
    """Whether values ``(epochs, 2)`` lie where single seeds should fall, given those of ``(seeds, epochs, 2)``."""
    low, high = next_draw_limits(losses)
    return np.asarray((low <= values) & (values <= high))


def _mean_inside(losses: Floats, values: Floats, seeds: int, draws: int = 200) -> float:
    """How many values lie where single seeds should fall, given so many of the seeds: mean over draws of them."""
    random = np.random.default_rng(SEED)
    drawn = [random.choice(len(losses), size=seeds, replace=False) for _ in range(draws)]
    return float(np.mean([_inside(losses[own], values).sum() for own in drawn]))


def _left_out_coverage(losses: Floats) -> float:
    """Share of losses that lie inside the interval of all other seeds."""
    seeds = range(len(losses))
    return float(np.mean([_inside(np.delete(losses, seed, axis=0), losses[seed]) for seed in seeds]))


def run_baselines(spec: settings.WithoutNetwork, *, data: Data, results: Stored, progress: Progress) -> Baselines:
    """Score what needs no network on new dates, and on our first version's random rows."""
    import sklearn

    frame = data["prices"].frame
    train, test = split_by_date(frame)
    trees_raw, trees = (_chosen_trees(spec, train, model) for model in (boosted_trees, trees_on_position))
    progress(0.5)
    by_split = []
    for rows, held_out in ((train, test), train_test_split(frame, test_size=0.2, random_state=42)):
        predicted = without_network(rows, held_out, spec.ridge_alpha)
        predicted["trees_raw"] = boosted_trees(trees_raw, rows, held_out)
        predicted["trees"] = trees_on_position(trees, rows, held_out)
        by_split.append((predicted, held_out))
    scored: dict[str, Any] = {name: _baseline(name, *by_split) for name in by_split[0][0]}
    squared = {name: ((values - test["close"].to_numpy()) ** 2) for name, values in by_split[0][0].items()}
    middle = (train["high"] + train["low"]) / 2
    columns = ["open", "low", "high", "volume"]
    return Baselines(
        **scored,
        best=min(scored, key=lambda name: scored[name].rmse.value),
        ols_raw_rank=Number(int(LinearRegression().fit(train[columns], train["close"]).rank_)),
        scikit_learn=sklearn.__version__,
        midpoint_rmse_train=Number(rmse(middle.to_numpy(), train["close"])),
        trees_over_ols=number(skill_interval(squared["trees"], squared["ols"], test["date"], block=DATE_BLOCK)),
        trees_leaves=trees.max_leaf_nodes,
        trees_rate=trees.learning_rate,
        squared_ols=squared["ols"].astype(np.float32),
        squared_trees_raw=squared["trees_raw"].astype(np.float32),
        squared_trees=squared["trees"].astype(np.float32),
    )


def _baseline(name: str, *splits: tuple[dict[str, Floats], pd.DataFrame]) -> Baseline:
    (dates, test), (random, held_out) = splits
    errors = dates[name] - test["close"].to_numpy()
    return Baseline(
        rmse=number(rmse_interval(errors, test["date"], block=DATE_BLOCK)),
        percent=Number(float(np.sqrt(np.mean((errors / test["close"].to_numpy()) ** 2)))),
        rmse_random=number(
            rmse_interval(random[name] - held_out["close"].to_numpy(), held_out["date"], block=DATE_BLOCK)
        ),
    )


def _chosen_trees(
    spec: settings.WithoutNetwork, train: pd.DataFrame, model: TreeModel
) -> HistGradientBoostingRegressor:
    """The boosted trees with the lowest squared error on rolling folds before the test dates."""
    folds = rolling_folds(train, spec.folds, 0.125)
    grid = [
        HistGradientBoostingRegressor(
            max_leaf_nodes=leaves, learning_rate=rate, max_iter=spec.iterations, early_stopping=False, random_state=SEED
        )
        for leaves, rate in product(spec.leaves, spec.rates)
    ]
    errors = [
        np.mean([rmse(model(trees, fold.train, fold.held_out), fold.held_out["close"]) ** 2 for fold in folds])
        for trees in grid
    ]
    return grid[int(np.argmin(errors))]


@dataclass(frozen=True, kw_only=True)
class ChoiceSpec:
    """What the candidates are, and the folds that choose between them."""

    selection: settings.Selection
    network: settings.Network


def run_selection(spec: ChoiceSpec, *, data: Data, results: Stored, progress: Progress) -> Choice:
    """Choose the network on dates before the test dates, by its pooled skill over least squares."""
    train, _ = split_by_date(data["prices"].frame)
    folds = rolling_folds(train, spec.selection.folds, spec.selection.block_share)
    seeds = range(spec.selection.seeds)
    tasks = [(CANDIDATES, seed, spec.network, fold.train, fold.held_out) for fold, seed in product(folds, seeds)]
    found = iter(in_parallel(predictions, tasks, done=progress))
    actual = [fold.held_out["close"].to_numpy() for fold in folds]
    squared: dict[str, list[Floats]] = {name: [] for name in CANDIDATES}
    for closes in actual:
        by_seed = [next(found) for _ in seeds]
        for name in CANDIDATES:
            squared[name].append(np.mean([(predicted[name] - closes) ** 2 for predicted in by_seed], axis=0))
    linear = [without_network(fold.train, fold.held_out)["ols"] for fold in folds]
    reference = [(predicted - closes) ** 2 for predicted, closes in zip(linear, actual, strict=True)]
    dates = np.concatenate([fold.held_out["date"].to_numpy() for fold in folds])
    skill = partial(skill_interval, clusters=dates, block=DATE_BLOCK)
    pooled = {name: np.concatenate(errors) for name, errors in squared.items()}
    winner = min(pooled, key=lambda name: pooled[name].mean())
    return Choice(
        candidates={
            name: Candidate(
                skill=number(skill(pooled[name], np.concatenate(reference))),
                winner_over=number(skill(pooled[winner], pooled[name])),
                by_fold={
                    i + 1: Number(float(1 - own.mean() / linear.mean()))
                    for i, (own, linear) in enumerate(zip(squared[name], reference, strict=True))
                },
            )
            for name in CANDIDATES
        },
        winner=winner,
        seeds=len(seeds),
        drift=number(mean_interval(position(train, train["close"]), train["date"], block=DATE_BLOCK)),
    )


def _printed() -> tuple[tuple[float, float], ...]:
    """The losses that our first version printed."""
    names = [(f"regression.train_{epoch}", f"regression.test_{epoch}") for epoch in PRINTED_EPOCHS]
    return tuple((float(stated(train).value or 0), float(stated(test).value or 0)) for train, test in names)


def _specs(profile: Profile) -> dict[str, object]:
    """The settings of each experiment."""
    return {
        "as-submitted": FirstSpec(
            first=configured(settings.First, "regression.first", profile=profile), printed=_printed()
        ),
        "baselines": configured(settings.WithoutNetwork, "regression.baselines", profile=profile),
        "selection": ChoiceSpec(
            selection=configured(settings.Selection, "regression.selection", profile=profile),
            network=configured(settings.Network, "regression.network", profile=profile),
        ),
    }


_FULL, _QUICK = _specs("full"), _specs("quick")
_RUNS: dict[str, tuple[Callable[..., Results], float]] = {
    "as-submitted": (run_as_submitted, 170),
    "baselines": (run_baselines, 25),
    "selection": (run_selection, 60),
}
EXPERIMENTS = tuple(
    Experiment(
        name=f"regression/{name}",
        run=run,
        spec=_FULL[name],
        quick=_QUICK[name],
        datasets=("prices",),
        seconds=seconds,
    )
    for name, (run, seconds) in _RUNS.items()
)

"""Experiments of the regression: our first version over many seeds, and what needs no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Annotated, Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split

from labcode.book.reference import stated
from labcode.lab.needs import closes, on_prices
from labcode.lab.quantities import Data, Stored, next_seed, rmse_of, skill_of
from labcode.lab.regression.baselines import boosted_trees, rmse, trees_on_position, without_network
from labcode.lab.regression.network import Floats, midpoint
from labcode.lab.regression.results import PRINTED_EPOCHS, AsSubmitted, Baseline, Baselines
from labcode.lab.regression.settings import First, WithoutNetwork
from labcode.lab.regression.split import folds_by_date, split_by_date
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.intervals import next_draw_limits
from labcode.settings import SEED

#: Boosted trees, and rows to train on and to predict.
TreeModel = Callable[[HistGradientBoostingRegressor, pd.DataFrame, pd.DataFrame], Floats]
#: Numbers of seeds for which the printed losses inside the interval are counted.
COUNTED_SEEDS = (3, 5, 10, 20, 30)


def printed_losses(*names: str) -> tuple[float, ...]:
    """Losses (USD²) that our first version printed, by their ids in data/reference.toml."""
    return tuple(float(stated(name).value or 0) for name in names)


def _printed() -> tuple[tuple[float, ...], ...]:
    """Training and test loss of the printed epochs."""
    return tuple(printed_losses(f"regression.train_{epoch}", f"regression.test_{epoch}") for epoch in PRINTED_EPOCHS)


@dataclass(frozen=True, kw_only=True)
class FirstSpec:
    """Our first version's settings, and the losses that it printed: (training, test) by epoch."""

    first: Annotated[First, "regression.first"]
    printed: tuple[tuple[float, ...], ...] = field(default_factory=_printed)


def run_as_submitted(spec: FirstSpec, *, data: Data, results: Stored, progress: Progress) -> AsSubmitted:
    """Train our first version's network with many seeds, and with the first one also by the plain loop."""
    from labcode.lab.regression.first import first_split

    rows = first_split(data["prices"].frame)
    runs = [(0, True), *((seed, False) for seed in range(spec.first.seeds))]
    plain, *fast = in_parallel(_losses, [(spec.first, rows, seed, slow) for seed, slow in runs], done=progress)
    losses = np.stack(fast)
    variances = [float(y.var(correction=0)) for y in rows[2:]]
    printed, at = np.array(spec.printed), list(PRINTED_EPOCHS)
    return AsSubmitted(
        seeds=len(losses),
        train_mse_epoch={epoch: next_seed(losses[:, epoch, 0]) for epoch in at},
        test_mse_epoch={epoch: next_seed(losses[:, epoch, 1]) for epoch in at},
        test_mse_end=next_seed(losses[:, -1, 1]),
        mean_mse=Number(float((rows[3] - rows[2].mean()).square().mean())),
        rises=Number(int((np.diff(losses, axis=1) > 0).sum())),
        largest_difference=Number(float(np.abs(losses[0] / plain - 1).max())),
        coverage=Number(_left_out_coverage(losses)),
        inside={n: Number(_mean_inside(losses[:, at], printed, n)) for n in COUNTED_SEEDS if n <= len(losses)},
        curves=np.concatenate([losses, 1 - losses / variances], axis=2),
    )


def _losses(spec: First, rows: list[Any], seed: int, plain: bool) -> Floats:
    """Losses ``(epochs, 2)`` of one run, by the plain loop or by the fast one."""
    import torch

    from labcode.lab.full_batch import Steps, history, seeded, squared_error
    from labcode.lab.regression.first import FirstNetwork, train_first

    if not plain:
        network = seeded(lambda: FirstNetwork(spec.hidden), seed)
        return history(network, rows, squared_error, Steps(epochs=spec.epochs, lr=spec.lr))
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
    return float(np.mean([_inside(losses[some], values).sum() for some in drawn]))


def _left_out_coverage(losses: Floats) -> float:
    """Share of losses that lie inside the interval of all other seeds."""
    seeds = range(len(losses))
    return float(np.mean([_inside(np.delete(losses, seed, axis=0), losses[seed]) for seed in seeds]))


def run_baselines(spec: WithoutNetwork, *, data: Data, results: Stored, progress: Progress) -> Baselines:
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
    ols, of_trees = ((by_split[0][0][name] - test["close"].to_numpy()) ** 2 for name in ("ols", "trees"))
    columns = ["open", "low", "high", "volume"]
    return Baselines(
        **scored,
        best=min(scored, key=lambda name: scored[name].rmse.value),
        ols_raw_rank=Number(int(LinearRegression().fit(train[columns], train["close"]).rank_)),
        scikit_learn=sklearn.__version__,
        midpoint_rmse_train=Number(rmse(midpoint(train), train["close"])),
        trees_over_ols=skill_of(of_trees, ols, test["date"]),
        squared_ols=ols.astype(np.float32),
        squared_trees=of_trees.astype(np.float32),
    )


def _baseline(name: str, *splits: tuple[dict[str, Floats], pd.DataFrame]) -> Baseline:
    (dates, test), (random, held_out) = splits
    return Baseline(
        rmse=rmse_of(dates[name] - test["close"].to_numpy(), test["date"]),
        rmse_random=rmse_of(random[name] - held_out["close"].to_numpy(), held_out["date"]),
    )


def _chosen_trees(spec: WithoutNetwork, train: pd.DataFrame, model: TreeModel) -> HistGradientBoostingRegressor:
    """The boosted trees with the lowest squared error on rolling folds before the test dates."""
    folds = [(train.iloc[rows], train.iloc[held]) for rows, held in folds_by_date(train["date"], spec.folds, 0.125)]
    options = {"max_iter": spec.iterations, "early_stopping": False, "random_state": SEED}
    grid = [
        HistGradientBoostingRegressor(max_leaf_nodes=leaves, learning_rate=rate, **options)
        for leaves, rate in product(spec.leaves, spec.rates)
    ]
    errors = [
        np.mean([rmse(model(trees, rows, held_out), held_out["close"]) ** 2 for rows, held_out in folds])
        for trees in grid
    ]
    return grid[int(np.argmin(errors))]


EXPERIMENTS = (
    on_prices(run_as_submitted, lacks=closes, seconds=170),
    on_prices(run_baselines, "regression.baselines", seconds=25),
)

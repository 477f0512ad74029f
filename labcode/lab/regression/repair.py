"""Experiments of the regression: the repair, one change at a time, and the network that comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, cast

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from labcode.data.types import Dataset
from labcode.lab.config import configured
from labcode.lab.regression import candidates, settings
from labcode.lab.regression.baselines import without_network
from labcode.lab.regression.network import Floats, day_range, position
from labcode.lab.regression.results import Baselines, Sound, Step, Steps, number
from labcode.lab.regression.split import split_by_date
from labcode.lab.regression.views import VIEWS, ClosePredictor, ladder
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.run import typed
from labcode.results.store import Result
from labcode.scoring.intervals import DATE_BLOCK, rmse_interval, skill_interval, two_way_interval
from labcode.settings import Profile

Data = Mapping[str, Dataset]
Stored = Mapping[str, Result]


@dataclass(frozen=True, kw_only=True)
class StepsSpec:
    """The ladder, from our first version's training to this one's."""

    steps: settings.Ladder
    first: settings.First
    network: settings.Network


def run_steps(spec: StepsSpec, *, data: Data, results: Stored, progress: Progress) -> Steps:
    """Measure each step of the ladder on the test dates, and one network's curves over its epochs."""
    from labcode.lab.regression.watch import curves, updates

    train, test = split_by_date(data["prices"].frame)
    rungs = ladder(spec.first, spec.network)
    runs = list(product(rungs, range(spec.steps.seeds)))
    tasks = [(rungs[name], seed, train, test) for name, seed in runs]
    found = iter(in_parallel(_step_predictions, tasks, done=lambda share: progress(0.9 * share)))
    actual = test["close"].to_numpy()
    reference = (without_network(train, test)["ols"] - actual) ** 2
    steps, squared = {}, {}
    for name, rung in rungs.items():
        errors = np.stack([next(found) - actual for _ in range(spec.steps.seeds)])
        by_seed = np.sqrt((errors**2).mean(axis=1))
        squared[name] = (errors**2).mean(axis=0)
        steps[name] = Step(
            rmse=Number(float(by_seed.mean()), float(by_seed.min()), float(by_seed.max())),
            percent=Number(float(np.sqrt(np.mean((errors / actual) ** 2)))),
            skill=number(skill_interval(squared[name], reference, test["date"], block=DATE_BLOCK)),
            updates=Number(updates(rung, len(train))),
        )
    return Steps(
        seeds=spec.steps.seeds,
        ladder=steps,
        curves=in_parallel(curves, [(spec.network, spec.steps.curve_epochs, train, test)], n_jobs=None)[0],
        squared_relative=squared["relative to the midpoint"].astype(np.float32),
        squared_position=squared["position in the range"].astype(np.float32),
    )


def _step_predictions(rung: dict[str, Any], seed: int, train: pd.DataFrame, test: pd.DataFrame) -> Floats:
    if rung["batch_size"] == "full":
        return _full_batch_predictions(rung, seed, train, test)
    return ClosePredictor(**rung, random_state=seed).fit(train, train["close"]).predict(test)


def _full_batch_predictions(rung: dict[str, Any], seed: int, train: pd.DataFrame, test: pd.DataFrame) -> Floats:
    """What a `ClosePredictor` would predict, by the fast loop."""
    import torch

    from labcode.lab.regression.fast import full_batch_answers

    view, close = VIEWS[rung["view"]], train["close"].to_numpy()
    scaler = StandardScaler().fit(view.inputs(train))
    centre, scale = (close.mean(), close.std()) if rung.get("standardize_target", True) else (0.0, 1.0)
    X, y, others = (
        torch.tensor(values, dtype=torch.float32)
        for values in (
            scaler.transform(view.inputs(train)),
            (view.target(train, close)[:, None] - centre) / scale,
            scaler.transform(view.inputs(test)),
        )
    )
    answers = full_batch_answers(
        X, y, others, hidden=rung["hidden"], lr=rung["lr"], epochs=rung["max_epochs"], seed=seed
    )
    return view.dollars(test, answers.astype(np.float64) * scale + centre)


@dataclass(frozen=True, kw_only=True)
class SoundSpec:
    """The chosen network, over several seeds."""

    final: settings.Final
    network: settings.Network


def run_sound(spec: SoundSpec, *, data: Data, results: Stored, progress: Progress) -> Sound:
    """Train the chosen network on all rows before the test dates, and score these."""
    train, test = split_by_date(data["prices"].frame)
    winner = cast(candidates.Candidate, results["regression/selection"].scalars["winner"])
    made_up = _response_days(test)
    days = pd.concat([test, made_up])
    tasks = [((winner,), seed, spec.network, train, days) for seed in range(spec.final.seeds)]
    both = np.stack([found[winner] for found in in_parallel(candidates.predictions, tasks, done=progress)])
    predicted, response = both[:, : len(test)], both[:, len(test) :].mean(axis=0)
    base = typed(Baselines, results["regression/baselines"])
    steps = typed(Steps, results["regression/steps"])
    return Sound(
        network=winner,
        seeds=len(predicted),
        **_scores(predicted, test),
        **_compared(predicted, test, float(train["close"].mean()), base, steps),
        **_by_symbol(predicted, test),
        predicted=predicted.mean(axis=0).astype(np.float32),
        row=test.index.to_numpy(),
        response=position(made_up, response).reshape(3, -1),
        response_open=position(made_up, made_up["open"]).reshape(3, -1)[0],
        response_range=(day_range(made_up) / 50.0).reshape(3, -1)[:, 0],
    )


def _scores(predicted: Floats, test: pd.DataFrame) -> dict[str, Any]:
    """Errors of predictions ``(seeds, n)``; intervals are of squared errors averaged over the seeds."""
    actual, errors = test["close"].to_numpy(), predicted - test["close"].to_numpy()
    squared = (errors**2).mean(axis=0)
    by_seed = np.sqrt((errors**2).mean(axis=1))
    root, width = np.sqrt(squared), day_range(test)
    parts = np.column_stack([squared, np.ones_like(squared)])
    middle = ((test["high"] + test["low"]) / 2).to_numpy()
    return {
        "test_rows": Number(len(actual)),
        "test_dates": Number(test["date"].nunique()),
        "rmse": number(rmse_interval(root, test["date"], block=DATE_BLOCK)),
        "rmse_symbols": number(rmse_interval(root, test["symbol"].astype(str))),
        "rmse_two_way": number(
            two_way_interval(
                parts,
                test["date"],
                test["symbol"].astype(str),
                lambda s: np.sqrt(s[..., 0] / s[..., 1]),
                block=DATE_BLOCK,
            )
        ),
        "rmse_seed": Number(float(by_seed.mean()), float(by_seed.min()), float(by_seed.max())),
        "median_error": Number(float(np.median(np.abs(errors), axis=1).mean())),
        "percent": Number(float(np.sqrt(np.mean((errors / actual) ** 2)))),
        "r2": Number(float(1 - squared.mean() / actual.var())),
        "midpoint_r2": Number(float(1 - np.mean((middle - actual) ** 2) / actual.var())),
        "position_error": Number(float(np.sqrt((squared / np.where(width > 0, width, 1) ** 2)[width > 0].mean()))),
    }


def _compared(predicted: Floats, test: pd.DataFrame, mean: float, base: Baselines, steps: Steps) -> dict[str, Any]:
    """Skill over baselines and over the networks of the last two steps, paired on the same rows."""
    actual, dates = test["close"].to_numpy(), test["date"]
    squared = ((predicted - actual) ** 2).mean(axis=0)
    skill = partial(skill_interval, clusters=dates, block=DATE_BLOCK)
    middle = ((test["high"] + test["low"]) / 2).to_numpy()
    pairs = np.column_stack([squared, base.squared_ols])
    two_way = two_way_interval(
        pairs, dates, test["symbol"].astype(str), lambda s: 1 - s[..., 0] / s[..., 1], block=DATE_BLOCK
    )
    return {
        "skill_vs_mean": number(skill(squared, (mean - actual) ** 2)),
        "skill_vs_midpoint": number(skill(squared, (middle - actual) ** 2)),
        "skill_vs_ols": number(skill(squared, base.squared_ols)),
        "skill_vs_ols_two_way": number(two_way),
        "skill_vs_trees": number(skill(squared, base.squared_trees)),
        "skill_vs_trees_raw": number(skill(squared, base.squared_trees_raw)),
        "over_plain": {
            i: number(skill(squared, plain)) for i, plain in enumerate((steps.squared_relative, steps.squared_position))
        },
    }


def _by_symbol(predicted: Floats, test: pd.DataFrame) -> dict[str, Any]:
    """Which symbols carry the squared error."""
    squared = ((predicted - test["close"].to_numpy()) ** 2).mean(axis=0)
    sums = pd.Series(squared).groupby(test["symbol"].astype(str).to_numpy()).sum().sort_values(ascending=False)
    shares = sums / sums.sum()
    return {
        "top_symbol": str(shares.index[0]),
        "top_symbol_share": Number(float(shares.iloc[0])),
        "top_five_share": Number(float(shares.iloc[:5].sum())),
    }


def _response_days(days: pd.DataFrame, points: int = 41) -> pd.DataFrame:
    """Made-up days around 50 USD: the open moves through ranges of three widths, at the median volume."""
    relative = (day_range(days) / ((days["high"] + days["low"]) / 2))[day_range(days) > 0]
    middle, volume = 50.0, days["volume"].median()
    frames = []
    for width in np.quantile(relative, [0.1, 0.5, 0.9]) * middle:
        low, high = middle - width / 2, middle + width / 2
        opens = np.linspace(low, high, points)
        frames.append(pd.DataFrame({"open": opens, "low": low, "high": high, "volume": volume}))
    return pd.concat(frames)


def _specs(profile: Profile) -> tuple[StepsSpec, SoundSpec]:
    network = configured(settings.Network, "regression.network", profile=profile)
    steps = StepsSpec(
        steps=configured(settings.Ladder, "regression.steps", profile=profile),
        first=configured(settings.First, "regression.first", profile=profile),
        network=network,
    )
    return steps, SoundSpec(final=configured(settings.Final, "regression.sound", profile=profile), network=network)


_FULL, _QUICK = _specs("full"), _specs("quick")
EXPERIMENTS = (
    Experiment(
        name="regression/steps", run=run_steps, spec=_FULL[0], quick=_QUICK[0], datasets=("prices",), seconds=75
    ),
    Experiment(
        name="regression/sound",
        run=run_sound,
        spec=_FULL[1],
        quick=_QUICK[1],
        datasets=("prices",),
        needs=("regression/selection", "regression/baselines", "regression/steps"),
        seconds=15,
    ),
)

"""The network of this version: chosen on blocks of dates before the test, trained on all of them, and tested."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from labcode.lab.needs import on_prices
from labcode.lab.quantities import Data, Stored, number, rmse_of, skill_of
from labcode.lab.regression import network as networks
from labcode.lab.regression.baselines import without_network
from labcode.lab.regression.ladder import Rung, relative_range, rung_predictions
from labcode.lab.regression.network import Floats, day_range, midpoint, position
from labcode.lab.regression.results import Baselines, Candidate, Choice, Sound, Steps
from labcode.lab.regression.settings import Final, Network, Selection
from labcode.lab.regression.split import folds_by_date, split_by_date
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.results.run import typed
from labcode.scoring.intervals import DATE_BLOCK, mean_interval, rmse_interval, two_way_interval

#: Distance between the seeds of two networks whose answers are averaged.
ANOTHER = 1000
#: The networks whose answers a candidate averages: by how much the seed is moved, and whether the network is odd.
MEMBERS = {
    "position": [(0, False)],
    "position, odd": [(0, True)],
    "position, half odd": [(0, False), (0, True)],
    "position, two plain networks": [(0, False), (ANOTHER, False)],
}
CANDIDATES = ("relative to the midpoint", "position, error in per cent", *MEMBERS)


def predictions(
    candidates: Sequence[str], seed: int, settings: Network, train: pd.DataFrame, days: pd.DataFrame
) -> dict[str, Floats]:
    """Closes (USD) that candidates predict for other days, ``(n,)``; a network that two have is trained once."""

    @cache
    def member(moved: int, odd: bool) -> Pipeline:
        return networks.fit_position_network(train, settings, seed=seed + moved, odd=odd)

    def predicted(candidate: str) -> Floats:
        if candidate in MEMBERS:
            return networks.predict_close([member(*trained) for trained in MEMBERS[candidate]], days)
        if candidate == "relative to the midpoint":
            return rung_predictions(Rung(view="relative", network=settings), seed, train, days)
        # Weighing rows by the square of their range makes the error of the position that of the price in per cent.
        weight, target = relative_range(train) ** 2, position(train, train["close"])
        network = networks.position_network(settings, seed=seed).fit(train, target, network__sample_weight=weight)
        return networks.predict_close([network], days)

    return {candidate: predicted(candidate) for candidate in candidates}


def run_selection(spec: Selection, *, data: Data, results: Stored, progress: Progress) -> Choice:
    """Choose the network on dates before the test dates, by its pooled skill over least squares."""
    train, _ = split_by_date(data["prices"].frame)
    positions = folds_by_date(train["date"], spec.folds, spec.block_share)
    folds = [(train.iloc[rows], train.iloc[held]) for rows, held in positions]
    seeds = range(spec.seeds)
    tasks = [(CANDIDATES, seed, spec.network, *fold) for fold, seed in product(folds, seeds)]
    answers = iter(in_parallel(predictions, tasks, done=progress))
    squared: dict[str, list[Floats]] = {name: [] for name in ("least squares", *CANDIDATES)}
    for earlier, held_out in folds:
        closes, by_seed = held_out["close"].to_numpy(), [next(answers) for _ in seeds]
        squared["least squares"].append((without_network(earlier, held_out)["ols"] - closes) ** 2)
        for name in CANDIDATES:
            squared[name].append(np.mean([(predicted[name] - closes) ** 2 for predicted in by_seed], axis=0))
    dates = np.concatenate([held_out["date"].to_numpy() for _, held_out in folds])
    pooled = {name: np.concatenate(errors) for name, errors in squared.items()}
    winner = min(CANDIDATES, key=lambda name: pooled[name].mean())
    return Choice(
        candidates={
            name: Candidate(
                skill=skill_of(pooled[name], pooled["least squares"], dates),
                winner_over=skill_of(pooled[winner], pooled[name], dates),
            )
            for name in CANDIDATES
        },
        winner=winner,
        seeds=len(seeds),
        drift=number(mean_interval(position(train, train["close"]), train["date"], block=DATE_BLOCK)),
    )


def run_sound(spec: Final, *, data: Data, results: Stored, progress: Progress) -> Sound:
    """Train the chosen network on all rows before the test dates, and score these."""
    train, test = split_by_date(data["prices"].frame)
    winner = typed(Choice, results[Choice.experiment]).winner
    made_up = _response_days(test)
    days = pd.concat([test, made_up])
    tasks = [((winner,), seed, spec.network, train, days) for seed in range(spec.seeds)]
    answers = in_parallel(predictions, tasks, done=progress)
    closes = np.stack([predicted[winner] for predicted in answers])
    predicted, response = closes[:, : len(test)], closes[:, len(test) :].mean(axis=0)
    base, steps = typed(Baselines, results[Baselines.experiment]), typed(Steps, results[Steps.experiment])
    return Sound(
        network=winner,
        seeds=len(predicted),
        **_scores(predicted, test),
        **_compared(predicted, test, float(train["close"].mean()), base, steps),
        **_top_symbol(predicted, test),
        response=position(made_up, response).reshape(3, -1),
        response_open=position(made_up, made_up["open"]).reshape(3, -1)[0],
        response_range=(day_range(made_up) / 50.0).reshape(3, -1)[:, 0],
    )


def _two_way(parts: list[Any], days: pd.DataFrame, statistic: Any) -> Number:
    """A statistic of sums; its limits draw months and symbols."""
    columns, symbols = np.column_stack(parts), days["symbol"].astype(str)
    return number(two_way_interval(columns, days["date"], symbols, statistic, block=DATE_BLOCK))


def _scores(predicted: Floats, test: pd.DataFrame) -> dict[str, Any]:
    """Errors of predictions ``(seeds, n)``; intervals are of squared errors averaged over the seeds."""
    actual, width = test["close"].to_numpy(), day_range(test)
    errors = predicted - actual
    squared = (errors**2).mean(axis=0)
    in_ranges = (squared / np.where(width > 0, width, 1) ** 2)[width > 0]
    return {
        "test_rows": Number(len(actual)),
        "test_dates": Number(test["date"].nunique()),
        "rmse": rmse_of(np.sqrt(squared), test["date"]),
        "rmse_symbols": number(rmse_interval(np.sqrt(squared), test["symbol"].astype(str))),
        "rmse_two_way": _two_way([squared, np.ones_like(squared)], test, lambda s: np.sqrt(s[..., 0] / s[..., 1])),
        "median_error": Number(float(np.median(np.abs(errors), axis=1).mean())),
        "percent": Number(float(np.sqrt(np.mean((errors / actual) ** 2)))),
        "r2": Number(float(1 - squared.mean() / actual.var())),
        "midpoint_r2": Number(float(1 - np.mean((midpoint(test) - actual) ** 2) / actual.var())),
        "position_error": Number(float(np.sqrt(in_ranges.mean()))),
    }


def _compared(predicted: Floats, test: pd.DataFrame, mean: float, base: Baselines, steps: Steps) -> dict[str, Any]:
    """Skill over baselines and over the networks of the last two steps, paired on the same rows."""
    actual, dates = test["close"].to_numpy(), test["date"]
    squared = ((predicted - actual) ** 2).mean(axis=0)
    references = {
        "mean": (mean - actual) ** 2,
        "midpoint": (midpoint(test) - actual) ** 2,
        "ols": base.squared_ols,
        "trees": base.squared_trees,
    }
    plain = (steps.squared_relative, steps.squared_position)
    return {f"skill_vs_{name}": skill_of(squared, reference, dates) for name, reference in references.items()} | {
        "skill_vs_ols_two_way": _two_way([squared, base.squared_ols], test, lambda s: 1 - s[..., 0] / s[..., 1]),
        "over_plain": {step: skill_of(squared, reference, dates) for step, reference in enumerate(plain)},
    }


def _top_symbol(predicted: Floats, test: pd.DataFrame) -> dict[str, Any]:
    """Which symbol carries the most squared error."""
    squared = pd.Series(((predicted - test["close"].to_numpy()) ** 2).mean(axis=0))
    sums = squared.groupby(test["symbol"].astype(str).to_numpy()).sum().sort_values(ascending=False)
    return {"top_symbol": str(sums.index[0]), "top_symbol_share": Number(float((sums / sums.sum()).iloc[0]))}


def _response_days(days: pd.DataFrame, points: int = 41) -> pd.DataFrame:
    """Made-up days around 50 USD: the open moves through ranges of three widths, at the median volume."""
    relative = (day_range(days) / midpoint(days))[day_range(days) > 0]
    middle, volume = 50.0, days["volume"].median()
    frames = []
    for width in np.quantile(relative, [0.1, 0.5, 0.9]) * middle:
        low, high = middle - width / 2, middle + width / 2
        opens = np.linspace(low, high, points)
        frames.append(pd.DataFrame({"open": opens, "low": low, "high": high, "volume": volume}))
    return pd.concat(frames)


EXPERIMENTS = (
    on_prices(run_selection, "regression.selection", seconds=60),
    on_prices(
        run_sound, "regression.sound", needs=(Choice.experiment, Baselines.experiment, Steps.experiment), seconds=15
    ),
)

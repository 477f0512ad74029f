"""Choosing the network: candidates, and their skill on blocks of dates before the test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Annotated

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from labcode.lab.needs import on_prices
from labcode.lab.quantities import Data, Stored, number, skill_of
from labcode.lab.regression.baselines import without_network
from labcode.lab.regression.ladder import Rung, relative_range, rung_predictions
from labcode.lab.regression.network import Floats, fit_position_network, position, position_network, predict_close
from labcode.lab.regression.results import Candidate, Choice
from labcode.lab.regression.settings import Network, Selection
from labcode.lab.regression.split import folds_by_date, split_by_date
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.scoring.intervals import DATE_BLOCK, mean_interval

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
        return fit_position_network(train, settings, seed=seed + moved, odd=odd)

    def predicted(candidate: str) -> Floats:
        if candidate in MEMBERS:
            return predict_close([member(*trained) for trained in MEMBERS[candidate]], days)
        if candidate == "relative to the midpoint":
            return rung_predictions(Rung(view="relative", network=settings), seed, train, days)
        # Weighing rows by the square of their range makes the error of the position that of the price in per cent.
        weight, target = relative_range(train) ** 2, position(train, train["close"])
        network = position_network(settings, seed=seed).fit(train, target, network__sample_weight=weight)
        return predict_close([network], days)

    return {candidate: predicted(candidate) for candidate in candidates}


@dataclass(frozen=True, kw_only=True)
class ChoiceSpec:
    """What the candidates are, and the folds that choose between them."""

    selection: Annotated[Selection, "regression.selection"]
    network: Annotated[Network, "regression.network"]


def run_selection(spec: ChoiceSpec, *, data: Data, results: Stored, progress: Progress) -> Choice:
    """Choose the network on dates before the test dates, by its pooled skill over least squares."""
    train, _ = split_by_date(data["prices"].frame)
    positions = folds_by_date(train["date"], spec.selection.folds, spec.selection.block_share)
    folds = [(train.iloc[rows], train.iloc[held]) for rows, held in positions]
    seeds = range(spec.selection.seeds)
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


EXPERIMENTS = (on_prices(run_selection, seconds=60),)

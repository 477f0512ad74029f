"""A forecast with the same network: the close of the next day, and its return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.price_models import Floats, day_range, midpoint, position
from labcode.experiments.price_rows import (
    next_day_rows,
)
from labcode.metrics import DATE_BLOCK, cluster_bootstrap, rmse_interval, skill_interval
from labcode.parallel import in_parallel, training_device
from labcode.protocols import prices_sound
from labcode.store import Result


@dataclass(frozen=True, kw_only=True)
class NextDaySpec:
    """A forecast: from a day's row to the close of the next day."""

    seeds: tuple[int, ...] = (0, 1, 2)
    max_epochs: int = 4
    clip: float = 0.25


def run_next_day(
    spec: NextDaySpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Predict the next close from a day's five numbers, by its level and by its return, beside persistence."""
    rows = next_day_rows(data["prices"].frame)
    test_from = prices_sound(data["prices"].frame).keys_test["date"].min()  # type: ignore[index]
    train, test = rows[(rows["next_date"] < test_from) & ~rows["odd"]], rows[rows["next_date"] >= test_from]
    tasks = [(spec, kind, seed, train, test) for kind in ("level", "return") for seed in spec.seeds]
    found = np.stack(in_parallel(_next_day_prediction, tasks, done=progress)).reshape(2, len(spec.seeds), -1)
    actual, today = test["next_close"].to_numpy(), test["close"].to_numpy()
    dates, reference = test["next_date"].to_numpy(), (today - actual) ** 2
    persistence = rmse_interval(today - actual, dates, block=DATE_BLOCK)
    scalars = {"persistence_rmse": persistence.value, "persistence_r2": 1 - reference.mean() / actual.var()}
    for kind, predicted in zip(("level", "return"), found, strict=True):
        squared = ((predicted - actual) ** 2).mean(axis=0)
        skill = skill_interval(squared, reference, dates, block=DATE_BLOCK)
        scalars |= {f"{kind}_rmse": float(np.sqrt(squared.mean())), f"{kind}_skill": skill.value}
        scalars |= {f"{kind}_skill_low": skill.low, f"{kind}_skill_high": skill.high}
    truth, guess = np.log(actual / today), np.log(found[1].mean(axis=0) / today)
    explained = skill_interval((guess - truth) ** 2, truth**2, dates, block=DATE_BLOCK)
    moved = truth != 0
    right = cluster_bootstrap(
        np.column_stack([np.sign(guess) == np.sign(truth), np.ones(len(truth))])[moved],
        dates[moved],
        lambda sums: sums[..., 0] / sums[..., 1],
        block=DATE_BLOCK,
    )
    scalars |= {"return_r2": explained.value, "return_r2_low": explained.low, "return_r2_high": explained.high}
    scalars |= {"direction": right.value, "direction_low": right.low, "direction_high": right.high}
    scalars |= {"rising": float((truth[moved] > 0).mean())}
    return Payload(scalars={name: float(value) for name, value in scalars.items()}, device=training_device())


def _next_day_prediction(spec: NextDaySpec, kind: str, seed: int, train: pd.DataFrame, test: pd.DataFrame) -> Floats:
    from labcode.training import TabularRegressor

    network = TabularRegressor(
        batch_size=1024, max_epochs=spec.max_epochs, lr=3e-3, schedule="onecycle", random_state=seed
    )
    model = make_pipeline(StandardScaler(), network)
    if kind == "level":
        columns = ["open", "low", "high", "close", "volume"]
        return model.fit(train[columns], train["next_close"]).predict(test[columns])
    moves = np.log(train["next_close"] / train["close"]).clip(-spec.clip, spec.clip)
    predicted = model.fit(_next_day_inputs(train), moves).predict(_next_day_inputs(test))
    return test["close"].to_numpy() * np.exp(predicted)


def _next_day_inputs(rows: pd.DataFrame) -> Floats:
    """Where open and close lie in the day's range, the range, the volume and the price level, all free of scale."""
    middle = midpoint(rows)
    return np.column_stack(
        [
            np.clip(position(rows, rows["open"].to_numpy()), -1, 1),
            np.clip(position(rows, rows["close"].to_numpy()), -1, 1),
            np.log(np.maximum(day_range(rows) / middle, 1e-5)),
            np.log1p(rows["volume"].to_numpy()),
            np.log(middle),
        ]
    )


EXPERIMENTS = (
    Experiment(
        name="regression/next-day",
        run=run_next_day,
        spec=NextDaySpec(),
        quick=NextDaySpec(seeds=(0,)),
        datasets=("prices",),
        seconds=10,
    ),
)

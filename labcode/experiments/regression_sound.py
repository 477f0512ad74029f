"""The regression done soundly: what each change buys, which network the rolling folds choose, how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.price_models import ClosePredictor, Floats, day_range, midpoint, position
from labcode.experiments.price_rows import (
    baseline_predictions,
    rolling_folds,
    sound_split,
    test_dates,
)
from labcode.experiments.recipes import STEPS
from labcode.metrics import DATE_BLOCK, mean_interval, rmse_interval, skill_interval
from labcode.parallel import in_parallel, training_device
from labcode.protocols import Split
from labcode.settings import SEED
from labcode.store import Result

#: The last two steps, whose errors row by row are kept to compare the chosen network with them.
PLAIN_STEPS = ("relative to the midpoint", "position in the range")
#: What the rolling folds choose from.
CANDIDATES: dict[str, dict[str, Any]] = {
    "relative to the midpoint": {"view": "relative"},
    "position, error in per cent": {"percent_error": True},
    "position": {},
    "position, odd": {"symmetry": "odd"},
    "position, half odd": {"symmetry": "half"},
}


@dataclass(frozen=True, kw_only=True)
class SelectionSpec:
    """Rolling folds before the test block: train on all earlier dates, score the next block."""

    folds: int = 4
    block_share: float = 0.125
    seeds: tuple[int, ...] = (0,)


def run_selection(
    spec: SelectionSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Choose the network on dates before the test block, by its pooled skill over least squares."""
    split = sound_split(data["prices"].frame)
    assert split.keys_train is not None
    folds = rolling_folds(split.keys_train["date"], spec.folds, spec.block_share)
    pairs = [(name, seed) for name in CANDIDATES for seed in spec.seeds]
    tasks = [(CANDIDATES[name], seed, *_fold(split, fold)) for fold in folds for name, seed in pairs]
    predictions = iter(in_parallel(fit_and_predict, tasks, done=progress))
    squared: dict[str, list[Floats]] = {name: [] for name in ("ols", *CANDIDATES)}
    dates = []
    for train, held in folds:
        X, y = split.X_train, split.y_train
        actual = y.iloc[held].to_numpy()
        least_squares = make_pipeline(StandardScaler(), LinearRegression()).fit(X.iloc[train], y.iloc[train])
        squared["ols"].append((least_squares.predict(X.iloc[held]) - actual) ** 2)
        of_fold: dict[str, list[Floats]] = {name: [] for name in CANDIDATES}
        for name, _ in pairs:
            of_fold[name].append((next(predictions) - actual) ** 2)
        for name, errors in of_fold.items():
            squared[name].append(np.mean(errors, axis=0))
        dates.append(split.keys_train["date"].to_numpy()[held])
    pooled = {name: np.concatenate(errors) for name, errors in squared.items()}
    skill = partial(skill_interval, clusters=np.concatenate(dates), block=DATE_BLOCK)
    table = [
        {"candidate": name, **asdict(skill(pooled[name], pooled["ols"]))}
        | {f"fold {i + 1}": 1 - errors.mean() / squared["ols"][i].mean() for i, errors in enumerate(squared[name])}
        for name in CANDIDATES
    ]
    winner = max(table, key=lambda row: row["value"])["candidate"]
    for row in table:
        over = skill(pooled[winner], pooled[row["candidate"]])
        row |= {"winner_over": over.value, "winner_over_low": over.low, "winner_over_high": over.high}
    drift = mean_interval(position(split.X_train, split.y_train.to_numpy()), split.keys_train["date"], block=DATE_BLOCK)
    return Payload(
        scalars={"winner": winner, "drift": drift.value, "drift_low": drift.low, "drift_high": drift.high},
        tables={"candidates": table},
        device=training_device(),
    )


def _fold(split: Split, fold: tuple[np.ndarray, np.ndarray]) -> tuple[pd.DataFrame, pd.Series, pd.DataFrame]:
    train, held = fold
    return split.X_train.iloc[train], split.y_train.iloc[train], split.X_train.iloc[held]


def fit_and_predict(settings: dict[str, Any], seed: int, X: pd.DataFrame, y: pd.Series, rows: pd.DataFrame) -> Floats:
    """Train one :class:`ClosePredictor` and predict other rows, in USD."""
    return ClosePredictor(**settings, random_state=seed).fit(X, y).predict(rows)


@dataclass(frozen=True, kw_only=True)
class StepsSpec:
    """The ladder: how many seeds for each step."""

    seeds: tuple[int, ...] = (0, 1, 2)
    curve_epochs: int = 12


def run_steps(
    spec: StepsSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Measure each step of the ladder on the test block, and one network's curves over its epochs."""
    split = sound_split(data["prices"].frame)
    pairs = [(name, seed) for name in STEPS for seed in spec.seeds]
    tasks = [(STEPS[name], seed, split.X_train, split.y_train, split.X_test) for name, seed in pairs]
    predictions = dict(zip(pairs, in_parallel(fit_and_predict, tasks, done=lambda s: progress(0.9 * s)), strict=True))
    actual = split.y_test.to_numpy()
    reference = (baseline_predictions(split)["ols"] - actual) ** 2
    table, squared = [], {}
    for name in STEPS:
        errors = np.stack([predictions[name, seed] - actual for seed in spec.seeds])
        by_seed = np.sqrt((errors**2).mean(axis=1))
        squared[name] = (errors**2).mean(axis=0)
        skill = skill_interval(squared[name], reference, test_dates(split), block=DATE_BLOCK)
        table.append(
            {
                "step": name,
                "rmse": by_seed.mean(),
                "rmse_min": by_seed.min(),
                "rmse_max": by_seed.max(),
                "percent": float(np.sqrt(np.mean((errors / actual) ** 2))),
                "skill": skill.value,
                "skill_low": skill.low,
                "skill_high": skill.high,
            }
        )
    curves = in_parallel(_curves, [(split, spec.curve_epochs)], n_jobs=None)[0]
    progress(1.0)
    return Payload(
        scalars={row["step"]: row["rmse"] for row in table},
        tables={"steps": table},
        arrays={"curves": curves, **{name: squared[name].astype(np.float32) for name in PLAIN_STEPS}},
        device=training_device(),
    )


def _curves(split: Split, epochs: int) -> np.ndarray:
    """RMSE (USD) and R2 of the position network by epoch: a random fifth of the training rows, then test rows."""
    from skorch.callbacks import Callback

    some = split.X_train.sample(frac=0.2, random_state=SEED)
    watched = {"train": (some, split.y_train.loc[some.index]), "test": split.test_set}
    learned = position(split.X_train, split.y_train.to_numpy())
    centre, scale = learned.mean(), learned.std()
    scores: list[list[float]] = []

    class Watch(Callback):  # type: ignore[misc]
        def on_epoch_end(self, net: Any, **_: Any) -> None:
            scores.append(
                [score for X, y in watched.values() for score in _usd_scores(predictor, net, X, y, centre, scale)]
            )

    predictor = ClosePredictor(max_epochs=epochs, callbacks=[Watch()])
    predictor.fit(split.X_train, split.y_train)
    return np.array(scores)


def _usd_scores(
    predictor: ClosePredictor, net: Any, X: pd.DataFrame, y: pd.Series, centre: float, scale: float
) -> tuple[float, float]:
    """RMSE in USD and R2 of the position within the range, of a network that is still training."""
    import torch

    inputs, target = predictor.encode(X, y)
    answers = net.outputs(torch.from_numpy(inputs.astype(np.float32)).to(net.device)).cpu().double().numpy()[:, 0]
    answers = answers * scale + centre  # as the estimator does once it has finished
    dollars = predictor.decode(X, answers)
    return float(np.sqrt(((dollars - y) ** 2).mean())), float(1 - ((answers - target) ** 2).mean() / target.var())


@dataclass(frozen=True, kw_only=True)
class SoundSpec:
    """The network that the rolling folds chose, over several seeds."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)


def run_sound(
    spec: SoundSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Train the chosen network on all rows before the test block, and score the test block."""
    chosen = CANDIDATES[str(results["regression/selection"].scalars["winner"])]
    split = sound_split(data["prices"].frame)
    rows = pd.concat([split.X_test, _response_rows(split.X_test)])
    tasks = [(chosen, seed, split.X_train, split.y_train, rows) for seed in spec.seeds]
    both = np.stack(in_parallel(fit_and_predict, tasks, done=progress))
    predicted, response = both[:, : len(split.X_test)], both[:, len(split.X_test) :]
    baselines = baseline_predictions(split)
    payload = _sound_scores(predicted, split, baselines)
    squared = ((predicted - split.y_test.to_numpy()) ** 2).mean(axis=0)
    for place, name in enumerate(PLAIN_STEPS):
        over = skill_interval(squared, results["regression/steps"].arrays[name], test_dates(split), block=DATE_BLOCK)
        payload |= {f"over_plain_{place}": over.value, f"over_plain_{place}_low": over.low}
        payload |= {f"over_plain_{place}_high": over.high}
    grid = rows.iloc[len(split.X_test) :]
    return Payload(
        device=training_device(),
        scalars={**payload, "network": str(results["regression/selection"].scalars["winner"])},
        arrays={
            "predicted": predicted.mean(axis=0).astype(np.float32),
            "row": split.X_test.index.to_numpy(),
            "response": position(grid, response.mean(axis=0)).reshape(3, -1),
            "response_open": position(grid, grid["open"].to_numpy()).reshape(3, -1)[0],
            "response_range": (day_range(grid) / midpoint(grid)).reshape(3, -1)[:, 0],
        },
    )


def _sound_scores(predicted: Floats, split: Split, baselines: dict[str, Floats]) -> dict[str, float]:
    """The fixed scalars; intervals resample dates, of squared errors averaged over the seeds."""
    actual, dates = split.y_test.to_numpy(), test_dates(split)
    errors = predicted - actual
    by_seed = np.sqrt((errors**2).mean(axis=1))
    squared = (errors**2).mean(axis=0)
    found = rmse_interval(np.sqrt(squared), dates, block=DATE_BLOCK)
    assert split.keys_test is not None
    by_symbol = rmse_interval(np.sqrt(squared), split.keys_test["symbol"].astype(str))
    scalars = {
        "rmse": found.value,
        "rmse_low": found.low,
        "rmse_high": found.high,
        "rmse_seed_min": by_seed.min(),
        "rmse_seed_max": by_seed.max(),
        "seeds": len(predicted),
        "r2": 1 - squared.mean() / actual.var(),
        "percent": float(np.sqrt(np.mean((errors / actual) ** 2))),
        "median_error": float(np.median(np.abs(errors), axis=1).mean()),
        "rmse_symbols_low": by_symbol.low,
        "rmse_symbols_high": by_symbol.high,
        "test_rows": len(actual),
        "test_dates": len(np.unique(dates)),
    }
    for name in ("ols", "midpoint", "mean"):
        skill = skill_interval(squared, (baselines[name] - actual) ** 2, dates, block=DATE_BLOCK)
        scalars |= {f"skill_vs_{name}": skill.value}
        scalars |= {f"skill_vs_{name}_low": skill.low, f"skill_vs_{name}_high": skill.high}
    return {name: float(value) for name, value in scalars.items()}


def _response_rows(rows: pd.DataFrame, points: int = 41) -> pd.DataFrame:
    """Made-up days at a midpoint of 50 USD: the open moves through ranges of three widths, at the median volume."""
    relative = (day_range(rows) / midpoint(rows))[day_range(rows) > 0]
    middle, volume = 50.0, rows["volume"].median()
    frames = []
    for width in np.quantile(relative, [0.1, 0.5, 0.9]) * middle:
        low, high = middle - width / 2, middle + width / 2
        frames.append(
            pd.DataFrame({"open": np.linspace(low, high, points), "low": low, "high": high, "volume": volume})
        )
    return pd.concat(frames)


EXPERIMENTS = (
    Experiment(
        name="regression/selection",
        run=run_selection,
        spec=SelectionSpec(),
        quick=SelectionSpec(folds=2),
        datasets=("prices",),
        seconds=15,
    ),
    Experiment(
        name="regression/steps",
        run=run_steps,
        spec=StepsSpec(),
        quick=StepsSpec(seeds=(0,), curve_epochs=4),
        datasets=("prices",),
        seconds=60,
    ),
    Experiment(
        name="regression/sound",
        run=run_sound,
        spec=SoundSpec(),
        quick=SoundSpec(seeds=(0,)),
        datasets=("prices",),
        needs=("regression/selection", "regression/steps"),
        seconds=10,
    ),
)

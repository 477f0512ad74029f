"""The regression as submitted: the original's network, the broadcast in its grid search, and what beats both.

Each ``run_…`` takes a spec and the data and returns scalars (their names are fixed, other tools read them), tables and
arrays. Losses are in USD^2, errors in USD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.price_models import midpoint
from labcode.experiments.price_rows import (
    baseline_predictions,
    random_split,
    sound_split,
    test_dates,
)
from labcode.metrics import DATE_BLOCK, prediction_interval, rmse_interval
from labcode.parallel import in_parallel, training_device
from labcode.protocols import Split, prices_as_submitted
from labcode.store import Result

if TYPE_CHECKING:
    import torch

#: Epochs whose losses the original printed; its "epoch 50" is the last one, 49 counted from 0.
PRINTED_EPOCHS = (0, 10, 20, 30, 40, 49)


@dataclass(frozen=True, kw_only=True)
class AsSubmittedSpec:
    """The original's network and training, over several seeds of its initial weights."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    hidden: tuple[int, ...] = (64, 32)
    lr: float = 1e-3
    epochs: int = 50


def run_as_submitted(
    spec: AsSubmittedSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Repeat the original's training: unscaled target, one step an epoch on all rows, Adam."""
    split = prices_as_submitted(data["prices"].frame)
    histories = in_parallel(
        _submitted_history, [(spec, split, seed) for seed in spec.seeds], done=lambda share: progress(share)
    )
    columns = ["train_loss", "test_loss", "train_r2", "test_r2"]
    curves = np.stack([history[columns].to_numpy() for history in histories])
    scalars: dict[str, float] = {"seeds": len(spec.seeds)}
    for epoch in PRINTED_EPOCHS:
        for column, name in enumerate(("train_mse", "test_mse")):
            values = curves[:, min(epoch, spec.epochs - 1), column]
            spread = prediction_interval(values)
            scalars[f"{name}_epoch_{epoch}"] = spread.value
            scalars[f"{name}_epoch_{epoch}_low"], scalars[f"{name}_epoch_{epoch}_high"] = spread.low, spread.high
    scalars["mean_mse"] = float(((split.y_test - split.y_train.mean()) ** 2).mean())
    return Payload(scalars=scalars, arrays={"curves": curves}, device=training_device())


def _submitted_history(spec: AsSubmittedSpec, split: Split, seed: int) -> pd.DataFrame:
    from labcode.training import TabularRegressor

    network = TabularRegressor(
        hidden=spec.hidden,
        lr=spec.lr,
        max_epochs=spec.epochs,
        batch_size="full",
        standardize_target=False,
        random_state=seed,
    )
    return network.fit(split.X_train, split.y_train, test_set=split.test_set).history_


@dataclass(frozen=True, kw_only=True)
class BroadcastSpec:
    """A small problem on which the original's broadcast can be seen."""

    rows: int = 256
    steps: int = 2_000
    lr: float = 1e-2
    seed: int = 0


def run_broadcast(
    spec: BroadcastSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Fit a line twice with the same steps: outputs (n, 1) against targets (n,), and against targets (n, 1)."""
    import torch

    generator = torch.Generator().manual_seed(spec.seed)
    X = torch.rand(spec.rows, 1, generator=generator) * 2 - 1
    y = (3 * X + 0.3 * torch.randn(spec.rows, 1, generator=generator)).squeeze(1)
    lines = in_parallel(_fit_line, [(spec, X, y), (spec, X, y[:, None])], n_jobs=None, done=progress)
    fitted = dict(zip(("broadcast", "aligned"), lines, strict=True))
    error_shape = (X - y).shape
    return Payload(
        scalars={
            "rows": spec.rows,
            "errors_broadcast": int(np.prod(error_shape)),
            "slope_broadcast": float(np.polyfit(X[:, 0], fitted["broadcast"], 1)[0]),
            "slope_aligned": float(np.polyfit(X[:, 0], fitted["aligned"], 1)[0]),
            "mse_broadcast": float(((fitted["broadcast"] - y.numpy()) ** 2).mean()),
            "mse_aligned": float(((fitted["aligned"] - y.numpy()) ** 2).mean()),
            "variance": float(y.var(correction=0)),
        },
        arrays={"x": X[:, 0].numpy(), "y": y.numpy(), **fitted},
    )


def _fit_line(spec: BroadcastSpec, X: torch.Tensor, target: torch.Tensor) -> np.ndarray:
    """Fit a line to targets ``(n,)`` or ``(n, 1)``; its values ``(n,)``."""
    import torch

    from labcode.models import MLP

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        model = MLP(1, hidden=())
    optimizer = torch.optim.Adam(model.parameters(), lr=spec.lr)
    for _ in range(spec.steps):
        optimizer.zero_grad()
        # Written out, not mse_loss, which would warn; the arithmetic is the same.
        (model(X) - target).square().mean().backward()
        optimizer.step()
    return model(X).detach().squeeze(1).numpy()


@dataclass(frozen=True, kw_only=True)
class BaselinesSpec:
    """Predictions that need no network."""

    ridge_alpha: float = 1.0


def run_baselines(
    spec: BaselinesSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Score each baseline on the random split (as the original) and on the split by date."""
    frame = data["prices"].frame
    scalars: dict[str, float] = {}
    table = []
    for suffix, split in (("", sound_split(frame)), ("_random", random_split(frame))):
        scalars[f"ols_raw_rank{suffix}"] = int(LinearRegression().fit(split.X_train, split.y_train).rank_)
        level = midpoint(split.X_train) - split.y_train.to_numpy()
        scalars[f"midpoint_rmse_train{suffix}"] = float(np.sqrt(np.mean(level**2)))
        for name, predicted in baseline_predictions(split, ridge_alpha=spec.ridge_alpha).items():
            error = predicted - split.y_test.to_numpy()
            found = rmse_interval(error, test_dates(split), block=DATE_BLOCK)
            percent = float(np.sqrt(np.mean((error / split.y_test.to_numpy()) ** 2)))
            scalars |= {
                f"{name}_rmse{suffix}": found.value,
                f"{name}_rmse{suffix}_low": found.low,
                f"{name}_rmse{suffix}_high": found.high,
            }
            table.append({"split": suffix or "date", "baseline": name, **asdict(found), "percent": percent})
        progress(0.5 if not suffix else 1.0)
    return Payload(scalars=scalars, tables={"baselines": table})


EXPERIMENTS = (
    Experiment(
        name="regression/as-submitted",
        run=run_as_submitted,
        spec=AsSubmittedSpec(),
        quick=AsSubmittedSpec(seeds=(0,)),
        datasets=("prices",),
        seconds=40,
    ),
    Experiment(
        name="regression/broadcast",
        run=run_broadcast,
        spec=BroadcastSpec(),
        quick=BroadcastSpec(),
        datasets=(),
        seconds=3,
    ),
    Experiment(
        name="regression/baselines",
        run=run_baselines,
        spec=BaselinesSpec(),
        quick=BaselinesSpec(),
        datasets=("prices",),
        seconds=5,
    ),
)

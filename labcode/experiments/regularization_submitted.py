"""The original's regularised regression, and the run without regularization that it should be compared with.

The original sets epoch 10 of the one against epoch 40 of the other. Here both have the same seeds and are read at the
same epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labcode.data.types import Dataset
from labcode.experiments.catalog import Experiment, Payload, Progress
from labcode.experiments.recipes import LIKE_EPOCHS, UNLIKE_EPOCH
from labcode.metrics import prediction_interval
from labcode.parallel import in_parallel, training_device
from labcode.protocols import Split, prices_as_submitted
from labcode.store import Result

PLAIN = "regression/as-submitted"


@dataclass(frozen=True, kw_only=True)
class RegularizedSpec:
    """The original's regularised network and training; its seeds are the first ``runs`` of those of the plain run."""

    runs: int = 4
    hidden: tuple[int, ...] = (64, 32)
    lr: float = 1e-3
    epochs: int = 20
    dropout: float = 0.3
    weight_decay: float = 1e-4


def run_as_submitted(
    spec: RegularizedSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> Payload:
    """Repeat the original's regularised run with the seeds of the plain one, and compare epoch with like epoch.

    Curves ``(n_seeds, n_epochs, 3)`` hold the loss that the step saw, with dropout on, then after the step the losses
    of training and test rows with dropout off; ``plain_curves`` ``(n_seeds, n_epochs, 2)`` the step's loss and the test
    loss of the run without regularization. All in USD^2.
    """
    plain = results[PLAIN]
    split = prices_as_submitted(data["prices"].frame)
    seeds = range(min(spec.runs, int(plain.scalars["seeds"])))
    curves = np.stack(in_parallel(_history, [(spec, split, seed) for seed in seeds], done=progress))
    plain_curves = plain.arrays["curves"][: len(seeds), :, :2]
    scalars = {**_epochs(curves, plain_curves), **_comparison(curves[..., 2], plain_curves[..., 1])}
    scalars |= {"seeds": len(seeds), "mean_mse": plain.scalars["mean_mse"]}
    return Payload(
        scalars=scalars,
        arrays={"curves": curves, "plain_curves": plain_curves},
        device=training_device(),
    )


def _history(spec: RegularizedSpec, split: Split, seed: int) -> np.ndarray:
    """Losses ``(n_epochs, 3)`` of one run."""
    from labcode.training import TabularRegressor

    network = TabularRegressor(
        hidden=spec.hidden,
        lr=spec.lr,
        max_epochs=spec.epochs,
        batch_size="full",
        standardize_target=False,
        dropout=spec.dropout,
        weight_decay=spec.weight_decay,
        random_state=seed,
    )
    # Without a patience, validation rows are only watched: here the training rows, with dropout off.
    network.fit(split.X_train, split.y_train, valid_set=(split.X_train, split.y_train), test_set=split.test_set)
    return network.history_[["train_loss", "valid_loss", "test_loss"]].to_numpy()


def _epochs(curves: np.ndarray, plain: np.ndarray) -> dict[str, float]:
    """Losses of both runs at each epoch that is asked for, with the interval in which another seed should fall."""
    kinds = {"train_mse": curves[..., 0], "train_mse_without_dropout": curves[..., 1], "test_mse": curves[..., 2]}
    others = {"plain_train_mse": plain[..., 0], "plain_test_mse": plain[..., 1]}
    wanted = [(name, values, LIKE_EPOCHS) for name, values in kinds.items()]
    wanted += [(name, values, (*LIKE_EPOCHS, UNLIKE_EPOCH)) for name, values in others.items()]
    return {
        key: value
        for name, values, epochs in wanted
        for epoch in epochs
        for key, value in _spread(f"{name}_epoch_{epoch}", values[:, epoch]).items()
    }


def _comparison(test: np.ndarray, plain: np.ndarray) -> dict[str, float]:
    """What regularization adds to the test loss, seed by seed: at like epochs, and as the original compared them.

    ``plain_epoch_as_good`` is the epoch at which the plain run passes the last loss of the regularised one.
    """
    scalars: dict[str, float] = {}
    for epoch in LIKE_EPOCHS:
        scalars |= _spread(f"added_mse_epoch_{epoch}", test[:, epoch] - plain[:, epoch])
    scalars |= _spread("added_mse_unlike", test[:, LIKE_EPOCHS[1]] - plain[:, UNLIKE_EPOCH])
    epochs = np.arange(plain.shape[1])
    passed = [np.interp(-own[-1], -of_plain, epochs) for own, of_plain in zip(test, plain, strict=True)]
    return scalars | _spread("plain_epoch_as_good", np.array(passed))


def _spread(name: str, values: np.ndarray) -> dict[str, float]:
    found = prediction_interval(values)
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


EXPERIMENTS = (
    Experiment(
        name="regularization/as-submitted",
        run=run_as_submitted,
        spec=RegularizedSpec(),
        quick=RegularizedSpec(),
        datasets=("prices",),
        needs=(PLAIN,),
        seconds=28,
    ),
)

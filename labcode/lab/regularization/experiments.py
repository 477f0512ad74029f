"""The experiment on our first version's regularised run: many seeds, each beside the plain run that began alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np

from labcode.lab.needs import closes, on_prices
from labcode.lab.quantities import Data, Stored, mean_of_seeds, next_seed
from labcode.lab.regression.experiments import printed_losses
from labcode.lab.regression.network import Floats
from labcode.lab.regression.results import AsSubmitted as Plain
from labcode.lab.regression.settings import First
from labcode.lab.regularization.results import LIKE_EPOCHS, UNLIKE_EPOCH, AsSubmitted
from labcode.lab.regularization.settings import Regularised
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.results.run import typed


def _printed() -> tuple[tuple[float, ...], ...]:
    """Regularised and plain test loss at the epochs that we compared; the last pair is that of unlike epochs."""
    pairs = [*((epoch, epoch) for epoch in LIKE_EPOCHS[:2]), (LIKE_EPOCHS[1], UNLIKE_EPOCH)]
    return tuple(printed_losses(f"regularization.test_{held}", f"regression.test_{free}") for held, free in pairs)


@dataclass(frozen=True, kw_only=True)
class FirstSpec:
    """The network and its seeds as in the plain run, what holds it back, and test losses that we printed at first."""

    first: Annotated[First, "regression.first"]
    regularised: Annotated[Regularised, "regularization.first"]
    printed: tuple[tuple[float, ...], ...] = field(default_factory=_printed)


def run_as_submitted(spec: FirstSpec, *, data: Data, results: Stored, progress: Progress) -> AsSubmitted:
    """Train the regularised network with the plain run's seeds, and compare."""
    from labcode.lab.regression.first import first_split

    plain = typed(Plain, results[Plain.experiment])
    rows = first_split(data["prices"].frame)
    losses = in_parallel(_losses, [(spec, rows, seed) for seed in range(plain.seeds)], done=progress)
    curves, others = np.stack(losses), plain.curves[..., :2]
    test, plain_test = curves[..., 1], others[..., 1]
    printed = [Number(held - free) for held, free in spec.printed]
    return AsSubmitted(
        seeds=plain.seeds,
        train_mse_epoch=_by_epoch(curves[..., 0]),
        test_mse_epoch=_by_epoch(test),
        plain_train_mse_epoch=_by_epoch(others[..., 0], UNLIKE_EPOCH),
        plain_test_mse_epoch=_by_epoch(plain_test, UNLIKE_EPOCH),
        added_mse_epoch={epoch: mean_of_seeds(test[:, epoch] - plain_test[:, epoch]) for epoch in LIKE_EPOCHS},
        added_mse_unlike=mean_of_seeds(test[:, LIKE_EPOCHS[1]] - plain_test[:, UNLIKE_EPOCH]),
        plain_epoch_as_good=mean_of_seeds(epochs_as_good(test[:, -1], plain_test)),
        last_epoch=Number(test.shape[1] - 1),
        printed_added_mse_epoch=dict(zip(LIKE_EPOCHS, printed[:-1])),
        printed_added_mse_unlike=printed[-1],
        variance_saved=mean_of_seeds(variance_saved(test[:, -1], plain_test[:, test.shape[1] - 1])),
        mean_mse=plain.mean_mse,
        curves=curves,
        plain_curves=others,
    )


def _losses(spec: FirstSpec, rows: list[Any], seed: int) -> Floats:
    """Losses ``(epochs, 2)`` of one run, by the fast loop."""
    from labcode.lab.full_batch import Steps, history, seeded, squared_error
    from labcode.lab.regularization.first import RegularisedNetwork

    held = spec.regularised
    network = seeded(lambda: RegularisedNetwork(spec.first.hidden, held.dropout), seed)
    steps = Steps(epochs=held.epochs, lr=spec.first.lr, weight_decay=held.weight_decay)
    return history(network, rows, squared_error, steps)


def _by_epoch(losses: Floats, *more: int) -> dict[int, Number]:
    return {epoch: next_seed(losses[:, epoch]) for epoch in (*LIKE_EPOCHS, *more)}


def epochs_as_good(losses: Floats, plain: Floats) -> Floats:
    """The epoch at which each plain run of falling losses ``(n_seeds, n_epochs)`` passes a loss, both ``(n_seeds,)``.

    >>> epochs_as_good(np.array([2.5]), np.array([[4.0, 3.0, 2.0]])).tolist()
    [1.5]
    """
    epochs = np.arange(plain.shape[1])
    return np.array([np.interp(-loss, -curve, epochs) for loss, curve in zip(losses, plain, strict=True)])


def variance_saved(losses: Floats, plain: Floats) -> Floats:
    """Values ``(n_seeds,)`` whose mean is the share of the plain losses' variance that the other losses lack.

    >>> float(variance_saved(np.array([1.0, 3.0]), np.array([0.0, 4.0])).mean())
    0.75
    """
    squared, of_plain = ((values - values.mean()) ** 2 for values in (losses, plain))
    return np.asarray((of_plain - squared) / of_plain.mean())


EXPERIMENTS = (on_prices(run_as_submitted, lacks=closes, needs=(Plain.experiment,), seconds=110),)

"""The experiment on our first version's regularised run: many seeds, each beside the plain run that began alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np

from labcode.lab.needs import closes, on_prices
from labcode.lab.quantities import Data, Stored, number
from labcode.lab.regression.experiments import printed_loss
from labcode.lab.regression.network import Floats
from labcode.lab.regression.results import AsSubmitted as Plain
from labcode.lab.regression.settings import First
from labcode.lab.regularization.results import LIKE_EPOCHS, UNLIKE_EPOCH, AsSubmitted
from labcode.lab.regularization.settings import Regularised
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.results.run import typed
from labcode.scoring.intervals import mean_of_seeds, next_draw_interval


def _printed() -> tuple[tuple[float, float], ...]:
    """Regularised and plain test loss at the epochs that we compared; the last pair is that of unlike epochs."""
    pairs = [*((epoch, epoch) for epoch in LIKE_EPOCHS[:2]), (LIKE_EPOCHS[1], UNLIKE_EPOCH)]
    names = [(f"regularization.test_{held}", f"regression.test_{free}") for held, free in pairs]
    return tuple((printed_loss(held), printed_loss(free)) for held, free in names)


@dataclass(frozen=True, kw_only=True)
class FirstSpec:
    """The network and its seeds as in the plain run, what holds it back, and test losses that we printed at first."""

    first: Annotated[First, "regression.first"]
    regularised: Annotated[Regularised, "regularization.first"]
    printed: tuple[tuple[float, float], ...] = field(default_factory=_printed)


def run_as_submitted(spec: FirstSpec, *, data: Data, results: Stored, progress: Progress) -> AsSubmitted:
    """Train the regularised network with the plain run's seeds, the first one also by the plain loop, and compare."""
    from labcode.lab.regression.first import first_split

    plain = typed(Plain, results[Plain.experiment])
    rows = first_split(data["prices"].frame)
    runs = [(0, True), *((seed, False) for seed in range(plain.seeds))]
    loop, *fast = in_parallel(_losses, [(spec, rows, seed, slow) for seed, slow in runs], done=progress)
    curves, others = np.stack(fast), plain.curves[..., :2]
    test, plain_test = curves[..., 1], others[..., 1]
    printed = [Number(held - free) for held, free in spec.printed]
    return AsSubmitted(
        seeds=plain.seeds,
        train_mse_epoch=_by_epoch(curves[..., 0]),
        test_mse_epoch=_by_epoch(test),
        plain_train_mse_epoch=_by_epoch(others[..., 0], UNLIKE_EPOCH),
        plain_test_mse_epoch=_by_epoch(plain_test, UNLIKE_EPOCH),
        added_mse_epoch={epoch: number(mean_of_seeds(test[:, epoch] - plain_test[:, epoch])) for epoch in LIKE_EPOCHS},
        added_mse_unlike=number(mean_of_seeds(test[:, LIKE_EPOCHS[1]] - plain_test[:, UNLIKE_EPOCH])),
        plain_epoch_as_good=number(mean_of_seeds(epochs_as_good(test[:, -1], plain_test))),
        last_epoch=Number(test.shape[1] - 1),
        printed_added_mse_epoch=dict(zip(LIKE_EPOCHS, printed[:-1])),
        printed_added_mse_unlike=printed[-1],
        variance_saved=number(mean_of_seeds(variance_saved(test[:, -1], plain_test[:, test.shape[1] - 1]))),
        mean_mse=plain.mean_mse,
        largest_difference=Number(float(np.abs(curves[0] / loop - 1).max())),
        curves=curves,
        plain_curves=others,
    )


def _losses(spec: FirstSpec, rows: list[Any], seed: int, plain: bool) -> Floats:
    """Losses ``(epochs, 2)`` of one run, by the plain loop or by the fast one."""
    import torch

    from labcode.lab.full_batch import Steps, history, seeded, squared_error
    from labcode.lab.regularization.first import RegularisedNetwork, train_regularised

    held = spec.regularised
    options: Any = {"epochs": held.epochs, "lr": spec.first.lr, "weight_decay": held.weight_decay}
    if not plain:
        network = seeded(lambda: RegularisedNetwork(spec.first.hidden, held.dropout), seed)
        return history(network, rows, squared_error, Steps(**options))
    torch.manual_seed(seed)
    return np.asarray(train_regularised(RegularisedNetwork(spec.first.hidden, held.dropout), rows, **options))


def _by_epoch(losses: Floats, *more: int) -> dict[int, Number]:
    return {epoch: number(next_draw_interval(losses[:, epoch])) for epoch in (*LIKE_EPOCHS, *more)}


def epochs_as_good(losses: Floats, plain: Floats) -> Floats:
    """The epoch at which each plain run passes a loss, between two of them where it must be, ``(n_seeds,)``.

    Parameters
    ----------
    losses, plain
        A loss of each seed ``(n_seeds,)``, and falling losses ``(n_seeds, n_epochs)``.

    Examples
    --------
    >>> epochs_as_good(np.array([2.5]), np.array([[4.0, 3.0, 2.0]])).tolist()
    [1.5]
    """
    epochs = np.arange(plain.shape[1])
    return np.array([np.interp(-loss, -curve, epochs) for loss, curve in zip(losses, plain, strict=True)])


def variance_saved(losses: Floats, plain: Floats) -> Floats:
    """Values ``(n_seeds,)`` whose mean is the share of the plain losses' variance that the other losses lack.

    Examples
    --------
    >>> float(variance_saved(np.array([1.0, 3.0]), np.array([0.0, 4.0])).mean())
    0.75
    """
    squared, of_plain = ((values - values.mean()) ** 2 for values in (losses, plain))
    return np.asarray((of_plain - squared) / of_plain.mean())


EXPERIMENTS = (on_prices(run_as_submitted, lacks=closes, needs=(Plain.experiment,), seconds=110),)

"""The experiment on our first version's regularised run: many seeds, each beside the plain run that began alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labcode.book.reference import stated
from labcode.data.types import Dataset
from labcode.lab.config import configured
from labcode.lab.regression.network import Floats
from labcode.lab.regression.results import AsSubmitted as Plain
from labcode.lab.regression.results import number
from labcode.lab.regression.settings import First
from labcode.lab.regularization.first_results import LIKE_EPOCHS, UNLIKE_EPOCH, AsSubmitted
from labcode.lab.regularization.settings import Regularised
from labcode.nets.processes import in_parallel
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.run import typed
from labcode.results.store import Result
from labcode.scoring.intervals import mean_of_seeds, next_draw_interval
from labcode.settings import Profile


@dataclass(frozen=True, kw_only=True)
class FirstSpec:
    """The network and its seeds as in the plain run, what holds it back, and test losses that we printed at first.

    Attributes
    ----------
    printed
        Regularised loss and plain loss, at epochs 0 and 10; then the regularised one of epoch 10 and the plain one of
        epoch 40.
    """

    first: First
    regularised: Regularised
    printed: tuple[tuple[float, float], ...]


def run_as_submitted(
    spec: FirstSpec, *, data: Mapping[str, Dataset], results: Mapping[str, Result], progress: Progress
) -> AsSubmitted:
    """Train the regularised network with the plain run's seeds, the first one also by the plain loop, and compare."""
    from labcode.lab.regression.first import first_split

    plain = typed(Plain, results[Plain.experiment])
    rows = first_split(data["prices"].frame)
    runs = [(0, True), *((seed, False) for seed in range(plain.seeds))]
    loop, *fast = in_parallel(_losses, [(spec, rows, seed, slow) for seed, slow in runs], done=progress)
    curves, others = np.stack(fast), plain.curves[..., :2]
    test, plain_test = curves[..., 1], others[..., 1]
    added = {epoch: test[:, epoch] - plain_test[:, epoch] for epoch in LIKE_EPOCHS}
    return AsSubmitted(
        seeds=plain.seeds,
        train_mse_epoch=_by_epoch(curves[..., 0], LIKE_EPOCHS),
        test_mse_epoch=_by_epoch(test, LIKE_EPOCHS),
        plain_train_mse_epoch=_by_epoch(others[..., 0], (*LIKE_EPOCHS, UNLIKE_EPOCH)),
        plain_test_mse_epoch=_by_epoch(plain_test, (*LIKE_EPOCHS, UNLIKE_EPOCH)),
        added_mse_epoch={epoch: number(mean_of_seeds(own)) for epoch, own in added.items()},
        added_mse_unlike=number(mean_of_seeds(test[:, LIKE_EPOCHS[1]] - plain_test[:, UNLIKE_EPOCH])),
        plain_epoch_as_good=number(mean_of_seeds(epochs_as_good(test[:, -1], plain_test))),
        last_epoch=Number(test.shape[1] - 1),
        printed_added_mse_epoch={
            epoch: Number(held - free) for epoch, (held, free) in zip(LIKE_EPOCHS, spec.printed[:-1], strict=False)
        },
        printed_added_mse_unlike=Number(spec.printed[-1][0] - spec.printed[-1][1]),
        variance_saved=number(mean_of_seeds(variance_saved(test[:, -1], plain_test[:, test.shape[1] - 1]))),
        mean_mse=plain.mean_mse,
        largest_difference=Number(float(np.abs(curves[0] / loop - 1).max())),
        curves=curves,
        plain_curves=others,
        loop=loop,
    )


def _losses(spec: FirstSpec, rows: list[Any], seed: int, plain: bool) -> Floats:
    """Losses ``(epochs, 2)`` of one run, by the plain loop or by the fast one."""
    import torch

    from labcode.lab.regularization.first import RegularisedNetwork, train_regularised
    from labcode.lab.regularization.first_fast import regularised_losses

    first, own = spec.first, spec.regularised
    training = {"epochs": own.epochs, "lr": first.lr, "weight_decay": own.weight_decay}
    if not plain:
        return regularised_losses(rows, hidden=first.hidden, dropout=own.dropout, seed=seed, **training)  # type: ignore[arg-type]
    torch.manual_seed(seed)
    return np.asarray(train_regularised(RegularisedNetwork(first.hidden, own.dropout), rows, **training))  # type: ignore[arg-type]


def _by_epoch(losses: Floats, epochs: tuple[int, ...]) -> dict[int, Number]:
    return {epoch: number(next_draw_interval(losses[:, epoch])) for epoch in epochs}


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
    return np.array([np.interp(-loss, -own, epochs) for loss, own in zip(losses, plain, strict=True)])


def variance_saved(losses: Floats, plain: Floats) -> Floats:
    """Values ``(n_seeds,)`` whose mean is the share of the plain losses' variance that the other losses lack.

    Examples
    --------
    >>> float(variance_saved(np.array([1.0, 3.0]), np.array([0.0, 4.0])).mean())
    0.75
    """
    squared, of_plain = ((values - values.mean()) ** 2 for values in (losses, plain))
    return np.asarray((of_plain - squared) / of_plain.mean())


def _printed() -> tuple[tuple[float, float], ...]:
    pairs = [*((epoch, epoch) for epoch in LIKE_EPOCHS[:2]), (LIKE_EPOCHS[1], UNLIKE_EPOCH)]
    names = [(f"regularization.test_{held}", f"regression.test_{free}") for held, free in pairs]
    return tuple((float(stated(held).value or 0), float(stated(free).value or 0)) for held, free in names)


def _spec(profile: Profile) -> FirstSpec:
    return FirstSpec(
        first=configured(First, "regression.first", profile=profile),
        regularised=configured(Regularised, "regularization.first", profile=profile),
        printed=_printed(),
    )


EXPERIMENTS = (
    Experiment(
        name=AsSubmitted.experiment,
        run=run_as_submitted,
        spec=_spec("full"),
        quick=_spec("quick"),
        datasets=("prices",),
        needs=(Plain.experiment,),
        seconds=110,
    ),
)

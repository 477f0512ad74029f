"""Our first version's regularised run: the plain loop, the fast one, and what is said of both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from labcode.book.listing import source_of
from labcode.lab.regression.fast import _Passes, full_batch_losses
from labcode.lab.regression.first import FirstNetwork
from labcode.lab.regularization import figures
from labcode.lab.regularization.experiments import epochs_as_good, variance_saved
from labcode.lab.regularization.first import RegularisedNetwork, train_regularised

HIDDEN = (8, 6)


def rows(n: int = 6000) -> list[Tensor]:
    """More rows than a chunk has, so that the last chunk is another size."""
    random = torch.Generator().manual_seed(0)
    X = torch.randn(n, 4, generator=random)
    y = X.sum(dim=1, keepdim=True) + 5
    return [X[: n - 500], X[n - 500 :], y[: n - 500], y[n - 500 :]]


def by_plain_loop(dropout: float, weight_decay: float) -> pd.DataFrame:
    torch.manual_seed(3)
    network = RegularisedNetwork(HIDDEN, dropout)
    return train_regularised(network, rows(), epochs=20, lr=0.01, weight_decay=weight_decay)


def by_fast_loop(dropout: float, weight_decay: float) -> np.ndarray:
    options = {"hidden": HIDDEN, "lr": 0.01, "epochs": 20, "dropout": dropout, "weight_decay": weight_decay}
    return full_batch_losses(rows(), seed=3, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_without_dropout_both_loops_take_the_same_steps(weight_decay: float) -> None:
    np.testing.assert_allclose(by_fast_loop(0.0, weight_decay), by_plain_loop(0.0, weight_decay), rtol=1e-4)


def test_with_dropout_they_differ_by_its_chance_alone() -> None:
    fast, plain = by_fast_loop(0.3, 1e-4), by_plain_loop(0.3, 1e-4).to_numpy()
    assert 0 < np.abs(fast / plain - 1).max() < 0.03
    assert np.abs(fast / by_plain_loop(0.0, 1e-4).to_numpy() - 1).max() > 0.005


def test_the_gradient_is_that_of_the_units_that_were_kept() -> None:
    X, _, y, _ = rows(900)
    torch.manual_seed(0)
    network = FirstNetwork(HIDDEN)
    passes = _Passes(network, 0.5, np.random.SFC64(1))
    passes.step(torch.optim.SGD(network.parameters(), lr=0.0), X, y)
    by_hand = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
    passes.random = np.random.SFC64(1)
    with torch.no_grad():
        kept = [units.clone() > 0 for units in passes._outputs(X, dropping=True)[:2]]
    inner, middle, last = passes.layers
    network.zero_grad()
    first = inner(X).relu() * kept[0] * 2
    second = middle(first).relu() * kept[1] * 2
    (last(second) - y).square().mean().backward()
    for gradient, parameter in zip(by_hand, network.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-3, atol=1e-4)


def test_the_plain_run_passes_a_loss_between_two_epochs() -> None:
    plain = np.array([[4.0, 3.0, 2.0, 1.0], [8.0, 6.0, 4.0, 2.0]])
    assert epochs_as_good(np.array([2.25, 6.0]), plain).tolist() == [1.75, 1.0]


def test_equal_spreads_save_nothing_and_a_wider_one_costs() -> None:
    values = np.array([1.0, 2.0, 4.0])
    saved = [variance_saved(factor * values, values).mean() for factor in (1, 0.5, 2)]
    assert saved == pytest.approx([0, 0.75, -3])


def test_the_printed_losses_are_those_of_both_runs() -> None:
    printed = figures.printed()
    assert printed.groupby("run")["epoch"].max().to_dict() == {"plain": 40, "regularised": 10}
    assert printed["test loss"].between(11_000, 12_500).all()


def test_what_the_page_shows_runs_by_itself() -> None:
    source = source_of("labcode.lab.regularization.first", "RegularisedNetwork", "train_regularised")
    names: dict[str, object] = {}
    exec("from __future__ import annotations\n" + source, names)
    assert {"RegularisedNetwork", "train_regularised"} <= names.keys()

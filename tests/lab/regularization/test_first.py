"""Our first version's regularised run: the plain loop, the fast one, and what is said of both."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from labcode.book.listing import source_of
from labcode.lab.regression.fast import full_batch_losses
from labcode.lab.regularization import figures
from labcode.lab.regularization.first import RegularisedNetwork, train_regularised
from labcode.lab.regularization.first_experiments import epochs_as_good, variance_saved
from labcode.lab.regularization.first_fast import _DroppingPasses, regularised_losses

HIDDEN = (8, 6)


def rows(n: int = 6000) -> list[Tensor]:
    """More rows than a chunk has, so that the last chunk is another size."""
    random = torch.Generator().manual_seed(0)
    X = torch.randn(n, 4, generator=random)
    y = X.sum(dim=1, keepdim=True) + 5
    return [X[: n - 500], X[n - 500 :], y[: n - 500], y[n - 500 :]]


def by_plain_loop(dropout: float, weight_decay: float, seed: int = 3) -> pd.DataFrame:
    torch.manual_seed(seed)
    network = RegularisedNetwork(HIDDEN, dropout)
    return train_regularised(network, rows(), epochs=20, lr=0.01, weight_decay=weight_decay)


def by_fast_loop(dropout: float, weight_decay: float, seed: int = 3) -> np.ndarray:
    options = {"hidden": HIDDEN, "lr": 0.01, "epochs": 20, "dropout": dropout, "weight_decay": weight_decay}
    return regularised_losses(rows(), seed=seed, **options)  # type: ignore[arg-type]


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
    network = RegularisedNetwork(HIDDEN, 0.5)
    passes = _DroppingPasses(network, keep=0.5, random=np.random.SFC64(1))  # type: ignore[arg-type]
    with torch.no_grad():
        passes.forward_and_backward(X, y)
    found = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
    passes.random, passes.dropping = np.random.SFC64(1), True
    with torch.no_grad():
        kept = [units.clone() > 0 for units in passes._outputs(X)[:2]]
    inner, middle, last = passes._layers()
    network.zero_grad()
    first = inner(X).relu() * kept[0] * 2
    second = middle(first).relu() * kept[1] * 2
    (last(second) - y).square().mean().backward()
    for own, parameter in zip(found, network.parameters(), strict=True):
        torch.testing.assert_close(own, parameter.grad, rtol=1e-3, atol=1e-4)


def test_pairs_begin_with_the_same_weights() -> None:
    plain = full_batch_losses(rows(), hidden=HIDDEN, lr=0.01, epochs=1, seed=3)
    assert by_fast_loop(0.0, 0.0)[0] == pytest.approx(plain[0], rel=1e-6)


def test_the_plain_run_passes_a_loss_between_two_epochs() -> None:
    plain = np.array([[4.0, 3.0, 2.0, 1.0], [8.0, 6.0, 4.0, 2.0]])
    assert epochs_as_good(np.array([2.25, 6.0]), plain).tolist() == [1.75, 1.0]


def test_equal_spreads_save_nothing_and_a_wider_one_costs() -> None:
    values = np.array([1.0, 2.0, 4.0])
    assert variance_saved(values, values).tolist() == [0.0, 0.0, 0.0]
    assert variance_saved(values / 2, values).mean() == pytest.approx(0.75)
    assert variance_saved(2 * values, values).mean() == pytest.approx(-3)


def test_the_printed_losses_are_those_of_both_runs() -> None:
    printed = figures.printed()
    assert printed.groupby("run")["epoch"].max().to_dict() == {"plain": 40, "regularised": 10}
    assert printed["test loss"].between(11_000, 12_500).all()


def test_what_the_page_shows_runs_by_itself() -> None:
    source = source_of("labcode.lab.regularization.first", "RegularisedNetwork", "train_regularised")
    names: dict[str, object] = {}
    exec("from __future__ import annotations\n" + source, names)
    assert {"RegularisedNetwork", "train_regularised"} <= names.keys()

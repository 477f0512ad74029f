"""Our first version's regularised run: the plain loop, the fast one, and what is said of both."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from labcode.lab.full_batch import Steps, history, seeded, squared_error
from labcode.lab.regularization import figures
from labcode.lab.regularization.first import RegularisedNetwork, train_regularised

RANDOM = torch.Generator().manual_seed(0)
X = torch.randn(6000, 4, generator=RANDOM)
Y = X.sum(dim=1, keepdim=True) + 5
#: More rows than a chunk has, so that the last chunk is another size.
ROWS = [X[:5500], X[5500:], Y[:5500], Y[5500:]]


def by_both_loops(dropout: float, weight_decay: float) -> tuple[np.ndarray, np.ndarray]:
    fast = seeded(lambda: RegularisedNetwork((8, 6), dropout), 3)
    torch.manual_seed(3)
    slow = train_regularised(RegularisedNetwork((8, 6), dropout), ROWS, epochs=20, lr=0.01, weight_decay=weight_decay)
    return history(fast, ROWS, squared_error, Steps(epochs=20, lr=0.01, weight_decay=weight_decay)), slow.to_numpy()


@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_without_dropout_both_loops_take_the_same_steps(weight_decay: float) -> None:
    fast, plain = by_both_loops(0.0, weight_decay)
    np.testing.assert_allclose(fast, plain, rtol=1e-4)


def test_with_dropout_they_differ_by_its_chance_alone() -> None:
    fast, plain = by_both_loops(0.3, 1e-4)
    assert 0 < np.abs(fast / plain - 1).max() < 0.03
    assert np.abs(fast / by_both_loops(0.0, 1e-4)[1] - 1).max() > 0.005


def test_the_printed_losses_are_those_of_both_runs() -> None:
    printed = figures.printed()
    assert printed.groupby("run")["epoch"].max().to_dict() == {"plain": 40, "regularised": 10}
    assert printed["test loss"].between(11_000, 12_500).all()

"""Holding a network back: the plain loop, the same networks trained as one, and what inner folds choose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from labcode.book.listing import source_of
from labcode.lab.classification.network import plain_networks
from labcode.lab.classification.regularizing import PARAMETER, best_epoch, best_strength, train_held_back
from labcode.lab.classification.regularizing_fast import TrainedFold
from labcode.lab.classification.settings import Plain
from labcode.nets.estimators import TabularClassifier
from labcode.nets.mlp import MLP
from labcode.nets.together import TrainingRows

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
WEIGHT = {0: 1.0, 1: 1.5, 2: 3.0}
CHANGES: list[dict[str, float]] = [
    {},
    {"dropout": 0.3},
    {"weight_decay": 3.0},
    {"l1": 0.05},
    {"input_noise": 0.3},
    {"label_smoothing": 0.2},
]
#: What the plain loop calls the parameters of an estimator.
PLAIN = {"weight_decay": "decay", "l1": "l1", "input_noise": "noise", "label_smoothing": "smoothing"}


def networks(epochs: int = 3) -> list[TabularClassifier]:
    plain = Plain(hidden=(8, 6), batch_size=128, lr=0.01, weight_decay=0.0)
    return [network for own in CHANGES for network in plain_networks(plain, epochs, [7], class_weight=WEIGHT, **own)]


@pytest.fixture(scope="module")
def together() -> TrainedFold:
    return TrainedFold(networks(), TrainingRows(X, Y))


def by_plain_loop(changes: dict[str, float], epochs: int = 3) -> np.ndarray:
    torch.manual_seed(7)
    network = MLP(5, hidden=(8, 6), n_outputs=3, dropout=changes.get("dropout", 0.0))
    weight = np.array([WEIGHT[label] for label in Y])
    options: dict[str, Any] = {PLAIN[name]: value for name, value in changes.items() if name in PLAIN}
    rows = torch.tensor(X), torch.tensor(Y), torch.tensor(weight / weight.mean(), dtype=torch.float32)
    train_held_back(network, *rows, epochs=epochs, seed=7, **options)
    with torch.no_grad():
        return network.eval()(torch.tensor(X)).softmax(dim=1).numpy()


@pytest.mark.parametrize("place", range(len(CHANGES)))
def test_the_plain_loop_trains_the_same_network(place: int, together: TrainedFold) -> None:
    fast = together.probabilities(X, -1, [place])[0]
    np.testing.assert_allclose(by_plain_loop(CHANGES[place]), fast, atol=2e-5)


def test_every_technique_changes_the_network(together: TrainedFold) -> None:
    given = together.probabilities(X, -1, range(len(CHANGES)))
    assert all(np.abs(own - given[0]).max() > 0.001 for own in given[1:])


def test_networks_are_asked_after_the_epoch_that_was_meant(together: TrainedFold) -> None:
    assert len(together.kept) == 3
    by_epoch = [together.probabilities(X, epoch, [0])[0] for epoch in range(3)]
    np.testing.assert_array_equal(by_epoch[-1], together.probabilities(X, -1, [0])[0])
    assert np.abs(by_epoch[0] - by_epoch[1]).max() > 0.01
    chosen = together.probabilities(X, 1, [2, 0])
    np.testing.assert_allclose(chosen[1], by_epoch[1], atol=1e-6)


def test_networks_with_other_numbers_of_epochs_are_refused() -> None:
    with pytest.raises(ValueError, match="equally many epochs"):
        TrainedFold([networks(1)[0], networks(2)[0]], TrainingRows(X, Y))


def test_the_lowest_loss_chooses() -> None:
    assert best_strength({0.1: np.array([1.0, 3.0]), 0.3: np.array([1.5, 1.5]), 1.0: np.array([9.0, 0.0])}) == 0.3
    assert best_epoch(np.array([[3.0, 1.0, 2.0], [3.0, 2.0, 0.5]])) == 2


def test_the_loop_stands_alone() -> None:
    source = source_of("labcode.lab.classification.regularizing", "train_held_back")
    exec("from __future__ import annotations\n" + source, {})
    assert set(PARAMETER.values()) == set(PLAIN) | {"dropout"}

"""Holding a network back: the plain loop, the same networks trained as one, and what inner folds choose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from labcode.lab.classification.figures import by_epoch
from labcode.lab.classification.network import plain_networks
from labcode.lab.classification.regularizing import TrainedFold, train_held_back
from labcode.lab.classification.regularizing_experiments import PARAMETER
from labcode.lab.classification.settings import HoldingBack, Plain
from labcode.lab.classification.tables import techniques
from labcode.lab.classification.training_results import HeldBack
from labcode.lab.config import configured
from labcode.nets.mlp import MLP
from labcode.nets.together import TrainingRows
from labcode.results.typed import Results

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
WEIGHT = {0: 1.0, 1: 1.5, 2: 3.0}
STRENGTHS = {"dropout": 0.3, "decay": 3.0, "l1": 0.05, "noise": 0.3, "smoothing": 0.2}
QUICK = configured(HoldingBack, "classification.regularizing", profile="quick")


@pytest.fixture(scope="module")
def together() -> TrainedFold:
    plain = Plain(hidden=(8, 6), batch_size=128, lr=0.01, weight_decay=0.0)
    changes: list[dict[str, Any]] = [{}, *({PARAMETER[name]: strength} for name, strength in STRENGTHS.items())]
    networks = [network for own in changes for network in plain_networks(plain, 3, [7], class_weight=WEIGHT, **own)]
    return TrainedFold(networks, TrainingRows(X, Y))


@pytest.mark.parametrize(("place", "name"), list(enumerate(["none", *STRENGTHS])))
def test_the_plain_loop_trains_the_same_network(place: int, name: str, together: TrainedFold) -> None:
    torch.manual_seed(7)
    network = MLP(5, hidden=(8, 6), n_outputs=3, dropout=STRENGTHS[name] if name == "dropout" else 0.0)
    weight = np.array([WEIGHT[label] for label in Y])
    options: dict[str, Any] = {} if name in ("none", "dropout") else {name: STRENGTHS[name]}
    rows = torch.tensor(X), torch.tensor(Y), torch.tensor(weight / weight.mean(), dtype=torch.float32)
    train_held_back(network, *rows, epochs=3, seed=7, **options)
    with torch.no_grad():
        answers = network.eval()(torch.tensor(X)).softmax(dim=1).numpy()
    fast = together.probabilities(X, -1, [place, 0])
    np.testing.assert_allclose(answers, fast[0], atol=2e-5)
    assert (np.abs(fast[0] - fast[1]).max() > 0.001) == (name != "none"), "every technique changes the network"


def test_networks_are_asked_after_the_epoch_that_was_meant(together: TrainedFold) -> None:
    assert len(together.kept) == 3
    by_epoch = [together.probabilities(X, epoch, [0])[0] for epoch in range(3)]
    np.testing.assert_array_equal(by_epoch[-1], together.probabilities(X, -1, [0])[0])
    assert np.abs(by_epoch[0] - by_epoch[1]).max() > 0.01
    np.testing.assert_allclose(together.probabilities(X, 1, [2, 0])[1], by_epoch[1], atol=1e-6)


def test_strengths_are_among_those_to_choose_from_and_none_gains_nothing(results: dict[type[Results], Any]) -> None:
    found = results[HeldBack]
    for name in PARAMETER:
        choices = getattr(QUICK, name)
        assert min(choices) <= found.techniques[name].strength.value <= max(choices)
    assert 1 <= found.techniques["stopping"].strength.value <= QUICK.epochs
    none = found.techniques["none"]
    assert (none.log_loss_gain_joint.value, none.gain_joint.low, none.gain_joint.high, none.strength.value) == (
        0,
        0,
        0,
        0,
    )


def test_the_ends_of_the_curves_are_the_losses(results: dict[type[Results], Any]) -> None:
    found = results[HeldBack]
    assert found.curves.shape == (len(found.techniques), QUICK.epochs, 2)
    assert QUICK.seeds == 1  # the curves are of the first seed
    for name, curve in zip(found.techniques, found.curves, strict=True):
        if name != "stopping":
            assert curve[-1, 1] == pytest.approx(found.techniques[name].log_loss.value, rel=0.02)
    assert found.least_loss.value <= found.last_loss.value
    losses = by_epoch(found, ["none", "l1"])
    assert losses["log loss"].iloc[0] == found.curves[0, 0, 0] and len(losses) == 4 * QUICK.epochs
    assert losses["accuracy"].iloc[-1] == found.accuracy_curves[list(found.techniques).index("l1"), -1, 1]
    assert len(techniques(found)) == len(found.techniques)

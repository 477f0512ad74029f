"""Our first version's search: the shown code warns, and the fast one takes the same steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_squared_error
from skorch import NeuralNetRegressor

from labcode.lab.config import configured
from labcode.lab.tuning.fast import asked_for, fast_search
from labcode.lab.tuning.first import SearchedNetwork, first_search, warning_of
from labcode.lab.tuning.settings import First

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(700, 4)).astype(np.float32)
Y = (70 + 30 * X[:, 0] + 5 * RANDOM.normal(size=700)).astype(np.float32)
SETTINGS = replace(configured(First, "tuning.first", profile="quick"), epochs=3, seeds=2)


def test_the_shown_search_has_four_candidates_on_two_folds() -> None:
    search = first_search(X, Y, epochs=1)
    assert len(search.cv_results_["params"]) == 4 and search.n_splits_ == 2
    assert search.best_score_ == search.cv_results_["mean_test_score"].max() < 0


def test_pytorch_warns_of_the_shape_and_the_cure_silences_it() -> None:
    said = warning_of(X, Y)
    assert "torch.Size([128])" in said and "torch.Size([128, 1])" in said and "broadcasting" in said
    assert warning_of(X, Y.reshape(-1, 1)) == ""


def test_the_broadcast_asks_for_the_mean_of_the_batch() -> None:
    targets = torch.randn(7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gradients = []
    for wanted in (targets, torch.tensor(asked_for(targets.numpy(), 7))[:, None]):
        outputs = torch.linspace(-1, 1, 7, dtype=torch.float64)[:, None].requires_grad_()
        (outputs - wanted).square().mean().backward()  # type: ignore[no-untyped-call]
        gradients.append(outputs.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("shape", ["(n,)", "(n, 1)"])
def test_the_fast_search_scores_as_skorch_does(shape: str) -> None:
    y = Y if shape == "(n,)" else Y.reshape(-1, 1)
    fast, networks = fast_search(X, Y, SETTINGS, faulty=y.ndim == 1)
    assert len(networks) == fast.size
    halves = [(slice(350, 700), slice(350)), (slice(350), slice(350, 700))]
    plain = []
    for seed in range(SETTINGS.seeds):
        for rate, units in SETTINGS.candidates:
            scores = []
            for train, held in halves:
                torch.manual_seed(seed)
                network = NeuralNetRegressor(
                    SearchedNetwork,
                    module__hidden1=units,
                    lr=rate,
                    max_epochs=SETTINGS.epochs,
                    optimizer=torch.optim.Adam,
                    verbose=0,
                )
                answers = network.fit(X[train], y[train]).predict(X[held])
                scores.append(-mean_squared_error(Y[held], answers[:, 0]))
            plain.append(np.mean(scores))
    np.testing.assert_allclose(fast.ravel(), plain, rtol=1e-4)

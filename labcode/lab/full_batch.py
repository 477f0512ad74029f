"""The full-batch trainings of our first version for many seeds: the steps of the plain loops, in chunks of rows.

A chunk's activations stay in the processor's cache, so a step takes a third of the time of the loops that pages show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

#: Sums over rows, ``(k,)``, from outputs and targets; the mean of the first is the loss.
Sums = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Steps of Adam, one an epoch on all rows; a chunk of them, whose activations fit a cache, is passed at a time."""

    epochs: int
    lr: float
    weight_decay: float = 0.0
    chunk: int = 4096


class QuickDropout(nn.Module):
    """Dropout by NumPy's fastest generator, 16 bits a unit; the chance to stay is met to within 1 / 131,072."""

    def __init__(self, dropout: float, random: np.random.SFC64) -> None:
        super().__init__()
        self.keep, self.random = 1 - dropout, random

    def forward(self, units: Tensor) -> Tensor:
        if not self.training:
            return units
        bits = self.random.random_raw(-(-units.numel() // 4)).view(np.uint16)[: units.numel()]
        kept = torch.from_numpy(bits < round(self.keep * 2**16)).view(units.shape)
        return units * kept.float().div_(self.keep)


def seeded(module: Callable[[], nn.Module], seed: int) -> nn.Module:
    """A network with the initial weights of a seed, its dropout, where it has any, by :class:`QuickDropout`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = module()
    random, layers = np.random.SFC64(seed), network.layers
    assert isinstance(layers, nn.Sequential)
    for place, layer in enumerate(layers):
        if isinstance(layer, nn.Dropout):
            layers[place] = QuickDropout(layer.p, random) if layer.p else nn.Identity()
    return network


def history(network: nn.Module, rows: list[Tensor], sums: Sums, steps: Steps) -> np.ndarray:
    """Train in place on rows as the first versions' splits return them: ``X_train, X_test, y_train, y_test``.

    ``(epochs, 2 * k)``: each mean of the training rows as the step saw them, and of the test rows after it.
    """
    X, X_test, y, y_test = rows
    means = [(seen, _means(network, X_test, y_test, sums, steps.chunk)) for seen in trained(network, X, y, sums, steps)]
    return np.array([np.ravel(both, order="F") for both in means])


def trained(network: nn.Module, X: Tensor, y: Tensor, sums: Sums, steps: Steps) -> Iterator[np.ndarray]:
    """Take the steps one by one; the means ``(k,)`` that each has seen."""
    optimizer = torch.optim.Adam(network.parameters(), lr=steps.lr, weight_decay=steps.weight_decay)
    for _ in range(steps.epochs):
        network.train()
        optimizer.zero_grad()
        seen = []
        for inputs, targets in zip(torch.split(X, steps.chunk), torch.split(y, steps.chunk), strict=True):
            found = sums(network(inputs), targets)
            (found[0] / len(X)).backward()  # type: ignore[no-untyped-call]
            seen.append(found.detach())
        optimizer.step()
        yield torch.stack(seen).sum(dim=0).numpy() / len(X)


@torch.no_grad()
def outputs(network: nn.Module, X: Tensor, chunk: int = 4096) -> Tensor:
    """What a network answers, dropout off."""
    network.eval()
    return torch.cat([network(inputs) for inputs in torch.split(X, chunk)])


@torch.no_grad()
def _means(network: nn.Module, X: Tensor, y: Tensor, sums: Sums, chunk: int) -> np.ndarray:
    network.eval()
    parts = [sums(network(inputs), targets) for inputs, targets in zip(torch.split(X, chunk), torch.split(y, chunk))]
    return np.asarray(torch.stack(parts).sum(dim=0) / len(X))


def squared_error(answers: Tensor, targets: Tensor) -> Tensor:
    """The sum of squared errors, ``(1,)``."""
    return (answers - targets).square().sum(dtype=torch.float64)[None]


def cross_entropy_and_right(scores: Tensor, classes: Tensor) -> Tensor:
    """The sum of cross-entropies, and how many highest scores are those of the classes, ``(2,)``."""
    right = (scores.detach().argmax(dim=1) == classes).sum()
    losses = nn.functional.cross_entropy(scores, classes, reduction="none")
    return torch.stack([losses.sum(dtype=torch.float64), right])

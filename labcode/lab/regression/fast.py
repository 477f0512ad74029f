"""The full-batch trainings of our first version for many seeds: the same steps, written out in chunks.

A chunk's activations stay in the processor's cache, and its buffers are allocated once, so a step takes less than half
the time of the plain loop in :mod:`labcode.lab.regression.first`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from labcode.lab.regression.first import FirstNetwork

#: Rows that go through the network at a time: what their activations fill fits the second cache.
CHUNK = 4096


def full_batch_losses(
    rows: list[Tensor],
    *,
    hidden: tuple[int, int],
    lr: float,
    epochs: int,
    seed: int,
    dropout: float = 0.0,
    weight_decay: float = 0.0,
) -> np.ndarray:
    """Train our first version's network with a seed, each step on all training rows.

    Parameters
    ----------
    rows
        ``X_train, X_test`` ``(n, 4)`` and ``y_train, y_test`` ``(n, 1)``, as `first_split` returns them.
    hidden, lr, epochs, dropout, weight_decay
        As in our first version; dropout is behind both hidden layers.
    seed
        Of the initial weights, which do not depend on the dropout, and of the dropout.

    Returns
    -------
    ndarray
        ``(epochs, 2)``: the loss of each step, with dropout, and the test loss after it, without.
    """
    X_train, X_test, y_train, y_test = rows
    passes = _Passes(_network(hidden, seed), 1 - dropout, np.random.SFC64(seed))
    optimizer = torch.optim.Adam(passes.network.parameters(), lr=lr, weight_decay=weight_decay)
    return np.array([(passes.step(optimizer, X_train, y_train), passes.loss(X_test, y_test)) for _ in range(epochs)])


def full_batch_answers(
    X: Tensor, y: Tensor, others: Tensor, *, hidden: tuple[int, ...], lr: float, epochs: int, seed: int
) -> np.ndarray:
    """Train in the same way, and answer for other rows, ``(n,)``."""
    passes = _Passes(_network(hidden, seed))
    optimizer = torch.optim.Adam(passes.network.parameters(), lr=lr)
    for _ in range(epochs):
        passes.step(optimizer, X, y)
    with torch.no_grad():
        return torch.cat([passes.network(rows) for rows in torch.split(others, CHUNK)])[:, 0].numpy()


def _network(hidden: tuple[int, ...], seed: int) -> FirstNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FirstNetwork((hidden[0], hidden[1]))


@dataclass
class _Passes:
    """Passes of a network with two hidden layers over many rows, a chunk at a time."""

    network: FirstNetwork
    keep: float = 1.0
    random: np.random.SFC64 = field(default_factory=np.random.SFC64)

    def __post_init__(self) -> None:
        for parameter in self.network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        self.layers = [layer for layer in self.network.layers if isinstance(layer, nn.Linear)]
        widths = [layer.out_features for layer in self.layers]
        self.buffers = [torch.empty(CHUNK, width) for width in (*widths, *widths[:2])]

    @torch.no_grad()
    def step(self, optimizer: torch.optim.Optimizer, X: Tensor, y: Tensor) -> float:
        """One step of the optimiser on all rows; the loss before it."""
        optimizer.zero_grad(set_to_none=False)
        total = 0.0
        for rows, targets in zip(torch.split(X, CHUNK), torch.split(y, CHUNK)):
            first, second, outputs = self._outputs(rows, dropping=self.keep < 1)
            error = outputs.sub_(targets)
            total += float(error.square().sum(dtype=torch.float64))
            self._backward(rows, first, second, error.mul_(2 / len(X)))
        optimizer.step()
        return total / len(X)

    @torch.no_grad()
    def loss(self, X: Tensor, y: Tensor) -> float:
        """Mean squared error over all rows, without dropout."""
        total = 0.0
        for rows, targets in zip(torch.split(X, CHUNK), torch.split(y, CHUNK)):
            total += float((self._outputs(rows)[2] - targets).square_().sum(dtype=torch.float64))
        return total / len(X)

    def _outputs(self, X: Tensor, *, dropping: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        first, second, outputs = (buffer[: len(X)] for buffer in self.buffers[:3])
        inputs = X
        for layer, units in zip(self.layers, (first, second)):
            torch.addmm(layer.bias, inputs, layer.weight.t(), out=units).relu_()
            if dropping:
                self._drop(units)
            inputs = units
        torch.addmm(self.layers[2].bias, second, self.layers[2].weight.t(), out=outputs)
        return first, second, outputs

    def _drop(self, units: Tensor) -> None:
        """Zero some units in place and scale the others; 16 random bits decide on each."""
        bits = self.random.random_raw(-(-units.numel() // 4)).view(np.uint16)[: units.numel()]
        kept = torch.from_numpy(bits < round(self.keep * 2**16)).view(units.shape)
        units.mul_(kept.float().div_(self.keep))

    def _backward(self, X: Tensor, first: Tensor, second: Tensor, error: Tensor) -> None:
        # What is dropped is zero, as what ReLU cuts off is; the rest was divided by the share that is kept.
        inner, middle, last = self.layers
        _add(last, error, second)
        for layer, inputs, units, buffer, above in ((middle, first, second, 4, last), (inner, X, first, 3, middle)):
            error = _through_relu(torch.mm(error, above.weight, out=self.buffers[buffer][: len(X)]), units)
            if self.keep < 1:
                error.div_(self.keep)
            _add(layer, error, inputs)


def _through_relu(grad: Tensor, outputs: Tensor) -> Tensor:
    """Zero, in place, where the units answered zero; PyTorch's own kernel, a quarter faster than a mask."""
    return torch.ops.aten.threshold_backward.grad_input(grad, outputs, 0, grad_input=grad)  # type: ignore[no-any-return]


def _add(layer: nn.Linear, grad: Tensor, inputs: Tensor) -> None:
    assert layer.weight.grad is not None and layer.bias.grad is not None
    layer.weight.grad.addmm_(grad.t(), inputs)
    layer.bias.grad += grad.sum(dim=0)

"""The training of our first version for many seeds: the same steps, forward and backward written out in chunks.

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


def full_batch_losses(rows: list[Tensor], *, hidden: tuple[int, int], lr: float, epochs: int, seed: int) -> np.ndarray:
    """Train our first version's network with a seed, each step on all training rows.

    Parameters
    ----------
    rows
        ``X_train, X_test`` ``(n, 4)`` and ``y_train, y_test`` ``(n, 1)``, as `first_split` returns them.
    hidden, lr, epochs, seed
        As in our first version; ``seed`` is that of the initial weights.

    Returns
    -------
    ndarray
        ``(epochs, 2)``: the loss of each step, and the test loss after it.
    """
    X_train, X_test, y_train, y_test = rows
    passes, optimizer = _begin(hidden, lr, seed)
    return np.array([(passes.step(optimizer, X_train, y_train), passes.loss(X_test, y_test)) for _ in range(epochs)])


def full_batch_answers(
    X: Tensor, y: Tensor, others: Tensor, *, hidden: tuple[int, int], lr: float, epochs: int, seed: int
) -> np.ndarray:
    """Train in the same way, and answer for other rows, ``(n,)``."""
    passes, optimizer = _begin(hidden, lr, seed)
    for _ in range(epochs):
        passes.step(optimizer, X, y)
    with torch.no_grad():
        return torch.cat([passes.network(rows) for rows in torch.split(others, CHUNK)])[:, 0].numpy()


def _begin(hidden: tuple[int, int], lr: float, seed: int) -> tuple[_Passes, torch.optim.Optimizer]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FirstNetwork(hidden)
    return _Passes(network), torch.optim.Adam(network.parameters(), lr=lr)


@dataclass
class _Passes:
    """Passes of a network with two hidden layers over many rows, a chunk at a time."""

    network: FirstNetwork
    buffers: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        for parameter in self.network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        widths = [layer.out_features for layer in self._layers()]
        self.buffers = [torch.empty(CHUNK, width) for width in (*widths, *widths[:2])]

    def _layers(self) -> list[nn.Linear]:
        return [layer for layer in self.network.layers if isinstance(layer, nn.Linear)]

    def _outputs(self, X: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        first, second, outputs = (buffer[: len(X)] for buffer in self.buffers[:3])
        inner, middle, last = self._layers()
        torch.addmm(inner.bias, X, inner.weight.t(), out=first).relu_()
        torch.addmm(middle.bias, first, middle.weight.t(), out=second).relu_()
        torch.addmm(last.bias, second, last.weight.t(), out=outputs)
        return first, second, outputs

    @torch.no_grad()
    def step(self, optimizer: torch.optim.Optimizer, X: Tensor, y: Tensor) -> float:
        """One step of the optimiser on all rows; the loss before it."""
        loss = self.forward_and_backward(X, y)
        optimizer.step()
        return loss

    @torch.no_grad()
    def loss(self, X: Tensor, y: Tensor) -> float:
        """Mean squared error over all rows."""
        total = 0.0
        for rows, targets in zip(torch.split(X, CHUNK), torch.split(y, CHUNK)):
            total += float((self._outputs(rows)[2] - targets).square_().sum(dtype=torch.float64))
        return total / len(X)

    def forward_and_backward(self, X: Tensor, y: Tensor) -> float:
        """The same, and its gradient in the parameters' ``grad``."""
        total = 0.0
        for parameter in self.network.parameters():
            assert parameter.grad is not None
            parameter.grad.zero_()
        for rows, targets in zip(torch.split(X, CHUNK), torch.split(y, CHUNK)):
            first, second, outputs = self._outputs(rows)
            error = outputs.sub_(targets)
            total += float(error.square().sum(dtype=torch.float64))
            self._backward(rows, first, second, error.mul_(2 / len(X)))
        return total / len(X)

    def _backward(self, X: Tensor, first: Tensor, second: Tensor, error: Tensor) -> None:
        inner, middle, last = self._layers()
        _add(last, error, second)
        grad = _through_relu(torch.mm(error, last.weight, out=self.buffers[4][: len(X)]), second)
        _add(middle, grad, first)
        grad = _through_relu(torch.mm(grad, middle.weight, out=self.buffers[3][: len(X)]), first)
        _add(inner, grad, X)


def _through_relu(grad: Tensor, outputs: Tensor) -> Tensor:
    """Zero, in place, where the units answered zero; PyTorch's own kernel, a quarter faster than a mask."""
    return torch.ops.aten.threshold_backward.grad_input(grad, outputs, 0, grad_input=grad)  # type: ignore[no-any-return]


def _add(layer: nn.Linear, grad: Tensor, inputs: Tensor) -> None:
    assert layer.weight.grad is not None and layer.bias.grad is not None
    layer.weight.grad.addmm_(grad.t(), inputs)
    layer.bias.grad += grad.sum(dim=0)

"""The training of our first version's regularised network for many seeds: the same steps in chunks, with dropout."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from labcode.lab.regression.fast import _add, _Passes, _through_relu
from labcode.lab.regularization.first import RegularisedNetwork


def regularised_losses(
    rows: list[Tensor],
    *,
    hidden: tuple[int, int],
    lr: float,
    epochs: int,
    dropout: float,
    weight_decay: float,
    seed: int,
) -> np.ndarray:
    """Train our first version's regularised network with a seed, each step on all training rows.

    Parameters
    ----------
    rows
        ``X_train, X_test`` ``(n, 4)`` and ``y_train, y_test`` ``(n, 1)``, as `first_split` returns them.
    hidden, lr, epochs, dropout, weight_decay
        As in our first version.
    seed
        Of the initial weights, which are those of the network without dropout, and of the dropout.

    Returns
    -------
    ndarray
        ``(epochs, 2)``: the loss of each step, with dropout, and the test loss after it, without.
    """
    X_train, X_test, y_train, y_test = rows
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = RegularisedNetwork(hidden, dropout)
    passes = _DroppingPasses(network, keep=1 - dropout, random=np.random.SFC64(seed))  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(network.parameters(), lr=lr, weight_decay=weight_decay)
    return np.array([(passes.step(optimizer, X_train, y_train), passes.loss(X_test, y_test)) for _ in range(epochs)])


@dataclass(kw_only=True)
class _DroppingPasses(_Passes):
    """Passes of which each, forward and backward, drops units behind both hidden layers."""

    keep: float
    random: np.random.SFC64
    dropping: bool = field(init=False, default=False)

    def forward_and_backward(self, X: Tensor, y: Tensor) -> float:
        self.dropping = True
        loss = super().forward_and_backward(X, y)
        self.dropping = False
        return loss

    def _drop(self, units: Tensor) -> Tensor:
        """Zero some units in place and scale the others; 16 random bits decide on each."""
        bits = self.random.random_raw(-(-units.numel() // 4)).view(np.uint16)[: units.numel()]
        kept = torch.from_numpy(bits < round(self.keep * 2**16)).view(units.shape)
        return units.mul_(kept.float().div_(self.keep))

    def _outputs(self, X: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if not self.dropping:
            return super()._outputs(X)
        first, second, outputs = (buffer[: len(X)] for buffer in self.buffers[:3])
        inner, middle, last = self._layers()
        self._drop(torch.addmm(inner.bias, X, inner.weight.t(), out=first).relu_())
        self._drop(torch.addmm(middle.bias, first, middle.weight.t(), out=second).relu_())
        torch.addmm(last.bias, second, last.weight.t(), out=outputs)
        return first, second, outputs

    def _backward(self, X: Tensor, first: Tensor, second: Tensor, error: Tensor) -> None:
        # What is dropped is zero, as what ReLU cuts off is; the rest was divided by the share that is kept.
        inner, middle, last = self._layers()
        _add(last, error, second)
        grad = torch.mm(error, last.weight, out=self.buffers[4][: len(X)])
        grad = _through_relu(grad, second).div_(self.keep)
        _add(middle, grad, first)
        grad = torch.mm(grad, middle.weight, out=self.buffers[3][: len(X)])
        grad = _through_relu(grad, first).div_(self.keep)
        _add(inner, grad, X)

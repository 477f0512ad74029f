"""The training of our first version for many seeds: the same steps, forward and backward written out in chunks.

A chunk's activations stay in the processor's cache, and its buffers are allocated once. The inputs have a column of
ones, which takes the place of the first bias, and the outputs have their classes in rows: matrices with seven columns,
and a softmax over columns, are slow. So a step takes a fraction of the time of the plain loop in
:mod:`labcode.lab.classification.first`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from labcode.lab.classification.first import FirstNetwork

#: Rows that go through the network at a time: what their activations fill fits the second cache.
CHUNK = 2048
#: For the rows of each chunk, what the units of both hidden layers are multiplied by, ``(n, units)`` each.
Masks = Iterator[tuple[Tensor, Tensor]]
#: Draws the masks of a step, from the number of rows and the units of each hidden layer.
DrawMasks = Callable[[int, tuple[int, int]], Masks]


def quick_masks(dropout: float, seed: int) -> DrawMasks:
    """Masks by NumPy's fastest generator, 16 bits a unit; the chance to stay is met to within 1 / 131,072."""
    random = np.random.SFC64(seed)
    kept = round((1 - dropout) * 2**16)

    def mask(n: int, units: int) -> Tensor:
        bits = random.random_raw(-(-n * units // 4)).view(np.uint16)[: n * units]
        return torch.from_numpy(bits < kept).view(n, units).float().div_(1 - dropout)

    def masks(n: int, units: tuple[int, int]) -> Masks:
        for start in range(0, n, CHUNK):
            size = min(CHUNK, n - start)
            yield mask(size, units[0]), mask(size, units[1])

    return masks


def same_masks(dropout: float) -> DrawMasks:
    """The masks that ``nn.Dropout`` draws from PyTorch's generator as it stands."""

    def masks(n: int, units: tuple[int, int]) -> Masks:
        whole = [torch.empty(n, width).bernoulli_(1 - dropout).div_(1 - dropout) for width in units]
        yield from zip(torch.split(whole[0], CHUNK), torch.split(whole[1], CHUNK), strict=True)

    return masks


@dataclass
class FastNetwork:
    """Our first version's network, trained by passes over chunks of rows.

    Attributes
    ----------
    network
        Its weights are trained in place.
    masks
        What draws dropout's masks; ``None`` without dropout.
    """

    network: FirstNetwork
    masks: DrawMasks | None = None
    buffers: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        for parameter in self.network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        first, second, last = (layer.out_features for layer in self._layers())
        shapes = [(CHUNK, first), (CHUNK, second), (CHUNK, second), (CHUNK, first), (last, CHUNK)]
        self.buffers = [torch.empty(shape) for shape in shapes]

    @torch.no_grad()
    def train(self, rows: list[Tensor], *, epochs: int, lr: float, weight_decay: float = 0.0) -> np.ndarray:
        """Take the steps of `train_first` on rows as `first_split` returns them; its history, ``(epochs, 4)``."""
        (X_train, X_test), (y_train, y_test) = map(_with_ones, rows[:2]), rows[2:]
        optimizer = torch.optim.Adam(self.network.parameters(), lr=lr, weight_decay=weight_decay)
        history = np.empty((epochs, 4))
        for epoch in range(epochs):
            history[epoch, [0, 2]] = self._gradients(X_train, y_train)
            optimizer.step()
            history[epoch, [1, 3]] = self._measured(X_test, y_test)
        return history

    @torch.no_grad()
    def predict(self, X: Tensor) -> np.ndarray:
        """Class numbers ``(n,)``, dropout off."""
        chunks = torch.split(_with_ones(X), CHUNK)
        return torch.cat([self._outputs(rows)[2].t().argmax(dim=1) for rows in chunks]).numpy()

    def _layers(self) -> list[nn.Linear]:
        return [layer for layer in self.network.layers if isinstance(layer, nn.Linear)]

    def _outputs(self, X: Tensor, masks: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Both hidden layers ``(n, units)``, and the outputs, ``(6, n)``."""
        first, second = (buffer[: len(X)] for buffer in self.buffers[:2])
        inner, middle, last = self._layers()
        torch.mm(X, torch.cat([inner.weight, inner.bias[:, None]], dim=1).t(), out=first).relu_()
        if masks is not None:
            first.mul_(masks[0])
        torch.addmm(middle.bias, first, middle.weight.t(), out=second).relu_()
        if masks is not None:
            second.mul_(masks[1])
        # A chunk that is not full has outputs of its own: in part of a buffer, their rows would lie apart.
        outputs = self.buffers[4] if len(X) == CHUNK else torch.empty(last.out_features, len(X))
        return first, second, torch.addmm(last.bias[:, None], last.weight, second.t(), out=outputs)

    def _measured(self, X: Tensor, y: Tensor) -> tuple[float, float]:
        """Loss and accuracy, dropout off."""
        loss = right = 0.0
        for rows, classes in zip(torch.split(X, CHUNK), torch.split(y, CHUNK), strict=True):
            part, found, _ = _scored(self._outputs(rows)[2], classes)
            loss, right = loss + part, right + found
        return loss / len(X), right / len(X)

    def _gradients(self, X: Tensor, y: Tensor) -> tuple[float, float]:
        """Loss and accuracy with dropout on, and the loss's gradient in the parameters' ``grad``."""
        inner, middle, _ = self._layers()
        for parameter in self.network.parameters():
            assert parameter.grad is not None
            parameter.grad.zero_()
        drawn = self.masks(len(X), (inner.out_features, middle.out_features)) if self.masks is not None else None
        loss = right = 0.0
        for rows, classes in zip(torch.split(X, CHUNK), torch.split(y, CHUNK), strict=True):
            masks = None if drawn is None else next(drawn)
            first, second, outputs = self._outputs(rows, masks)
            part, found, chances = _scored(outputs, classes)
            loss, right = loss + part, right + found
            error = chances.exp_()
            error.scatter_add_(0, classes[None], torch.full((1, len(rows)), -1.0))
            self._backward(rows, first, second, error.mul_(1 / len(X)), masks)
        return loss / len(X), right / len(X)

    def _backward(
        self, X: Tensor, first: Tensor, second: Tensor, error: Tensor, masks: tuple[Tensor, Tensor] | None
    ) -> None:
        inner, middle, last = self._layers()
        _add(last, error @ second, error.sum(dim=1))
        grad = torch.mm(error.t(), last.weight, out=self.buffers[2][: len(X)])
        _through_relu(grad, second, None if masks is None else masks[1])
        _add(middle, grad.t() @ first, grad.sum(dim=0))
        grad = torch.mm(grad, middle.weight, out=self.buffers[3][: len(X)])
        _through_relu(grad, first, None if masks is None else masks[0])
        both = grad.t() @ X
        _add(inner, both[:, :-1], both[:, -1])


def _with_ones(X: Tensor) -> Tensor:
    return torch.cat([X, torch.ones(len(X), 1)], dim=1)


def _scored(outputs: Tensor, y: Tensor) -> tuple[float, int, Tensor]:
    """Sum of losses, number of right answers, and logarithms of the chances ``(6, n)``."""
    chances = torch.log_softmax(outputs, dim=0)
    own = chances.gather(0, y[None])[0]
    return -float(own.sum()), int((own == chances.amax(dim=0)).sum()), chances


def _through_relu(grad: Tensor, outputs: Tensor, mask: Tensor | None) -> None:
    """Times dropout's mask, and zero where the units answered zero, in place."""
    if mask is not None:
        grad.mul_(mask)
    torch.ops.aten.threshold_backward.grad_input(grad, outputs, 0, grad_input=grad)


def _add(layer: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    assert layer.weight.grad is not None and layer.bias.grad is not None
    layer.weight.grad += weight
    layer.bias.grad += bias

"""The training of our first version for many seeds: the same steps, forward and backward written out in chunks.

A chunk's activations stay in the processor's cache, its buffers are allocated once, and dropout masks are drawn 16 bits
a unit. So a step takes a fraction of the time of the plain loop in :mod:`labcode.lab.classification.first`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from labcode.lab.classification.first import FirstNetwork

#: Rows that go through the network at a time: what their activations fill fits the second cache.
CHUNK = 2048
#: Draws, from the number of rows and the units of each hidden layer, which units stay: boolean ``(n, units)`` each.
Masks = Callable[[int, tuple[int, int]], tuple[Tensor, Tensor]]


def quick_masks(dropout: float, seed: int) -> Masks:
    """Masks by NumPy's fastest generator; the chance to stay is met to within 1 / 131,072."""
    random = np.random.Generator(np.random.SFC64(seed))
    kept = round((1 - dropout) * 2**16)

    def mask(n: int, units: int) -> Tensor:
        bits = np.frombuffer(random.bytes(2 * n * units), dtype=np.uint16)
        return torch.from_numpy(bits < kept).view(n, units)

    return lambda n, widths: (mask(n, widths[0]), mask(n, widths[1]))


def same_masks(dropout: float) -> Masks:
    """The masks that ``nn.Dropout`` draws from PyTorch's generator as it stands."""

    def mask(n: int, units: int) -> Tensor:
        return torch.empty(n, units, dtype=torch.bool).bernoulli_(1 - dropout)

    return lambda n, widths: (mask(n, widths[0]), mask(n, widths[1]))


@dataclass
class FastNetwork:
    """Our first version's network, trained by passes over chunks of rows.

    Attributes
    ----------
    network
        Its weights are trained in place.
    dropout
        Share of the hidden units that each step leaves out.
    """

    network: FirstNetwork
    dropout: float = 0.0
    buffers: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        for parameter in self.network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        widths = [layer.out_features for layer in self._layers()]
        self.buffers = [torch.empty(CHUNK, width) for width in (*widths, *widths[:2])]

    @torch.no_grad()
    def train(
        self, rows: list[Tensor], *, epochs: int, lr: float, weight_decay: float, masks: Masks | None = None
    ) -> np.ndarray:
        """Take the steps of `train_first` on rows as `first_split` returns them; its history, ``(epochs, 4)``."""
        X_train, X_test, y_train, y_test = rows
        optimizer = torch.optim.Adam(self.network.parameters(), lr=lr, weight_decay=weight_decay)
        history = np.empty((epochs, 4))
        for epoch in range(epochs):
            history[epoch, [0, 2]] = self._gradients(X_train, y_train, masks)
            optimizer.step()
            history[epoch, [1, 3]] = self._measured(X_test, y_test)
        return history

    @torch.no_grad()
    def predict(self, X: Tensor) -> np.ndarray:
        """Class numbers ``(n,)``, dropout off."""
        return torch.cat([self._outputs(rows)[2].argmax(dim=1) for rows in torch.split(X, CHUNK)]).numpy()

    def _layers(self) -> list[nn.Linear]:
        return [layer for layer in self.network.layers if isinstance(layer, nn.Linear)]

    def _outputs(self, X: Tensor, kept: tuple[Tensor, ...] = ()) -> tuple[Tensor, Tensor, Tensor]:
        """Both hidden layers, without the factor that dropout has for the units that stay, and the outputs."""
        first, second, outputs = (buffer[: len(X)] for buffer in self.buffers[:3])
        inner, middle, last = self._layers()
        scale = self._scale if kept else 1.0
        torch.addmm(inner.bias, X, inner.weight.t(), out=first).relu_()
        if kept:
            first.mul_(kept[0])
        torch.addmm(middle.bias, first, middle.weight.t(), alpha=scale, out=second).relu_()
        if kept:
            second.mul_(kept[1])
        torch.addmm(last.bias, second, last.weight.t(), alpha=scale, out=outputs)
        return first, second, outputs

    @property
    def _scale(self) -> float:
        return 1 / (1 - self.dropout)

    def _measured(self, X: Tensor, y: Tensor) -> tuple[float, float]:
        """Loss and accuracy, dropout off."""
        loss = right = 0.0
        for rows, classes in zip(torch.split(X, CHUNK), torch.split(y, CHUNK)):
            outputs = self._outputs(rows)[2]
            loss += float(nn.functional.cross_entropy(outputs, classes, reduction="sum"))
            right += int((outputs.argmax(dim=1) == classes).sum())
        return loss / len(X), right / len(X)

    def _gradients(self, X: Tensor, y: Tensor, masks: Masks | None) -> tuple[float, float]:
        """Loss and accuracy with dropout on, and the loss's gradient in the parameters' ``grad``."""
        for parameter in self.network.parameters():
            assert parameter.grad is not None
            parameter.grad.zero_()
        loss = right = 0.0
        for rows, classes, *kept in zip(torch.split(X, CHUNK), torch.split(y, CHUNK), *self._kept(len(X), masks)):
            first, second, outputs = self._outputs(rows, tuple(kept))
            right += int((outputs.argmax(dim=1) == classes).sum())
            chances = torch.log_softmax(outputs, dim=1)
            loss -= float(chances.gather(1, classes[:, None]).sum())
            error = chances.exp_()
            error[torch.arange(len(rows)), classes] -= 1
            self._backward(rows, first, second, error.div_(len(X)), self._scale if kept else 1.0)
        return loss / len(X), right / len(X)

    def _kept(self, n: int, masks: Masks | None) -> Iterator[Iterable[Tensor]]:
        """The masks of both hidden layers in chunks; none without dropout."""
        inner, middle, _ = self._layers()
        if masks is not None:
            yield from (torch.split(mask, CHUNK) for mask in masks(n, (inner.out_features, middle.out_features)))

    def _backward(self, X: Tensor, first: Tensor, second: Tensor, error: Tensor, scale: float) -> None:
        inner, middle, last = self._layers()
        _add(last, error, second, scale)
        grad = torch.mm(error, last.weight, out=self.buffers[4][: len(X)]).mul_(scale)
        _add(middle, _through_relu(grad, second), first, scale)
        grad = torch.mm(grad, middle.weight, out=self.buffers[3][: len(X)]).mul_(scale)
        _add(inner, _through_relu(grad, first), X, 1.0)


def _through_relu(grad: Tensor, outputs: Tensor) -> Tensor:
    """Zero, in place, where the units answered zero or were left out."""
    return torch.ops.aten.threshold_backward.grad_input(grad, outputs, 0, grad_input=grad)  # type: ignore[no-any-return]


def _add(layer: nn.Linear, grad: Tensor, inputs: Tensor, scale: float) -> None:
    assert layer.weight.grad is not None and layer.bias.grad is not None
    layer.weight.grad.addmm_(grad.t(), inputs, alpha=scale)
    layer.bias.grad += grad.sum(dim=0)

"""The networks, nothing but PyTorch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


def dropout_mask(shape: Sequence[int], keep: float, generator: torch.Generator | None = None) -> Tensor:
    """Ones with probability ``keep`` and zeros, divided by ``keep`` so that their mean is 1, on the CPU.

    Each value is decided by 16 random bits, four to a draw of PyTorch's generator, which draws only 64 at a time: this
    is seven times faster than a draw for each value. The probability is met to within 1 / 131,072.

    >>> mask = dropout_mask((1000, 8), keep=0.75, generator=torch.Generator().manual_seed(0))
    >>> sorted(mask.unique().tolist()), round(mask.mean().item(), 1)
    ([0.0, 1.3333333730697632], 1.0)
    """
    size = math.prod(shape)
    words = torch.empty(-(-size // 4), dtype=torch.int64).random_(-(2**63), None, generator=generator)
    last_kept = max(round(keep * 2**16), 1) - 2**15 - 1
    return (words.view(torch.int16)[:size] <= last_kept).view(*shape).float().div_(keep)


class Dropout(nn.Dropout):
    """PyTorch's dropout; on the CPU with masks that are drawn faster (:func:`dropout_mask`)."""

    def forward(self, input: Tensor) -> Tensor:
        """The input as it is in evaluation mode, else with units set to zero and the others scaled up."""
        if not self.training or input.device.type != "cpu":
            return super().forward(input)
        return input * dropout_mask(input.shape, 1.0 - self.p)


class MLP(nn.Module):
    """Multilayer perceptron: linear layers with a ReLU between them, and a linear output.

    Weights start as PyTorch's defaults, so the same ``torch.manual_seed`` gives the same network as the layers written
    out by hand.

    ``hidden`` holds the units of each hidden layer, none for a linear model; each is set to zero with the probability
    ``dropout``, in [0, 1), in training. Input ``(n, n_features)``, output ``(n, n_outputs)``: always two axes.

    >>> import torch
    >>> mlp = MLP(4, hidden=(64, 32))
    >>> mlp(torch.zeros(5, 4)).shape
    torch.Size([5, 1])
    >>> sum(parameter.numel() for parameter in mlp.parameters())
    2433
    """

    def __init__(
        self, n_features: int, n_outputs: int = 1, *, hidden: Sequence[int] = (64, 32), dropout: float = 0.0
    ) -> None:
        super().__init__()
        widths = [n_features, *hidden]
        layers: list[nn.Module] = []
        for n_inputs, n_units in pairwise(widths):
            layers += [nn.Linear(n_inputs, n_units), nn.ReLU()]
            layers += [Dropout(dropout)] if dropout else []
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], n_outputs))

    def forward(self, X: Tensor) -> Tensor:
        """Values, or logits, of shape ``(n, n_outputs)`` for ``X`` of shape ``(n, n_features)``."""
        outputs: Tensor = self.layers(X)
        return outputs


class OddMLP(nn.Module):
    """A multilayer perceptron that is odd in its first input: f(-x, ...) = -f(x, ...), whatever its weights.

    The mean of an MLP and of minus the same MLP on mirrored rows, f(x) = (g(x) - g(mirrored x)) / 2.

    Parameters and shapes are those of :class:`MLP`, but there is no dropout.

    >>> import torch
    >>> odd, row = OddMLP(3), torch.tensor([[0.5, 1.0, 2.0]])
    >>> bool(torch.allclose(odd(row), -odd(row * torch.tensor([-1.0, 1.0, 1.0]))))
    True
    """

    mirror: Tensor

    def __init__(self, n_features: int, n_outputs: int = 1, *, hidden: Sequence[int] = (64, 32)) -> None:
        super().__init__()
        self.mlp = MLP(n_features, n_outputs, hidden=hidden)
        self.register_buffer("mirror", torch.ones(n_features).index_fill(0, torch.tensor([0]), -1.0))

    def forward(self, X: Tensor) -> Tensor:
        straight, mirrored = self.mlp(torch.cat([X, X * self.mirror])).chunk(2)
        outputs: Tensor = (straight - mirrored) / 2
        return outputs


class ShortcutMLP(nn.Module):
    """A multilayer perceptron with a linear shortcut from its inputs to its outputs: f(x) = g(x) + A x + b.

    Parameters and shapes are those of :class:`MLP`, but there is no dropout.
    """

    def __init__(self, n_features: int, n_outputs: int = 1, *, hidden: Sequence[int] = (64, 32)) -> None:
        super().__init__()
        self.mlp = MLP(n_features, n_outputs, hidden=hidden)
        self.shortcut = nn.Linear(n_features, n_outputs)

    def forward(self, X: Tensor) -> Tensor:
        outputs: Tensor = self.mlp(X) + self.shortcut(X)
        return outputs

"""The networks, nothing but PyTorch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor, nn

Activation = Literal["relu", "gelu", "silu", "tanh"]

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}


def dropout_mask(shape: Sequence[int], keep: float, generator: torch.Generator | None = None) -> Tensor:
    """Ones with probability ``keep`` and zeros, divided by ``keep`` so that their mean is 1, on the CPU.

    Each value is decided by 16 random bits, four to a draw of PyTorch's generator, which draws only 64 at a time: this
    is seven times faster than a draw for each value. The probability is met to within 1 / 131,072.

    Shape
    -----
    Output of the given shape, float32.

    Examples
    --------
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
    """Multilayer perceptron: linear layers with an activation between them, and a linear output.

    A hidden layer is ``Linear``, then ``BatchNorm1d`` (if asked for), the activation, and ``Dropout`` (if above 0).
    Weights start as PyTorch's defaults, so the same ``torch.manual_seed`` gives the same network as the layers written
    out by hand.

    Parameters
    ----------
    n_features
        Columns of the input.
    hidden
        Units of each hidden layer; an empty sequence gives a linear model.
    n_outputs
        Columns of the output: 1 for one target, the number of classes for a classifier's logits.
    dropout
        Probability, in [0, 1), that a hidden unit is set to zero in training; 0 adds no such layer.
    batch_norm
        Whether each hidden layer is normalised over its batch.
    activation
        ``"relu"``, ``"gelu"``, ``"silu"`` or ``"tanh"``.

    Raises
    ------
    ValueError
        If a width is below 1, the dropout outside [0, 1), or the activation unknown.

    Shape
    -----
    Input ``(n, n_features)``, output ``(n, n_outputs)``: always two axes, also for ``n_outputs=1``.

    Examples
    --------
    >>> import torch
    >>> mlp = MLP(4, hidden=(64, 32))
    >>> mlp(torch.zeros(5, 4)).shape
    torch.Size([5, 1])
    >>> sum(parameter.numel() for parameter in mlp.parameters())
    2433
    """

    def __init__(
        self,
        n_features: int,
        *,
        hidden: Sequence[int] = (64, 32),
        n_outputs: int = 1,
        dropout: float = 0.0,
        batch_norm: bool = False,
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        widths = [n_features, *hidden, n_outputs]
        _check(n_features, hidden, n_outputs, dropout, activation)
        layers: list[nn.Module] = []
        for n_inputs, n_units in pairwise(widths[:-1]):
            layers += [nn.Linear(n_inputs, n_units)]
            layers += [nn.BatchNorm1d(n_units)] if batch_norm else []
            layers += [ACTIVATIONS[activation]()]
            layers += [Dropout(dropout)] if dropout else []
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-2], n_outputs))

    def forward(self, X: Tensor) -> Tensor:
        """Values, or logits, of shape ``(n, n_outputs)`` for ``X`` of shape ``(n, n_features)``."""
        outputs: Tensor = self.layers(X)
        return outputs


def _check(n_features: int, hidden: Sequence[int], n_outputs: int, dropout: float, activation: str) -> None:
    """Refuse what cannot be a network, naming the value."""
    if min(n_features, *hidden, n_outputs) < 1:
        raise ValueError(f"Every layer needs at least one unit, but {n_features=}, {hidden=}, {n_outputs=}.")
    if not 0.0 <= dropout < 1.0:
        raise ValueError(f"dropout is a probability in [0, 1), but {dropout=}.")
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(get_args(Activation))}, but {activation=}.")


class OddMLP(nn.Module):
    """A multilayer perceptron that is odd in its first input: f(-x, ...) = -f(x, ...), whatever its weights.

    The mean of an MLP and of minus the same MLP on mirrored rows, f(x) = (g(x) - g(mirrored x)) / 2.

    Parameters
    ----------
    n_features, n_outputs, hidden
        As in :class:`MLP`, whose other parameters keep their defaults.

    Shape
    -----
    Input ``(n, n_features)``, output ``(n, n_outputs)``.

    Examples
    --------
    >>> import torch
    >>> odd, row = OddMLP(3), torch.tensor([[0.5, 1.0, 2.0]])
    >>> bool(torch.allclose(odd(row), -odd(row * torch.tensor([-1.0, 1.0, 1.0]))))
    True
    """

    mirror: Tensor

    def __init__(self, n_features: int, n_outputs: int = 1, *, hidden: Sequence[int] = (64, 32)) -> None:
        super().__init__()
        self.mlp = MLP(n_features, hidden=hidden, n_outputs=n_outputs)
        self.register_buffer("mirror", torch.ones(n_features).index_fill(0, torch.tensor([0]), -1.0))

    def forward(self, X: Tensor) -> Tensor:
        """Outputs of shape ``(n, n_outputs)`` for ``X`` of shape ``(n, n_features)``."""
        straight, mirrored = self.mlp(torch.cat([X, X * self.mirror])).chunk(2)
        return (straight - mirrored) / 2  # type: ignore[no-any-return]


class ShortcutMLP(nn.Module):
    """A multilayer perceptron with a linear shortcut from its inputs to its outputs: f(x) = g(x) + A x + b.

    Parameters
    ----------
    n_features, n_outputs, hidden
        As in :class:`MLP`.

    Shape
    -----
    Input ``(n, n_features)``, output ``(n, n_outputs)``.
    """

    def __init__(self, n_features: int, n_outputs: int = 1, *, hidden: Sequence[int] = (64, 32)) -> None:
        super().__init__()
        self.mlp = MLP(n_features, hidden=hidden, n_outputs=n_outputs)
        self.shortcut = nn.Linear(n_features, n_outputs)

    def forward(self, X: Tensor) -> Tensor:
        """Outputs of shape ``(n, n_outputs)`` for ``X`` of shape ``(n, n_features)``."""
        outputs: Tensor = self.mlp(X) + self.shortcut(X)
        return outputs

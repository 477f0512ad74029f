"""Holding a network back: one plain training loop with every technique, and the choice of a strength."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labcode.nets.loop import one_cycle
from labcode.scoring.scores import Floats


def train_held_back(
    network: nn.Module,
    X: Tensor,
    y: Tensor,
    weight: Tensor,
    *,
    epochs: int = 40,
    lr: float = 0.01,
    decay: float = 0.0,
    l1: float = 0.0,
    noise: float = 0.0,
    smoothing: float = 0.0,
    seed: int = 0,
) -> None:
    """Train a network in place; dropout is a layer of the network itself.

    Parameters
    ----------
    X, y, weight
        Inputs ``(n, k)``, class numbers ``(n,)``, and weights of the rows ``(n,)``, 1 on average.
    decay, l1, noise, smoothing
        AdamW's weight decay, the factor of the sum of absolute weights, the standard deviation of noise on the inputs,
        and the share of each label that is spread over all classes.
    """
    order = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=decay)
    steps = epochs * -(-len(X) // 128)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step / steps))
    for _ in range(epochs):
        shuffled = torch.randperm(len(X), generator=order, dtype=torch.int32)
        noisy = X[shuffled]
        if noise:
            noisy = noisy + noise * torch.randn(X.shape, generator=order)
        batches = (torch.split(rows, 128) for rows in (noisy, y[shuffled], weight[shuffled]))
        for inputs, labels, weights in zip(*batches, strict=True):
            outputs = network(inputs)
            losses = F.cross_entropy(outputs, labels, reduction="none", label_smoothing=smoothing)
            penalty = sum(values.abs().sum() for values in network.parameters() if values.ndim > 1)
            optimizer.zero_grad()
            ((losses * weights).mean() + l1 * penalty).backward()
            optimizer.step()
            schedule.step()


def best_strength(losses: dict[float, Floats]) -> float:
    """The strength with the lowest mean loss over rows that inner folds held out, by strength ``(n,)``."""
    return min(losses, key=lambda strength: float(losses[strength].mean()))


def best_epoch(curves: Floats) -> int:
    """When to stop: the epoch, from 0, with the lowest mean loss over inner folds, ``(folds, epochs)``."""
    return int(curves.mean(axis=0).argmin())


#: The parameter of a :class:`~labcode.nets.estimators.TabularClassifier` that each technique sets.
PARAMETER: dict[str, str] = {
    "dropout": "dropout",
    "decay": "weight_decay",
    "l1": "l1",
    "noise": "input_noise",
    "smoothing": "label_smoothing",
}
#: All that are compared with none: five with a strength, an early stop, an ensemble, and the recipe as it is.
TECHNIQUES = (*PARAMETER, "stopping", "ensemble", "recipe")

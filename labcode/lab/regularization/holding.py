"""Holding back the network that answers with a position: one plain loop with every technique."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labcode.nets.loop import one_cycle


def train_held_back(
    network: nn.Module,
    X: Tensor,
    y: Tensor,
    *,
    epochs: int,
    lr: float = 0.003,
    batch_size: int = 100,
    decay: float = 0.0,
    l1: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
) -> None:
    """Train a network in place on inputs ``(n, k)`` and positions ``(n, 1)``, both standardised.

    ``decay`` is AdamW's, ``l1`` the factor of the sum of absolute weights, ``noise`` the standard deviation of noise on
    the inputs; dropout and its size are matters of the network itself, an early stop takes fewer epochs.
    """
    order = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=decay)
    steps = epochs * -(-len(X) // batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step / steps))
    for _ in range(epochs):
        shuffled = torch.randperm(len(X), generator=order, dtype=torch.int32)
        inputs, targets = X[shuffled], y[shuffled]
        if noise:
            inputs = inputs + noise * torch.randn(X.shape, generator=order)
        for some, close in zip(torch.split(inputs, batch_size), torch.split(targets, batch_size), strict=True):
            penalty = sum(values.abs().sum() for values in network.parameters() if values.ndim > 1)
            optimizer.zero_grad()
            (F.mse_loss(network(some), close) + l1 * penalty).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()

"""Holding a network back: a plain training loop with every technique, and the same for all networks of a fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labcode.lab.classification.classes import Inputs
from labcode.nets.batched_mlp import Bank, Group, Member, StackedOptimizer
from labcode.nets.batches import threads_for
from labcode.nets.estimators import TabularClassifier
from labcode.nets.loop import one_cycle
from labcode.nets.losses import StackedLoss
from labcode.nets.together import TrainingRows, row_order
from labcode.scoring.scores import Floats

#: Rows that go through all networks at a time when they are asked.
CHUNK = 1024


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
    """Train a network in place on inputs ``(n, k)``, class numbers ``(n,)``, and weights of the rows, 1 on average.

    ``decay`` is AdamW's, ``l1`` the factor of the sum of absolute weights, ``noise`` the standard deviation of noise on
    the inputs, ``smoothing`` the share of each label that is spread over all classes; dropout is in the network.
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


def smoothed_losses(smoothing: Sequence[float]) -> StackedLoss:
    """Mean cross-entropy of many networks at once, each with a label smoothing of its own."""
    shares = torch.tensor(smoothing, dtype=torch.float32)[:, None]

    def losses(outputs: Tensor, targets: Tensor, weight: Tensor | None) -> Tensor:
        shared = shares[: len(outputs)].to(outputs.device)
        log_p = outputs.log_softmax(dim=-1)
        right = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        of_rows = -(1.0 - shared) * right
        if any(smoothing):
            of_rows = of_rows - shared * log_p.mean(dim=-1)
        return (of_rows if weight is None else of_rows * weight).mean(dim=1)

    return losses


class WatchedOptimizer(StackedOptimizer):
    """An optimiser that keeps the weights of all networks after each epoch."""

    def __init__(self, members: Sequence[Member], bank: Bank) -> None:
        super().__init__(members, bank)
        self.steps, self.kept = len(members[0].sizes), list[Tensor]()

    def step(self, step: int, k: int) -> None:
        super().step(step, k)
        if (step + 1) % self.steps == 0:
            self.kept.append(self.bank.weights.clone())


class TrainedFold:
    """Networks trained on the same rows for equally many epochs, and their weights after each, in ``kept``."""

    def __init__(self, networks: Sequence[TabularClassifier], rows: TrainingRows) -> None:
        known: dict[Any, Any] = {}
        data = (rows.X, rows.y, rows.sample_weight)
        self.group = Group([Member.prepare(own, data, row_order(own, rows), known) for own in networks])
        self.group.losses = smoothed_losses([own.label_smoothing for own in networks])
        self.group.recorded = None
        optimizer = self.group.optimizer = WatchedOptimizer(self.group.members, self.group.bank)
        with threads_for(1, self.group.members[0].net.module_):
            self.group.train()
        self.kept = optimizer.kept

    @torch.inference_mode()
    def probabilities(self, X: Inputs, epoch: int, networks: Sequence[int]) -> Floats:
        """What some networks say after an epoch, ``(k, n, n_classes)``; -1 is the last."""
        layers = self.group.bank.layers(self.kept[epoch][list(networks)])
        k, chunks = len(layers[0]), torch.split(torch.from_numpy(X).to(self.group.device), CHUNK)
        logits = [self.group.forward(layers, rows.expand(k, -1, -1), None) for rows in chunks]
        return np.asarray(torch.cat(logits, dim=1).double().softmax(dim=-1).cpu())

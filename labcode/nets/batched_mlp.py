"""The batched network behind :mod:`labcode.nets.together`: weights of many networks in one matrix, one step for all.

Each member keeps its own initial weights, row order, dropout masks, learning rate, decay and number of epochs: those
that it would have alone.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labcode.nets.base import MOMENTUM, TabularEstimator, as_seed, check_outputs, seeded
from labcode.nets.batches import Rows
from labcode.nets.device import pick_device
from labcode.nets.loop import DivergedError, Plan, ResidentNet
from labcode.nets.losses import StackedLoss
from labcode.nets.mlp import MLP
from labcode.nets.shared import Batch, SharedBatches, SharedMasks

Tensors = list[Tensor]


@dataclass(eq=False)
class Member:
    """One network of a group."""

    estimator: TabularEstimator
    #: With its initial weights.
    net: ResidentNet
    plan: Plan
    #: What its row order depends on: equal for members that share rows and their order.
    order: Hashable
    rows: Rows
    #: State of PyTorch's generator after the initial weights were drawn: dropout masks come from there.
    random_state: Tensor
    #: Length of each batch of an epoch.
    sizes: list[int]

    @classmethod
    def prepare(
        cls, estimator: TabularEstimator, rows: tuple[Any, Any, Any], order: Hashable, known: dict[Hashable, Rows]
    ) -> Member:
        """Everything that ``fit`` does before its first step; ``known`` holds the rows that lie on the device."""
        train, n_outputs = estimator._begin(*rows)
        estimator._learn_target(*train[1:])
        seed, device = as_seed(estimator.random_state), pick_device(estimator.device)
        if order not in known:
            known[order] = estimator._to_rows(train, device)
        with seeded(seed, device):
            net = estimator._build_net(train[0].shape[1], n_outputs, device)
            state = torch.get_rng_state()
        check_outputs(net, known[order], n_outputs)
        plan = estimator.build_plan(seed)
        return cls(estimator, net, plan, order, known[order], state, plan.sizes(len(train[0])))

    @property
    def steps(self) -> int:
        """Optimiser steps of its whole training."""
        return len(self.sizes) * self.plan.max_epochs

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        return self.plan.rate(step, self.steps)

    def batches(self) -> Iterator[Batch]:
        """Its batches, epoch after epoch without end."""
        for epoch in self.plan.epochs(self.rows):
            yield from epoch.split(self.sizes)

    def finish(self, losses: Tensor) -> None:
        """Complete the estimator, whose network is trained; ``losses`` ``(steps,)`` are those of its steps.

        `DivergedError` if the loss of an epoch is not finite.
        """
        sizes = torch.tensor(self.sizes, dtype=torch.float64)
        of_epochs = losses.double().reshape(self.plan.max_epochs, len(sizes)) @ sizes / sizes.sum()
        for epoch, loss in enumerate(of_epochs.tolist()):
            self.net.history.new_epoch()
            last = self.rate((epoch + 1) * len(sizes) - 1)
            for name, value in (("epoch", epoch), ("train_loss", loss), ("lr", last)):
                self.net.history.record(name, value)
            if not np.isfinite(loss):
                raise DivergedError(f"Training diverged: the loss of epoch {epoch} is {loss} at lr={self.plan.lr}.")
        self.estimator._finish(self.net, self.plan.max_epochs - 1, self.rows.X.device)


class Bank:
    """The weights of all members, one row each, and the layers as views of them.

    ``weights`` and ``gradients`` ``(n_members, n_parameters)``; ``is_weight`` ``(n_parameters,)`` is 0 for biases.
    """

    def __init__(self, modules: Sequence[MLP]) -> None:
        self.modules = modules
        self.shapes = [parameter.shape for parameter in modules[0].parameters()]
        self.weights = torch.stack([nn.utils.parameters_to_vector(each.parameters()) for each in modules]).detach()
        self.gradients = torch.zeros_like(self.weights)
        parts = [torch.full((shape.numel(),), float(len(shape) > 1)) for shape in self.shapes]
        self.is_weight = torch.cat(parts).to(self.weights.device)

    def layers(self, rows: Tensor) -> Tensors:
        """Weight ``(k, n_units, n_inputs)`` and bias ``(k, n_units)`` of each layer, as views of ``(k, …)`` rows."""
        columns = torch.split(rows, [shape.numel() for shape in self.shapes], dim=1)
        return [part.view(len(rows), *shape) for part, shape in zip(columns, self.shapes)]

    def hand_back(self) -> None:
        """Write the weights into the members' modules."""
        for module, layers in zip(self.modules, zip(*self.layers(self.weights), strict=True), strict=True):
            with torch.no_grad():
                for parameter, values in zip(module.parameters(), layers, strict=True):
                    parameter.copy_(values)


class StackedOptimizer:
    """PyTorch's Adam, AdamW or SGD for all members at once, each with a learning rate and penalties of its own.

    All members start together, so a step has the same number for each.
    """

    betas, eps = (0.9, 0.999), 1e-8

    def __init__(self, members: Sequence[Member], bank: Bank) -> None:
        self.members, self.bank = members, bank
        self.kind = members[0].estimator.optimizer
        self.first, self.second = torch.zeros_like(bank.weights), torch.zeros_like(bank.weights)
        self.rate = self._column([member.plan.lr for member in members])
        self.decay = self._column([member.estimator.weight_decay for member in members])
        self.l1 = self._column([member.plan.l1 for member in members])
        self.decays, self.has_l1 = bool(self.decay.any()), bool(self.l1.any())
        self.scheduled = any(member.plan.schedule for member in members)

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.bank.weights.device)[:, None]

    def step(self, step: int, k: int) -> None:
        """Move the weights of the first ``k`` members along their gradients; ``step`` counts from 0."""
        weights, gradients = self.bank.weights[:k], self.bank.gradients[:k]
        if self.scheduled:
            self.rate = self._column([member.rate(step) for member in self.members[:k]])
        rate, decay = self.rate[:k], self.decay[:k]
        if self.has_l1:
            gradients += self.l1[:k] * weights.sign() * self.bank.is_weight
        if self.decays and self.kind == "adamw":
            weights.mul_(1.0 - rate * decay)
        elif self.decays:
            gradients += decay * weights
        if self.kind == "sgd":
            buffer = self.first[:k]
            weights.sub_(rate * buffer.mul_(MOMENTUM).add_(gradients))
        else:
            weights.sub_(rate * self._direction(gradients, step + 1, k))

    def _direction(self, gradients: Tensor, count: int, k: int) -> Tensor:
        """What Adam subtracts, but for the rate: the mean gradient over the root of the mean square, both unbiased."""
        first, second, (beta1, beta2) = self.first[:k], self.second[:k], self.betas
        first.lerp_(gradients, 1.0 - beta1)
        second.mul_(beta2).addcmul_(gradients, gradients, value=1.0 - beta2)
        spread = second.sqrt().div_((1.0 - beta2**count) ** 0.5).add_(self.eps)
        return spread.reciprocal_().mul_(first).div_(1.0 - beta1**count)


class Group:
    """Members in training: those with most steps first, so that those still at work are always the first ``k``."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = sorted(members, key=lambda member: -member.steps)
        self.bank = Bank([member.net.module_ for member in self.members])
        self.device = self.bank.weights.device
        first = self.members[0]
        self.losses: StackedLoss = first.net.criterion_.train().stacked
        smoothing = getattr(first.estimator, "label_smoothing", 0.0)
        self.recorded: StackedLoss | None = copy.copy(first.net.criterion_).eval().stacked if smoothing else None
        self.widths = [shape.numel() for shape in self.bank.shapes[1:-1:2]]
        self.batches, self.masks = SharedBatches(self.members), SharedMasks(self.members, self.widths)
        self.optimizer = StackedOptimizer(self.members, self.bank)

    def train(self) -> list[Tensor]:
        """Take all steps; the losses ``(steps,)`` of each member, in the order of :attr:`members`."""
        steps = [member.steps for member in self.members]
        losses = torch.full((steps[0], len(steps)), torch.nan, device=self.device)
        k = 0
        for step in range(steps[0]):
            if not k or steps[k - 1] <= step:
                k = sum(1 for each in steps if each > step)
                layers = [layer.requires_grad_() for layer in self.bank.layers(self.bank.weights[:k])]
                gradients = self.bank.layers(self.bank.gradients[:k])
            parts = self._parts(k, step)
            if len(parts) > 1:
                self.bank.gradients.zero_()
            for part in parts:
                losses[step, part], found = self._differentiate(layers, part if len(parts) > 1 else None)
                for total, gradient in zip(gradients, found):
                    total.copy_(gradient) if len(parts) == 1 else total.add_(gradient)
            self.optimizer.step(step, k)
        self.bank.hand_back()
        return [losses[:n, i].cpu() for i, n in enumerate(steps)]

    def _parts(self, k: int, step: int) -> list[list[int]]:
        """The members at work, in parts with batches of one length: one part, but at the ends of uneven epochs."""
        lengths: dict[int, list[int]] = defaultdict(list)
        for i, member in enumerate(self.members[:k]):
            lengths[member.sizes[step % len(member.sizes)]].append(i)
        return list(lengths.values())

    def _differentiate(self, layers: Tensors, part: list[int] | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Losses of the next batch of the members of a part (``None`` for all), and the gradients of the layers."""
        members = part or list(range(len(layers[0])))
        X, y, weight = self.batches.draw(members)
        masks = self.masks.draw(members, X.shape[1])
        outputs = self.forward(layers if part is None else _rows_of(layers, part), X, masks)
        losses = self.losses(outputs, y, weight)
        gradients = torch.autograd.grad(losses.sum(), layers)
        return (self.recorded(outputs.detach(), y, weight) if self.recorded else losses.detach()), gradients

    def forward(self, layers: Tensors, X: Tensor, masks: Tensors | None) -> Tensor:
        """Outputs ``(k, n, n_outputs)`` of ``k`` networks at once, each for its own rows ``(k, n, n_features)``."""
        for i, (W, b) in enumerate(zip(layers[::2], layers[1::2])):
            X = torch.baddbmm(b.unsqueeze(1), X, W.transpose(1, 2))
            if i < len(self.widths):
                X = F.relu(X)
                X = X if masks is None else X * masks[i]
        return X


def _rows_of(layers: Tensors, part: list[int]) -> Tensors:
    chosen = torch.tensor(part, device=layers[0].device)
    return [layer.index_select(0, chosen) for layer in layers]

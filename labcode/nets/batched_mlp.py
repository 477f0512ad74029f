"""The batched network behind :mod:`labcode.nets.together`: weights of many networks in one matrix, one step for all.

Each member keeps its own initial weights, row order, dropout masks, learning rate, decay and number of epochs: those
that it would have alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from labcode.nets.base import TabularEstimator, as_seed, check_outputs, seeded
from labcode.nets.device import pick_device
from labcode.nets.loop import (
    DivergedError,
    Plan,
    ResidentNet,
    Rows,
    batch_sizes,
    epoch_rows,
    learning_rate,
    threads_for,
)
from labcode.nets.mlp import ACTIVATIONS, MLP, dropout_mask

Batch = tuple[Tensor, Tensor, Tensor | None]
Tensors = list[Tensor]


@dataclass(eq=False)
class Member:
    """One network of a group.

    Attributes
    ----------
    estimator, net, plan
        The estimator being fitted, its net with initial weights, and how to train.
    order, rows
        What its row order depends on, equal for members that share ``rows`` and their order; the rows on the device.
    random_state
        State of PyTorch's generator after the initial weights were drawn: dropout masks come from there.
    sizes
        Length of each batch of an epoch.
    """

    estimator: TabularEstimator
    net: ResidentNet
    plan: Plan
    order: Hashable
    rows: Rows
    random_state: Tensor
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
        sizes = batch_sizes(len(train[0]), plan.batch_size or len(train[0]))
        return cls(estimator, net, plan, order, known[order], state, sizes)

    @property
    def steps(self) -> int:
        """Optimiser steps of its whole training."""
        return len(self.sizes) * self.plan.max_epochs

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0."""
        return learning_rate(self.plan.schedule, self.plan.lr, step / self.steps)

    def batches(self) -> Iterator[Batch]:
        """Its batches, epoch after epoch without end."""
        for epoch in epoch_rows(self.rows, self.plan):
            yield from epoch.split(self.sizes)

    def finish(self, losses: Tensor) -> None:
        """Complete the estimator, whose network is trained; ``losses`` ``(steps,)`` are those of its steps.

        Raises
        ------
        DivergedError
            If the loss of an epoch is not finite.
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

    Shape
    -----
    ``weights`` and ``gradients`` ``(n_members, n_parameters)``; ``is_weight`` ``(n_parameters,)`` is 0 for biases.
    """

    def __init__(self, modules: Sequence[MLP]) -> None:
        self.modules = modules
        self.shapes = [parameter.shape for parameter in modules[0].parameters()]
        self.weights = torch.stack([nn.utils.parameters_to_vector(each.parameters()) for each in modules]).detach()
        self.gradients = torch.zeros_like(self.weights)
        parts = [torch.full((shape.numel(),), float(len(shape) > 1)) for shape in self.shapes]
        self.is_weight = torch.cat(parts).to(self.weights.device)

    def layers(self, rows: Tensor) -> list[Tensor]:
        """Weight ``(k, n_units, n_inputs)`` and bias ``(k, n_units)`` of each layer, as views of ``(k, …)`` rows."""
        columns = rows.split([shape.numel() for shape in self.shapes], dim=1)
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
        self.momentum = self._column([member.estimator.momentum for member in members])
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
            weights.sub_(rate * buffer.mul_(self.momentum[:k]).add_(gradients))
        else:
            weights.sub_(rate * self._direction(gradients, step + 1, k))

    def _direction(self, gradients: Tensor, count: int, k: int) -> Tensor:
        """What Adam subtracts, but for the rate: the mean gradient over the root of the mean square, both unbiased."""
        first, second, (beta1, beta2) = self.first[:k], self.second[:k], self.betas
        first.lerp_(gradients, 1.0 - beta1)
        second.mul_(beta2).addcmul_(gradients, gradients, value=1.0 - beta2)
        spread = second.sqrt().div_((1.0 - beta2**count) ** 0.5).add_(self.eps)
        return spread.reciprocal_().mul_(first).div_(1.0 - beta1**count)


@dataclass
class Masks:
    """Dropout masks of the members that share them, drawn as the network alone would draw them on a CPU."""

    keep: float
    widths: list[int]
    chunk_rows: int
    generator: torch.Generator

    def draw(self, n: int) -> list[Tensor]:
        """A mask ``(n, width)`` for each hidden layer, scaled so that its mean is 1."""
        chunks = [
            [dropout_mask((size, width), self.keep, self.generator) for width in self.widths]
            for size in batch_sizes(n, self.chunk_rows)
        ]
        return [torch.cat(layer) for layer in zip(*chunks)]


class Group:
    """Members in training: those with most steps first, so that those still at work are always the first ``k``."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = sorted(members, key=lambda member: -member.steps)
        self.bank = Bank([member.net.module_ for member in self.members])
        self.device = self.bank.weights.device
        first = self.members[0]
        self.losses = first.net.criterion_.train().stacked()
        smoothing = getattr(first.estimator, "label_smoothing", 0.0)
        self.recorded = first.net.criterion_.eval().stacked() if smoothing else None
        self.activation: Callable[[Tensor], Tensor] = ACTIVATIONS[first.estimator.activation]()
        self.widths = [shape.numel() for shape in self.bank.shapes[1:-1:2]]
        numbers: dict[Hashable, int] = {}
        self.stream_of = [numbers.setdefault(member.order, len(numbers)) for member in self.members]
        self.streams = [self.members[self.stream_of.index(i)].batches() for i in range(len(numbers))]
        self.masks_of, self.masks = self._shared_masks()
        self.optimizer = StackedOptimizer(self.members, self.bank)

    def _shared_masks(self) -> tuple[list[int], list[Masks | None]]:
        """For each member the number of its masks, and the masks: networks alike in all that masks depend on share."""
        numbers: dict[Hashable, int] = {}
        masks_of: list[int] = []
        masks: list[Masks | None] = []
        for member in self.members:
            dropout, state = member.estimator.dropout, member.random_state
            key = (dropout, state.numpy().tobytes(), *member.sizes) if dropout else None
            masks_of.append(numbers.setdefault(key, len(masks)))
            if len(numbers) > len(masks):
                chunk_rows = member.net.chunk_rows(member.plan)
                generator = torch.Generator().set_state(state)
                masks.append(Masks(1.0 - dropout, self.widths, chunk_rows, generator) if dropout else None)
        return masks_of, masks

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
        X, y, weight = self._next_batches(members)
        masks = self._next_masks(members, X.shape[1])
        outputs = self.forward(layers if part is None else _rows_of(layers, part), X, masks)
        losses = self.losses(outputs, y, weight)
        gradients = torch.autograd.grad(losses.sum(), layers)
        return (self.recorded(outputs.detach(), y, weight) if self.recorded else losses.detach()), gradients

    def forward(self, layers: Tensors, X: Tensor, masks: Tensors | None) -> Tensor:
        """Outputs ``(k, n, n_outputs)`` of ``k`` networks at once, each for its own rows ``(k, n, n_features)``."""
        for i, (W, b) in enumerate(zip(layers[::2], layers[1::2])):
            X = torch.baddbmm(b.unsqueeze(1), X, W.transpose(1, 2))
            if i < len(self.widths):
                X = self.activation(X)
                X = X if masks is None else X * masks[i]
        return X

    def _next_batches(self, part: list[int]) -> Batch:
        """Inputs ``(k, n, n_features)``, targets ``(k, n, …)`` and weights ``(k, n)`` of the members of a part."""
        streams = [self.stream_of[i] for i in part]
        drawn = {stream: next(self.streams[stream]) for stream in dict.fromkeys(streams)}
        places = torch.tensor([list(drawn).index(stream) for stream in streams], device=self.device)

        def of_members(tensors: tuple[Tensor, ...]) -> Tensor:
            stacked = torch.stack(tensors)
            return stacked if len(stacked) == len(streams) else stacked.index_select(0, places)

        X, y, weight = zip(*drawn.values(), strict=True)
        return of_members(X), of_members(y), None if weight[0] is None else of_members(weight)

    def _next_masks(self, part: list[int], n: int) -> list[Tensor] | None:
        numbers = [self.masks_of[i] for i in part]
        used = list(dict.fromkeys(numbers))
        if all(self.masks[i] is None for i in used):
            return None
        drawn = [masks.draw(n) if (masks := self.masks[i]) else [torch.ones(n, w) for w in self.widths] for i in used]
        places = torch.tensor([used.index(number) for number in numbers])
        stacked = [torch.stack(layer).to(self.device) for layer in zip(*drawn)]
        return stacked if len(used) == 1 else [layer.index_select(0, places.to(self.device)) for layer in stacked]


def _rows_of(layers: list[Tensor], part: list[int]) -> list[Tensor]:
    chosen = torch.tensor(part, device=layers[0].device)
    return [layer.index_select(0, chosen) for layer in layers]


def train_together(members: Sequence[Member]) -> list[Exception | None]:
    """Train members of one shape together and finish them; the exception of each that failed.

    Shape
    -----
    All have the same hidden layers, outputs, batch size and loss.
    """
    group = Group(members)
    # One thread: a second one gains little here, and waits for long on a busy machine. Groups go to other processes.
    with threads_for(1, members[0].net.module_):
        losses = group.train()
    failures: dict[int, Exception | None] = {}
    for member, own in zip(group.members, losses, strict=True):
        try:
            member.finish(own)
            failures[id(member)] = None
        except DivergedError as error:
            failures[id(member)] = error
    return [failures[id(member)] for member in members]

"""The training loop: a skorch net whose epochs run over tensors that already lie on the device.

All that is done for a batch is one optimiser step and one copy of its outputs, from which the epoch's loss and scores
are computed at its end: nothing is read back from the device while an epoch runs.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from skorch import NeuralNet
from torch import Tensor, nn

from labcode.errors import LabcodeError
from labcode.nets.batches import (
    Rows,
    batch_sizes,
    cache_sized_rows,
    chunk_rows,
    epoch_rows,
    has_batch_norm,
    threads_for,
)

Schedule = Literal["onecycle"]
Scorer = Callable[[Tensor, Tensor], dict[str, Tensor]]


class DivergedError(LabcodeError, ValueError):
    """A training run whose loss is no longer a finite number."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train: parameters of :class:`~labcode.nets.base.TabularEstimator` that the loop reads, and the seed."""

    lr: float
    max_epochs: int
    seed: int
    batch_size: int | Literal["full"] = 128
    shuffle: bool = True
    schedule: Schedule | None = None
    l1: float = 0.0
    input_noise: float = 0.0
    patience: int | None = None

    def sizes(self, n_rows: int, *, at_least: int = 1) -> list[int]:
        """Length of each batch of an epoch."""
        return batch_sizes(n_rows, n_rows if self.batch_size == "full" else self.batch_size, at_least=at_least)

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of a step, counted from 0, of so many."""
        return self.lr * one_cycle(step / steps) if self.schedule else self.lr

    def epochs(self, rows: Rows) -> Iterator[Rows]:
        """Endless epochs of the rows; see :func:`~labcode.nets.batches.epoch_rows`."""
        shuffle = self.shuffle and self.batch_size != "full"
        return epoch_rows(rows, seed=self.seed, shuffle=shuffle, input_noise=self.input_noise)


def one_cycle(progress: float) -> float:
    """Share of the highest learning rate that a step has; ``progress`` in [0, 1) is the share of steps before it.

    It rises linearly from 1 / 25 to 1 over the first 30 % of steps, then falls to 0 along a cosine (Smith and Topin,
    2019, https://arxiv.org/abs/1708.07120; the momentum is left alone).

    >>> [round(one_cycle(progress), 2) for progress in (0.0, 0.3, 0.9)]
    [0.04, 1.0, 0.05]
    """
    rise, start = 0.3, 1 / 25
    if progress < rise:
        return start + (1.0 - start) * progress / rise
    return 0.5 * (1.0 + math.cos(math.pi * (progress - rise) / (1.0 - rise)))


def add_l1_gradient(module: nn.Module, l1: float) -> None:
    """Add the slope of ``l1`` times the sum of absolute weights; vectors (biases, norms) are left out."""
    for parameter in module.parameters():
        if parameter.ndim > 1 and parameter.grad is not None:
            parameter.grad.add_(parameter.detach().sign(), alpha=l1)


class BestWeights:
    """Weights at the lowest validation loss so far, kept for as long as an early stop may want them back."""

    def __init__(self, patience: int | None) -> None:
        self.patience = patience
        self.epoch, self.loss = -1, math.inf
        self.state: dict[str, Tensor] = {}

    def is_spent(self, epoch: int, loss: float | None, module: nn.Module) -> bool:
        """Note an epoch's validation loss, and say whether the patience is spent."""
        if self.patience is None or loss is None:
            return False
        if loss < self.loss:
            self.epoch, self.loss = epoch, loss
            self.state = copy.deepcopy(module.state_dict())
        return epoch - self.epoch >= self.patience


class ResidentNet(NeuralNet):  # type: ignore[misc]
    """A skorch net that trains on tensors in memory; :meth:`train` stands in for skorch's ``fit``.

    What skorch gives: module, criterion and optimiser set up from its parameters, the history, pickles that move
    between devices, and callbacks for epochs and for the whole training.
    """

    @property
    def _default_callbacks(self) -> list[Any]:
        return []

    def train(self, rows: Rows, plan: Plan, scorer: Scorer, valid: Rows | None = None) -> int:
        """Run the plan's epochs, and record the loss and the scores of the training and of the validation rows.

        The rows lie on the net's device; ``plan.patience`` looks at those of ``valid``. ``scorer`` gives the scores of
        an epoch by name, as scalar tensors, from outputs and targets. Gives the epoch, from 0, whose weights the module
        now holds; `DivergedError` if the training loss of an epoch is not finite.
        """
        sizes = plan.sizes(len(rows), at_least=2 if has_batch_norm(self.module_) else 1)
        rates = (plan.rate(step, len(sizes) * plan.max_epochs) for step in range(len(sizes) * plan.max_epochs))
        best = BestWeights(plan.patience)
        seen = torch.empty(len(rows), self.outputs(rows.X[:1]).shape[1], device=rows.X.device)
        self.notify("on_train_begin", X=rows.X, y=rows.y)
        for epoch, shuffled in zip(range(plan.max_epochs), plan.epochs(rows)):
            started = time.perf_counter()
            self.notify("on_epoch_begin", dataset_train=rows, dataset_valid=valid)
            with threads_for(sizes[0], self.module_):
                self.train_epoch(shuffled, seen, sizes, plan, rates)
            measures = self.measure("train", shuffled, scorer, seen)
            if valid is not None:
                measures |= self.measure("valid", valid, scorer, self.outputs(valid.X))
            self._record(epoch, measures, started)
            spent = best.is_spent(epoch, self.history[-1].get("valid_loss"), self.module_)
            if self._is_stopped(rows, valid) or spent:
                break
        if best.state:
            self.module_.load_state_dict(best.state)
        self.notify("on_train_end", X=rows.X, y=rows.y)
        return best.epoch if best.state else epoch

    def train_epoch(self, rows: Rows, seen: Tensor, sizes: list[int], plan: Plan, rates: Iterator[float]) -> None:
        """One optimiser step for each batch; ``seen`` ``(n, n_outputs)`` receives the outputs that the steps saw."""
        self.module_.train()
        self.criterion_.train()
        most = chunk_rows(self.module_)
        for (X, y, weight), outputs in zip(rows.split(sizes), torch.split(seen, sizes)):
            if plan.schedule:
                self._set_rate(next(rates))
            self.optimizer_.zero_grad()
            if len(X) <= most:
                outputs.copy_(self.accumulate(X, y, weight))
            else:
                chunks = batch_sizes(len(X), most)
                for chunk, chunk_outputs in zip(Rows(X, y, weight).split(chunks), torch.split(outputs, chunks)):
                    chunk_outputs.copy_(self.accumulate(*chunk, share=len(chunk[0]) / len(X)))
            if plan.l1:
                add_l1_gradient(self.module_, plan.l1)
            self.optimizer_.step()

    def accumulate(self, X: Tensor, y: Tensor, weight: Tensor | None, share: float = 1.0) -> Tensor:
        """Add the gradient of the mean loss of these rows, times their share of the batch; returns their outputs."""
        outputs: Tensor = self.module_(X)
        loss = self.criterion_(outputs, y, weight)
        (loss if share == 1.0 else loss * share).backward()
        return outputs.detach()

    @torch.inference_mode()
    def outputs(self, X: Tensor) -> Tensor:
        """Outputs ``(n, n_outputs)`` of the network in evaluation mode, dropout off, computed in chunks."""
        self.module_.eval()
        chunks = torch.split(X, cache_sized_rows(self.module_))
        return torch.cat([self.module_(chunk) for chunk in chunks])

    @torch.inference_mode()
    def measure(self, name: str, rows: Rows, scorer: Scorer, outputs: Tensor) -> dict[str, Tensor]:
        """Loss and scores of the rows as ``{name}_loss`` and so on, still on the device."""
        self.criterion_.eval()
        measures = {"loss": self.criterion_(outputs, rows.y, rows.weight), **scorer(outputs, rows.y)}
        return {f"{name}_{key}": value for key, value in measures.items()}

    def _set_rate(self, lr: float) -> None:
        for group in self.optimizer_.param_groups:
            group["lr"] = lr

    def _is_stopped(self, rows: Rows, valid: Rows | None) -> bool:
        """Tell the callbacks of the end of an epoch, and say whether one ends the training, as skorch's do."""
        try:
            self.notify("on_epoch_end", dataset_train=rows, dataset_valid=valid)
        except KeyboardInterrupt:
            return True
        except KeyError as error:
            known = ", ".join(name for name in self.history[-1] if name != "batches")
            raise ValueError(
                f"A callback asks for {error} of the history, which has {known}; pass valid_set to fit, or let the "
                "callback monitor one of these."
            ) from error
        return False

    def _record(self, epoch: int, measures: dict[str, Tensor], started: float) -> None:
        """Write an epoch into the history: the only time in an epoch that something is read back from the device."""
        values = torch.stack(list(measures.values())).tolist()
        self.history.record("epoch", epoch)
        for name, value in zip(measures, values):
            self.history.record(name, value)
        self.history.record("lr", self.optimizer_.param_groups[0]["lr"])
        self.history.record("seconds", time.perf_counter() - started)
        if not math.isfinite(self.history[-1]["train_loss"]):
            raise DivergedError(
                f"Training diverged: the loss of epoch {epoch} is {self.history[-1]['train_loss']} at lr={self.lr}. "
                "Lower the learning rate, standardise the inputs (StandardScaler) and the target "
                "(standardize_target=True), or use optimizer='adam'."
            )

"""The training loop: a skorch net whose epochs run over tensors that already lie on the device.

The rows are permuted once an epoch, so that each batch is a slice, a view. All that is left to do for a batch is one
optimiser step and one copy of its outputs, from which the epoch's loss and scores are computed at its end: nothing is
read back from the device while an epoch runs.
"""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Literal

import torch
from skorch import NeuralNet
from torch import Tensor, nn

from labcode.errors import LabcodeError

Schedule = Literal["cosine", "linear", "onecycle"]
Scorer = Callable[[Tensor, Tensor], dict[str, Tensor]]

#: Bytes of activations that a chunk may fill on a CPU: about what its two inner caches hold.
CACHE_BYTES = 4 * 2**20
#: Values in the widest activation of a step below which one thread computes it. A second one would save a fifth of the
#: time at best, and on a busy machine would make each of many thousand operations wait for a core, at 3 ms a time.
THREADED_VALUES = 2**17
#: Rows that a chunk holds elsewhere, where launching a kernel costs more than leaving the cache.
ACCELERATOR_ROWS = 2**19


class DivergedError(LabcodeError, ValueError):
    """A training run whose loss is no longer a finite number."""


@dataclass(frozen=True)
class Rows:
    """Rows on the device.

    Shape
    ----- ``X`` ``(n, n_features)``; ``y`` ``(n, n_outputs)`` for regression, ``(n,)`` for class numbers; ``weight``
    ``(n,)`` or ``None``.
    """

    X: Tensor
    y: Tensor
    weight: Tensor | None = None

    def __len__(self) -> int:
        return len(self.X)

    def take(self, order: Tensor, out: Rows | None = None) -> Rows:
        """The rows in another order, written into ``out`` where given."""
        into = out or Rows(*(None if t is None else torch.empty_like(t) for t in (self.X, self.y, self.weight)))  # type: ignore[arg-type]
        for source, target in zip((self.X, self.y, self.weight), (into.X, into.y, into.weight)):
            if source is not None and target is not None:
                torch.index_select(source, 0, order, out=target)
        return into

    def split(self, sizes: list[int]) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Consecutive slices of the given lengths, as views."""
        weights = repeat(None) if self.weight is None else self.weight.split(sizes)
        return zip(self.X.split(sizes), self.y.split(sizes), weights)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train: the part of an estimator's parameters that the loop reads.

    Attributes
    ----------
    lr, max_epochs, seed
        Learning rate, number of passes, and the seed of the row order and of the input noise.
    batch_size
        Rows a step; ``None`` for one step an epoch on all rows, which are then not shuffled.
    shuffle
        Whether each epoch has its rows in a new order.
    schedule
        See :func:`learning_rate`.
    l1
        Factor of the sum of absolute weights (not biases) in what is minimised.
    input_noise
        Standard deviation of the normal noise added to the inputs, drawn anew each epoch.
    patience
        Epochs without a new lowest loss on the validation rows after which training ends and the best weights return;
        ``None`` trains on to ``max_epochs``.
    chunk_rows
        Rows that go through the network at a time; ``None`` for as many as fit the CPU's cache.
    evaluate_train
        Whether the training rows are scored again after each epoch, in evaluation mode, as all other rows are.
    """

    lr: float
    max_epochs: int
    seed: int
    batch_size: int | None = 128
    shuffle: bool = True
    schedule: Schedule | None = None
    l1: float = 0.0
    input_noise: float = 0.0
    patience: int | None = None
    chunk_rows: int | None = None
    evaluate_train: bool = False


def learning_rate(schedule: Schedule | None, lr: float, progress: float) -> float:
    """Learning rate of a step, ``progress`` in [0, 1) being the share of steps taken before it.

    ``None`` stays at ``lr``; ``"cosine"`` and ``"linear"`` fall from ``lr`` to 0; ``"onecycle"`` rises linearly from
    ``lr / 25`` to ``lr`` over the first 30 % of steps, then falls to 0 along a cosine (Smith and Topin, 2019; the
    momentum is left alone).

    Examples
    --------
    >>> [round(learning_rate("cosine", 0.01, progress), 4) for progress in (0.0, 0.5, 0.9)]
    [0.01, 0.005, 0.0002]
    """
    if schedule == "linear":
        return lr * (1.0 - progress)
    if schedule == "cosine":
        return lr * 0.5 * (1.0 + math.cos(math.pi * progress))
    if schedule == "onecycle":
        rise, start = 0.3, 1 / 25
        if progress < rise:
            return lr * (start + (1.0 - start) * progress / rise)
        return lr * 0.5 * (1.0 + math.cos(math.pi * (progress - rise) / (1.0 - rise)))
    return lr


def batch_sizes(n_rows: int, batch_size: int, *, at_least: int = 1) -> list[int]:
    """Length of each batch; a last one below ``at_least`` rows joins the one before it.

    Examples
    --------
    >>> batch_sizes(10, 4)
    [4, 4, 2]
    >>> batch_sizes(9, 4, at_least=2)
    [4, 5]
    """
    sizes = [batch_size] * (n_rows // batch_size)
    rest = n_rows % batch_size
    if sizes and rest < at_least:
        sizes[-1] += rest
    elif rest:
        sizes.append(rest)
    return sizes


def epoch_rows(rows: Rows, plan: Plan) -> Iterator[Rows]:
    """Endless epochs: the rows, by default in a new order each time, with new input noise where the plan has some.

    The same seed on the same kind of device gives the same epochs. An epoch is valid until the next one is drawn, since
    both lie in the same memory.
    """
    device = rows.X.device
    generator = torch.Generator(device).manual_seed(plan.seed)
    shuffled: Rows | None = None
    while True:
        if plan.shuffle and plan.batch_size is not None:
            order = torch.randperm(len(rows), generator=generator, device=device, dtype=torch.int32)
            shuffled = rows.take(order, out=shuffled)
        epoch = shuffled or rows
        if plan.input_noise:
            noise = torch.randn(rows.X.shape, generator=generator, device=device)
            epoch = Rows(epoch.X + plan.input_noise * noise, epoch.y, epoch.weight)
        yield epoch


def has_batch_norm(module: nn.Module) -> bool:
    """Whether any layer normalises over the batch, so that a batch must go through the network whole."""
    return any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in module.modules())


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def layer_widths(module: nn.Module) -> list[int]:
    """Outputs of each linear layer."""
    return [layer.out_features for layer in module.modules() if isinstance(layer, nn.Linear)] or [1]


@contextmanager
def threads_for(n_rows: int, module: nn.Module) -> Iterator[None]:
    """Compute steps of ``n_rows`` rows in one thread where they are small, else in as many as PyTorch is set to."""
    before = torch.get_num_threads()
    if n_rows * max(layer_widths(module)) < THREADED_VALUES:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def add_l1_gradient(module: nn.Module, l1: float) -> None:
    """Add the slope of ``l1`` times the sum of absolute weights; vectors (biases, norms) are left out."""
    for parameter in module.parameters():
        if parameter.ndim > 1 and parameter.grad is not None:
            parameter.grad.add_(parameter.detach().sign(), alpha=l1)


def cache_sized_rows(module: nn.Module) -> int:
    """Rows whose activations fit the CPU's cache, a power of two; on an accelerator simply many."""
    if next(module.parameters()).device.type != "cpu":
        return ACCELERATOR_ROWS
    return max(256, 2 ** int(math.log2(CACHE_BYTES / (4 * sum(layer_widths(module))))))


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

    def restore(self, module: nn.Module) -> None:
        """Put the best weights back, where any were kept."""
        if self.state:
            module.load_state_dict(self.state)


class ResidentNet(NeuralNet):  # type: ignore[misc]
    """A skorch net that trains on tensors in memory; :meth:`train` stands in for skorch's ``fit``.

    What skorch gives: module, criterion and optimiser set up from its parameters, the history, pickles that move
    between devices, and callbacks, of which those for epochs and for the whole training are called (not those for
    batches). Stop early with ``Plan.patience``: skorch's own ``EarlyStopping`` ends a run with ``KeyboardInterrupt``,
    which here is a user's Ctrl-C and ends the program.
    """

    @property
    def _default_callbacks(self) -> list[Any]:
        return []

    def train(self, rows: Rows, plan: Plan, scorer: Scorer, watched: Mapping[str, Rows] | None = None) -> int:
        """Run the plan's epochs, and record the loss and the scores of the training rows and of the watched ones.

        Parameters
        ----------
        rows
            Training rows, on the net's device.
        plan
            How to train.
        scorer
            Scores of an epoch by name, as scalar tensors, from outputs and targets.
        watched
            Other rows by name; ``"valid"`` is the set that ``plan.patience`` looks at.

        Returns
        -------
        int
            The epoch, from 0, whose weights the module now holds.

        Raises
        ------
        DivergedError
            If the training loss of an epoch is not finite.
        """
        sizes = batch_sizes(len(rows), plan.batch_size or len(rows), at_least=2 if has_batch_norm(self.module_) else 1)
        steps = len(sizes) * plan.max_epochs
        rates = (learning_rate(plan.schedule, plan.lr, step / steps) for step in range(steps))
        best = BestWeights(plan.patience)
        seen = torch.empty(len(rows), self.outputs(rows.X[:1]).shape[1], device=rows.X.device)
        self.notify("on_train_begin")
        for epoch, shuffled in zip(range(plan.max_epochs), epoch_rows(rows, plan)):
            self.notify("on_epoch_begin")
            started = time.perf_counter()
            with threads_for(sizes[0], self.module_):
                self.train_epoch(shuffled, seen, sizes, plan, rates if plan.schedule else None)
            measures = self.measure("train", *((rows, scorer) if plan.evaluate_train else (shuffled, scorer, seen)))
            for name, others in (watched or {}).items():
                measures |= self.measure(name, others, scorer)
            self._record(epoch, measures, started)
            self.notify("on_epoch_end")
            if best.is_spent(epoch, self.history[-1].get("valid_loss"), self.module_):
                break
        best.restore(self.module_)
        self.notify("on_train_end")
        return best.epoch if best.state else epoch

    def train_epoch(
        self, rows: Rows, seen: Tensor, sizes: list[int], plan: Plan, rates: Iterator[float] | None = None
    ) -> None:
        """One optimiser step for each batch; ``seen`` ``(n, n_outputs)`` receives the outputs that the steps saw."""
        self.module_.train()
        self.criterion_.train()
        chunk_rows = self.chunk_rows(plan)
        for (X, y, weight), outputs in zip(rows.split(sizes), seen.split(sizes)):
            if rates is not None:
                set_learning_rate(self.optimizer_, next(rates))
            self.optimizer_.zero_grad()
            if len(X) <= chunk_rows:
                outputs.copy_(self.accumulate(X, y, weight))
            else:
                chunks = batch_sizes(len(X), chunk_rows)
                for chunk, chunk_outputs in zip(Rows(X, y, weight).split(chunks), outputs.split(chunks)):
                    chunk_outputs.copy_(self.accumulate(*chunk, share=len(chunk[0]) / len(X)))
            if plan.l1:
                add_l1_gradient(self.module_, plan.l1)
            self.optimizer_.step()

    def accumulate(self, X: Tensor, y: Tensor, weight: Tensor | None, share: float = 1.0) -> Tensor:
        """Add the gradient of the mean loss of these rows, times their share of the batch; returns their outputs."""
        outputs = self.module_(X)
        loss = self.criterion_(outputs, y, weight)
        (loss if share == 1.0 else loss * share).backward()
        return outputs.detach()

    def chunk_rows(self, plan: Plan) -> int:
        """Rows that go through the network at a time while it trains; batch norm needs its batches whole."""
        if has_batch_norm(self.module_):
            return sys.maxsize
        return plan.chunk_rows or cache_sized_rows(self.module_)

    @torch.inference_mode()
    def outputs(self, X: Tensor) -> Tensor:
        """Outputs ``(n, n_outputs)`` of the network in evaluation mode, dropout off, computed in chunks."""
        self.module_.eval()
        chunks = X.split(cache_sized_rows(self.module_))
        return torch.cat([self.module_(chunk) for chunk in chunks])

    @torch.inference_mode()
    def measure(self, name: str, rows: Rows, scorer: Scorer, outputs: Tensor | None = None) -> dict[str, Tensor]:
        """Loss and scores of the rows as ``{name}_loss`` and so on, still on the device."""
        if outputs is None:
            outputs = self.outputs(rows.X)
        self.criterion_.eval()
        measures = {"loss": self.criterion_(outputs, rows.y, rows.weight), **scorer(outputs, rows.y)}
        return {f"{name}_{key}": value for key, value in measures.items()}

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

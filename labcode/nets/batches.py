"""What makes the loop fast: rows that lie on the device, batches that are views, chunks that fit the cache.

The rows are permuted once an epoch, so that each batch is a slice. A large batch goes through the network in chunks
whose activations stay in the processor's cache; small steps are computed in one thread.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import repeat

import torch
from torch import Tensor, nn

#: Bytes of activations that a chunk may fill on a CPU: about what its two inner caches hold.
CACHE_BYTES = 4 * 2**20
#: Values in the widest activation of a step below which one thread computes it. A second one would save a fifth of the
#: time at best, and on a busy machine would make each of many thousand operations wait for a core, at 3 ms a time.
THREADED_VALUES = 2**17
#: Rows that a chunk holds elsewhere, where launching a kernel costs more than leaving the cache.
ACCELERATOR_ROWS = 2**19


@dataclass(frozen=True)
class Rows:
    """Rows on the device.

    ``X`` ``(n, n_features)``; ``y`` ``(n, n_outputs)`` for regression, ``(n,)`` for class numbers; ``weight`` ``(n,)``
    or ``None``.
    """

    X: Tensor
    y: Tensor
    weight: Tensor | None = None

    def __len__(self) -> int:
        return len(self.X)

    def take(self, order: Tensor, out: Rows | None = None) -> Rows:
        """The rows in another order, written into ``out`` where given."""
        weight = None if self.weight is None else torch.empty_like(self.weight)
        into = out or Rows(torch.empty_like(self.X), torch.empty_like(self.y), weight)
        for source, target in ((self.X, into.X), (self.y, into.y), (self.weight, into.weight)):
            if source is not None and target is not None:
                torch.index_select(source, 0, order, out=target)
        return into

    def split(self, sizes: list[int]) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Consecutive slices of the given lengths, as views."""
        weights = repeat(None) if self.weight is None else torch.split(self.weight, sizes)
        return zip(torch.split(self.X, sizes), torch.split(self.y, sizes), weights)


def batch_sizes(n_rows: int, batch_size: int, *, at_least: int = 1) -> list[int]:
    """Length of each batch; a last one below ``at_least`` rows joins the one before it.

    >>> batch_sizes(10, 4), batch_sizes(9, 4, at_least=2)
    ([4, 4, 2], [4, 5])
    """
    sizes = [batch_size] * (n_rows // batch_size)
    rest = n_rows % batch_size
    if sizes and rest < at_least:
        sizes[-1] += rest
    elif rest:
        sizes.append(rest)
    return sizes


def epoch_rows(rows: Rows, *, seed: int, shuffle: bool = True, input_noise: float = 0.0) -> Iterator[Rows]:
    """Endless epochs: the rows, by default in a new order each time, with new normal noise on the inputs.

    The same seed on the same kind of device gives the same epochs. An epoch is valid until the next one is drawn, since
    both lie in the same memory.
    """
    device = rows.X.device
    generator = torch.Generator(device).manual_seed(seed)
    shuffled: Rows | None = None
    while True:
        if shuffle:
            order = torch.randperm(len(rows), generator=generator, device=device, dtype=torch.int32)
            shuffled = rows.take(order, out=shuffled)
        epoch = shuffled or rows
        if input_noise:
            noise = torch.randn(rows.X.shape, generator=generator, device=device)
            epoch = Rows(epoch.X + input_noise * noise, epoch.y, epoch.weight)
        yield epoch


def has_batch_norm(module: nn.Module) -> bool:
    """Whether any layer normalises over the batch, so that a batch must go through the network whole."""
    return any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in module.modules())


def layer_widths(module: nn.Module) -> list[int]:
    """Outputs of each linear layer."""
    return [layer.out_features for layer in module.modules() if isinstance(layer, nn.Linear)] or [1]


def cache_sized_rows(module: nn.Module) -> int:
    """Rows whose activations fit the CPU's cache, a power of two; on an accelerator simply many."""
    if next(module.parameters()).device.type != "cpu":
        return ACCELERATOR_ROWS
    return max(256, 1 << max(int(math.log2(CACHE_BYTES / (4 * sum(layer_widths(module))))), 0))


def chunk_rows(module: nn.Module) -> int:
    """Rows that go through a network at a time while it trains."""
    return sys.maxsize if has_batch_norm(module) else cache_sized_rows(module)


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

"""What networks that train as one draw together: batches of equal rows in equal order, and equal dropout masks."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from labcode.nets.batches import batch_sizes, chunk_rows
from labcode.nets.mlp import dropout_mask

if TYPE_CHECKING:
    from labcode.nets.batched_mlp import Member

Batch = tuple[Tensor, Tensor, Tensor | None]


class SharedBatches:
    """The batches of all members; those that see equal rows in equal order read from one stream."""

    def __init__(self, members: Sequence[Member]) -> None:
        numbers: dict[Hashable, int] = {}
        self.stream_of = [numbers.setdefault(member.order, len(numbers)) for member in members]
        self.streams = [members[self.stream_of.index(i)].batches() for i in range(len(numbers))]
        self.device = members[0].rows.X.device

    def draw(self, part: Sequence[int]) -> Batch:
        """Inputs ``(k, n, n_features)``, targets ``(k, n, …)`` and weights ``(k, n)`` of the members of a part."""
        streams = [self.stream_of[i] for i in part]
        drawn = {stream: next(self.streams[stream]) for stream in dict.fromkeys(streams)}
        places = torch.tensor([list(drawn).index(stream) for stream in streams], device=self.device)

        def of_members(tensors: tuple[Tensor, ...]) -> Tensor:
            stacked = torch.stack(tensors)
            return stacked if len(stacked) == len(streams) else stacked.index_select(0, places)

        X, y, weight = zip(*drawn.values(), strict=True)
        return of_members(X), of_members(y), None if weight[0] is None else of_members(weight)


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


class SharedMasks:
    """The dropout masks of all members; networks alike in all that masks depend on share them."""

    def __init__(self, members: Sequence[Member], widths: list[int]) -> None:
        self.widths, self.device = widths, members[0].rows.X.device
        self.masks: list[Masks | None] = []
        self.masks_of: list[int] = []
        numbers: dict[Hashable, int] = {}
        for member in members:
            dropout, state = member.estimator.dropout, member.random_state
            key = (dropout, state.numpy().tobytes(), *member.sizes) if dropout else None
            self.masks_of.append(numbers.setdefault(key, len(self.masks)))
            if len(numbers) > len(self.masks):
                generator = torch.Generator().set_state(state)
                most = chunk_rows(member.net.module_)
                self.masks.append(Masks(1.0 - dropout, widths, most, generator) if dropout else None)

    def draw(self, part: Sequence[int], n: int) -> list[Tensor] | None:
        """A mask ``(k, n, width)`` for each hidden layer of the members of a part; ``None`` if none has dropout."""
        numbers = [self.masks_of[i] for i in part]
        used = list(dict.fromkeys(numbers))
        if all(self.masks[i] is None for i in used):
            return None
        drawn = [masks.draw(n) if (masks := self.masks[i]) else [torch.ones(n, w) for w in self.widths] for i in used]
        places = torch.tensor([used.index(number) for number in numbers])
        stacked = [torch.stack(layer).to(self.device) for layer in zip(*drawn)]
        return stacked if len(used) == 1 else [layer.index_select(0, places.to(self.device)) for layer in stacked]

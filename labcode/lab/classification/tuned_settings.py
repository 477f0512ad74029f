"""The settings of the experiment on tuning, as lab.toml has them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Annotated

from pydantic import Field

from labcode.lab.classification.sound_settings import Count, Layers, Network, NetworkChoice, Rate, Weights


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What a search in inner folds may choose for the network, beside the setting that it starts at."""

    weights: Annotated[tuple[Weights, ...], Field(min_length=1)]
    l1: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)]
    lr: tuple[Rate, ...] = ()
    epochs: tuple[Count, ...] = ()
    hidden: tuple[Layers, ...] = ()

    def choices(self, network: Network, start: NetworkChoice) -> tuple[NetworkChoice, ...]:
        """The start, all pairs of weights and L1, and the start with one other rate, length or shape at a time."""
        start = replace(start, lr=network.lr, epochs=network.epochs, hidden=network.hidden)
        pairs = [replace(start, weights=weights, l1=l1) for weights, l1 in product(self.weights, self.l1)]
        single = [replace(start, **{name: each}) for name in ("lr", "epochs", "hidden") for each in getattr(self, name)]
        return tuple(dict.fromkeys([start, *pairs, *single]))

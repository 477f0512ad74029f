"""The settings of the tuning, as lab.toml has and explains them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from labcode.lab.regression.settings import Count, Layers, Rate, Seeds

Optimizer = Literal["adam", "sgd"]


@dataclass(frozen=True, kw_only=True)
class First:
    """Our first version's grid, and skorch's batch size.

    ``warned_rows`` are searched by plain skorch too, which then warns; of the rows held out, ``shown_rows`` are drawn.
    """

    lrs: Annotated[tuple[Rate, ...], Field(min_length=2)]
    hidden1: Annotated[tuple[Count, ...], Field(min_length=2)]
    epochs: Count
    batch_size: Annotated[int, Field(ge=2)]
    seeds: Annotated[int, Field(ge=2, le=1000)]
    warned_rows: Annotated[int, Field(ge=100)]
    shown_rows: Count

    @property
    def candidates(self) -> tuple[tuple[float, int], ...]:
        """Rate and units of the first layer of each candidate, in scikit-learn's order."""
        return tuple(product(self.lrs, self.hidden1))


@dataclass(frozen=True, kw_only=True)
class Start:
    """A setting of the network."""

    optimizer: Optimizer
    lr: Rate
    epochs: Count
    hidden: Layers


@dataclass(frozen=True, kw_only=True)
class Search:
    """A grid, the rows and folds that it is searched on, and how its choice is tried."""

    every: Count
    folds: Annotated[int, Field(ge=2, le=6)]
    block_share: Annotated[float, Field(gt=0, le=0.15)]
    adam: Annotated[tuple[Rate, ...], Field(min_length=1)]
    sgd: Annotated[tuple[Rate, ...], Field(min_length=1)]
    epochs: Annotated[tuple[Count, ...], Field(min_length=1)]
    hidden: Annotated[tuple[Layers, ...], Field(min_length=1)]
    batch_size: Count
    start: Start
    paired: Annotated[int, Field(ge=2)]
    seeds: Seeds


@dataclass(frozen=True, kw_only=True)
class Halving:
    """Successive halving of the search: epochs of the first rung, and how many times more the next has."""

    min_epochs: Count
    factor: Annotated[int, Field(ge=2)]
    search: Annotated[Search, "tuning.search"]

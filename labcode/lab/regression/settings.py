"""The settings of the regression, as lab.toml has and explains them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1)]
Seeds = Annotated[int, Field(ge=1, le=1000)]
Rate = Annotated[float, Field(gt=0, le=1)]
Layers = Annotated[tuple[Count, ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class First:
    """Our first version's network and its training."""

    hidden: tuple[Count, Count]
    lr: Rate
    epochs: Annotated[int, Field(ge=50)]  # the last printed loss is that of epoch 49
    seeds: Seeds


@dataclass(frozen=True, kw_only=True)
class WithoutNetwork:
    """Ridge regression and boosted trees."""

    ridge_alpha: Annotated[float, Field(ge=0)]
    leaves: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)]
    rates: Annotated[tuple[Rate, ...], Field(min_length=1)]
    iterations: Count
    folds: Annotated[int, Field(ge=1, le=4)]


@dataclass(frozen=True, kw_only=True)
class Network:
    """The network that answers with a position in the day's range."""

    hidden: Layers
    batch_size: Count
    epochs: Count
    lr: Rate


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Rolling folds before the test dates."""

    folds: Annotated[int, Field(ge=1, le=6)]
    block_share: Annotated[float, Field(gt=0, le=0.15)]
    seeds: Annotated[int, Field(ge=2, le=1000)]
    network: Annotated[Network, "regression.network"]


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """The repair, one change at a time, from our first version's network to this one's."""

    seeds: Seeds
    curve_epochs: Count
    first: Annotated[First, "regression.first"]
    network: Annotated[Network, "regression.network"]


@dataclass(frozen=True, kw_only=True)
class Final:
    """The chosen network."""

    seeds: Seeds
    network: Annotated[Network, "regression.network"]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """How good a prediction can be: a simulated day, and a network that knows the past."""

    days: Annotated[int, Field(ge=1000)]
    path_steps: Annotated[int, Field(ge=10)]
    past_days: Count
    seeds: Seeds
    network: Annotated[Network, "regression.network"]


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The next day: from a day's row to the close of the next day."""

    epochs: Count
    clip: Annotated[float, Field(gt=0)]
    seeds: Seeds
    network: Annotated[Network, "regression.network"]

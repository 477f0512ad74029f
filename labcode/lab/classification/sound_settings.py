"""The settings of the contest between the network and its rivals, as lab.toml has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1)]
Folds = Annotated[int, Field(ge=2, le=10)]
Rate = Annotated[float, Field(gt=0, le=1)]
Layers = Annotated[tuple[Count, ...], Field(min_length=1)]
Weights = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class Network:
    """The network, and the trees that place the edges of its questions."""

    hidden: Layers
    batch_size: Count
    epochs: Count
    lr: Rate
    weight_decay: Annotated[float, Field(ge=0)]
    leaves: Annotated[int, Field(ge=2)]
    min_rows: Count
    min_gain: Annotated[float, Field(ge=0)]


@dataclass(frozen=True, kw_only=True)
class NetworkChoice:
    """What the inner folds choose for the network; `None` leaves what :class:`Network` has."""

    weights: Weights
    l1: Annotated[float, Field(ge=0)]
    lr: Rate | None = None
    epochs: Count | None = None
    hidden: Layers | None = None


@dataclass(frozen=True, kw_only=True)
class ForestChoice:
    """What they choose for the forest."""

    weights: Weights
    features: Rate


@dataclass(frozen=True, kw_only=True)
class BoostingChoice:
    """What they choose for boosting."""

    weights: Weights
    rate: Rate
    leaves: Annotated[int, Field(ge=2)]


@dataclass(frozen=True, kw_only=True)
class LogisticChoice:
    """What they choose for logistic regression."""

    weights: Weights
    c: Annotated[float, Field(gt=0)]


@dataclass(frozen=True, kw_only=True)
class Contest:
    """Folds, repeats, and the settings that each model may choose from: as many for each."""

    folds: Folds
    repeats: Annotated[int, Field(ge=1, le=100)]
    inner_folds: Folds
    seeds: Count
    inner_seeds: Count
    fresh_rows: Annotated[int, Field(ge=100)]
    trees: Count
    inner_trees: Count
    iterations: Count
    temperatures: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]
    hazard_shares: Annotated[tuple[Weights, ...], Field(min_length=1)]
    network: Annotated[tuple[NetworkChoice, ...], Field(min_length=1)]
    forest: Annotated[tuple[ForestChoice, ...], Field(min_length=1)]
    boosting: Annotated[tuple[BoostingChoice, ...], Field(min_length=1)]
    logistic: Annotated[tuple[LogisticChoice, ...], Field(min_length=1)]

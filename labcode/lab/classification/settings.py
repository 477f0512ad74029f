"""The settings of the classification chapter, as lab.toml has and explains them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1)]
Folds = Annotated[int, Field(ge=2, le=10)]
Draws = Annotated[int, Field(ge=100)]
Points = Annotated[int, Field(ge=2)]
Rate = Annotated[float, Field(gt=0, le=1)]
Weights = Annotated[float, Field(ge=0, le=1)]
Penalty = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Layers = Annotated[tuple[Count, ...], Field(min_length=1)]
Strengths = Annotated[tuple[Positive, ...], Field(min_length=1)]
Shares = Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class First:
    """Our first version's network and its training, plain and regularised."""

    hidden: tuple[Count, Count]
    lr: Rate
    epochs: Annotated[int, Field(ge=50)]  # the last printed figures are those of epoch 49
    dropout: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: Penalty
    smote_neighbors: Count
    seeds: Annotated[int, Field(ge=2, le=1000)]
    order_seeds: Annotated[int, Field(ge=2, le=1000)]
    informative: Rate


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """Simulated tables; the first of ``rows`` is their size, the others are those of parts of them."""

    draws: Annotated[int, Field(ge=2)]
    learning_draws: Count
    rows: Annotated[tuple[Annotated[int, Field(ge=1000)], ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Plain:
    """The plain network, which asks no questions: the one with faults, and the one whose rows are balanced."""

    hidden: Layers
    batch_size: Count
    lr: Rate
    weight_decay: Penalty


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Folds, and how long the plain network trains with and without each fault."""

    folds: Folds
    seeds: Count
    epochs: Count
    smote_neighbors: Count


@dataclass(frozen=True, kw_only=True)
class Balancing:
    """Networks of each way to treat rare classes, and how their failures are counted."""

    folds: Folds
    inner_folds: Folds
    seeds: Count
    epochs: Count
    neighbors: Count
    gamma: Positive
    needless: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    longest: Count
    draws: Draws


@dataclass(frozen=True, kw_only=True)
class HoldingBack:
    """Techniques with the strengths to choose from, in inner folds."""

    folds: Folds
    inner_folds: Folds
    seeds: Count
    members: Annotated[int, Field(ge=2)]
    epochs: Count
    dropout: Shares
    decay: Strengths
    l1: Strengths
    noise: Strengths
    smoothing: Shares
    draws: Draws


@dataclass(frozen=True, kw_only=True)
class Network:
    """The network that asks questions, and the trees that place their cuts."""

    hidden: Layers
    batch_size: Count
    epochs: Count
    lr: Rate
    weight_decay: Penalty
    leaves: Annotated[int, Field(ge=2)]
    min_rows: Count
    min_gain: Penalty


@dataclass(frozen=True, kw_only=True)
class NetworkChoice:
    """What the inner folds choose for the network; `None` leaves what :class:`Network` has."""

    weights: Weights
    l1: Penalty
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
    c: Positive


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
    temperatures: Strengths
    hazard_shares: Annotated[tuple[Weights, ...], Field(min_length=1)]
    network: Annotated[tuple[NetworkChoice, ...], Field(min_length=1)]
    forest: Annotated[tuple[ForestChoice, ...], Field(min_length=1)]
    boosting: Annotated[tuple[BoostingChoice, ...], Field(min_length=1)]
    logistic: Annotated[tuple[LogisticChoice, ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Cost ratios, shuffles of inputs, and the planes on which the network is drawn."""

    ratios: tuple[Positive, Positive]
    curve_points: Points
    stated: Annotated[tuple[Count, ...], Field(min_length=1)]
    permutations: Count
    points: Points
    slow: Weights


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What a search in inner folds may choose for the network, beside the setting that it starts at."""

    weights: Annotated[tuple[Weights, ...], Field(min_length=1)]
    l1: Annotated[tuple[Penalty, ...], Field(min_length=1)]
    lr: tuple[Rate, ...] = ()
    epochs: tuple[Count, ...] = ()
    hidden: tuple[Layers, ...] = ()

    def choices(self, network: Network, start: NetworkChoice) -> tuple[NetworkChoice, ...]:
        """The start, all pairs of weights and L1, and the start with one other rate, length or shape at a time."""
        start = replace(start, lr=network.lr, epochs=network.epochs, hidden=network.hidden)
        pairs = [replace(start, weights=weights, l1=l1) for weights, l1 in product(self.weights, self.l1)]
        single = [replace(start, **{name: each}) for name in ("lr", "epochs", "hidden") for each in getattr(self, name)]
        return tuple(dict.fromkeys([start, *pairs, *single]))

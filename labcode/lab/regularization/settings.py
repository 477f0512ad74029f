"""The settings of the regularization, as lab.toml has and explains them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from labcode.lab.regression.settings import Network

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Shares = Annotated[tuple[Share, ...], Field(min_length=1)]
Strengths = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class Regularised:
    """How our first version held its network back, and for how long it trained."""

    dropout: Share
    weight_decay: Annotated[float, Field(ge=0)]
    epochs: Annotated[int, Field(ge=20)]  # the last one compared is epoch 19


@dataclass(frozen=True, kw_only=True)
class FewRows:
    """Networks trained for long on few rows, and the techniques with the strengths to choose from."""

    rows: Annotated[tuple[Annotated[int, Field(ge=100)], ...], Field(min_length=2)]
    test_rows: Annotated[int, Field(ge=100)]
    seeds: Count
    members: Annotated[int, Field(ge=2)]
    steps: Count
    batch_size: Count
    lr: Share
    folds: Annotated[int, Field(ge=1, le=3)]
    block_share: Annotated[float, Field(gt=0, le=0.25)]
    dropout: Shares
    decay: Strengths
    l1: Strengths
    noise: Strengths
    smaller: Annotated[tuple[Count, ...], Field(min_length=1)]
    stopping: Shares
    draws: Annotated[int, Field(ge=100)]
    network: Annotated[Network, "regression.network"]

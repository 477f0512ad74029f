"""The settings of our first version of the classification, as lab.toml has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class First:
    """Our first version's network and its training, plain and regularised."""

    hidden: tuple[Count, Count]
    lr: Share
    epochs: Annotated[int, Field(ge=50)]  # the last printed figures are those of epoch 49
    dropout: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    smote_neighbors: Count
    seeds: Annotated[int, Field(ge=2, le=1000)]
    order_seeds: Annotated[int, Field(ge=2, le=1000)]
    informative: Share

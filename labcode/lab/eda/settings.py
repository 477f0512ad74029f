"""The settings of the chapter on the data, as lab.toml has and explains them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class OfPrices:
    """A jump is a day's rise or fall by more than this share of the price."""

    jump: Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True, kw_only=True)
class OfMachines:
    """Resamples of the rows behind an interval."""

    draws: Annotated[int, Field(ge=50)]

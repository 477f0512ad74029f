"""The settings of the chapter on the data, as lab.toml has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class OfPrices:
    """A day's rise or fall, as a share of the price, that is called a jump."""

    jump: Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True, kw_only=True)
class OfMachines:
    """Resamples of the rows behind an interval."""

    draws: Annotated[int, Field(ge=50)]

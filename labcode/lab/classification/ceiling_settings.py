"""The settings of the ceiling, as lab.toml has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """Simulated tables; the first of ``rows`` is their size, the others are those of parts of them."""

    draws: Annotated[int, Field(ge=2)]
    learning_draws: Annotated[int, Field(ge=1)]
    rows: Annotated[tuple[Annotated[int, Field(ge=1000)], ...], Field(min_length=1)]

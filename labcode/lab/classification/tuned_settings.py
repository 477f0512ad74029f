"""The settings of the experiment on tuning, as lab.toml has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from labcode.lab.classification.sound_settings import NetworkChoice


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What a search in inner folds may choose for the network; the first is where it starts."""

    network: Annotated[tuple[NetworkChoice, ...], Field(min_length=1)]

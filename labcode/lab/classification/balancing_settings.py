"""The settings of balancing, as lab.toml has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True)
class Balancing:
    """Networks of each way to treat rare classes, and how their failures are counted.

    Attributes
    ----------
    folds, inner_folds, seeds
        Outer folds; folds of the training rows that set a threshold; networks of each outer fold.
    epochs
        Passes over the natural rows; any other number of rows has as many optimiser steps.
    neighbors, gamma
        Neighbours of all kinds of SMOTE; exponent of the focal loss.
    needless
        Numbers of needless stops, of all rows, at which the failures found are counted.
    longest
        Needless stops at which the curves end.
    draws
        Resamples of the rows.
    """

    folds: Annotated[int, Field(ge=2)]
    inner_folds: Annotated[int, Field(ge=2)]
    seeds: Count
    epochs: Count
    neighbors: Count
    gamma: Annotated[float, Field(gt=0)]
    needless: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    longest: Count
    draws: Annotated[int, Field(ge=100)]

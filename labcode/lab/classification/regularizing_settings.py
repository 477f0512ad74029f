"""The settings of holding networks back, as lab.toml has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1)]
Strengths = Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]
Shares = Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class HoldingBack:
    """Techniques with the strengths to choose from, in inner folds.

    Attributes
    ----------
    folds, inner_folds, seeds
        Outer folds; folds of the training rows that choose; runs of each outer fold.
    members
        Networks of an ensemble.
    epochs
        Passes over the training rows, for all.
    dropout, decay, l1, noise, smoothing
        Rates of dropout; weight decay of AdamW; factors of the sum of absolute weights; standard deviations of noise on
        the inputs; shares of a label spread over all classes.
    draws
        Resamples of rows and seeds.
    """

    folds: Annotated[int, Field(ge=2)]
    inner_folds: Annotated[int, Field(ge=2)]
    seeds: Count
    members: Annotated[int, Field(ge=2)]
    epochs: Count
    dropout: Shares
    decay: Strengths
    l1: Strengths
    noise: Strengths
    smoothing: Shares
    draws: Annotated[int, Field(ge=100)]

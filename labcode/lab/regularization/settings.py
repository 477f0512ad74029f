"""The settings of the regularization, as lab.toml has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

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
    """Networks trained for long on few rows, and the techniques with the strengths to choose from.

    Attributes
    ----------
    rows, test_rows
        Training rows, from few to many; rows of the test dates that score.
    seeds, members
        Draws of rows, each with networks of its own; networks of an ensemble.
    steps, batch_size, lr
        Optimiser steps, whatever the rows; rows of each; learning rate at its peak.
    folds, block_share
        Rolling folds of the training rows that choose, and the share of their dates in each.
    dropout, decay, l1, noise, smaller, stopping
        Rates of dropout; weight decay of AdamW; factors of the sum of absolute weights; standard deviations of noise on
        the inputs; units of a single hidden layer; shares of the steps after which training ends.
    draws
        Resamples of dates and seeds.
    """

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

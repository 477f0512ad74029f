"""What the experiment on few rows and many returns; positions and their errors have no unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


def _r2(says: str) -> Quantity:
    return Quantity(says=says, decimals=3, most=1, over="dates and seeds")


def _saved(says: str) -> Quantity:
    return Quantity(says=says, unit="%", decimals=1, most=1, over="dates and seeds")


@dataclass(frozen=True, kw_only=True)
class HeldBackBy(Results):
    """A technique with a number of rows, its strength chosen on their own later dates.

    Gains are over none, on the same rows and seeds. Limits of ``gain`` hold for all techniques and all numbers of rows
    together (Bonferroni); those of ``r2`` for itself alone.
    """

    r2: Annotated[Number, _r2("R² of the position on test dates")]
    gain: Annotated[Number, _saved("squared error saved against none, with limits for all statements together")]
    train_r2: Annotated[Number, Quantity(says="R² of the position on training rows", decimals=3, most=1)]
    gap: Annotated[Number, Quantity(says="R² lost from training rows to test dates", decimals=3)]
    strength: Annotated[Number, Quantity(says="median chosen strength", decimals=3, least=0)]


@dataclass(frozen=True, kw_only=True)
class AtSize(Results):
    """All techniques with one number of training rows."""

    rows: Annotated[Number, Quantity(says="training rows", decimals=0, least=1)]
    passes: Annotated[Number, Quantity(says="passes over the training rows", decimals=0, least=1)]
    techniques: Annotated[Mapping[str, HeldBackBy], Quantity(name="technique")]
    best: str
    positive: Annotated[Number, Quantity(says="techniques shown to save squared error", decimals=0, least=0)]
    negative: Annotated[Number, Quantity(says="techniques shown to add squared error", decimals=0, least=0)]


@dataclass(frozen=True, kw_only=True)
class FewRows(Results):
    """The position network, trained for equally many steps on few rows and on many.

    Shape
    -----
    ``chosen`` ``(n_techniques, n_sizes, n_seeds)``: strengths, 0 where there is nothing to choose.
    """

    experiment = "regularization/few-rows"
    sizes: Annotated[Mapping[int, AtSize], Quantity(name="rows")]
    seeds: int
    steps: Annotated[Number, Quantity(says="optimiser steps", decimals=0, least=1)]
    tried: Annotated[Number, Quantity(says="techniques tried", decimals=0, least=1)]
    statements: Annotated[Number, Quantity(says="statements whose limits hold together", decimals=0, least=1)]
    weights: Annotated[Number, Quantity(says="weights of the network", decimals=0, least=1)]
    all_rows: Annotated[Number, Quantity(says="training rows that there are", decimals=0, least=1)]
    all_rows_r2: Annotated[Number, Quantity(says="R² of a network trained on all rows", decimals=3, most=1)]
    chosen: Annotated[np.ndarray, Quantity(least=0)]

    @property
    def fewest(self) -> AtSize:
        """With the fewest rows."""
        return self.sizes[min(self.sizes)]

    @property
    def most(self) -> AtSize:
        """With the most rows."""
        return self.sizes[max(self.sizes)]

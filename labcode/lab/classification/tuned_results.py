"""What the experiment on tuning returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from labcode.lab.quantities import counted, gain, positive, score
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


@dataclass(frozen=True, kw_only=True)
class Searched(Results):
    """A setting that the search may choose."""

    weights: Annotated[Number, positive("exponent of the class weights", 1)]
    l1: Annotated[Number, positive("factor of the sum of absolute weights", 5)]
    lr: Annotated[Number, positive("learning rate at its peak", 3)]
    epochs: Annotated[Number, counted("epochs")]
    layers: str
    chosen: Annotated[Number, counted("outer folds that choose it")]


@dataclass(frozen=True, kw_only=True)
class Tuned(Results):
    """What choosing in inner folds gains over the first setting, out of fold, both calibrated inside and by a rule.

    ``edge_chosen`` counts the least and the largest L1 factor and the largest exponent; at an exponent of 0 all rows
    weigh alike, so that less of it means nothing.
    """

    experiment = "classification/tuned"
    folds: int
    seeds: int
    start_macro_f1: Annotated[Number, score("macro-F1 of the first setting")]
    macro_f1: Annotated[Number, score("macro-F1 of the chosen settings")]
    gain: Annotated[Number, gain("macro-F1 that choosing gains")]
    edge_chosen: Annotated[Number, counted("outer folds at an end of the L1 or the strongest weights")]
    settings: Annotated[Mapping[int, Searched], Quantity(name="setting")]

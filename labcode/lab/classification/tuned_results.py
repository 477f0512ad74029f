"""What the experiment on tuning returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


@dataclass(frozen=True, kw_only=True)
class Searched(Results):
    """A setting that the search may choose."""

    weights: Annotated[Number, Quantity(says="exponent of the class weights", decimals=1, least=0)]
    l1: Annotated[Number, Quantity(says="factor of the sum of absolute weights", decimals=5, least=0)]
    lr: Annotated[Number, Quantity(says="learning rate at its peak", decimals=3, least=0)]
    epochs: Annotated[Number, Quantity(says="epochs", decimals=0, least=0)]
    layers: str
    chosen: Annotated[Number, Quantity(says="outer folds that choose it", decimals=0, least=0)]


@dataclass(frozen=True, kw_only=True)
class Tuned(Results):
    """What choosing in inner folds gains over the first setting, out of fold, both calibrated inside and by a rule.

    ``edge_chosen`` counts the least and the largest L1 factor and the largest exponent; at an exponent of 0 all rows
    weigh alike, so that less of it means nothing.
    """

    experiment = "classification/tuned"
    folds: int
    seeds: int
    start_macro_f1: Annotated[
        Number, Quantity(says="macro-F1 of the first setting", decimals=3, least=0, most=1, over="rows")
    ]
    macro_f1: Annotated[
        Number, Quantity(says="macro-F1 of the chosen settings", decimals=3, least=0, most=1, over="rows")
    ]
    gain: Annotated[Number, Quantity(says="macro-F1 that choosing gains", decimals=3, least=-1, most=1, over="rows")]
    edge_chosen: Annotated[
        Number, Quantity(says="outer folds at an end of the L1 or the strongest weights", decimals=0, least=0)
    ]
    settings: Annotated[Mapping[int, Searched], Quantity(name="setting")]

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

    ``edge_chosen`` counts the least and the largest of each list, but of the exponents the largest alone: at 0 all rows
    weigh alike.
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
    start_log_loss: Annotated[Number, Quantity(says="log loss of the first setting", decimals=4, least=0, over="rows")]
    log_loss: Annotated[Number, Quantity(says="log loss of the chosen settings", decimals=4, least=0, over="rows")]
    log_loss_saved: Annotated[Number, Quantity(says="log loss that choosing saves", decimals=4, over="rows")]
    start_chosen: Annotated[Number, Quantity(says="outer folds that choose the first setting", decimals=0, least=0)]
    edge_chosen: Annotated[
        Number, Quantity(says="outer folds whose choice lies at an edge of the grid", decimals=0, least=0)
    ]
    settings: Annotated[Mapping[int, Searched], Quantity(name="setting")]

    @property
    def most_chosen(self) -> Searched:
        """The setting that most outer folds choose; of several, the first."""
        return max(self.settings.values(), key=lambda each: each.chosen.value)

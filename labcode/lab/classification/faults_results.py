"""What the experiment on our first version's faults returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


def _score(says: str, name: str | None = None) -> Quantity:
    return Quantity(says=says, decimals=2, least=0, most=1, over="rows", name=name)


def _gain(says: str) -> Quantity:
    return Quantity(says=says, decimals=2, least=-1, most=1, over="rows")


def _accuracy(says: str) -> Quantity:
    return Quantity(says=says, unit="%", decimals=1, least=0, most=1, over="rows")


@dataclass(frozen=True, kw_only=True)
class Variant(Results):
    """The plain network with some faults: on recorded rows held out, and on all rows that it held out itself.

    Means over seeds. ``own_…`` is what the faulty protocol would report: its rows are partly SMOTE's, if that came
    before the split, and each class counts alike.
    """

    macro_f1: Annotated[Number, _score("macro-F1 on recorded rows", name="")]
    gain: Annotated[Number, _gain("gain in macro-F1 on recorded rows over no fault")]
    without_random: Annotated[Number, _score("macro-F1 without random failures on recorded rows")]
    gain_without_random: Annotated[
        Number, _gain("gain in macro-F1 without random failures on recorded rows over no fault")
    ]
    accuracy: Annotated[Number, _accuracy("accuracy on recorded rows")]
    own_rows: Annotated[Number, Quantity(says="rows that it holds out, over all folds", decimals=0, least=0)]
    own_macro_f1: Annotated[Number, _score("macro-F1 that it would report")]
    own_accuracy: Annotated[Number, _accuracy("accuracy that it would report")]


@dataclass(frozen=True, kw_only=True)
class Leakage(Results):
    """The plain network without and with our first version's faults, on the same folds."""

    experiment = "classification/leakage"
    variants: Annotated[Mapping[str, Variant], Quantity(name="")]
    folds: int
    seeds: int
    rows: Annotated[Number, Quantity(says="recorded rows", decimals=0, least=0)]

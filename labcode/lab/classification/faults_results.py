"""What the experiment on our first version's faults returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from labcode.lab.quantities import counted, gain, score, share
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


@dataclass(frozen=True, kw_only=True)
class Variant(Results):
    """The plain network with some faults: on recorded rows held out, and on all rows that it held out itself.

    Means over seeds. ``own_…`` is what the faulty protocol would report: its rows are partly SMOTE's, if that came
    before the split, and each class counts alike.
    """

    macro_f1: Annotated[Number, score("macro-F1 on recorded rows", 2, name="")]
    gain: Annotated[Number, gain("gain in macro-F1 on recorded rows over no fault", 2)]
    without_random: Annotated[Number, score("macro-F1 without random failures on recorded rows", 2)]
    gain_without_random: Annotated[
        Number, gain("gain in macro-F1 without random failures on recorded rows over no fault", 2)
    ]
    accuracy: Annotated[Number, share("accuracy on recorded rows", over="rows")]
    own_rows: Annotated[Number, counted("rows that it holds out, over all folds")]
    own_macro_f1: Annotated[Number, score("macro-F1 that it would report", 2)]
    own_accuracy: Annotated[Number, share("accuracy that it would report", over="rows")]


@dataclass(frozen=True, kw_only=True)
class Leakage(Results):
    """The plain network without and with our first version's faults, on the same folds."""

    experiment = "classification/leakage"
    variants: Annotated[Mapping[str, Variant], Quantity(name="")]
    folds: int
    seeds: int
    rows: Annotated[Number, counted("recorded rows")]

"""What the experiment on the ceiling returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from labcode.lab.quantities import counted, gain, positive, score, share
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


@dataclass(frozen=True, kw_only=True)
class Decision(Results):
    """A classifier that knows the rules, on all rows."""

    macro_f1: Annotated[Number, score("macro-F1")]
    accuracy: Annotated[Number, share("accuracy", over="rows")]
    f1: Annotated[Mapping[str, Number], score("F1", 2)]


@dataclass(frozen=True, kw_only=True)
class Ceiling(Results):
    """The best that a classifier can do on these rows, and on simulated tables.

    Decisions on the rows know the rules as published; ``best_measured`` knows how long tools last in the table. Those
    on simulated tables know the rules by which these were drawn. No decision has read a label.
    """

    experiment = "classification/ceiling"
    most_probable: Annotated[Decision, Quantity(says="most probable class")]
    best: Annotated[Decision, Quantity(says="best decision")]
    best_measured: Annotated[Decision, Quantity(says="best decision, tool lives as in the table")]
    most_probable_printed: Annotated[Decision, Quantity(says="most probable class at 0.1 K")]
    best_printed: Annotated[Decision, Quantity(says="best decision at 0.1 K")]
    row_order: Annotated[Decision, Quantity(says="best decision that knows the next row")]
    gain_of_deciding: Annotated[Number, gain("gain of the best decision over the most probable class")]
    artefact_best: Annotated[Number, gain("macro-F1 of the best decision that is float64 noise")]
    log_loss: Annotated[Number, positive("log loss of the published probabilities", 4, "rows")]
    edge_rows: Annotated[Number, counted("slow rows whose temperatures are 8.6 K apart as printed")]
    edge_failures: Annotated[Number, counted("of these, heat dissipation failures")]
    edge_right: Annotated[Mapping[str, Number], counted("of these, right at best by the difference in")]
    draws: int
    simulated: Annotated[Mapping[str, Number], score("macro-F1 on simulated tables", over="draws")]
    leak_bound: Annotated[
        Mapping[int, Number], score("highest macro-F1 of the best decision on any simulated table, by rows", over=None)
    ]

    def bound(self, rows: int) -> Number:
        """What a score on so many rows should not exceed: that of the largest simulated tables with no more rows."""
        sizes = [size for size in self.leak_bound if size <= rows] or [min(self.leak_bound)]
        return self.leak_bound[max(sizes)]

"""What the experiment on the ceiling returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.errors import LabcodeError
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


@dataclass(frozen=True, kw_only=True)
class Decision(Results):
    """A classifier that knows the rules, on all rows."""

    macro_f1: Annotated[Number, Quantity(says="macro-F1", decimals=3, least=0, most=1, over="rows")]
    accuracy: Annotated[Number, Quantity(says="accuracy", unit="%", decimals=1, least=0, most=1, over="rows")]
    f1: Annotated[Mapping[str, Number], Quantity(says="F1", decimals=2, least=0, most=1, over="rows")]


def _gain(says: str) -> Quantity:
    return Quantity(says=says, decimals=3, least=-1, most=1, over="rows")


def _loss(says: str) -> Quantity:
    return Quantity(says=says, decimals=4, least=0, over="rows")


def _rows(says: str) -> Quantity:
    return Quantity(says=says, decimals=0, least=0)


@dataclass(frozen=True, kw_only=True)
class Ceiling(Results):
    """The best that a classifier can do on these rows, and on simulated tables.

    Decisions on the rows know the rules as published; ``best_measured`` knows how long tools last in the table. Those
    on simulated tables know the rules by which these were drawn. No decision has read a label.

    Shape
    -----
    ``simulated_scores`` ``(n_draws, n_decisions)``: macro-F1 in the order of ``simulated``.
    ``wear`` ``(n_wears,)``, ``tool_failure`` ``(2, 3, n_wears)``: chance that a tool fails at a wear (min), by the
    published rules and by the stand-in's, for the qualities L, M, H.
    ``wear_rows``, ``wear_failures`` ``(n_wears,)``: rows of that wear, and how many are called tool wear failures.
    """

    experiment = "classification/ceiling"
    most_probable: Annotated[Decision, Quantity(says="most probable class")]
    best: Annotated[Decision, Quantity(says="best decision")]
    best_measured: Annotated[Decision, Quantity(says="best decision, tool lives as in the table")]
    most_probable_printed: Annotated[Decision, Quantity(says="most probable class at 0.1 K")]
    best_printed: Annotated[Decision, Quantity(says="best decision at 0.1 K")]
    row_order: Annotated[Decision, Quantity(says="best decision that knows the next row")]
    gain_of_deciding: Annotated[Number, _gain("gain of the best decision over the most probable class")]
    gain_of_measuring: Annotated[Number, _gain("gain of knowing how long the tools last")]
    artefact_most_probable: Annotated[Number, _gain("macro-F1 of the most probable class that is float64 noise")]
    artefact_best: Annotated[Number, _gain("macro-F1 of the best decision that is float64 noise")]
    gain_of_row_order: Annotated[Number, _gain("gain of knowing the next row")]
    log_loss: Annotated[Number, _loss("log loss of the published probabilities")]
    log_loss_measured: Annotated[Number, _loss("log loss of the probabilities with chances as in the table")]
    log_loss_printed: Annotated[Number, _loss("log loss of the published probabilities at 0.1 K")]
    log_loss_expected: Annotated[
        Number, Quantity(says="log loss that the published probabilities expect", decimals=4, least=0)
    ]
    tool_named: Annotated[Number, _rows("rows that the best decision calls tool wear failures")]
    tool_found: Annotated[Number, _rows("of these, tool wear failures")]
    tool_named_from: Annotated[
        Mapping[str, Number],
        Quantity(says="least wear (min) at which the best decision names tool wear, quality", decimals=0, least=0),
    ]
    contradictions: Annotated[Number, _rows("rows whose label the published rules exclude")]
    expected_rows: Annotated[
        Mapping[str, Number], Quantity(says="rows that the published rules expect", decimals=1, least=0)
    ]
    actual_rows: Annotated[Mapping[str, Number], _rows("rows that there are")]
    edge_rows: Annotated[Number, _rows("slow rows whose temperatures are 8.6 K apart as printed")]
    edge_failures: Annotated[Number, _rows("of these, heat dissipation failures")]
    edge_other_failures: Annotated[Number, _rows("of these, other failures")]
    edge_right: Annotated[Mapping[str, Number], _rows("of these, right at best by the difference in")]
    edge_below: Annotated[
        Number,
        Quantity(says="share of such temperatures below 8.6 K in float64", unit="%", decimals=0, least=0, most=1),
    ]
    draws: int
    simulated: Annotated[
        Mapping[str, Number], Quantity(says="macro-F1 on simulated tables", decimals=3, least=0, most=1, over="draws")
    ]
    simulated_f1: Annotated[
        Mapping[str, Number],
        Quantity(says="F1 of the best decision on simulated tables", decimals=2, least=0, most=1, over="draws"),
    ]
    simulated_log_loss: Annotated[
        Number,
        Quantity(says="log loss of the true probabilities on simulated tables", decimals=4, least=0, over="draws"),
    ]
    leak_bound: Annotated[
        Mapping[int, Number],
        Quantity(
            says="highest macro-F1 of the best decision on any simulated table, by rows", decimals=3, least=0, most=1
        ),
    ]
    simulated_scores: Annotated[np.ndarray, Quantity(least=0, most=1)]
    wear: np.ndarray
    tool_failure: Annotated[np.ndarray, Quantity(least=0, most=1)]
    wear_rows: Annotated[np.ndarray, Quantity(least=0)]
    wear_failures: Annotated[np.ndarray, Quantity(least=0)]

    def bound(self, rows: int) -> Number:
        """What a score on so many rows should not exceed: that of the largest simulated tables with no more rows."""
        sizes = [size for size in self.leak_bound if size <= rows] or [min(self.leak_bound)]
        return self.leak_bound[max(sizes)]

    def refuse_leak(self, score: float, what: str, rows: int) -> None:
        """Refuse a macro-F1 that one who knows the rules did not reach on any simulated table.

        Raises
        ------
        LabcodeError
            If the score is above the `bound` for so many rows.
        """
        if score > (bound := self.bound(rows)):
            raise LabcodeError(
                f"{what} has a macro-F1 of {score:.3f} on {rows:,} rows, above {float(bound):.3f}, the most that the "
                f"published rules allow on {self.draws} simulated tables; something of the label has leaked into the "
                "inputs. Check the features and the split."
            )

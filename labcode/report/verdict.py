"""The tables and figures of the verdict: each number of the original beside ours, and what disagrees."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from labcode.book.plots import Draw, Theme
from labcode.book.reference import Cell, cells, figures, of_kind
from labcode.lab.classification.classes import SHORT
from labcode.report.measured import ABOUT, Measured, Outcome, Sources, comes_out, measure
from labcode.report.text import NARROW, as_written, count, decimals, percent, to

__all__ = [
    "ABOUT",
    "confusion_matrix",
    "figure_table",
    "places_in_interval",
    "settings_table",
    "tally",
    "tally_table",
]

#: The parts of the report as the tables split them: the ids that start like this.
PARTS: Mapping[str, tuple[str, ...]] = {
    "the data": ("eda.",),
    "training the regression": ("regression.",),
    "grid search": ("tuning.",),
    "regularised regression": ("regularization.",),
    "training the classification": ("classification.table_", "classification.baseline_"),
    "confusion matrix": ("classification.confusion",),
    "classification report": (
        "classification.report",
        "classification.accuracy",
        "classification.overall_accuracy",
        "classification.macro_f1",
        "classification.weighted_f1",
        "classification.hardest",
    ),
    "regularised classification": ("classification.regularised_",),
}
#: Numbers that cannot be above one.
_SHARES = ("accuracy", "precision", "recall", "f1")
_SAID: Mapping[Outcome, str] = {"yes": "yes", "no": "**no**", "one seed": "one seed"}


@dataclass(frozen=True)
class Compared:
    """A number of the original, ours, and whether the original's comes out again."""

    cell: Cell
    ours: Measured
    outcome: Outcome


def compared(part: str, sources: Sources) -> list[Compared]:
    """The numbers of one part of the report beside ours."""
    found = []
    for cell in (cell for prefix in PARTS[part] for cell in figures(prefix)):
        ours = measure(cell.ours, sources)
        found.append(Compared(cell, ours, comes_out(cell, ours)))
    return found


def figure_table(parts: Sequence[str], sources: Sources) -> pd.DataFrame:
    """The numbers of some parts: stated, measured again with its spread, and whether it comes out again."""
    rows = [each for part in parts for each in compared(part, sources)]
    return pd.DataFrame(
        {
            "figure": [each.cell.label for each in rows],
            "stated": [_stated(each.cell) for each in rows],
            "again": [_SAID[each.outcome] for each in rows],
            "ours": [_ours(each) for each in rows],
        }
    )


def _stated(cell: Cell) -> str:
    sign = {"equal": f"≈{NARROW}" if cell.about else "", "below": f"<{NARROW}", "most below": f"<{NARROW}"}[
        cell.relation
    ]
    return f"{sign}{as_written(cell.value, cell.places)}"


def _ours(each: Compared) -> str:
    cell, ours = each.cell, each.ours
    if cell.relation == "most below":
        return percent(ours.value)
    if ours.choices:
        of_all = f"of {count(len(ours.choices))}"
        chosen = [(decimals(value, cell.places), count(n)) for value, n in Counter(ours.choices).most_common()]
        return ", ".join(f"{value} ({n} {of_all})" for value, n in chosen)
    if ours.low is None or ours.high is None or not math.isfinite(ours.high - ours.low):
        return decimals(ours.value, cell.places)
    low, high = possible(cell, ours.low, ours.high)
    return f"{decimals(ours.value, cell.places)} ({to(low, high, cell.places)})"


def possible(cell: Cell, low: float, high: float) -> tuple[float, float]:
    """Limits without what the number cannot be: a count or a score below zero, a score above one."""
    low = max(low, 0.0) if cell.value >= 0 else low
    return low, min(high, 1.0) if any(name in cell.ours for name in _SHARES) else high


def tally(sources: Sources) -> pd.DataFrame:
    """How many numbers of each part come out again, with a last row for all."""
    rows = []
    for part in PARTS:
        outcomes = Counter(each.outcome for each in compared(part, sources))
        rows.append({"part": part, "figures": outcomes.total(), **{name: outcomes[name] for name in _SAID}})
    table = pd.DataFrame(rows)
    return pd.concat([table, table.sum(numeric_only=True).to_frame().T.assign(part="all")], ignore_index=True)


def tally_table(table: pd.DataFrame) -> pd.DataFrame:
    """The counts of :func:`tally` for the page."""
    names = {"part": "part of the report", "yes": "come out again", "no": "do not", "one seed": "one seed cannot tell"}
    wanted = [name for name in names if name != "one seed" or table["one seed"].any()]
    return table[[wanted[0], "figures", *wanted[1:]]].rename(columns=names).astype({"figures": int})


def expected_misses(sources: Sources) -> float:
    """How many numbers with an interval should miss theirs by chance alone, if nothing differs: one in twenty."""
    return 0.05 * len([each for part in PARTS for each in compared(part, sources) if _half_width(each.ours)])


def early_width(sources: Sources) -> float:
    """Width of the interval of the test accuracy at epoch 10; infinite for a single seed."""
    low, high = (
        sources.number("classification/as-submitted", f"test_accuracy_epoch_10_{end}") for end in ("low", "high")
    )
    return high - low


def settings_table(sources: Sources) -> pd.DataFrame:
    """The original's choices, and those of our runs as submitted."""
    rows = []
    for entry in of_kind("setting"):
        stated = [cell.value for cell in cells(entry)]
        ours = measure(entry.ours, sources).value if entry.ours else None
        rows.append(
            {
                "setting": entry.label,
                "stated": decimals(stated[0], entry.places) if stated else entry.text,
                "ours": "same" if ours is None or ours in stated else decimals(ours, entry.places),
            }
        )
    return pd.DataFrame(rows)


def _half_width(ours: Measured) -> float:
    """Half the interval; zero where there is none."""
    if ours.low is None or ours.high is None or not math.isfinite(ours.high - ours.low):
        return 0.0
    return (ours.high - ours.low) / 2


def places_in_interval(sources: Sources) -> Draw:
    """Where each number of the original lies in the interval for one more of our seeds, part by part."""
    found = [(part, [each for each in compared(part, sources) if _half_width(each.ours)]) for part in PARTS]
    found = [(part, own) for part, own in found if own][::-1]

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.6))
        for place, (_, own) in enumerate(found):
            offsets = 0.25 * np.sin(np.arange(len(own)) * 2.4)
            for each, offset in zip(own, offsets):
                at = (each.cell.value - each.ours.value) / _half_width(each.ours)
                colour, marker = (theme.red, "X") if each.outcome == "no" else (theme.blue, "o")
                axes.plot(np.clip(at, -3, 3), place + offset, marker, color=colour, markersize=5.5, alpha=0.8)
        axes.axvspan(-1, 1, color=theme.soft, alpha=0.18, linewidth=0)
        axes.axvline(0, color=theme.ink, linestyle="--", linewidth=1)
        axes.set_yticks(range(len(found)), [part for part, _ in found])
        axes.set(xlabel="original less our mean, in half widths of the interval", xlim=(-3.2, 3.2))
        axes.set_ylim(-0.6, max(len(found), 1) - 0.4)
        axes.grid(axis="y", visible=False)
        if not found:
            axes.text(0, 0, "one seed: no intervals", ha="center", va="center", color=theme.ink)
        return figure

    return draw


def confusion_matrix(sources: Sources) -> Draw:
    """The original's confusion matrix, each count with the interval for one more of our seeds."""
    found = compared("confusion matrix", sources)
    names = list(SHORT.values())

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 4.2))
        for each in found:
            row, column = each.cell.row, each.cell.column
            colour = {"yes": theme.blue, "no": theme.red, "one seed": theme.soft}[each.outcome]
            axes.add_patch(plt.Rectangle((column - 0.5, row - 0.5), 1, 1, color=colour, alpha=0.16, linewidth=0))
            mark = " ×" if each.outcome == "no" else ""
            axes.text(column, row - 0.14, f"{count(each.cell.value)}{mark}", **_centred(theme.ink, 9.5))
            axes.text(column, row + 0.22, _limits(each), **_centred(theme.ink, 6.6))
        axes.set_xticks(range(len(names)), names, fontsize=8)
        axes.set_yticks(range(len(names)), names, fontsize=8)
        axes.set(xlabel="predicted", ylabel="actual", xlim=(-0.5, 5.5), ylim=(5.5, -0.5))
        axes.grid(visible=False)
        return figure

    return draw


def _limits(each: Compared) -> str:
    """The interval of a count, or our count where one seed gives no interval."""
    if each.ours.low is None or each.ours.high is None or not math.isfinite(each.ours.high - each.ours.low):
        return f"ours {count(each.ours.value)}"
    low, high = possible(each.cell, each.ours.low, each.ours.high)
    return f"{count(low)} to {count(high)}"


def _centred(colour: str, size: float) -> dict[str, object]:
    return {"ha": "center", "va": "center", "color": colour, "fontsize": size}

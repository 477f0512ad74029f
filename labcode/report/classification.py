"""The figures of the classification chapter: as submitted, the network and its rivals; and the table of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from labcode.book.plots import Draw, Theme
from labcode.lab.classification.classes import CLASSES
from labcode.report.claims import told
from labcode.report.text import count, decimals, joined, percent, to
from labcode.store import Result

SHORT = {
    "Heat Dissipation Failure": "heat",
    "No Failure": "none",
    "Overstrain Failure": "overstrain",
    "Power Failure": "power",
    "Random Failures": "random",
    "Tool Wear Failure": "tool wear",
}
MODELS = {
    "forest_smote": "random forest, SMOTE in the fold",
    "forest": "random forest",
    "forest_weighted": "random forest, class weights",
    "forest_raw": "random forest, raw sensors",
    "boosting": "gradient boosting, class weights",
    "boosting_raw": "gradient boosting, raw sensors",
    "logistic": "logistic regression",
    "logistic_raw": "logistic regression, raw sensors",
    "majority": "always “No Failure”",
}
VARIANTS = {
    "sound": "none",
    "scaler_before_split": "scaler before the split",
    "smote_before_split": "SMOTE before the split",
    "with_target": "Target as an input",
    "both": "Target and SMOTE",
    "all": "all three",
}


def class_numbers() -> str:
    """The numbers of the classes, with their short names."""
    return joined([f"{number} {SHORT[label]}" for number, label in enumerate(CLASSES)])


@told
def limits(row: pd.Series | Mapping[str, Any], name: str, places: int = 3) -> str:
    """A value with its interval, ``0.660 (0.646 to 0.674)``; the value alone if there is none, or one of no width."""
    value, low, high = (float(row.get(f"{name}{end}", np.nan)) for end in ("", "_low", "_high"))
    if not np.isfinite([low, high]).all() or low == high:
        return decimals(value, places)
    return f"{decimals(value, places)} ({to(low, high, places)})"


def confusions(panels: Sequence[tuple[str, np.ndarray]], *, names: Sequence[str] = tuple(SHORT.values())) -> Draw:
    """Confusion matrices side by side: counts above, per cent of the actual class below, which is also the shade."""

    def draw(theme: Theme) -> Figure:
        figure, grid = plt.subplots(2, len(panels), figsize=(5.8, 6.0), sharex=True, sharey=True, squeeze=False)
        shades = LinearSegmentedColormap.from_list("shades", [theme.paper, theme.blue])
        for column, (title, counts) in enumerate(panels):
            shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
            for axes, numbers in zip(grid[:, column], (counts, 100 * shares), strict=True):
                axes.imshow(shares, cmap=shades, vmin=0, vmax=1, aspect="auto")
                _write_numbers(axes, numbers, shares, theme)
                axes.set_xticks(range(len(names)), names, rotation=55, ha="right", fontsize=7.5)
                axes.set_yticks(range(len(names)), names, fontsize=7.5)
                axes.grid(visible=False)
            grid[0, column].set_title(title)
            grid[1, column].set_xlabel("predicted")
        for axes, text in zip(grid[:, 0], ("rows", "% of the actual class"), strict=True):
            axes.set_ylabel(f"actual: {text}")
        return figure

    return draw


def _write_numbers(axes: Axes, numbers: np.ndarray, shares: np.ndarray, theme: Theme) -> None:
    for (i, j), value in np.ndenumerate(numbers):
        if round(float(value)):
            colour = theme.paper if shares[i, j] > 0.55 else theme.ink
            axes.text(j, i, count(float(value)), ha="center", va="center", fontsize=6.8, color=colour)


def baseline_table(result: Result) -> pd.DataFrame:
    """Each rival on the same folds: macro-F1 of six and of five classes, accuracy, and F1 of each failure."""
    frame = result.frame("baselines").sort_values("macro_f1", ascending=False)
    failures = {name: slug for name, slug in CLASSES.items() if slug not in ("no_failure", "random")}
    return pd.DataFrame(
        {
            "model": [MODELS[name] for name in frame["model"]],
            "macro-F1": [limits(row, "macro_f1") for _, row in frame.iterrows()],
            "of five classes": [decimals(value, 3) for value in frame["macro_f1_without_random"]],
            "accuracy": [percent(value) for value in frame["accuracy"]],
            **{SHORT[name]: [decimals(value) for value in frame[f"f1_{slug}"]] for name, slug in failures.items()},
        }
    )


def gains(result: Result) -> Draw:
    """The network less each rival, paired: out of fold and on the test rows."""
    frame = result.frame("gains")
    frame = frame[frame["model"] != "majority"].reset_index(drop=True)

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.8))
        places = np.arange(len(frame))[::-1]
        for name, colour, shift, marker, text in (
            ("gain", theme.blue, 0.18, "o", "out of fold, all rows"),
            ("test_gain", theme.orange, 0.0, "s", "test rows"),
            ("fresh_gain", theme.green, -0.18, "^", "fresh simulated rows"),
        ):
            axes.hlines(places + shift, frame[f"{name}_low"], frame[f"{name}_high"], color=colour, linewidth=1.8)
            axes.plot(frame[name], places + shift, marker, color=colour, label=text, markersize=5)
        axes.axvline(0, color=theme.ink, linestyle="--", linewidth=1.2)
        axes.set_yticks(places, [MODELS[name] for name in frame["model"]])
        axes.set(xlabel="macro-F1 of the network, less that of the model")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="y", visible=False)
        figure.legend(loc="outside lower center", ncols=3, handletextpad=0.4)
        return figure

    return draw


def sound_curves(result: Result) -> Draw:
    """Loss and accuracy of one network of the ensemble by epoch, on training and on test rows."""
    curves = result.arrays["curves"]
    epochs = np.arange(1, len(curves) + 1)

    def draw(theme: Theme) -> Figure:
        figure, panels = plt.subplots(1, 2, figsize=(5.8, 3.2))
        for axes, first in zip(panels, (0, 2), strict=True):
            axes.plot(epochs, curves[:, first], color=theme.blue, label="training")
            axes.plot(epochs, curves[:, first + 1], color=theme.orange, label="test", linestyle="--")
            axes.set(xlabel="epoch")
        panels[0].set(title="Cross-entropy", ylim=(0, None))
        panels[1].set(title="Accuracy")
        panels[1].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        return figure

    return draw

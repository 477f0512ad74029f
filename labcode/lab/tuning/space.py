"""The search space as parallel coordinates: each candidate's place on every axis, for a figure and a page's view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from labcode.book.plots import Theme
from labcode.lab.tuning.results import OPTIMIZER_NAMES, Searched, in_words
from labcode.results.number import decimals

#: The axes, by the columns of :attr:`Searched.frame`.
NAMES = {"optimizer": "optimiser", "lr": "learning rate", "epochs": "epochs", "hidden": "layers"}
#: Candidates drawn in colour.
BEST = 8


@dataclass(frozen=True)
class Space:
    """The candidates of a search, the best first.

    Attributes
    ----------
    levels
        Texts of the levels of each axis, in order; an axis with one level is left out.
    places
        The place of each candidate's level on each axis, ``(n, n_axes)``.
    words
        Each candidate in words, with its score.
    """

    levels: Mapping[str, list[str]]
    places: np.ndarray
    words: list[str]


def space(searched: Searched) -> Space:
    """The space of a search."""
    frame = searched.frame
    frame = frame.iloc[np.argsort(-frame["score"].to_numpy(), kind="stable")]
    levels = {name: levels_of(frame[name]) for name in NAMES if frame[name].nunique() > 1}
    places = np.column_stack([frame[name].map(own.index) for name, own in levels.items()])
    start = int(float(searched.start.rank))
    columns = (frame[name].tolist() for name in ("optimizer", "lr", "hidden", "epochs", "score"))
    words = [
        f"{in_words(*own)}{' (the start)' if rank == start else ''}: RMSE {decimals(-score, 4)} USD"
        for rank, (*own, score) in enumerate(zip(*columns, strict=True), start=1)
    ]
    texts = {NAMES[name]: [level_text(level) for level in own] for name, own in levels.items()}
    return Space(texts, places, words)


def levels_of(values: pd.Series) -> list[object]:
    """Levels in order; layers such as ``64-32`` by their numbers."""

    def key(value: object) -> list[float]:
        return [float(part) if part.isdecimal() else ord(part[0]) for part in str(value).split("-")]

    numeric = pd.api.types.is_numeric_dtype(values)
    return sorted(values.unique(), key=None if numeric else key)


def level_text(level: object) -> str:
    """A level as a reader sees it: ``0.001``, ``64-32``, ``Adam``."""
    return OPTIMIZER_NAMES.get(level, level) if isinstance(level, str) else f"{level:g}"


def parallel_coordinates(searched: Searched, theme: Theme) -> Figure:
    """Every candidate as a line through its settings to its rank; the best ones in colour."""
    own = space(searched)
    n = len(own.places)
    counts = [len(levels) for levels in own.levels.values()]
    heights = np.column_stack([own.places / (np.array(counts) - 1), 1 - np.arange(n) / max(1, n - 1)])
    heights[:, :-1] += 0.06 * (heights[:, -1:] - 0.5)  # lines of one level lie by their rank
    figure, axes = plt.subplots(figsize=(4.6, 2.8))
    x = np.arange(heights.shape[1])
    axes.plot(x, heights[BEST:].T, color=theme.soft, linewidth=0.6, alpha=0.4)
    axes.plot(x, heights[:BEST].T, color=theme.blue, linewidth=1.4)
    box = {"facecolor": theme.paper, "edgecolor": "none", "pad": 1.2, "alpha": 0.85}
    for i, levels in enumerate(own.levels.values()):
        for k, text in enumerate(levels):
            axes.annotate(text, (i, k / (len(levels) - 1)), ha="center", va="center", fontsize=8.5, bbox=box)
    for height, text in ((0.0, "worst"), (1.0, "best")):
        axes.annotate(text, (x[-1], height), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8.5)
    axes.set_xticks(x, [*own.levels, "rank"], fontsize=8.5)
    axes.set(yticks=[], xlim=(-0.25, x[-1] + 0.5), ylim=(-0.1, 1.1))
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure

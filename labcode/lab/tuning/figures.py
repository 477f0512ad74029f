"""What the figures of the tuning chapter are drawn from, and the search space as parallel coordinates."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from labcode.book.plots import Theme
from labcode.lab.tuning.results import OPTIMIZER_NAMES, FirstSearch, Halved, Searched

#: The shapes of the target, as the figure calls them.
FAULTY, ALIGNED = "shape (n,)", "shape (n, 1)"
#: The axes of the search space, by the columns of :attr:`Searched.frame`.
AXES = {"optimizer": "optimiser", "lr": "learning rate", "epochs": "epochs", "hidden": "layers"}
#: Candidates drawn in colour.
BEST = 8


def predictions(first: FirstSearch) -> pd.DataFrame:
    """Closes of rows held out and what the search's choice answers (USD): columns ``actual``, ``predicted``, ``y``."""
    answers = {ALIGNED: first.predicted_aligned, FAULTY: first.predicted}
    frames = [pd.DataFrame({"actual": first.actual, "predicted": own, "y": shape}) for shape, own in answers.items()]
    return pd.concat(frames, ignore_index=True)


def errors(searched: Searched) -> pd.DataFrame:
    """Mean RMSE (USD) of each candidate: columns ``optimiser``, ``rate``, ``epochs``, ``layers``, ``RMSE``."""
    frame = searched.frame.rename(columns={"optimizer": "optimiser", "lr": "rate", "hidden": "layers"})
    return frame.assign(optimiser=frame["optimiser"].map(OPTIMIZER_NAMES), RMSE=-frame.pop("score"))


def rungs(halved: Halved) -> pd.DataFrame:
    """Successive halving: columns ``candidate``, ``epochs``, ``RMSE`` and ``last``, whether it stayed to the end."""
    frame = pd.DataFrame(halved.rungs, columns=["candidate", "epochs", "RMSE"])
    last = frame.loc[frame["epochs"] == frame["epochs"].max(), "candidate"]
    return frame.assign(last=frame["candidate"].isin(last))


def space(searched: Searched) -> tuple[dict[str, list[str]], np.ndarray]:
    """Texts of the levels of each axis, one with a single level left out; and the candidates, the best first.

    Of these, the place of each one's level on each axis, ``(n, n_axes)``.
    """
    frame = searched.frame.sort_values("score", ascending=False, kind="stable")
    levels = {name: levels_of(frame[name]) for name in AXES if frame[name].nunique() > 1}
    places = np.column_stack([frame[name].map(of_axis.index) for name, of_axis in levels.items()])
    return {AXES[name]: [level_text(level) for level in of] for name, of in levels.items()}, places


def levels_of(values: pd.Series) -> list[object]:
    """Levels in order; layers such as ``64-32`` by their numbers."""

    def key(value: object) -> list[float]:
        return [float(part) if part.isdecimal() else ord(part[0]) for part in str(value).split("-")]

    return sorted(values.unique(), key=None if pd.api.types.is_numeric_dtype(values) else key)


def level_text(level: object) -> str:
    """A level as a reader sees it: ``0.001``, ``64-32``, ``Adam``."""
    return OPTIMIZER_NAMES.get(level, level) if isinstance(level, str) else f"{level:g}"


def parallel_coordinates(searched: Searched, theme: Theme) -> Figure:
    """Every candidate as a line through its settings to its rank; the best ones in colour."""
    axes_of, places = space(searched)
    n, counts = len(places), [len(levels) for levels in axes_of.values()]
    heights = np.column_stack([places / (np.array(counts) - 1), 1 - np.arange(n) / max(1, n - 1)])
    heights[:, :-1] += 0.06 * (heights[:, -1:] - 0.5)  # lines of one level lie by their rank
    figure, axes = plt.subplots(figsize=(4.6, 2.8))
    x = np.arange(heights.shape[1])
    axes.plot(x, heights[BEST:].T, color=theme.soft, linewidth=0.6, alpha=0.4)
    axes.plot(x, heights[:BEST].T, color=theme.blue, linewidth=1.4)
    box = {"facecolor": theme.paper, "edgecolor": "none", "pad": 1.2, "alpha": 0.85}
    for i, levels in enumerate(axes_of.values()):
        for k, text in enumerate(levels):
            axes.annotate(text, (i, k / (len(levels) - 1)), ha="center", va="center", fontsize=8.5, bbox=box)
    for height, text in ((0.0, "worst"), (1.0, "best")):
        axes.annotate(text, (x[-1], height), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8.5)
    axes.set_xticks(x, [*axes_of, "rank"], fontsize=8.5)
    axes.set(yticks=[], xlim=(-0.25, x[-1] + 0.5), ylim=(-0.1, 1.1))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return figure

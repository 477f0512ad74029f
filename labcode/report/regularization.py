"""The figures, tables and sentences of the regularization chapter, from stored results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from labcode.book.plots import Draw, Theme
from labcode.book.reference import stated
from labcode.confusion import accuracy
from labcode.experiments.recipes import LIKE_EPOCHS, UNLIKE_EPOCH
from labcode.metrics import Interval, mean_of_seeds
from labcode.report.claims import told
from labcode.report.text import count, decimals, to
from labcode.store import Result

_PLAIN = FuncFormatter(lambda value, _: f"{value:,.10g}".replace("-", "\N{MINUS SIGN}"))
#: Epochs at which the original printed the losses of its run without regularization, and of the regularised one.
PRINTED, PRINTED_REGULARISED = (0, 10, 20, 30, 40, 49), (0, 10)


def printed(name: str) -> float:
    """The figure that the original states under this id."""
    value = stated(name).value
    assert value is not None
    return value


def submitted_curves(result: Result) -> Draw:
    """Training and test loss of both runs by epoch, over seeds, with the losses that the original printed."""
    runs = (("plain_curves", (0, 1), "-"), ("curves", (0, 2), "--"))

    def draw(theme: Theme) -> Figure:
        figure, panels = plt.subplots(1, 2, figsize=(5.8, 3.5), sharey=True)
        for side, (axes, kind, colour) in enumerate(
            zip(panels, ("train", "test"), (theme.blue, theme.orange), strict=True)
        ):
            for name, columns, line in runs:
                values = result.arrays[name][:, :, columns[side]]
                epochs = np.arange(values.shape[1])
                if name == "plain_curves":
                    low, high = values.min(axis=0), values.max(axis=0)
                    axes.fill_between(epochs, low, high, color=colour, alpha=0.2, linewidth=0)
                shade = colour if name == "plain_curves" else theme.ink
                axes.plot(epochs, values.mean(axis=0), line, color=shade)
            style = {"color": colour, "linestyle": "none", "markeredgecolor": theme.ink, "markersize": 5.5}
            axes.plot(PRINTED, [printed(f"regression.{kind}_{epoch}") for epoch in PRINTED], "s", **style)
            others = [printed(f"regularization.{kind}_{epoch}") for epoch in PRINTED_REGULARISED]
            axes.plot(PRINTED_REGULARISED, others, "D", **style)
            axes.set(title="Training rows" if kind == "train" else "Test rows", xlabel="epoch")
        panels[0].set_ylabel("mean squared error (USD²)")
        panels[0].yaxis.set_major_formatter(_PLAIN)
        _arrow(panels[1], theme)
        figure.legend(*_runs_legend(theme), loc="outside lower center", ncols=2)
        return figure

    return draw


def _arrow(axes: Axes, theme: Theme) -> None:
    """From the one loss to the other that the original set beside it."""
    ends = (10, printed("regularization.test_10")), (40, printed("regression.test_40"))
    style = {"arrowstyle": "<->", "color": theme.red, "shrinkA": 6, "shrinkB": 6, "linewidth": 1.4}
    axes.annotate("", ends[0], ends[1], arrowprops={**style, "connectionstyle": "arc3,rad=0.35"})
    place = {"xycoords": "axes fraction", "color": theme.red, "fontsize": 8.5}
    axes.annotate("arrow: the original's\ncomparison", (0.03, 0.06), **place)


def _runs_legend(theme: Theme) -> tuple[list[plt.Line2D], list[str]]:
    mark = {"linestyle": "none", "color": theme.soft, "markeredgecolor": theme.ink}
    handles = [
        plt.Line2D([], [], color=theme.soft),
        plt.Line2D([], [], color=theme.ink, linestyle="--"),
        plt.Line2D([], [], marker="s", **mark),
        plt.Line2D([], [], marker="D", **mark),
    ]
    return handles, ["plain", "regularised", "plain, original", "regularised, original"]


@told
def limits(low: float, high: float, places: int) -> str:
    """The limits of an interval, or that a single seed has none."""
    if not np.isfinite([low, high]).all():
        return "no interval"
    return f"{to(low, high, places)}"


def added(result: Result, own: int, plain: int | None = None) -> Interval:
    """What regularization adds to the test loss (USD²) on average over seeds, with the confidence interval of the mean.

    Parameters
    ----------
    own, plain
        Epoch of the regularised run, and of the plain one if it is another.
    """
    plain = own if plain is None else plain
    test, other = result.arrays["curves"][:, own, 2], result.arrays["plain_curves"][:, plain, 1]
    return mean_of_seeds(test - other)


def spreads(result: Result) -> tuple[float, float, bool]:
    """Standard deviation over seeds of the last test loss (USD²), with regularization and without; if they differ.

    By Pitman and Morgan's test: spreads of pairs differ if their sums go with their differences.
    """
    from scipy.stats import pearsonr  # heavy, and needed here only

    last = LIKE_EPOCHS[2]
    own, plain = result.arrays["curves"][:, last, 2], result.arrays["plain_curves"][:, last, 1]
    differ = pearsonr(own + plain, own - plain).pvalue < 0.05
    return float(own.std(ddof=1)), float(plain.std(ddof=1)), bool(differ)


def accuracy_change(result: Result) -> Interval:
    """What the original's regularization adds to its accuracy, in percentage points: mean over pairs with one seed."""
    own, plain = (accuracy(result.arrays[f"confusion_{kind}_test"]) for kind in ("regularised", "plain"))
    return mean_of_seeds(100 * (own - plain))


def submitted_table(result: Result) -> pd.DataFrame:
    """Test losses of both runs at like epochs, the original's and ours, and last as the original compared them."""
    pairs = [(epoch, epoch, f"added_mse_epoch_{epoch}") for epoch in LIKE_EPOCHS]
    pairs.append((LIKE_EPOCHS[1], UNLIKE_EPOCH, "added_mse_unlike"))
    rows = []
    for own, plain, name in pairs:
        scalars, found = result.scalars, added(result, own, plain)
        rows.append(
            {
                "epoch": str(own) if own == plain else f"{own} beside {plain}",
                "original, regularised": _printed(f"regularization.test_{own}", own in PRINTED_REGULARISED),
                "original, plain": _printed(f"regression.test_{plain}", plain in PRINTED),
                "ours, regularised": count(float(scalars[f"test_mse_epoch_{own}"])),
                "ours, plain": count(float(scalars[f"plain_test_mse_epoch_{plain}"])),
                "difference": f"{decimals(found.value, 1)} ({limits(found.low, found.high, 1)})",
                "one more seed": limits(float(scalars[f"{name}_low"]), float(scalars[f"{name}_high"]), 1),
            }
        )
    return pd.DataFrame(rows)


def _printed(name: str, known: bool) -> str:
    return count(printed(name)) if known else "–"


def parameters(n_inputs: int, hidden: Sequence[int], n_outputs: int) -> int:
    """Weights and biases of a multilayer perceptron.

    >>> parameters(4, (64, 32), 1)
    2433
    """
    return sum((below + 1) * above for below, above in pairwise([n_inputs, *hidden, n_outputs]))


@dataclass(frozen=True, kw_only=True)
class Task:
    """A stored comparison of techniques, and how its score is read; ``train`` and ``test`` are columns."""

    result: Result
    score: str
    gain: str
    train: str = "train"
    test: str = "test"
    gap: str = "gap"

    @property
    def techniques(self) -> pd.DataFrame:
        """All techniques, ``none`` first, each with ``label``, its name for a reader."""
        frame = self.result.frame("techniques")
        settings = [setting.replace("1e-05", "0.00001") for setting in frame["setting"]]
        return frame.assign(label=[f"{a} {b}".strip() for a, b in zip(frame["technique"], settings, strict=True)])

    @property
    def none(self) -> pd.Series:
        """The network without any of them."""
        return self.techniques.iloc[0]


def tasks(regression: Result, classification: Result) -> tuple[Task, Task]:
    """The two comparisons of the chapter."""
    skill = {name: f"{name}_skill" for name in ("train", "test", "gap")}
    return (
        Task(result=regression, score="skill", gain="gain (share of the MSE)", **skill),
        Task(result=classification, score="macro-F1", gain="gain in macro-F1"),
    )


def techniques(task: Task) -> Draw:
    """Training and test score of each technique, and its gain over none with the interval."""
    frame = task.techniques

    def draw(theme: Theme) -> Figure:
        figure, (left, right) = plt.subplots(1, 2, figsize=(5.8, 4.6), sharey=True)
        places = np.arange(len(frame))[::-1]
        left.hlines(places, frame[task.train], frame[task.test], color=theme.soft, linewidth=1.2)
        left.plot(frame[task.train], places, "o", color=theme.blue, markersize=5, label="training rows")
        left.plot(frame[task.test], places, "s", color=theme.orange, markersize=5, label="held-out rows")
        left.set_yticks(places, frame["label"], fontsize=8)
        left.set(xlabel=task.score, title="Score")
        _gains(right, frame.iloc[1:], places[1:], theme)
        right.set(xlabel=task.gain, title="Gain over none")
        right.tick_params(axis="y", length=0)
        for axes in (left, right):
            axes.xaxis.set_major_formatter(_PLAIN)
            axes.grid(axis="y", visible=False)
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        return figure

    return draw


def _gains(axes: Axes, frame: pd.DataFrame, places: np.ndarray, theme: Theme) -> None:
    """Gains with intervals: a triangle up or down where the interval is off zero."""
    kinds = (
        (frame["gain_low"] > 0, theme.green, "^"),
        (frame["gain_high"] < 0, theme.red, "v"),
        ((frame["gain_low"] <= 0) & (frame["gain_high"] >= 0), theme.soft, "o"),
    )
    for chosen, colour, marker in kinds:
        own, at = frame[chosen], places[chosen.to_numpy()]
        axes.hlines(at, own["gain_low"], own["gain_high"], color=colour, linewidth=2)
        axes.plot(own["gain"], at, marker, color=colour, markersize=6)
    axes.axvline(0, color=theme.ink, linestyle="--", linewidth=1.2)


def techniques_table(task: Task, *, extra: str, column: str, places: int = 3) -> pd.DataFrame:
    """Scores of each technique, their gap, one more column of the result, and the gain with its interval."""
    frame = task.techniques
    gains = [limits(low, high, places) for low, high in zip(frame["gain_low"], frame["gain_high"], strict=True)]
    shown = {
        "technique": frame["label"],
        f"{task.score}, training": [decimals(value, places) for value in frame[task.train]],
        "held out": [decimals(value, places) for value in frame[task.test]],
        "gap": [decimals(value, places) for value in frame[task.gap]],
        extra: [decimals(value, places) for value in frame[column]],
        "gain": ["", *(decimals(value, places) for value in frame["gain"][1:])],
        "interval": ["", *gains[1:]],
    }
    return pd.DataFrame(shown)


#: Panels of the learning curves: table, training and held-out column, axis, gain.
CURVES = (
    ("regression", "train_skill", "test_skill", "skill over the midpoint", "gain"),
    ("classification", "log_loss_train", "log_loss_test", "log loss", "log_loss_gain"),
)


def learning_curves(result: Result) -> Draw:
    """Held-out score by the number of training rows for each technique, and the training score of none."""

    def draw(theme: Theme) -> Figure:
        figure, panels = plt.subplots(1, 2, figsize=(5.8, 3.6))
        looks = {
            "none": (theme.ink, "o"),
            "dropout": (theme.green, "s"),
            "adamw": (theme.orange, "^"),
            "early_stopping": (theme.purple, "D"),
        }
        for axes, (task, train, test, label, _) in zip(panels, CURVES, strict=True):
            frame = result.frame(task)
            for name, (colour, marker) in looks.items():
                own = frame[frame["name"] == name]
                text = f"{own['technique'].iloc[0]}, held out"
                axes.plot(own["rows"], own[test], marker=marker, color=colour, markersize=5, label=text)
            none = frame[frame["name"] == "none"]
            axes.plot(none["rows"], none[train], ":", color=theme.ink, label="none, training rows")
            axes.set(xscale="log", xlabel="training rows", ylabel=label, title=task.capitalize())
            ticks = sorted(frame["rows"].unique())
            axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks], fontsize=8, rotation=30)
            axes.tick_params(axis="x", which="minor", length=0)
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.yaxis.set_major_formatter(_PLAIN)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return figure

    return draw


def gains_table(result: Result) -> pd.DataFrame:
    """Gain of each technique over none by task and number of training rows, with its interval."""
    rows = []
    for task, _, test, label, gain in CURVES:
        for size, group in result.frame(task).groupby("rows"):
            own = group.set_index("name")
            row = {"task": task, "rows": count(float(size))}
            row["none, held out"] = f"{decimals(own.loc['none', test], 3)} {'skill' if task == 'regression' else label}"
            for name in own.index[1:]:
                value, low, high = (own.loc[name, f"{gain}{end}"] for end in ("", "_low", "_high"))
                text = f"{decimals(value, 3)} ({limits(low, high, 3)})"
                row[own.loc[name, "technique"]] = text
            rows.append(row)
    return pd.DataFrame(rows)


def apart(result: Result, size: Callable[[pd.Series], int]) -> float:
    """Training less held-out skill of the regression without regularization, at the size that is picked."""
    frame = result.frame("regression")
    none = frame[frame["name"] == "none"].set_index("rows")
    row = none.loc[size(none.index.to_series())]
    return float(row["train_skill"] - row["test_skill"])


def printed_difference(own: int, plain: int | None = None) -> float:
    """Test loss of the original's regularised run less that of its plain one, which may be read at another epoch."""
    return printed(f"regularization.test_{own}") - printed(f"regression.test_{own if plain is None else plain}")

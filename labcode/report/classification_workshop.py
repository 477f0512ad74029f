"""The figures of the classification chapter on probabilities, costs, sensors and boundaries."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from labcode.book.plots import Draw, Theme
from labcode.lab.classification.classes import CLASSES, NORMAL
from labcode.report.classification import SHORT, limits
from labcode.report.classification_sentences import SMALL, chances
from labcode.report.text import count, decimals
from labcode.store import Result

POLICIES = {
    "expected_cost": "network, by cost",
    "argmax": "network, likeliest class",
    "forest": "random forest, by cost",
    "never": "never stop",
    "always": "always stop",
}
PLANES = {
    "torque_speed": ("speed (rpm)", "torque (Nm)", "Power"),
    "wear_torque": ("tool wear (min)", "torque (Nm)", "Strain"),
    "temperatures": ("air (K)", "process (K)", "Heat"),
}


#: Smallest probability on the axis of the calibration curves.
_LEAST = 5e-5


def calibration(result: Result) -> Draw:
    """Share of rows that fail against the probability of a failure, without balancing and with SMOTE."""

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.4))
        axes.plot([_LEAST, 1], [_LEAST, 1], color=theme.ink, linestyle="--", linewidth=1.2, label="calibrated")
        for name, colour, marker in (("nothing", theme.blue, "o"), ("smote", theme.red, "s")):
            groups = _calibration_groups(result, name)
            text = "no balancing" if name == "nothing" else "SMOTE in the fold"
            axes.plot(groups["said"], groups["failed"].clip(lower=_LEAST), f"{marker}-", color=colour, label=text)
        axes.set(xscale="log", yscale="log", xlabel="predicted probability of a failure", ylabel="share that failed")
        axes.set(xlim=(_LEAST, 1.1), ylim=(0.9 * _LEAST, 1.2))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.legend(loc="upper left")
        return figure

    return draw


def is_calibrated(result: Result, factor: float = 2.0) -> bool:
    """Whether without balancing, wherever enough rows lie, the share that fails is what was said within a factor."""
    groups = _calibration_groups(result, "nothing")
    groups = groups[(groups["rows"] >= 50) & (groups["said"] > SMALL)]
    return bool(groups["failed"].between(groups["said"] / factor, groups["said"] * factor).all())


def _calibration_groups(result: Result, method: str) -> pd.DataFrame:
    """Mean probability, share that failed and number of rows by class of probability, three to a decade."""
    said = chances(result, method)
    failed = np.broadcast_to(result.arrays["y"] != NORMAL, said.shape)
    edges = np.logspace(-3, 0, 10)[:-1]
    rows = pd.DataFrame({"said": said.ravel(), "failed": failed.ravel(), "rows": 1 / len(said)})
    return rows.groupby(np.digitize(rows["said"], edges)).agg({"said": "mean", "failed": "mean", "rows": "sum"})


def costs(result: Result) -> Draw:
    """Cost of each policy over the ratio of a missed failure to a needless stop."""
    ratios = result.arrays["ratios"]

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.4))
        colours = (theme.blue, theme.orange, theme.green, theme.soft, theme.purple)
        for (name, text), colour, style in zip(POLICIES.items(), colours, ("-", "--", "-.", ":", ":"), strict=True):
            axes.plot(ratios, result.arrays[f"cost_{name}"], style, color=colour, label=text)
        axes.set(xscale="log", yscale="log", xlabel="a missed failure costs as much as … needless stops")
        axes.set(ylabel="needless stops a thousand rows")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
        return figure

    return draw


def decision_table(result: Result) -> pd.DataFrame:
    """Missed failures, needless stops and cost of the policies at three ratios, all for a thousand rows."""
    frame = result.frame("decisions")
    frame = frame[~frame["policy"].isin(["never", "always"])]
    thousands = result.arrays["forest_failure_probability"].shape[1] / 1000
    return pd.DataFrame(
        {
            "cost ratio": [count(value) for value in frame["ratio"]],
            "policy": [POLICIES[name] for name in frame["policy"]],
            "missed": [decimals(value / thousands, 1) for value in frame["missed"]],
            "needless stops": [decimals(value / thousands, 1) for value in frame["needless"]],
            "cost": [limits(row, "cost", 0) for _, row in frame.iterrows()],
        }
    )


def importance(result: Result) -> Draw:
    """How much the F1 of each failure falls when an input is shuffled on held-out rows."""
    frame = result.frame("importance")
    labels = [name for name in CLASSES if name not in ("No Failure", "Random Failures")]
    inputs = list(dict.fromkeys(frame["input"]))
    drops = frame.pivot(index="input", columns="label", values="f1_drop").loc[inputs, labels].to_numpy()

    def draw(theme: Theme) -> Figure:
        figure, panels = plt.subplots(1, len(labels), figsize=(5.8, 2.9), sharey=True)
        places = np.arange(len(inputs))[::-1]
        for axes, label, values in zip(panels, labels, drops.T, strict=True):
            rows = frame[frame["label"] == label].set_index("input").loc[inputs]
            axes.barh(places, values, color=theme.failures[label], height=0.65)
            axes.hlines(places, rows["f1_drop_low"], rows["f1_drop_high"], color=theme.ink, linewidth=1)
            axes.set(title=SHORT[label], xlim=(-0.12, 1.05))
            axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
            axes.grid(axis="y", visible=False)
        panels[0].set_yticks(places, ["quality" if name == "Type" else name.partition(" [")[0] for name in inputs])
        figure.supxlabel("fall of F1", fontsize=9.5)
        return figure

    return draw


def planes(result: Result) -> Draw:
    """What the network answers over three planes of the inputs, with the published rules as lines."""

    def draw(theme: Theme) -> Figure:
        figure, panels = plt.subplots(1, len(PLANES), figsize=(5.8, 3.1))
        pale = {"No Failure": theme.grid}
        colours = ListedColormap([pale.get(name, theme.failures[name]) for name in CLASSES])
        norm = BoundaryNorm(np.arange(-0.5, len(CLASSES)), len(CLASSES))
        seen: set[int] = set()
        for axes, (name, (across, upwards, title)) in zip(panels, PLANES.items(), strict=True):
            x, y = result.arrays[f"{name}_x"], result.arrays[f"{name}_y"]
            learned, rule = result.arrays[f"{name}_learned"], result.arrays[f"{name}_rule"]
            axes.pcolormesh(x, y, learned, cmap=colours, norm=norm, rasterized=True, alpha=0.75, linewidth=0)
            axes.contour(x, y, rule != list(CLASSES).index("No Failure"), levels=[0.5], colors=[theme.ink])
            axes.set(xlabel=across, ylabel=upwards, title=title)
            axes.grid(visible=False)
            axes.xaxis.set_major_locator(MaxNLocator(3))
            seen |= set(np.unique(learned).tolist())
        handles = [plt.Rectangle((0, 0), 1, 1, color=colours(i), alpha=0.75) for i in sorted(seen)]
        texts = [SHORT[list(CLASSES)[i]] for i in sorted(seen)]
        handles.append(plt.Line2D([], [], color=theme.ink))
        figure.legend(handles, [*texts, "published rule"], loc="outside lower center", ncols=7, fontsize=8)
        return figure

    return draw

"""The figures and tables of the regularization chapter, drawn from stored results."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from labcode.report.classification import limits
from labcode.report.plots import Draw, Theme
from labcode.report.reference import stated
from labcode.report.text import count, decimals
from labcode.store import Result

#: Epochs and losses of the regularised run that the original printed.
PRINTED = (0, 10)


def submitted_curves(result: Result) -> Draw:
    """Test loss by epoch with and without regularization, and what the original printed of each run."""
    with_it, without = result.arrays["curves"][:, :, 2], result.arrays["plain_curves"][:, :, 1]

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.4))
        for values, colour, style, text in (
            (without, theme.blue, "-", "plain"),
            (with_it, theme.orange, "--", "dropout and weight decay"),
        ):
            epochs = np.arange(values.shape[1])
            axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
            axes.plot(epochs, values.mean(axis=0), style, color=colour, label=text)
        mark = {"linestyle": "none", "markeredgecolor": theme.ink, "markersize": 6}
        plain = [stated(f"regression.test_{epoch}").value for epoch in (0, 10, 20, 30, 40)]
        own = [stated(f"regularization.test_{epoch}").value for epoch in PRINTED]
        axes.plot((0, 10, 20, 30, 40), plain, "s", color=theme.blue, label="original, plain", **mark)
        axes.plot(PRINTED, own, "D", color=theme.orange, label="original, regularised", **mark)
        axes.set(xlabel="epoch", ylabel="test MSE (USD²)")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.legend(loc="lower left")
        return figure

    return draw


def techniques_table(result: Result, places: int = 3) -> pd.DataFrame:
    """Every technique: score on training and on held-out rows, the gap, and the paired gain over none."""
    frame = result.frame("techniques")
    gap = "gap_skill" if "gap_skill" in frame else "gap"
    return pd.DataFrame(
        {
            "technique": [describe(row) for _, row in frame.iterrows()],
            "training": [decimals(value, places) for value in frame["train"]],
            "held out": [limits(row, "test", places) for _, row in frame.iterrows()],
            "gap": [decimals(value, places) for value in frame[gap]],
            "gain over none": [
                "" if row["name"] == "none" else limits(row, "gain", places) for _, row in frame.iterrows()
            ],
            "seeds, sd": [decimals(value, places) for value in frame["seed_sd"]],
            "epochs": [decimals(value, 0) for value in frame["epochs"]],
            "cost": [decimals(value, 1) for value in frame["cost"]],
        }
    )


def describe(row: pd.Series) -> str:
    """A technique and its setting in words."""
    setting = str(row["setting"]) if row["setting"] not in ("", None) else ""
    return f"{row['technique']} {setting}".strip() if row["name"] != "none" else "none"


def technique_gains(regression: Result, classification: Result) -> Draw:
    """Gain over no regularization of every technique, with its paired interval, for both tasks."""

    def draw(theme: Theme) -> Figure:
        figure, panels = plt.subplots(1, 2, figsize=(5.8, 4.4))
        for axes, result, title, label in (
            (panels[0], regression, "Regression", "skill over none"),
            (panels[1], classification, "Classification", "gain in macro-F1"),
        ):
            frame = result.frame("techniques")
            frame = frame[frame["name"] != "none"].reset_index(drop=True)
            places = np.arange(len(frame))[::-1]
            off = (frame["gain_low"] > 0) | (frame["gain_high"] < 0)
            colours = [theme.orange if each else theme.blue for each in off]
            axes.hlines(places, frame["gain_low"], frame["gain_high"], color=colours, linewidth=2)
            axes.scatter(frame["gain"], places, color=colours, s=22, zorder=3)
            axes.axvline(0, color=theme.ink, linestyle="--", linewidth=1.2)
            axes.set_yticks(places, [describe(row) for _, row in frame.iterrows()], fontsize=7)
            axes.set(title=title, xlabel=label)
            axes.grid(axis="y", visible=False)
        return figure

    return draw


def learning_curves(result: Result) -> Draw:
    """Score on held-out rows over the number of training rows, for each technique."""

    def draw(theme: Theme) -> Figure:
        figure, panels = plt.subplots(1, 2, figsize=(5.8, 3.5))
        colours = (theme.blue, theme.orange, theme.green, theme.purple)
        for axes, name, column, label in (
            (panels[0], "regression", "test", "RMSE, USD"),
            (panels[1], "classification", "log_loss_test", "log loss"),
        ):
            frame = result.frame(name)
            for (technique, own), colour, marker in zip(frame.groupby("name", sort=False), colours, "os^D"):
                text = describe(own.iloc[0]) if technique != "none" else "none"
                axes.plot(own["rows"], own[column], f"{marker}-", color=colour, label=text, markersize=4.5)
            axes.set(xscale="log", xlabel="training rows", ylabel=label, title=name.capitalize())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
        return figure

    return draw


def verdict_sentence(result: Result, task: str) -> str:
    """How many techniques help or hurt, by their intervals, in words."""
    s = result.scalars
    return (
        f"In the {task}, of {count(float(s['techniques']))} techniques {count(float(s['above']))} have an interval "
        f"above zero and {count(float(s['below']))} one below."
    )


def small_sentence(result: Result) -> str:
    """What the techniques do with the fewest rows and with the most, in words."""
    texts = []
    for task, gain in (("regression", "gain"), ("classification", "log_loss_gain")):
        frame = result.frame(task)
        frame = frame[frame["name"] != "none"]
        sizes = sorted(frame["rows"].unique())
        ends = []
        for rows in (sizes[0], sizes[-1]):
            own = frame[frame["rows"] == rows]
            ends.append(
                f"{count(int((own[f'{gain}_low'] > 0).sum()))} of {count(len(own))} help with {count(rows)} rows"
            )
        texts.append(f"in the {task}, {' and '.join(ends)}")
    return f"By their intervals, {'; '.join(texts)}."

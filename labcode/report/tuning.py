"""The figures and tables of the tuning chapter, drawn from stored results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from labcode.book.plots import Draw, Theme
from labcode.report.text import count, decimals
from labcode.store import Result

_PLAIN = FuncFormatter(lambda value, _: f"{value:,.10g}".replace("-", "\N{MINUS SIGN}"))
OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}
NAMES = {
    "optimizer": "optimiser",
    "lr": "learning rate",
    "max_epochs": "epochs",
    "hidden": "hidden layers",
    "batch_size": "batch size",
    "dropout": "dropout",
    "weight_decay": "decay",
    "sample": "sampler",
}


@dataclass(frozen=True, kw_only=True)
class Search:
    """A stored search, and how its score is read: ``sign`` turns it into the number that the page shows."""

    title: str
    result: Result
    score: str
    sign: float = 1.0
    places: int = 3

    @property
    def candidates(self) -> pd.DataFrame:
        """All candidates, in the order of the search, with ``shown``, their score as the page shows it."""
        table = self.result.frame("candidates")
        return table.assign(shown=self.sign * table["score"])

    @property
    def best(self) -> int:
        """Position of the best candidate."""
        return int(self.result.frame("candidates")["score"].to_numpy().argmax())

    @property
    def default(self) -> int:
        """Position of the default settings: the last row of the paired comparisons."""
        return int(self.result.tables["paired"][-1]["candidate"])  # type: ignore[call-overload]


def searches(regression: Result, classification: Result) -> tuple[Search, Search]:
    """The two searches of the chapter."""
    return (
        Search(title="Regression", result=regression, score="RMSE, USD", sign=-1.0, places=4),
        Search(title="Classification", result=classification, score="macro-F1"),
    )


def describe(candidate: pd.Series) -> str:
    """A candidate's settings in words, those at their usual value left out."""
    parts = [OPTIMIZERS[candidate["optimizer"]], f"rate {candidate['lr']:g}", f"layers {candidate['hidden']}"]
    parts += [f"{candidate['max_epochs']} epochs", f"batches of {candidate['batch_size']}"]
    parts += [f"dropout {candidate['dropout']:g}"] if candidate["dropout"] else []
    parts += [f"decay {candidate['weight_decay']:g}"] if candidate["weight_decay"] else []
    parts += [str(candidate["sample"])] if candidate.get("sample", "none") != "none" else []
    return ", ".join(parts)


def submitted_predictions(result: Result) -> Draw:
    """Predicted against actual closes of the original's search, with its broadcast loss and with aligned shapes."""
    actual, slope = result.arrays["actual"], 1 / result.scalars["batch_size"]

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.4))
        for name, colour, marker in (("aligned", theme.green, "."), ("broadcast", theme.red, "x")):
            axes.plot(actual, result.arrays[name], marker, color=colour, markersize=4, alpha=0.5, rasterized=True)
        ends = np.array([0.0, 300.0])
        level = float(np.mean(actual))
        axes.plot(ends, level + slope * (ends - level), color=theme.ink, linestyle="--", linewidth=1.3)
        axes.annotate("aligned shapes", (205, 215), ha="right", color=theme.green)
        axes.annotate("broadcast: the mean of a batch", (298, 96), ha="right", color=theme.red)
        axes.set(xlabel="actual close (USD)", ylabel="predicted (USD)", xlim=ends, ylim=(0, 260))
        return figure

    return draw


def submitted_table(result: Result) -> pd.DataFrame:
    """The original's four candidates: root of the mean score over our seeds, with the fault and without."""
    frame = result.frame("candidates")
    rows = []
    for (lr, hidden1), group in frame.groupby(["lr", "hidden1"]):
        row: dict[str, object] = {"learning rate": f"{lr:g}", "first hidden layer": str(hidden1)}
        for loss, text in (("broadcast", "as submitted"), ("aligned", "shapes aligned")):
            scores = group.loc[group["loss"] == loss, "score"]
            row[f"score, {text}"] = decimals(scores.mean(), 0 if loss == "broadcast" else 2)
            row[f"RMSE, {text}"] = _range(np.sqrt(-scores.to_numpy()), 1 if loss == "broadcast" else 2)
        rows.append(row)
    return pd.DataFrame(rows)


def _range(values: np.ndarray, places: int) -> str:
    low, high = (decimals(float(value), places) for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def space_table(both: Sequence[Search]) -> pd.DataFrame:
    """The levels of each hyperparameter, and how many candidates, folds and fits."""
    columns: dict[str, dict[str, str]] = {}
    for search in both:
        table = search.candidates
        levels = {NAMES[name]: levels_in_words(table[name]) for name in NAMES if name in table}
        levels["learning rate"] = levels_in_words(table.loc[table["optimizer"] != "sgd", "lr"])
        levels["learning rate of SGD"] = levels_in_words(table.loc[table["optimizer"] == "sgd", "lr"])
        fits, candidates = search.result.scalars["fits"], len(table)
        columns[search.title] = levels | {
            "candidates": count(candidates),
            "folds": count(float(fits) / candidates),
            "networks trained": count(float(fits)),
        }
    return pd.DataFrame(columns).fillna("–").reindex([*_order(both), "candidates", "folds", "networks trained"])


def _order(both: Sequence[Search]) -> list[str]:
    names = [NAMES[name] for name in NAMES if any(name in search.candidates for search in both)]
    names.insert(names.index("learning rate") + 1, "learning rate of SGD")
    return names


def levels_in_words(values: pd.Series) -> str:
    """The settings that occur, smallest first, with commas."""
    return ", ".join(level_text(value) for value in levels_of(values))


def level_text(level: object) -> str:
    """A level as a reader sees it: ``0.001``, ``64-32``, ``Adam``."""
    return OPTIMIZERS.get(level, level) if isinstance(level, str) else f"{level:g}"


def parallel_coordinates(search: Search, best: int = 8) -> Draw:
    """Every candidate as a line through its settings to its score; the best ones in colour."""
    table = search.candidates
    names = [name for name in NAMES if name in table and table[name].nunique() > 1]
    places = {name: {level: i for i, level in enumerate(levels_of(table[name]))} for name in names}
    heights = np.column_stack([table[name].map(places[name]) / (len(places[name]) - 1) for name in names])
    shown = table["score"].rank(pct=True).to_numpy()
    heights = np.column_stack([heights, shown])
    top = np.argsort(-table["score"].to_numpy(), kind="stable")[:best]

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.4))
        random = np.random.default_rng(0)
        jitter = random.uniform(-0.025, 0.025, heights.shape)
        x = np.arange(heights.shape[1])
        axes.plot(x, (heights + jitter).T, color=theme.soft, linewidth=0.6, alpha=0.35)
        axes.plot(x, (heights + jitter)[top].T, color=theme.blue, linewidth=1.6, alpha=0.9)
        for i, name in enumerate(names):
            axes.axvline(i, color=theme.grid, linewidth=1, zorder=0)
            for level, place in places[name].items():
                _write_level(axes, i, place / (len(places[name]) - 1), level, theme)
        for share, text in ((0.0, "worst"), (1.0, "best")):
            axes.annotate(text, (x[-1], share), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set_xticks(x, [*(_two_lines(NAMES[name]) for name in names), "rank"], fontsize=8)
        axes.set(yticks=[], xlim=(-0.25, x[-1] + 0.55), ylim=(-0.1, 1.1))
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return figure

    return draw


def ranks(table: pd.DataFrame) -> np.ndarray:
    """Rank of each candidate, ``(n,)``, 1 for the best; of equal ones the earlier is ahead."""
    return table["score"].rank(ascending=False, method="first").to_numpy().astype(int)


def levels_of(values: pd.Series) -> list[object]:
    """Levels in order; layers such as ``64-32`` by their numbers."""

    def key(value: object) -> tuple[bool, object]:
        numbers = str(value).split("-")
        widths = all(number.isdecimal() for number in numbers) and isinstance(value, str)
        return isinstance(value, str), [int(number) for number in numbers] if widths else value

    return sorted(values.unique(), key=key)  # type: ignore[type-var]


def _write_level(axes: Axes, x: float, y: float, level: object, theme: Theme) -> None:
    box = {"facecolor": theme.paper, "edgecolor": "none", "pad": 1.2, "alpha": 0.85}
    axes.annotate(level_text(level), (x, y), ha="center", va="center", color=theme.ink, fontsize=7.5, bbox=box)


def _two_lines(text: str) -> str:
    return text.replace(" ", "\n", 1)


def learning_rates(both: Sequence[Search]) -> Draw:
    """Score against the learning rate for each optimiser, less the default's score on the same fold."""

    def draw(theme: Theme) -> Figure:
        figure, panels = plt.subplots(1, 2, figsize=(5.8, 3.3))
        colours = {"adam": theme.blue, "adamw": theme.orange, "sgd": theme.green}
        markers = {"adam": "o", "adamw": "s", "sgd": "^"}
        for axes, search in zip(panels, both, strict=True):
            curves = rate_curves(search)
            for name, curve in curves.groupby("optimizer"):
                style = {"color": colours[name], "marker": markers[name], "markersize": 5, "label": OPTIMIZERS[name]}
                shifted = curve["lr"] * {"adam": 0.94, "adamw": 1.06, "sgd": 1.0}[str(name)]
                spread = [curve["mean"] - curve["low"], curve["high"] - curve["mean"]]
                axes.errorbar(shifted, curve["mean"], spread, elinewidth=1, **style)
            axes.axhline(0, color=theme.ink, linestyle="--", linewidth=1.2)
            axes.set(
                xscale="log", xlabel="learning rate", title=search.title, ylabel=f"{search.score}, less the default's"
            )
            ticks = [rate for rate in (1e-3, 1e-2, 1e-1) if curves["lr"].min() <= rate <= curves["lr"].max()]
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.yaxis.set_major_formatter(_PLAIN)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return figure

    return draw


def rate_curves(search: Search) -> pd.DataFrame:
    """At the defaults but for optimiser and rate: mean, lowest and highest difference over the folds."""
    table = search.candidates
    usual = table.loc[search.default]
    same = [name for name in ("max_epochs", "hidden", "batch_size", "dropout", "sample") if name in table]
    chosen = table[np.logical_and.reduce([table[name] == usual[name] for name in same])]
    chosen = chosen[(chosen["optimizer"] == "adamw") | (chosen["weight_decay"] == 0)]
    folds = [name for name in table if name.startswith("fold ")]
    gaps = search.sign * (chosen[folds] - usual[folds].astype(float))
    curves = chosen.assign(mean=gaps.mean(axis=1), low=gaps.min(axis=1), high=gaps.max(axis=1))
    return curves.sort_values(["optimizer", "lr"])


def cost_against_score(both: Sequence[Search]) -> Draw:
    """What a candidate costs to train, and its score; the line joins those that nothing cheaper beats."""

    def draw(theme: Theme) -> Figure:
        figure, panels = plt.subplots(1, 2, figsize=(5.8, 3.2))
        for axes, search in zip(panels, both, strict=True):
            table = search.candidates
            axes.plot(table["cost"], table["shown"], "o", color=theme.soft, markersize=4, alpha=0.6)
            front = _front(table)
            axes.plot(front["cost"], front["shown"], "o-", color=theme.blue, markersize=5, label="best for its cost")
            usual = table.loc[search.default]
            style = {"markersize": 9, "color": theme.orange, "markeredgecolor": theme.ink}
            axes.plot(usual["cost"], usual["shown"], "*", label="default", linestyle="none", **style)
            axes.set(xscale="log", xlabel="billions of multiplications", ylabel=search.score, title=search.title)
            low, high = 0.7 * table["cost"].min(), 1.4 * table["cost"].max()
            ticks = [tick for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5) if low <= tick <= high]
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axes.set_xlim(low, high)
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.yaxis.set_major_formatter(_PLAIN)
            if search.sign < 0:
                axes.set_ylim(table["shown"].min() - 0.003, table["shown"].quantile(0.85))
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        return figure

    return draw


def _front(table: pd.DataFrame) -> pd.DataFrame:
    """Candidates with a better score than all that cost as much or less."""
    ordered = table.sort_values(["cost", "score"], ascending=[True, False])
    return ordered[ordered["score"] > ordered["score"].cummax().shift(fill_value=-np.inf)]


def best_table(search: Search, most: int = 5) -> pd.DataFrame:
    """The best candidates and the default: settings, mean score and range over the folds."""
    table = search.candidates
    order = np.argsort(-table["score"].to_numpy(), kind="stable")
    folds = [name for name in table if name.startswith("fold ")]
    rows = []
    for i in dict.fromkeys([*order[:most], search.default]):
        values = search.sign * table.loc[i, folds].to_numpy(dtype=float)
        rows.append(
            {
                "rank": str(int(np.flatnonzero(order == i)[0]) + 1),
                "settings": describe(table.loc[i]) + (" (default)" if i == search.default else ""),
                search.score: decimals(table.loc[i, "shown"], search.places),
                "over the folds": _range(values, 2),
            }
        )
    return pd.DataFrame(rows)


def runners_up(both: Sequence[Search]) -> Draw:
    """How much better the winner is than each of the next best, with the paired interval; the default in orange."""

    def draw(theme: Theme) -> Figure:
        figure, panels = plt.subplots(1, 2, figsize=(5.8, 3.4))
        for axes, search in zip(panels, both, strict=True):
            rows = search.result.frame("paired").iloc[1:].drop_duplicates("candidate").reset_index(drop=True)
            places_of = ranks(search.candidates)
            places = np.arange(len(rows))[::-1]
            usual = rows["candidate"] == search.default
            colours = [theme.orange if each else theme.blue for each in usual]
            axes.hlines(places, rows["gain_low"], rows["gain_high"], color=colours, linewidth=2)
            axes.scatter(rows["gain"], places, color=colours, s=24, zorder=3)
            axes.axvline(0, color=theme.ink, linestyle="--", linewidth=1.2)
            names = [f"rank {places_of[int(i)]}" for i in rows["candidate"]]
            texts = [f"default, {name}" if each else name for name, each in zip(names, usual, strict=True)]
            axes.set_yticks(places, texts, fontsize=8)
            gain = "skill over it" if search.sign < 0 else "gain in macro-F1"
            axes.set(xlabel=f"winner's {gain}", title=search.title)
            axes.xaxis.set_major_formatter(_PLAIN)
            axes.grid(axis="y", visible=False)
        return figure

    return draw


def replay_table(search: Search) -> pd.DataFrame:
    """Block by block: what the choice by earlier blocks had promised over the default, and what came of it."""
    frame = search.result.frame("replay")
    return pd.DataFrame(
        {
            "block": [str(block) for block in frame["block"]],
            "chosen on the blocks before it": [describe(search.candidates.loc[i]) for i in frame["candidate"]],
            "skill over the default, promised": [decimals(value, 3) for value in frame["promised"]],
            "kept": [decimals(value, 3) for value in frame["kept"]],
        }
    )


def nested_table(search: Search) -> pd.DataFrame:
    """Outer fold by fold: what the inner search chose, and the score that it promised."""
    frame = search.result.frame("nested")
    return pd.DataFrame(
        {
            "outer fold": [str(fold) for fold in frame["fold"]],
            "chosen inside": [f"learning rate {row.lr:g}, {row.hidden} units" for row in frame.itertuples()],
            "macro-F1 inside": [decimals(value, 3) for value in frame["promised"]],
        }
    )


def rungs(result: Result) -> Draw:
    """Successive halving: each candidate's score at each rung, until it is dropped."""
    frame = result.frame("rungs")

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.1))
        last = frame["rung"].max()
        finalists = set(frame.loc[frame["rung"] == last, "candidate"])
        for name, path in frame.groupby("candidate"):
            colour, width = (theme.blue, 1.6) if name in finalists else (theme.soft, 0.8)
            axes.plot(path["epochs"], path["score"], "o-", color=colour, markersize=3.5, linewidth=width)
        for epochs, group in frame.groupby("epochs"):
            at = {"xytext": (0, 8), "textcoords": "offset points", "ha": "center", "color": theme.ink, "fontsize": 8}
            axes.annotate(f"{len(group)} candidates", (epochs, frame["score"].max() + 0.02), **at)
        ticks = sorted(frame["epochs"].unique())
        axes.set(
            xscale="log",
            xlabel="epochs (logarithmic axis)",
            ylabel="macro-F1",
            ylim=(None, frame["score"].max() + 0.06),
        )
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xlim(ticks[0] / 1.35, ticks[-1] * 1.35)
        axes.xaxis.set_minor_formatter(NullFormatter())
        return figure

    return draw


def broadcast(result: Result) -> Draw:
    """A straight line fitted with aligned shapes and with the broadcast."""
    x, order = result.arrays["x"], np.argsort(result.arrays["x"])

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.0))
        axes.plot(x, result.arrays["y"], ".", color=theme.soft, markersize=4)
        for name, colour, text in (
            ("aligned", theme.green, "targets (n, 1)"),
            ("broadcast", theme.red, "targets (n,): the mean"),
        ):
            axes.plot(x[order], result.arrays[name][order], color=colour, linewidth=2.4)
            end = (x[order][-1], result.arrays[name][order][-1])
            axes.annotate(text, end, xytext=(6, 0), textcoords="offset points", va="center", color=colour)
        axes.set(xlabel="input", ylabel="target", xlim=(-1.05, 1.75))
        return figure

    return draw

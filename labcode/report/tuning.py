"""The figures and tables of the tuning chapter, drawn from stored results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from labcode.report.claims import told
from labcode.report.plots import Draw, Theme
from labcode.report.reference import stated
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
            axes.plot(actual, result.arrays[name], marker, color=colour, markersize=4, alpha=0.5)
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
        levels = {NAMES[name]: _levels(table[name]) for name in NAMES if name in table}
        levels["learning rate"] = _levels(table.loc[table["optimizer"] != "sgd", "lr"])
        levels["learning rate of SGD"] = _levels(table.loc[table["optimizer"] == "sgd", "lr"])
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


def _levels(values: pd.Series) -> str:
    texts = (f"{value:g}" if not isinstance(value, str) else value for value in _sorted(values))
    return ", ".join(OPTIMIZERS.get(text, text) for text in texts)


def parallel_coordinates(search: Search, best: int = 8) -> Draw:
    """Every candidate as a line through its settings to its score; the best ones in colour."""
    table = search.candidates
    names = [name for name in NAMES if name in table and table[name].nunique() > 1]
    places = {name: {level: i for i, level in enumerate(_sorted(table[name]))} for name in names}
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
                _level_text(axes, i, place / (len(places[name]) - 1), level, theme)
        for share, text in ((0.0, "worst"), (1.0, "best")):
            axes.annotate(text, (x[-1], share), xytext=(8, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set_xticks(x, [*(_two_lines(NAMES[name]) for name in names), "rank"], fontsize=8)
        axes.set(yticks=[], xlim=(-0.25, x[-1] + 0.55), ylim=(-0.1, 1.1))
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return figure

    return draw


def _sorted(values: pd.Series) -> list[object]:
    """Levels in order; layers such as ``64-32`` by their numbers."""

    def key(value: object) -> tuple[bool, object]:
        numbers = str(value).split("-")
        widths = all(number.isdecimal() for number in numbers) and isinstance(value, str)
        return isinstance(value, str), [int(number) for number in numbers] if widths else value

    return sorted(values.unique(), key=key)  # type: ignore[type-var]


def _level_text(axes: Axes, x: float, y: float, level: object, theme: Theme) -> None:
    text = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}.get(
        str(level), f"{level:g}" if not isinstance(level, str) else level
    )
    box = {"facecolor": theme.paper, "edgecolor": "none", "pad": 1.2, "alpha": 0.85}
    axes.annotate(text, (x, y), ha="center", va="center", color=theme.ink, fontsize=7.5, bbox=box)


def _two_lines(text: str) -> str:
    return text.replace(" ", "\n", 1)


def learning_rates(both: Sequence[Search]) -> Draw:
    """Score against the learning rate for each optimiser, less the default's score on the same fold."""

    def draw(theme: Theme) -> Figure:
        figure, panels = plt.subplots(1, 2, figsize=(5.8, 3.3))
        colours = {"adam": theme.blue, "adamw": theme.orange, "sgd": theme.green}
        markers = {"adam": "o", "adamw": "s", "sgd": "^"}
        for axes, search in zip(panels, both, strict=True):
            curves = _rate_curves(search)
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


def _rate_curves(search: Search) -> pd.DataFrame:
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
            ranks = search.candidates["score"].rank(ascending=False, method="first").astype(int)
            places = np.arange(len(rows))[::-1]
            usual = rows["candidate"] == search.default
            colours = [theme.orange if each else theme.blue for each in usual]
            axes.hlines(places, rows["gain_low"], rows["gain_high"], color=colours, linewidth=2)
            axes.scatter(rows["gain"], places, color=colours, s=24, zorder=3)
            axes.axvline(0, color=theme.ink, linestyle="--", linewidth=1.2)
            names = [f"rank {ranks[int(i)]}" for i in rows["candidate"]]
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


@told
def reproduced_sentence(result: Result) -> str:
    """Whether the original's best score lies where one more seed should fall, in words."""
    low, high = (float(result.scalars[f"best_score_{end}"]) for end in ("low", "high"))
    score, limits = stated("tuning.score").value, f"{decimals(low, 0)} to {decimals(high, 0)}"
    assert score is not None
    if not np.isfinite(low):
        return "One seed is too few to say where the next one would fall."
    where = "lies inside" if low <= score <= high else "lies outside"
    return f"The original's {decimals(score, 0)} {where} the interval in which one more seed should fall, {limits}."


@told
def agreement_sentence(both: Sequence[Search], best: int = 8) -> str:
    """On which hyperparameters the best candidates of each search agree, in words."""
    texts = []
    for search in both:
        table = search.candidates
        top = table.loc[np.argsort(-table["score"].to_numpy(), kind="stable")[:best]]
        names = [name for name in NAMES if name in table and table[name].nunique() > 1]
        same = [name for name in names if top[name].nunique() == 1]
        listed = []
        for name in same:
            chance = chance_of_agreement(len(table), int((table[name] == top[name].iloc[0]).sum()), best)
            listed.append(f"{NAMES[name]} {_levels(top[name])} (chance {decimals(chance)})")
        texts.append(f"the {count(best)} best of the {search.title.lower()} share {_joined(listed) or 'no setting'}")
    return f"Here, {'; '.join(texts)}. The chance is that of as many random candidates agreeing on that level."


def _joined(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


@told
def rate_sentence(search: Search) -> str:
    """Where Adam's rate does best in a search, in words."""
    curves = _rate_curves(search)
    adam = curves[curves["optimizer"] == "adam"]
    best = adam.loc[(search.sign * adam["mean"]).idxmax()]
    ends = {adam["lr"].min(): "the lowest rate tried", adam["lr"].max(): "the highest rate tried"}
    where = ends.get(best["lr"], f"a rate of {best['lr']:g}")
    return (
        f"In the classification, Adam does best at {where}, {decimals(best['mean'], 3)} above the default's macro-F1."
    )


@told
def cost_sentence(both: Sequence[Search]) -> str:
    """Where the default and the winner lie in cost, in words."""
    texts = []
    for search in both:
        table = search.candidates
        ratio = table.loc[search.best, "cost"] / table.loc[search.default, "cost"]
        many = int((table["score"] < table.loc[search.default, "score"]).sum())
        texts.append(
            f"in the {search.title.lower()}, {count(many)} of {count(len(table))} candidates do worse than the "
            f"default, and the winner costs {_times(ratio)}"
        )
    return f"{texts[0][0].upper()}{texts[0][1:]}; {texts[1]}."


def _times(ratio: float) -> str:
    return "the same" if abs(ratio - 1) < 0.05 else f"{decimals(ratio, 1)} times as much"


@told
def tied_sentence(both: Sequence[Search]) -> str:
    """How many of the runners-up have an interval that holds zero, in words."""
    texts = []
    for search in both:
        tied, runners = (int(search.result.scalars[name]) for name in ("tied", "paired"))
        many = f"all {count(tied)}" if tied == runners - 1 else f"{count(tied)} of {count(runners - 1)}"
        texts.append(f"in the {search.title.lower()} for {many} runners-up")
    return f"The interval holds zero {'; '.join(texts)}."


@told
def scattered_sentence(result: Result) -> str:
    """Where the scores of all candidates and seeds with the fault lie beside the echo, in words."""
    frame = result.frame("candidates")
    scores = frame.loc[frame["loss"] == "broadcast", "score"]
    above = int((scores > result.scalars["echo_score"]).sum())
    low, high = decimals(scores.min(), 0), decimals(scores.max(), 0)
    return (
        f"Of the {count(len(scores))} trained networks, {count(above)} score better than this ({low} to {high} in "
        "all), so the echo explains most of the small gain over the mean, but not all of it."
        if above > len(scores) / 2
        else f"The {count(len(scores))} trained networks score {low} to {high}."
    )


@told
def choice_sentence(result: Result) -> str:
    """Which candidate each seed chooses, with the fault and without, in words."""
    frame = result.frame("candidates")
    texts = []
    for loss, text in (("broadcast", "With the fault"), ("aligned", "With aligned shapes")):
        own = frame[frame["loss"] == loss]
        best = own.loc[own.groupby("seed")["score"].idxmax()]
        choices = best.groupby(["lr", "hidden1"]).size()
        listed = [f"rate {lr:g} with {hidden1} units {count(n)} times" for (lr, hidden1), n in choices.items()]
        texts.append(f"{text}, our {count(len(best))} seeds choose {_joined(listed)}.")
    return " ".join(texts).replace(" 1 times", " once")


@told
def smote_sentence(search: Search) -> str:
    """SMOTE beside no sampler at the same rates and architecture and nearly the same cost, in words."""
    table = search.candidates
    usual = table.loc[search.default]
    alike = table[(table["optimizer"] == "adam") & (table["dropout"] == 0) & (table["hidden"] == usual["hidden"])]
    alike = alike[(alike["batch_size"] == usual["batch_size"]) & (alike["weight_decay"] == 0)]
    with_smote = alike[alike["sample"] != "none"].set_index("lr")["score"]
    without = alike[(alike["sample"] == "none") & (alike["max_epochs"] == usual["max_epochs"])].set_index("lr")["score"]
    pairs = [f"{decimals(with_smote[lr], 3)} against {decimals(without[lr], 3)}" for lr in with_smote.index]
    lower = int((with_smote < without[with_smote.index]).sum())
    return (
        f"SMOTE inside the folds, at nearly the same cost, scores lower at {count(lower)} of {count(len(pairs))} "
        f"learning rates ({', '.join(pairs)})."
    )


def chance_of_agreement(n: int, level: int, best: int) -> float:
    """Chance that all of ``best`` candidates drawn at random are among the ``level`` of ``n`` that have a level.

    >>> round(chance_of_agreement(10, 5, 2), 3)
    0.222
    """
    return comb(level, best) / comb(n, best)

"""The figures of the EDA chapter: each function takes data and returns a drawing for :func:`plots.show`."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from labcode.book.plots import MARKERS, Draw, Theme, label_bars
from labcode.data.labels import NO_FAILURE
from labcode.experiments import eda
from labcode.report.text import decimals, percent
from labcode.settings import SEED

SENSOR_LABELS = {
    "Air temperature [K]": "air temperature (K)",
    "Process temperature [K]": "process temperature (K)",
    "Rotational speed [rpm]": "speed (rpm)",
    "Torque [Nm]": "torque (Nm)",
    "Tool wear [min]": "tool wear (min)",
}
_PLAIN = FuncFormatter(lambda value, _: f"{value:,.10g}")
_SHARE = PercentFormatter(1, decimals=0)


def price_distribution(prices: pd.DataFrame) -> Draw:
    """Close on a linear and on a logarithmic axis."""
    close = prices["close"]

    def draw(theme: Theme) -> Figure:
        figure, (left, right) = plt.subplots(1, 2, sharey=False)
        _histogram(left, close[close < 500], np.linspace(0, 500, 61), theme.blue)
        left.set(title="Linear axis, up to 500 USD", xlabel="close (USD)", ylabel="share of rows")
        _histogram(right, close, np.geomspace(close.min(), close.max(), 61), theme.blue)
        right.set(title="Logarithmic axis, all rows", xlabel="close (USD)", xscale="log")
        right.xaxis.set_major_formatter(_PLAIN)
        for axes in (left, right):
            axes.axvline(close.mean(), color=theme.red, linewidth=1.4, linestyle="--")
            axes.axvline(close.median(), color=theme.ink, linewidth=1.4)
        top = left.get_ylim()[1]
        left.text(close.mean() + 8, 0.93 * top, f"mean {close.mean():.0f}", color=theme.red)
        left.text(close.median() + 28, 0.84 * top, f"median {close.median():.0f}", color=theme.ink)
        return figure

    return draw


def _histogram(axes: Axes, values: pd.Series, bins: np.ndarray, colour: str) -> None:
    counts, edges = np.histogram(values, bins)
    axes.stairs(counts / max(len(values), 1), edges, fill=True, color=colour, alpha=0.85)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0 if counts.max() > 0.05 * len(values) else 1))
    axes.grid(axis="x", visible=False)


def daily_moves(prices: pd.DataFrame) -> Draw:
    """Daily log return beside a normal of the same middle, the day's range, and volume."""
    returns = eda.log_returns(prices).dropna()
    spread = eda.intraday_range(prices)
    volume = np.log10(prices["volume"][prices["volume"] > 0])

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(1, 3, figsize=(5.8, 3.1))
        _returns(axes[0], returns, theme)
        _histogram(axes[1], spread[spread < 0.1], np.linspace(0, 0.1, 51), theme.blue)
        axes[1].set(title="Day's range", xlabel="log(high / low)", ylabel="share of rows")
        _histogram(axes[2], volume, np.linspace(3, 9, 49), theme.blue)
        axes[2].set(title="Volume", xlabel="shares a day", ylabel="share of rows")
        axes[2].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"$10^{{{value:.0f}}}$"))
        return figure

    return draw


def _returns(axes: Axes, returns: pd.Series, theme: Theme) -> None:
    edges = np.linspace(-0.2, 0.2, 81)
    counts, _ = np.histogram(returns, edges)
    width = edges[1] - edges[0]
    axes.stairs(counts / len(returns) / width, edges, fill=True, color=theme.blue, alpha=0.85)
    # The quartiles, not the standard deviation, set the normal's width: a few split jumps would stretch the latter.
    scale = (returns.quantile(0.75) - returns.quantile(0.25)) / 1.349
    grid = np.linspace(-0.2, 0.2, 400)
    normal = np.exp(-0.5 * ((grid - returns.median()) / scale) ** 2) / scale / np.sqrt(2 * np.pi)
    axes.plot(grid, normal, color=theme.red, linewidth=1.4)
    floor = 0.3 / len(returns) / width
    axes.set(title="Return", xlabel="log return", ylabel="density (log)", yscale="log", ylim=(floor, None))
    axes.annotate("normal", (3.0 * scale, 0.3), xytext=(0.085, 3), color=theme.red, fontsize=9)
    axes.grid(axis="x", visible=False)


def price_and_volume(prices: pd.DataFrame) -> Draw:
    """Close against volume on logarithmic axes, the number of rows as shade, with each price decile's median volume."""
    traded = prices[prices["volume"] > 0]
    medians = traded.groupby(pd.qcut(traded["close"], 10), observed=True)[["close", "volume"]].median()

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.4))
        shades = LinearSegmentedColormap.from_list("shades", [theme.grid, theme.blue])
        axes.hexbin(
            traded["close"],
            traded["volume"],
            xscale="log",
            yscale="log",
            gridsize=48,
            bins="log",
            mincnt=3,
            cmap=shades,
            linewidths=0,
            rasterized=True,
        )
        axes.plot(medians["close"], medians["volume"], "o-", color=theme.red, markersize=4)
        last = medians.iloc[-1]
        axes.annotate(
            "median volume",
            (last["close"], last["volume"]),
            xytext=(8, 2),
            textcoords="offset points",
            color=theme.ink,
        )
        axes.set(xlabel="close (USD)", ylabel="shares a day", ylim=(1e4, 1e9))
        axes.xaxis.set_major_formatter(_PLAIN)
        return figure

    return draw


def sensor_correlation(rows: pd.DataFrame, columns: tuple[str, ...]) -> Draw:
    """Pearson's correlations as a lower triangle, every cell with its number."""
    matrix = rows[list(columns)].corr().to_numpy()
    names = [SENSOR_LABELS.get(name, name).split(" (")[0] for name in columns]

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.0, 3.4))
        shown = np.where(np.tri(len(names), k=-1, dtype=bool), matrix, np.nan)[1:, :-1]
        axes.imshow(shown, cmap="RdBu", vmin=-1.4, vmax=1.4, aspect="auto")
        for (row, column), value in np.ndenumerate(shown):
            if np.isfinite(value):
                # The map is light in both themes, so its numbers are dark in both.
                axes.text(column, row, decimals(_no_minus_zero(value)), ha="center", va="center", color="#111111")
        axes.set_xticks(range(len(names) - 1), names[:-1], rotation=30, ha="right")
        axes.set_yticks(range(len(names) - 1), names[1:])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        return figure

    return draw


def _no_minus_zero(value: float) -> float:
    return value if abs(value) >= 0.005 else 0.0


def panel_structure(prices: pd.DataFrame) -> Draw:
    """Symbols a day, and the middle half of each day's returns over one quarter."""
    a_day = prices.groupby("date").size()
    returns = eda.log_returns(prices).dropna()
    quartiles = returns.groupby(prices["date"]).quantile([0.25, 0.5, 0.75]).unstack()
    window = quartiles.iloc[: 63 * 2].rolling(1).mean() if len(quartiles) < 500 else quartiles["2011-07":"2011-12"]

    def draw(theme: Theme) -> Figure:
        figure, (top, bottom) = plt.subplots(2, 1, figsize=(5.8, 4.6))
        top.plot(a_day.index, a_day, color=theme.blue)
        top.set(title="Symbols a day", ylabel="symbols")
        bottom.fill_between(window.index, window[0.25], window[0.75], color=theme.blue, alpha=0.35, linewidth=0)
        bottom.plot(window.index, window[0.5], color=theme.blue, linewidth=1.4)
        bottom.axhline(0, color=theme.soft, linewidth=0.8)
        bottom.set(title="Each day's returns: middle half and median", ylabel="log return")
        bottom.yaxis.set_major_formatter(_SHARE)
        return figure

    return draw


def class_counts(counts: dict[str, int]) -> Draw:
    """Rows of each failure type, on a logarithmic axis."""

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 2.7))
        names = list(counts)[::-1]
        axes.barh(names, [counts[name] for name in names], color=[theme.failures[name] for name in names])
        label_bars(axes, [f"{counts[name]:,}" for name in names], theme)
        axes.set(xscale="log", xlabel="rows (logarithmic axis)", xlim=(5, 2.5 * max(counts.values())))
        axes.xaxis.set_major_formatter(_PLAIN)
        axes.grid(axis="y", visible=False)
        return figure

    return draw


def sensors_by_class(rows: pd.DataFrame, order: list[str]) -> Draw:
    """Every sensor in every class: one dot a row, jittered; at most 400 dots a class; a bar marks the median."""
    random = np.random.default_rng(SEED)
    parts = {name: rows[rows["Failure Type"] == name] for name in order}
    shown = {name: part.sample(min(len(part), 400), random_state=SEED) for name, part in parts.items()}
    jitter = {name: random.uniform(-0.3, 0.3, len(part)) for name, part in shown.items()}

    def draw(theme: Theme) -> Figure:
        figure, grid = plt.subplots(3, 2, figsize=(5.8, 6.4), sharey=True)
        for axes, sensor in zip(grid.ravel(), eda.SENSORS, strict=False):
            for place, name in enumerate(order[::-1]):
                x = shown[name][sensor]
                axes.plot(x, place + jitter[name], ".", color=theme.failures[name], markersize=3, rasterized=True)
                median = parts[name][sensor].median()
                axes.plot([median, median], [place - 0.42, place + 0.42], color=theme.ink, linewidth=2.2)
            axes.axvline(rows[sensor].median(), color=theme.ink, linewidth=0.9, linestyle=":")
            axes.set_xlabel(SENSOR_LABELS[sensor])
            axes.set_yticks(range(len(order)), [_short(name) for name in order[::-1]])
            axes.grid(axis="y", visible=False)
        grid.ravel()[-1].set_visible(False)
        return figure

    return draw


def _short(name: str) -> str:
    return name if name == NO_FAILURE else name.replace(" Failures", "").replace(" Failure", "")


def power_plane(rows: pd.DataFrame) -> Draw:
    """Speed against torque, with the two lines of constant power beyond which a power failure follows."""
    speed = np.linspace(rows["Rotational speed [rpm]"].min(), rows["Rotational speed [rpm]"].max(), 200)

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.9))
        _scatter(axes, rows, "Rotational speed [rpm]", "Torque [Nm]", ["Power Failure"], theme)
        for limit in eda.POWER_LIMITS:
            torque = limit / (speed * 2 * np.pi / 60)
            axes.plot(speed, torque, color=theme.ink, linewidth=1.3, linestyle="--")
            axes.annotate(
                f"{limit:,.0f} W", (speed[-1], torque[-1]), xytext=(4, 0), textcoords="offset points", va="center"
            )
        axes.set(ylim=(0, 1.08 * rows["Torque [Nm]"].max()))
        return _with_labels(figure, axes)

    return draw


def strain_plane(rows: pd.DataFrame) -> Draw:
    """Tool wear against torque, a panel for each quality type, with the limit beyond which overstrain follows."""
    torque = np.linspace(30, 80, 100)

    def draw(theme: Theme) -> Figure:
        figure, panels = plt.subplots(1, 3, figsize=(5.8, 3.3), sharey=True)
        for axes, (kind, limit) in zip(panels, eda.STRAIN_LIMITS.items(), strict=True):
            part = rows[rows["Type"] == kind]
            _scatter(axes, part, "Torque [Nm]", "Tool wear [min]", ["Overstrain Failure", "Tool Wear Failure"], theme)
            axes.plot(torque, limit / torque, color=theme.ink, linewidth=1.2, linestyle="--")
            axes.set(ylim=(0, 270), xlim=(5, 80), title=f"{kind}: {limit:,.0f}", ylabel="")
        panels[0].set_ylabel(SENSOR_LABELS["Tool wear [min]"])
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3, handletextpad=0.2)
        return figure

    return draw


def heat_plane(rows: pd.DataFrame) -> Draw:
    """Temperature difference against speed, with the corner in which heat dissipation fails."""
    shown = rows.assign(difference=eda.physics(rows)["heat"])

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.6))
        _scatter(axes, shown, "difference", "Rotational speed [rpm]", ["Heat Dissipation Failure"], theme)
        heat, speed = eda.HEAT_LIMITS
        axes.plot(
            [shown["difference"].min(), heat, heat], [speed, speed, 1_100], color=theme.ink, linestyle="--", lw=1.3
        )
        axes.set(xlabel="process minus air temperature (K)", ylim=(1_100, None))
        return _with_labels(figure, axes)

    return draw


def _scatter(axes: Axes, rows: pd.DataFrame, x: str, y: str, shown: list[str], theme: Theme) -> None:
    """One class or two over all the other rows, which lie behind as pale dots."""
    chosen = rows["Failure Type"].isin(shown)
    rest = rows[~chosen]
    # 10,000 dots as vectors would weigh a megabyte.
    axes.plot(rest[x], rest[y], ".", color=theme.soft, alpha=0.35, markersize=2.5, rasterized=True, label="other rows")
    for name in shown:
        part = rows[rows["Failure Type"] == name]
        axes.plot(
            part[x],
            part[y],
            MARKERS[name],
            color=theme.failures[name],
            markeredgecolor=theme.paper,
            markeredgewidth=0.4,
            markersize=5.5,
            label=name,
        )
    axes.set(xlabel=SENSOR_LABELS.get(x, x), ylabel=SENSOR_LABELS.get(y, y))


def _with_labels(figure: Figure, axes: Axes) -> Figure:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, handletextpad=0.2)
    return figure


def target_table(rows: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """Rows by failure type and `Target`."""
    counts = pd.crosstab(rows["Failure Type"], rows["Target"]).reindex(order).reindex(columns=[0, 1], fill_value=0)
    return counts.set_axis(["Target = 0", "Target = 1"], axis=1)


def column_table(frame: pd.DataFrame, units: dict[str, str], columns: Sequence[str]) -> pd.DataFrame:
    """Unit, number of distinct values and spread of the columns."""

    def row(name: str) -> dict[str, str]:
        column = frame[name]
        places = 0 if (column % 1 == 0).all() else 2
        return {
            "column": f"`{name}`",
            "unit": units.get(name, ""),
            "distinct values": decimals(column.nunique(), 0),
            **{what: decimals(column.agg(how), places) for what, how in _SPREAD.items()},
        }

    return pd.DataFrame([row(name) for name in columns])


_SPREAD = {"lowest": "min", "median": "median", "highest": "max"}


def first_rows(frame: pd.DataFrame, rows: list[int]) -> pd.DataFrame:
    """Some rows as they stand in the file, for the reader to see."""
    shown = frame.iloc[rows].copy()
    for name in shown:
        if shown[name].dtype.kind == "M":
            shown[name] = shown[name].dt.strftime("%Y-%m-%d")
        elif pd.api.types.is_float_dtype(shown[name]):
            whole = bool((shown[name] % 1 == 0).all())
            shown[name] = [decimals(value, 0 if whole else 2) for value in shown[name]]
    return shown.rename(columns=lambda name: name.replace(" [", "<br>["))


def correlation_table(pearson: pd.DataFrame, spearman: pd.DataFrame) -> pd.DataFrame:
    """Each column's correlation with the close, by Pearson and by Spearman."""
    names = [name for name in pearson.columns if name != "close"]
    return pd.DataFrame(
        {
            "column": [f"`{name}`" for name in names],
            "Pearson": [decimals(pearson.loc[name, "close"], 4) for name in names],
            "Spearman": [decimals(spearman.loc[name, "close"], 4) for name in names],
        }
    )


def ranking_table(ranking: pd.DataFrame) -> pd.DataFrame:
    """The sensors' shares of variance between classes, as text."""
    return pd.DataFrame(
        {
            "sensor": [SENSOR_LABELS[name].split(" (")[0] for name in ranking.index],
            "share between types": [percent(value) for value in ranking["share"]],
            "from": [percent(value) for value in ranking["low"]],
            "to": [percent(value) for value in ranking["high"]],
            "if equally common": [percent(value, 0) for value in ranking["equal"]],
        }
    )


def rules_table(rules: pd.DataFrame) -> pd.DataFrame:
    """Counts as whole numbers, shares as percentages."""
    shares = {name: [percent(value) for value in rules[name]] for name in rules.columns[2:]}
    return rules.astype({name: int for name in rules.columns[:2]}).assign(**shares)

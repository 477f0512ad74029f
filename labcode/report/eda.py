"""The figures of the EDA chapter: each function takes data and returns a drawing for :func:`plots.show`."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from labcode.experiments import eda
from labcode.report.plots import MARKERS, Theme, label_bars
from labcode.report.text import decimals

Draw = Callable[[Theme], Figure]
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
        figure, axes = plt.subplots(1, 3, figsize=(6.6, 3.1))
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


def correlation_maps(frame: pd.DataFrame, columns: tuple[str, ...], labels: dict[str, str] | None = None) -> Draw:
    """Pearson's and Spearman's matrices side by side, every cell with its number."""
    matrices = eda.correlations(frame, columns)
    names = [(labels or {}).get(name, name).split(" (")[0] for name in columns]

    def draw(theme: Theme) -> Figure:
        figure, both = plt.subplots(1, 2, figsize=(6.6, 3.9))
        for axes, (name, matrix) in zip(both, matrices.items(), strict=True):
            _matrix(axes, matrix.to_numpy(), theme)
            axes.set_title(name)
            axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
            axes.set_yticks(range(len(names)), names if axes is both[0] else [])
        return figure

    return draw


def _matrix(axes: Axes, values: np.ndarray, theme: Theme) -> None:
    # A diverging map that is white at 0 on paper and ink-dark text on it, in both themes.
    axes.imshow(values, cmap="RdBu", vmin=-1.6, vmax=1.6, aspect="equal")
    for (row, column), value in np.ndenumerate(values):
        text = "1" if row == column else decimals(value + 0.0 if abs(value) >= 0.005 else 0.0)
        axes.text(column, row, text, ha="center", va="center", color="#111111", fontsize=8.5)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def panel_structure(prices: pd.DataFrame) -> Draw:
    """Symbols a day, and the middle half of each day's returns over one quarter."""
    a_day = prices.groupby("date").size()
    returns = eda.log_returns(prices).dropna()
    quartiles = returns.groupby(prices["date"]).quantile([0.25, 0.5, 0.75]).unstack()
    window = quartiles.iloc[: 63 * 2].rolling(1).mean() if len(quartiles) < 500 else quartiles["2011-07":"2011-12"]

    def draw(theme: Theme) -> Figure:
        figure, (top, bottom) = plt.subplots(2, 1, figsize=(6.6, 4.6))
        top.plot(a_day.index, a_day, color=theme.blue)
        top.set(title="Symbols a day", ylabel="symbols")
        bottom.fill_between(window.index, window[0.25], window[0.75], color=theme.blue, alpha=0.35, linewidth=0)
        bottom.plot(window.index, window[0.5], color=theme.blue, linewidth=1.4)
        bottom.axhline(0, color=theme.soft, linewidth=0.8)
        bottom.set(title="Half of each day's returns lie in the band; the line is their median", ylabel="log return")
        bottom.yaxis.set_major_formatter(_SHARE)
        return figure

    return draw


def class_counts(counts: dict[str, int]) -> Draw:
    """Rows of each failure type, on a logarithmic axis."""

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(6.6, 2.7))
        names = list(counts)[::-1]
        axes.barh(names, [counts[name] for name in names], color=[theme.failures[name] for name in names])
        label_bars(axes, [f"{counts[name]:,}" for name in names], theme)
        axes.set(xscale="log", xlabel="rows (logarithmic axis)", xlim=(5, 2.5 * max(counts.values())))
        axes.xaxis.set_major_formatter(_PLAIN)
        axes.grid(axis="y", visible=False)
        return figure

    return draw


def sensors_by_class(rows: pd.DataFrame, order: list[str]) -> Draw:
    """Every sensor in every class: the middle half as a bar, 5 to 95 % as a line, the median as a dot."""
    levels = [0.05, 0.25, 0.5, 0.75, 0.95]
    quantiles = rows.groupby("Failure Type")[list(eda.SENSORS)].quantile(levels)

    def draw(theme: Theme) -> Figure:
        figure, grid = plt.subplots(3, 2, figsize=(6.6, 6.0), sharey=True)
        panels = grid.ravel()
        for axes, sensor in zip(panels, eda.SENSORS, strict=False):
            for place, name in enumerate(order[::-1]):
                q = quantiles.loc[name, sensor]
                colour = theme.failures[name]
                axes.plot([q[0.05], q[0.95]], [place, place], color=colour, linewidth=1.2)
                axes.plot([q[0.25], q[0.75]], [place, place], color=colour, linewidth=6, solid_capstyle="butt")
                axes.plot(q[0.5], place, "o", color=theme.paper, markeredgecolor=theme.ink, markersize=5)
            axes.axvline(rows[sensor].median(), color=theme.soft, linewidth=0.9, linestyle=":")
            axes.set_xlabel(SENSOR_LABELS[sensor])
            axes.set_yticks(range(len(order)), order[::-1])
            axes.grid(axis="y", visible=False)
        panels[-1].set_axis_off()
        _key(panels[-1], theme)
        return figure

    return draw


def _key(axes: Axes, theme: Theme) -> None:
    axes.set(xlim=(0, 1), ylim=(-0.5, 5.5))
    axes.plot([0.15, 0.85], [3, 3], color=theme.soft, linewidth=1.2)
    axes.plot([0.35, 0.65], [3, 3], color=theme.soft, linewidth=6, solid_capstyle="butt")
    axes.plot(0.5, 3, "o", color=theme.paper, markeredgecolor=theme.ink, markersize=5)
    for x, text in ((0.15, "5 %"), (0.35, "25 %"), (0.5, "median"), (0.65, "75 %"), (0.85, "95 %")):
        axes.text(x, 3.5 if text == "median" else 2.3, text, ha="center", fontsize=8.5, color=theme.ink)


def power_plane(rows: pd.DataFrame) -> Draw:
    """Speed against torque, with the two lines of constant power beyond which a power failure follows."""
    speed = np.linspace(rows["Rotational speed [rpm]"].min(), rows["Rotational speed [rpm]"].max(), 200)

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(6.6, 3.9))
        _scatter(axes, rows, "Rotational speed [rpm]", "Torque [Nm]", ["Power Failure"], theme)
        for limit in eda.POWER_LIMITS:
            torque = limit / (speed * 2 * np.pi / 60)
            axes.plot(speed, torque, color=theme.ink, linewidth=1.3, linestyle="--")
            axes.annotate(
                f"{limit:,.0f} W", (speed[-1], torque[-1]), xytext=(-4, 5), textcoords="offset points", ha="right"
            )
        axes.set(ylim=(0, 1.08 * rows["Torque [Nm]"].max()))
        return _with_labels(figure, axes)

    return draw


def strain_plane(rows: pd.DataFrame) -> Draw:
    """Tool wear against torque, with the limit of each quality type beyond which overstrain follows."""
    torque = np.linspace(15, rows["Torque [Nm]"].max(), 200)

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(6.6, 3.9))
        _scatter(axes, rows, "Torque [Nm]", "Tool wear [min]", ["Overstrain Failure", "Tool Wear Failure"], theme)
        for kind, limit in eda.STRAIN_LIMITS.items():
            axes.plot(torque, limit / torque, color=theme.ink, linewidth=1.1, linestyle="--")
            axes.text(limit / 262, 262, kind, ha="center", color=theme.ink, fontsize=9, fontweight="bold")
        axes.set(ylim=(0, 275))
        return _with_labels(figure, axes)

    return draw


def heat_plane(rows: pd.DataFrame) -> Draw:
    """Temperature difference against speed, with the corner in which heat dissipation fails."""
    shown = rows.assign(difference=eda.physics(rows)["heat"])

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(6.6, 3.6))
        _scatter(axes, shown, "difference", "Rotational speed [rpm]", ["Heat Dissipation Failure"], theme)
        heat, speed = eda.HEAT_LIMITS
        axes.plot(
            [shown["difference"].min(), heat, heat], [speed, speed, 1_100], color=theme.ink, linestyle="--", lw=1.3
        )
        axes.set(xlabel="process minus air temperature (K)", ylim=(1_100, 2_300))
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
    legend = axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=3, markerscale=1.2, handletextpad=0.2)
    for handle in legend.legend_handles:
        handle.set_alpha(1)
    return figure


def target_table(rows: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    """Rows by failure type and `Target`."""
    counts = pd.crosstab(rows["Failure Type"], rows["Target"]).reindex(order).reindex(columns=[0, 1], fill_value=0)
    return counts.set_axis(["Target = 0", "Target = 1"], axis=1)


def column_table(frame: pd.DataFrame, units: dict[str, str]) -> pd.DataFrame:
    """Type, unit, missing values and spread of every column; a text column shows how many values it takes."""

    def row(name: str) -> dict[str, object]:
        column = frame[name]
        numeric = pd.api.types.is_numeric_dtype(column)
        stats = [column.min(), column.median(), column.max()] if numeric else [np.nan] * 3
        return {
            "column": name,
            "unit": units.get(name, ""),
            "type": "number" if numeric else ("date" if column.dtype.kind == "M" else "text"),
            "missing": int(column.isna().sum()),
            "values": int(column.nunique()),
            **dict(zip(("lowest", "median", "highest"), stats, strict=True)),
        }

    return pd.DataFrame([row(name) for name in frame])

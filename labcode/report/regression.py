"""The figures and tables of the regression chapter, drawn from stored results."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import DateFormatter, MonthLocator
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter

from labcode.report.claims import told
from labcode.report.plots import Draw, Theme
from labcode.report.reference import stated
from labcode.report.text import count, decimals, percent, to
from labcode.store import Result

_PLAIN = FuncFormatter(lambda value, _: f"{value:,.10g}")
BASELINES = {
    "zero": "always 0 USD",
    "mean": "mean of the training closes",
    "open": "the day's open",
    "midpoint": "midpoint of low and high",
    "ols_raw": "least squares, columns as they are",
    "ridge": "ridge regression, standardised",
    "ols": "least squares, standardised",
}
STEP_TEXTS = {
    "as submitted": "nothing but the split: full-batch steps, close in USD",
    "target scaled": "the close is standardised",
    "mini-batches": "batches instead of full steps, fewer epochs",
    "learning-rate schedule": "a rate that rises, then falls to zero",
    "logarithms": "logs of prices and volume, and of the close",
    "relative to the midpoint": "open, range and close relative to the midpoint",
    "position in the range": "open and close as positions in the range",
}
#: Epochs and losses that the original printed: (epoch, training, test).
PRINTED = [(epoch, f"regression.train_{epoch}", f"regression.test_{epoch}") for epoch in (0, 10, 20, 30, 40, 49)]


def submitted_curves(result: Result) -> Draw:
    """Loss and R2 of the original's network by epoch, over seeds, with the losses that the original printed."""
    curves = result.arrays["curves"]
    epochs = np.arange(curves.shape[1])

    def draw(theme: Theme) -> Figure:
        figure, (left, right) = plt.subplots(1, 2, figsize=(5.8, 3.5))
        for column, colour in enumerate((theme.blue, theme.orange)):
            for axes, offset in ((left, 0), (right, 2)):
                _band(axes, epochs, curves[:, :, column + offset], colour)
        for epoch, train, test in PRINTED:
            left.plot(epoch, stated(train).value, "o", color=theme.blue, markersize=5, markeredgecolor=theme.ink)
            left.plot(epoch, stated(test).value, "s", color=theme.orange, markersize=5, markeredgecolor=theme.ink)
        for axes, level in ((left, result.scalars["mean_mse"]), (right, 0.0)):
            axes.axhline(level, color=theme.ink, linestyle="--", linewidth=1.2)
            place = {"xytext": (0, 4), "textcoords": "offset points", "ha": "right", "color": theme.ink}
            axes.annotate("always the mean", (epochs[-1], level), **place)
        left.set(title="Mean squared error", xlabel="epoch", ylabel="USD²", ylim=(0, None))
        left.yaxis.set_major_formatter(_PLAIN)
        right.set(title="R²", xlabel="epoch", ylim=(None, 0.12))
        figure.legend(*_train_test(theme), loc="outside lower center", ncols=4, handletextpad=0.4)
        return figure

    return draw


def _band(axes: Axes, epochs: np.ndarray, values: np.ndarray, colour: str) -> None:
    axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.25, linewidth=0)
    axes.plot(epochs, values.mean(axis=0), color=colour)


def _train_test(theme: Theme) -> tuple[list[plt.Line2D], list[str]]:
    """Legend entries: lines are ours, markers the original's."""
    line, mark = {"linewidth": 2}, {"linestyle": "none", "markeredgecolor": theme.ink}
    handles = [
        plt.Line2D([], [], color=theme.blue, **line),
        plt.Line2D([], [], color=theme.orange, **line),
        plt.Line2D([], [], color=theme.blue, marker="o", **mark),
        plt.Line2D([], [], color=theme.orange, marker="s", **mark),
    ]
    return handles, ["training", "test", "training, original", "test, original"]


def reproduction_table(result: Result) -> pd.DataFrame:
    """What the original printed beside ours, epoch by epoch; whether it lies where one more seed should."""
    rows = []
    for epoch, *names in PRINTED:
        for kind, name in zip(("train", "test"), names, strict=True):
            scalar = f"{kind}_mse_epoch_{epoch}"
            low, high = result.scalars[f"{scalar}_low"], result.scalars[f"{scalar}_high"]
            rows.append(
                {
                    "epoch": str(epoch),
                    "loss": "training" if kind == "train" else "test",
                    "original": count(stated(name).value),
                    "ours, mean": count(result.scalars[scalar]),
                    "from": count(low),
                    "to": count(high),
                    "inside": "yes" if low <= stated(name).value <= high else "no",
                }
            )
    return pd.DataFrame(rows)


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


def baseline_table(result: Result) -> pd.DataFrame:
    """Root mean squared error of each baseline on both splits, with intervals by date."""
    frame = result.frame("baselines").set_index(["split", "baseline"])

    def cell(row: pd.Series) -> str:
        return f"{decimals(row['value'])} ({to(row['low'], row['high'], 2)})"

    return pd.DataFrame(
        [
            {
                "baseline": text,
                "split by date, USD": cell(frame.loc[("date", name)]),
                "error / price": percent(frame.loc[("date", name), "percent"], 2),
                "random split, USD": cell(frame.loc[("_random", name)]),
                "error / price, random": percent(frame.loc[("_random", name), "percent"], 2),
            }
            for name, text in BASELINES.items()
        ]
    )


def steps(result: Result, lines: dict[str, float]) -> Draw:
    """Test RMSE after each step, on a logarithmic axis, with reference lines."""
    frame = result.frame("steps")

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.5))
        places = np.arange(len(frame))[::-1]
        axes.hlines(places, frame["rmse_min"], frame["rmse_max"], color=theme.blue, linewidth=5, alpha=0.4)
        axes.plot(frame["rmse"], places, "o", color=theme.blue, markersize=7)
        for place, value in zip(places, frame["rmse"], strict=True):
            text = decimals(value, 0 if value > 100 else 1 if value > 5 else 3)
            box = {"facecolor": theme.paper, "edgecolor": "none", "pad": 1.0}
            at = {"xytext": (9, 0), "textcoords": "offset points", "va": "center", "color": theme.ink}
            axes.annotate(text, (value, place), bbox=box, **at)
        for (name, value), colour in zip(lines.items(), (theme.red, theme.green), strict=True):
            axes.axvline(value, color=colour, linestyle="--", linewidth=1.3, label=f"{name}, {decimals(value, 3)}")
        axes.set_yticks(places, frame["step"])
        axes.set(xscale="log", xlabel="test RMSE (USD, logarithmic axis)", xlim=(0.6, 400))
        axes.xaxis.set_major_formatter(_PLAIN)
        axes.grid(axis="y", visible=False)
        axes.legend(loc="lower right")
        return figure

    return draw


def steps_table(result: Result) -> pd.DataFrame:
    """The ladder in numbers."""
    frame = result.frame("steps")
    return pd.DataFrame(
        {
            "step": frame["step"],
            "what changes": [STEP_TEXTS[name] for name in frame["step"]],
            "RMSE, USD": [decimals(value, 1 if value > 5 else 3) for value in frame["rmse"]],
            "seeds": [
                to(low, high, 1 if low > 5 else 3)
                for low, high in zip(frame["rmse_min"], frame["rmse_max"], strict=True)
            ],
            "error / price": [percent(value, 2 if value < 0.1 else 0) for value in frame["percent"]],
            "skill over least squares": [
                f"{decimals(row.skill, 3)} ({to(row.skill_low, row.skill_high)})" if row.skill > -10 else "far below 0"
                for row in frame.itertuples()
            ],
        }
    )


def paired(result: Result, candidate: str) -> str:
    """Skill of the chosen network over another one on the rolling folds, with its paired interval."""
    row = result.frame("candidates").set_index("candidate").loc[candidate]
    limits = f"{decimals(row['winner_over_low'], 3)} to {decimals(row['winner_over_high'], 3)}"
    return f"{decimals(row['winner_over'], 3)} ({limits})"


def candidate_table(result: Result) -> pd.DataFrame:
    """Pooled skill of each candidate on the rolling folds, best first."""
    frame = result.frame("candidates").sort_values("value", ascending=False)
    folds = [name for name in frame.columns if name.startswith("fold")]
    shown = pd.DataFrame(
        {
            "network": frame["candidate"],
            "skill": [decimals(value, 4) for value in frame["value"]],
            "95% interval": [to(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)],
        }
    )
    return shown.assign(
        **{name: [decimals(value + 0.0 if abs(value) >= 0.0005 else 0.0, 3) for value in frame[name]] for name in folds}
    )


def sound_curves(result: Result) -> Draw:
    """RMSE in USD and R2 of the position, after each epoch."""
    curves = result.arrays["curves"]
    epochs = np.arange(1, len(curves) + 1)

    def draw(theme: Theme) -> Figure:
        figure, (left, right) = plt.subplots(1, 2, figsize=(5.8, 3.2))
        for axes, columns in ((left, (0, 2)), (right, (1, 3))):
            axes.plot(epochs, curves[:, columns[0]], "o-", color=theme.blue, markersize=4, label="training")
            axes.plot(epochs, curves[:, columns[1]], "s-", color=theme.orange, markersize=4, label="test")
            axes.set(xlabel="epoch")
        left.set(title="RMSE of the close", ylabel="USD")
        right.set(title="R² of the position")
        for axes in (left, right):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
        return figure

    return draw


def test_rows(result: Result, prices: pd.DataFrame) -> pd.DataFrame:
    """The test rows with the prediction (mean over seeds) and its error in USD and as a share of the price."""
    rows = prices.loc[result.arrays["row"]].assign(predicted=result.arrays["predicted"].astype(float))
    error = rows["predicted"] - rows["close"]
    return rows.assign(error=error, share=error / rows["close"])


def predicted_against_actual(rows: pd.DataFrame) -> Draw:
    """Predicted against actual closes, and the same as the position within the day's range."""
    spread = (rows["high"] - rows["low"]).where(lambda width: width > 0)
    actual, predicted = (2 * (rows[name] - rows["low"]) / spread - 1 for name in ("close", "predicted"))
    pairs = pd.DataFrame({"actual": actual, "predicted": predicted}).dropna()
    means = pairs.groupby(pd.qcut(pairs["predicted"], 12), observed=True).mean()

    def draw(theme: Theme) -> Figure:
        figure, (left, right) = plt.subplots(1, 2, figsize=(5.8, 3.2))
        shades = LinearSegmentedColormap.from_list("shades", [theme.grid, theme.blue])
        options = {"bins": "log", "mincnt": 1, "cmap": shades, "linewidths": 0, "rasterized": True, "gridsize": 40}
        left.hexbin(rows["predicted"], rows["close"], xscale="log", yscale="log", **options)
        right.hexbin(predicted, actual, extent=(-1, 1, -1, 1), **{**options, "bins": None})
        right.plot(means["predicted"], means["actual"], "o-", color=theme.red, markersize=4, label="mean")
        right.legend(loc="upper left")
        ends = [rows["close"].min(), rows["close"].max()]
        left.plot(ends, ends, color=theme.ink, linewidth=1)
        right.plot([-1, 1], [-1, 1], color=theme.ink, linewidth=1)
        left.set(title="Close", xlabel="predicted (USD)", ylabel="actual (USD)")
        right.set(title="Position: −1 low, 1 high", xlabel="predicted", ylabel="actual", xlim=(-1, 1), ylim=(-1, 1))
        for axis in (left.xaxis, left.yaxis):
            axis.set_major_formatter(_PLAIN)
        return figure

    return draw


def errors_by_group(rows: pd.DataFrame) -> Draw:
    """RMSE as a share of the price, by price level and by month."""
    level = pd.qcut(rows["close"], 10)
    by_level = rows.groupby(level, observed=True).agg(price=("close", "median"), share=("share", _rms))
    by_month = rows.groupby(rows["date"].dt.to_period("M").dt.to_timestamp())["share"].agg(_rms)

    def draw(theme: Theme) -> Figure:
        figure, (left, right) = plt.subplots(1, 2, figsize=(5.8, 3.0), sharey=True)
        left.plot(by_level["price"], by_level["share"], "o-", color=theme.blue)
        right.plot(by_month.index, by_month, "o-", color=theme.blue, markersize=4)
        left.set(title="By price", xlabel="close (USD)", xscale="log", ylabel="RMS error", ylim=(0, None))
        left.set_xticks([20, 50, 100, 200], ["20", "50", "100", "200"])
        left.xaxis.set_minor_formatter(NullFormatter())
        right.set(title="By month")
        right.xaxis.set_major_locator(MonthLocator(bymonth=(2, 5, 8, 11)))
        right.xaxis.set_major_formatter(DateFormatter("%b %y"))
        right.tick_params(axis="x", rotation=45)
        left.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
        return figure

    return draw


def _rms(values: pd.Series) -> float:
    return float(np.sqrt((values**2).mean()))


def worst_rows(rows: pd.DataFrame, most: int = 6) -> pd.DataFrame:
    """The test rows with the largest squared errors in USD."""
    worst = rows.loc[rows["error"].abs().nlargest(most).index]
    return pd.DataFrame(
        {
            "date": worst["date"].dt.strftime("%Y\N{NON-BREAKING HYPHEN}%m\N{NON-BREAKING HYPHEN}%d"),
            "symbol": worst["symbol"].astype(str),
            **{name: [decimals(value) for value in worst[name]] for name in ("open", "low", "high", "close")},
            "range": [percent(value) for value in (worst["high"] - worst["low"]) / worst["close"]],
            "predicted": [decimals(value) for value in worst["predicted"]],
            "error": [decimals(value) for value in worst["error"]],
        }
    )


@told
def worst_sentence(rows: pd.DataFrame, most: int = 6) -> str:
    """On how many of the worst days the close stayed on the side of the midpoint where the day opened."""
    worst = rows.loc[rows["error"].abs().nlargest(most).index]
    middle = (worst["high"] + worst["low"]) / 2
    same = int((np.sign(worst["open"] - middle) == np.sign(worst["close"] - middle)).sum())
    return (
        f"and on {count(same)} of the {count(most)} the close stayed in the half of the range in which the day opened."
    )


@told
def error_sentence(rows: pd.DataFrame) -> str:
    """Whether cheap shares have the largest relative errors, and when they were largest."""
    by_level = rows.groupby(pd.qcut(rows["close"], 10), observed=True)["share"].agg(_rms)
    by_month = rows.groupby(rows["date"].dt.to_period("M"))["share"].agg(_rms)
    month = by_month.idxmax().strftime("%B %Y")
    if by_level.idxmax() == by_level.index[0]:
        return f"Relative errors are largest for the cheapest shares, and in {month}"
    return f"Relative errors differ little between cheap and expensive shares, and are largest in {month}"


def symbol_shares(rows: pd.DataFrame) -> pd.Series:
    """Share of the squared error (USD^2) that each symbol carries, largest first."""
    squared = (rows["error"] ** 2).groupby(rows["symbol"], observed=True).sum()
    return (squared / squared.sum()).sort_values(ascending=False)


def response(result: Result) -> Draw:
    """Where the network puts the close, by where the day opened, for days of three widths."""
    x, answers, widths = (result.arrays[name] for name in ("response_open", "response", "response_range"))

    def draw(theme: Theme) -> Figure:
        figure, axes = plt.subplots(figsize=(5.8, 3.3))
        for answer, width, colour, style in zip(
            answers, widths, (theme.sky, theme.blue, theme.purple), ("-", "--", "-."), strict=True
        ):
            axes.plot(x, answer, color=colour, linestyle=style, label=percent(width, 1))
        axes.axhline(0, color=theme.soft, linewidth=0.9, linestyle=":")
        axes.set(
            xlabel="where the day opened: −1 at the low, 1 at the high", ylabel="where the close is put", ylim=(-1, 1)
        )
        axes.legend(title="day's range", loc="lower left")
        return figure

    return draw


def next_day_table(result: Result) -> pd.DataFrame:
    """Persistence and the two networks on the next day's close."""
    found = result.scalars

    def skill(kind: str) -> str:
        low, high = found[f"{kind}_skill_low"], found[f"{kind}_skill_high"]
        return f"{decimals(found[f'{kind}_skill'], 3)} ({to(low, high)})"

    return pd.DataFrame(
        [
            {
                "forecast of the next close": "today's close (persistence)",
                "RMSE, USD": decimals(found["persistence_rmse"], 3),
                "skill over persistence": "0",
            },
            {
                "forecast of the next close": "network for the price",
                "RMSE, USD": decimals(found["level_rmse"], 3),
                "skill over persistence": skill("level"),
            },
            {
                "forecast of the next close": "network for the return",
                "RMSE, USD": decimals(found["return_rmse"], 3),
                "skill over persistence": skill("return"),
            },
        ]
    )


@told
def inside_sentence(result: Result) -> str:
    """How many of the original's losses lie where one more seed should, in words."""
    if result.scalars["seeds"] < 2:
        return "A single seed gives no interval, so nothing can be said about the original's figures here."
    if result.meta["sources"] == {"prices": "simulated"}:
        return "On simulated rows, the original's figures need not come out again."
    inside = reproduction_table(result)["inside"]
    start = result.scalars["train_mse_epoch_0"] - (stated("regression.train_0").value or 0)
    return (
        f"The interval for one more of our seeds holds {count((inside == 'yes').sum())} of the original's "
        f"{count(len(inside))} losses. The twelve belong to one run, which starts {count(abs(start))} "
        f"{'lower' if start > 0 else 'higher'} than our mean and stays on that side; the fall is the same."
    )


def step(result: Result, name: str, measure: str) -> float:
    """One figure of the ladder."""
    return float(result.frame("steps").set_index("step").loc[name, measure])

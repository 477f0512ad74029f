"""The numbers of the EDA chapter: what the rows are, before any model.

Pure functions of the two frames; nothing is trained and nothing is drawn here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labcode.data.labels import NO_FAILURE
from labcode.data.schemas import MAINTENANCE_COLUMNS
from labcode.metrics import (
    DATE_BLOCK,
    Interval,
    cluster_bootstrap,
    effective_rows,
    intraclass_correlation,
    rmse_interval,
)

PRICE_NUMBERS = ("open", "high", "low", "close", "volume")
SENSORS = MAINTENANCE_COLUMNS[3:8]
#: UCI's thresholds: power in W; temperature difference in K and speed in rpm; wear x torque in min Nm by quality type.
POWER_LIMITS = (3_500.0, 9_000.0)
HEAT_LIMITS = (8.6, 1_380.0)
STRAIN_LIMITS = {"L": 11_000.0, "M": 12_000.0, "H": 13_000.0}
WEAR_LIMITS = (200.0, 240.0)
#: A day's rise or fall, as a share of the price, that calls for an explanation.
JUMP = 0.4


def log_returns(prices: pd.DataFrame) -> pd.Series:
    """Daily log return of each symbol's close, aligned with the rows; NaN on a symbol's first day. Dimensionless."""
    ordered = prices.sort_values(["symbol", "date"])
    previous = ordered.groupby("symbol", observed=True)["close"].shift()
    return np.log(ordered["close"] / previous).reindex(prices.index)


def intraday_range(prices: pd.DataFrame) -> pd.Series:
    """log(high / low) of the rows with high >= low: a day's spread as a share of the price."""
    ordered = prices[prices["high"] >= prices["low"]]
    return np.log(ordered["high"] / ordered["low"])


def correlations(frame: pd.DataFrame, columns: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """Pearson's and Spearman's correlation matrices of the columns, by name."""
    numbers = frame[list(columns)]
    ranks = numbers.rank()
    return {"Pearson": numbers.corr(), "Spearman": ranks.corr()}


@dataclass(frozen=True, kw_only=True)
class PriceFacts:
    """What the EDA chapter says about the prices; every interval covers 95 %.

    Attributes
    ----------
    below_200
        Share of closes under 200 USD.
    jumps
        Rows whose close rose or fell by more than `JUMP` in a day.
    falls, split_falls
        Jumps downwards, and those of them to within 5 % of 1/2, 1/3, 1/4, 1/5, 1/7 or 1/10, as after a share split.
    beyond
        Rows whose absolute log return is above 0.2, the edge of the figure.
    midpoint_by_day, midpoint_by_symbol
        Root mean squared error (USD) of guessing the close as (high + low) / 2, resampling days or symbols.
    midpoint_median, midpoint_relative
        Median absolute error of the same guess: in USD, and as a share of the close.
    worst_percent
        Share of its squared error that the worst hundredth of the rows carries.
    autocorrelation
        Correlation of the close with the same symbol's close of the day before.
    icc_price, icc_return
        Intraclass correlation of log close within symbols; of the log return, without jumps, within days.
    effective_prices, effective_returns
        Independent rows that would tell as much about a mean, by symbol and by day.
    neighbour_share
        Share of rows with the same symbol's row of the day before or after in the training set, if 80 % of all rows are
        drawn for it at random.
    """

    rows: int
    symbols: int
    days: int
    first: pd.Timestamp
    last: pd.Timestamp
    symbols_a_day: tuple[int, int]
    mean: float
    median: float
    std: float
    skew: float
    log_skew: float
    largest: float
    below_200: float
    jumps: int
    falls: int
    split_falls: int
    beyond: int
    return_std: float
    calm_std: float
    range_median: float
    midpoint_by_day: Interval
    midpoint_by_symbol: Interval
    midpoint_median: float
    midpoint_relative: float
    worst_percent: float
    autocorrelation: float
    icc_price: Interval
    icc_return: Interval
    effective_prices: float
    effective_returns: float
    neighbour_share: float
    dollar_volume_rank: float

    @property
    def midpoint_rmse(self) -> float:
        """Root mean squared error of the midpoint, in USD."""
        return self.midpoint_by_day.value


def price_facts(prices: pd.DataFrame) -> PriceFacts:
    """Measure the prices frame."""
    close, returns = prices["close"], log_returns(prices).dropna()
    simple = np.expm1(returns)
    calm = returns[simple.abs() <= JUMP]
    errors = (prices["high"] + prices["low"]) / 2 - close
    a_day = prices.groupby("date").size()
    icc_return = intraclass_correlation(calm, prices["date"][calm.index], block=DATE_BLOCK)
    icc_price = intraclass_correlation(np.log(close), prices["symbol"].cat.codes)
    return PriceFacts(
        rows=len(prices),
        symbols=prices["symbol"].nunique(),
        days=len(a_day),
        first=prices["date"].min(),
        last=prices["date"].max(),
        symbols_a_day=(int(a_day.min()), int(a_day.max())),
        mean=close.mean(),
        median=close.median(),
        std=close.std(),
        skew=close.skew(),
        log_skew=np.log(close).skew(),
        largest=close.max(),
        below_200=float((close < 200).mean()),
        jumps=len(returns) - len(calm),
        falls=int((simple < -JUMP).sum()),
        split_falls=_split_like(simple[simple < -JUMP]),
        beyond=int((returns.abs() > 0.2).sum()),
        return_std=returns.std(),
        calm_std=calm.std(),
        range_median=intraday_range(prices).median(),
        midpoint_by_day=rmse_interval(errors, prices["date"], block=DATE_BLOCK),
        midpoint_by_symbol=rmse_interval(errors, prices["symbol"].cat.codes),
        midpoint_median=errors.abs().median(),
        midpoint_relative=(errors.abs() / close).median(),
        worst_percent=float((errors**2).nlargest(len(errors) // 100).sum() / (errors**2).sum()),
        autocorrelation=float(np.corrcoef(close[returns.index], close[returns.index] / np.exp(returns))[0, 1]),
        icc_price=icc_price,
        icc_return=icc_return,
        effective_prices=effective_rows(icc_price.value, prices.groupby("symbol", observed=True).size()),
        effective_returns=effective_rows(icc_return.value, prices.loc[calm.index].groupby("date").size()),
        neighbour_share=_neighbour_share(prices, train_share=0.8),
        dollar_volume_rank=float((close * prices["volume"]).rank().corr(close.rank())),
    )


def _split_like(falls: pd.Series) -> int:
    """Count the falls to about 1/2, 1/3, 1/4, 1/5, 1/7 or 1/10 of the price before."""
    ratios = np.log([2, 3, 4, 5, 7, 10])
    distance = np.abs(-np.log1p(falls.to_numpy())[:, None] - ratios).min(axis=1)
    return int((distance < np.log(1.05)).sum())


def _neighbour_share(prices: pd.DataFrame, *, train_share: float) -> float:
    """Expected share of rows with a neighbour in training: 1 - (1 - share) ** (number of neighbouring days it has)."""
    rows = prices.groupby("symbol", observed=True)["date"].nunique()
    inner = float((rows - 2).clip(lower=0).sum())
    ends = float(np.where(rows >= 2, 2, 0).sum())
    miss = 1 - train_share
    return (inner * (1 - miss**2) + ends * (1 - miss)) / float(rows.sum())


@dataclass(frozen=True, kw_only=True)
class MaintenanceFacts:
    """What the EDA chapter says about the maintenance rows.

    Attributes
    ----------
    counts
        Rows of each failure type, largest first.
    smote_rows, synthetic_share
        Size of the table once every class is filled up to the largest, and the share of it that is synthetic.
    rarest_factor
        Rows that each real row of the rarest class has to stand for then.
    target_accuracy
        Share of rows whose "failed or not" is read off `Target` correctly.
    target_six
        Accuracy of naming the failure type from `Target` alone: the commonest type at each of its values.
    wear_band, wear_failures, wear_share
        Rows in the band of tool wear, tool wear failures among them, and their share with its Wilson interval.
    wear_outside
        Tool wear failures outside the band.
    """

    rows: int
    counts: dict[str, int]
    majority: str
    majority_share: float
    rarest: str
    rarest_in_test: float
    smote_rows: int
    synthetic_share: float
    rarest_factor: float
    target_accuracy: float
    target_six: float
    wear_band: int
    wear_failures: int
    wear_share: Interval
    wear_outside: int

    @property
    def failures(self) -> int:
        """Rows with any failure."""
        return self.rows - self.counts.get(NO_FAILURE, 0)


def maintenance_facts(rows: pd.DataFrame) -> MaintenanceFacts:
    """Measure the maintenance frame."""
    label = rows["Failure Type"]
    counts = {str(name): int(n) for name, n in label.value_counts().items()}
    majority, rarest = next(iter(counts)), next(reversed(counts))
    smote_rows = len(counts) * counts[majority]
    failed = label != NO_FAILURE
    return MaintenanceFacts(
        rows=len(rows),
        counts=counts,
        majority=majority,
        majority_share=counts[majority] / len(rows),
        rarest=rarest,
        rarest_in_test=counts[rarest] / 5,
        smote_rows=smote_rows,
        synthetic_share=1 - len(rows) / smote_rows,
        rarest_factor=counts[majority] / counts[rarest],
        target_accuracy=float((failed == (rows["Target"] == 1)).mean()),
        target_six=float(rows.groupby("Target")["Failure Type"].agg(lambda part: part.value_counts().max()).sum())
        / len(rows),
        **_wear_facts(rows),
    )


def _wear_facts(rows: pd.DataFrame) -> dict[str, Any]:
    from scipy.stats import binomtest  # heavy, and needed here only

    band = rows["Tool wear [min]"].between(*WEAR_LIMITS)
    failed = rows["Failure Type"] == "Tool Wear Failure"
    inside, hits = int(band.sum()), int((band & failed).sum())
    limits = binomtest(hits, max(inside, 1)).proportion_ci(method="wilson")
    share = Interval(hits / max(inside, 1), limits.low, limits.high)
    return {
        "wear_band": inside,
        "wear_failures": hits,
        "wear_share": share,
        "wear_outside": int((failed & ~band).sum()),
    }


def physics(rows: pd.DataFrame) -> pd.DataFrame:
    """The three quantities that UCI's failure rules are written in.

    Returns
    -------
    pandas.DataFrame
        ``power`` (W, torque times angular speed), ``heat`` (K, process minus air temperature), ``strain`` (min Nm, tool
        wear times torque), and ``strain_limit`` (min Nm, by quality type).
    """
    return pd.DataFrame(
        {
            "power": rows["Torque [Nm]"] * rows["Rotational speed [rpm]"] * 2 * np.pi / 60,
            "heat": rows["Process temperature [K]"] - rows["Air temperature [K]"],
            "strain": rows["Tool wear [min]"] * rows["Torque [Nm]"],
            "strain_limit": rows["Type"].map(STRAIN_LIMITS),
        }
    )


def broken_rules(rows: pd.DataFrame) -> pd.DataFrame:
    """Which of UCI's published failure rules each row breaks, by failure type; sharp, so no chance is involved."""
    derived = physics(rows)
    return pd.DataFrame(
        {
            "Heat Dissipation Failure": (derived["heat"] < HEAT_LIMITS[0])
            & (rows["Rotational speed [rpm]"] < HEAT_LIMITS[1]),
            "Power Failure": (derived["power"] < POWER_LIMITS[0]) | (derived["power"] > POWER_LIMITS[1]),
            "Overstrain Failure": derived["strain"] > derived["strain_limit"],
            "Tool Wear Failure": rows["Tool wear [min]"].between(*WEAR_LIMITS),
        }
    )


def rule_table(rows: pd.DataFrame) -> pd.DataFrame:
    """For each rule: rows that meet it, rows with its label, and the share of each that is also the other."""
    broken = broken_rules(rows)
    label = rows["Failure Type"]
    return pd.DataFrame(
        {
            name: {
                "meet the rule": int(broken[name].sum()),
                "have the label": int((label == name).sum()),
                "label, given rule": float((label[broken[name]] == name).mean()),
                "rule, given label": float(broken[name][label == name].mean()),
            }
            for name in broken
        }
    ).T


def sensor_ranking(rows: pd.DataFrame) -> pd.DataFrame:
    """How much of each sensor's variance lies between the failure types, largest first.

    Returns
    -------
    pandas.DataFrame
        Indexed by sensor: ``share`` (eta squared), ``low`` and ``high`` (95 %, resampling rows), and ``equal``, the
        same share if all failure types were equally common.
    """
    label = pd.get_dummies(rows["Failure Type"]).to_numpy(dtype=np.float64)

    def measure(sensor: str) -> dict[str, float]:
        values = ((rows[sensor] - rows[sensor].mean()) / rows[sensor].std()).to_numpy()
        parts = np.column_stack([label, label * values[:, None], values**2])
        found = cluster_bootstrap(parts, np.arange(len(rows)), _eta_squared, draws=400)
        return {"share": found.value, "low": found.low, "high": found.high, "equal": _equal_eta(label, values)}

    return pd.DataFrame({sensor: measure(sensor) for sensor in SENSORS}).T.sort_values("share", ascending=False)


def _eta_squared(sums: np.ndarray) -> np.ndarray:
    """Eta squared from the sums of class indicators, of class totals, and of squares."""
    k = (sums.shape[-1] - 1) // 2
    sizes, totals, squares = sums[..., :k], sums[..., k : 2 * k], sums[..., -1]
    centre = totals.sum(axis=-1) ** 2 / sizes.sum(axis=-1)
    return ((totals**2 / np.maximum(sizes, 1)).sum(axis=-1) - centre) / (squares - centre)


def _equal_eta(label: np.ndarray, values: np.ndarray) -> float:
    sizes = label.sum(axis=0)
    means, squares = values @ label / sizes, values**2 @ label / sizes
    between = means.var()
    return float(between / (between + (squares - means**2).mean()))

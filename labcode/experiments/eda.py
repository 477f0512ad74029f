"""The numbers of the EDA chapter: what the rows are, before any model.

Pure functions of the two frames; nothing is trained and nothing is drawn here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labcode.data.labels import NO_FAILURE
from labcode.data.schemas import MAINTENANCE_COLUMNS

PRICE_NUMBERS = ("open", "high", "low", "close", "volume")
SENSORS = MAINTENANCE_COLUMNS[3:8]
#: UCI's thresholds: power in W; temperature difference in K and speed in rpm; wear x torque in min Nm by quality type.
POWER_LIMITS = (3_500.0, 9_000.0)
HEAT_LIMITS = (8.6, 1_380.0)
STRAIN_LIMITS = {"L": 11_000.0, "M": 12_000.0, "H": 13_000.0}
WEAR_LIMITS = (200.0, 240.0)


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


def intraclass_correlation(values: pd.Series, groups: pd.Series) -> float:
    """Share of the variance that lies between groups: the one-way random-effects ICC(1).

    Computed from the mean squares of a one-way analysis of variance with groups of unequal size (Shrout and Fleiss
    1979, case 1). 0 means that rows of a group are no more alike than any others, 1 that they are all the same.
    """
    known = values.notna()
    values, groups = values[known], groups[known]
    grouped = values.groupby(groups, observed=True)
    sizes, means = grouped.size(), grouped.mean()
    n, k = len(values), len(sizes)
    between = float((sizes * (means - values.mean()) ** 2).sum()) / (k - 1)
    within = float(((values - grouped.transform("mean")) ** 2).sum()) / (n - k)
    size = (n - float((sizes**2).sum()) / n) / (k - 1)
    return (between - within) / (between + (size - 1) * within)


@dataclass(frozen=True, kw_only=True)
class PriceFacts:
    """What the EDA chapter says about the prices.

    Attributes
    ----------
    below_200
        Share of closes under 200 USD.
    icc_price_symbol, icc_return_day
        Share of the variance of log close that lies between symbols, of the log return that lies between days.
    midpoint_rmse
        Root mean squared error, in USD, of guessing the close as (high + low) / 2, on all rows.
    jumps, split_jumps
        Rows whose close moved by more than 40 % in a day, and those of them within 5 % of a usual split ratio.
    effective_rows
        Independent returns that would tell as much about a mean as these rows do (Kish's design effect).
    neighbour_share
        Share of rows that would have the same symbol's row of the day before or after in the training set, if 80 % of
        the rows were drawn at random for it.
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
    largest: float
    below_200: float
    missing: int
    return_std: float
    return_kurtosis: float
    jumps: int
    split_jumps: int
    midpoint_rmse: float
    range_mean: float
    range_median: float
    icc_price_symbol: float
    icc_return_day: float
    effective_rows: int
    neighbour_share: float


def price_facts(prices: pd.DataFrame) -> PriceFacts:
    """Measure the prices frame."""
    close, returns, spread = prices["close"], log_returns(prices), intraday_range(prices)
    a_day = prices.groupby("date").size()
    icc_day = intraclass_correlation(returns, prices["date"])
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
        largest=close.max(),
        below_200=float((close < 200).mean()),
        missing=int(prices.isna().sum().sum()),
        return_std=returns.std(),
        return_kurtosis=returns.kurt(),
        jumps=int((returns.abs() > np.log(1.4)).sum()),
        split_jumps=_split_like(returns[returns.abs() > np.log(1.4)]),
        midpoint_rmse=float(((prices["high"] + prices["low"]) / 2 - close).pow(2).mean() ** 0.5),
        range_mean=spread.mean(),
        range_median=spread.median(),
        icc_price_symbol=intraclass_correlation(np.log(close), prices["symbol"]),
        icc_return_day=icc_day,
        effective_rows=round(len(prices) / (1 + (len(prices) / len(a_day) - 1) * icc_day)),
        neighbour_share=_neighbour_share(prices, train_share=0.8),
    )


def _split_like(returns: pd.Series) -> int:
    """Count the returns that a split of 2, 3, 4, 5, 7, 10 or 1.5 for 1, or its reverse, would look like."""
    ratios = np.log([1.5, 2, 3, 4, 5, 7, 10])
    distance = np.abs(returns.abs().to_numpy()[:, None] - ratios).min(axis=1)
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
    target_leaks: dict[str, float]
    missing: int

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
        target_leaks=rows.groupby(label)["Target"].mean().to_dict(),
        missing=int(rows.isna().sum().sum()),
    )


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
    """For each rule: rows that break it, rows with that label, and how many of each are the other."""
    broken = broken_rules(rows)
    label = rows["Failure Type"]
    return pd.DataFrame(
        {
            name: {
                "rows that break the rule": int(broken[name].sum()),
                "rows with the label": int((label == name).sum()),
                "labelled, of those that break it": float((label[broken[name]] == name).mean()),
                "break it, of those labelled": float(broken[name][label == name].mean()),
            }
            for name in broken
        }
    ).T


def sensor_ranking(rows: pd.DataFrame) -> pd.Series:
    """How much of each sensor's variance lies between the failure types (eta squared), largest first."""
    label = rows["Failure Type"]

    def eta_squared(values: pd.Series) -> float:
        means = values.groupby(label).transform("mean")
        return float(((means - values.mean()) ** 2).sum() / ((values - values.mean()) ** 2).sum())

    return rows[list(SENSORS)].apply(eta_squared).sort_values(ascending=False)

"""The two experiments on the data: facts of the rows, so that sentences and verdicts can name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from labcode.data.columns import FAILURE, PRICE_FEATURES, SENSORS
from labcode.data.labels import FAILURE_MODES, MIN_COOLING_SPEED, MIN_TEMPERATURE_DIFFERENCE, NO_FAILURE, physical_flags
from labcode.data.prices import untrustworthy
from labcode.data.types import Dataset
from labcode.lab.config import configured
from labcode.lab.eda.machines import (
    AIR,
    PROCESS,
    SENSOR_NAMES,
    SPEED,
    WEAR,
    WORN,
    equal_eta_squared,
    eta_intervals,
)
from labcode.lab.eda.prices import COLUMNS, closes_beside, log_returns, looks_split, standardized
from labcode.lab.eda.results import Machines, Prices, Rule, SensorShare
from labcode.lab.eda.settings import OfMachines, OfPrices
from labcode.lab.regression.split import split_by_date
from labcode.results.experiments import Experiment, Progress
from labcode.results.number import Number
from labcode.results.store import Result
from labcode.scoring.intervals import (
    DATE_BLOCK,
    Interval,
    effective_rows,
    intraclass_correlation,
    mean_interval,
    rmse_interval,
)

Data = Mapping[str, Dataset]
Stored = Mapping[str, Result]
#: What results call the rules that follow from a row, by UCI's flag.
RULES = {"PWF": "power", "OSF": "overstrain", "HDF": "heat"}


def run_prices(spec: OfPrices, *, data: Data, results: Stored, progress: Progress) -> Prices:
    """Measure the prices."""
    prices = data["prices"].frame
    return Prices(
        **_size(prices),
        **_spread(prices),
        **_together(prices),
        **_moves(prices, spec.jump),
        **_random_split(prices),
        untrustworthy=Number(int(untrustworthy(prices).sum())),
    )


def _size(prices: pd.DataFrame) -> dict[str, Any]:
    a_day = prices.groupby("date").size()
    return {
        "rows": Number(len(prices)),
        "columns": Number(prices.shape[1]),
        "features": Number(len(PRICE_FEATURES)),
        "symbols": Number(int(prices["symbol"].nunique())),
        "days": Number(len(a_day)),
        "first": f"{prices['date'].min():%-d %B %Y}",
        "last": f"{prices['date'].max():%-d %B %Y}",
        "fewest_a_day": Number(int(a_day.min())),
        "most_a_day": Number(int(a_day.max())),
    }


def _spread(prices: pd.DataFrame) -> dict[str, Any]:
    """How the close is spread, before and after scaling."""
    close: Any = prices["close"]
    logs = np.log(close)
    _, later = standardized(*split_by_date(prices), ["close"])
    return {
        "mean": Number(float(close.mean())),
        "median": Number(float(close.median())),
        "std": Number(float(close.std())),
        "largest": Number(float(close.max())),
        "below_200": Number(float((close < 200).mean())),
        "skew": Number(float(close.skew())),
        "log_skew": Number(float(logs.skew())),
        "largest_scaled": Number(float((close.max() - close.mean()) / close.std())),
        "largest_log_scaled": Number(float((logs.max() - logs.mean()) / logs.std())),
        "later_mean": Number(float(later["close"].mean())),
    }


def _together(prices: pd.DataFrame) -> dict[str, Any]:
    """How the columns go together."""
    pearson = prices[COLUMNS].corr().to_numpy()
    changes = pd.DataFrame({"open": log_returns(prices.assign(close=prices["open"])), "close": log_returns(prices)})
    within = [part["open"].corr(part["close"]) for _, part in changes.groupby(prices["symbol"], observed=True)]
    errors = (prices["high"] + prices["low"]) / 2 - prices["close"]
    ordered = prices[prices["high"] >= prices["low"]]
    return {
        "price_correlation": Number(float(pearson[:4, :4].min())),
        "volume_correlation": Number(float(pearson[COLUMNS.index("volume"), COLUMNS.index("close")])),
        "volume_rank_correlation": Number(float(prices["volume"].rank().corr(prices["close"].rank()))),
        "within_correlation": Number(float(np.nanmedian(within))),
        "midpoint_rmse": _number(rmse_interval(errors, prices["date"], block=DATE_BLOCK)),
        "range_median": Number(float(np.median(np.log(ordered["high"] / ordered["low"])))),
    }


def _moves(prices: pd.DataFrame, jump: float) -> dict[str, Any]:
    """Jumps of a day, and how alike the returns of a day are without them."""
    returns = log_returns(prices).dropna()
    change = np.expm1(returns)
    falls, calm = change[change < -jump], returns[change.abs() <= jump]
    days = prices["date"][calm.index]
    alike = intraclass_correlation(calm, days, block=DATE_BLOCK)
    return {
        "jumps": Number(len(returns) - len(calm)),
        "falls": Number(len(falls)),
        "split_falls": Number(int(looks_split(falls).sum())),
        "between_days": _number(alike),
        "independent": Number(round(effective_rows(alike.value, days.value_counts()))),
    }


def _random_split(prices: pd.DataFrame) -> dict[str, Any]:
    """What our first version's test rows have beside them in training."""
    test = closes_beside(prices)
    beside = test[["before", "after"]].mean(axis=1)
    return {
        "beside": Number(float(beside.notna().mean())),
        "beside_rmse": Number(float(((beside - test["close"]) ** 2).mean() ** 0.5)),
    }


def _number(found: Interval) -> Number:
    return Number(float(found.value), float(found.low), float(found.high))


def run_machines(spec: OfMachines, *, data: Data, results: Stored, progress: Progress) -> Machines:
    """Measure the machines."""
    machines = data["maintenance"].frame
    return Machines(
        **_classes(machines), **_single_sensors(machines, spec.draws), **_rules(machines), **_worn(machines)
    )


def _classes(machines: pd.DataFrame) -> dict[str, Any]:
    counts = machines[FAILURE].value_counts()
    failed, target = machines[FAILURE] != NO_FAILURE, machines["Target"] == 1
    return {
        "rows": Number(len(machines)),
        "types": Number(len(counts)),
        "majority": Number(int(counts.iloc[0])),
        "second": Number(int(counts.iloc[1])),
        "rarest": Number(int(counts.iloc[-1])),
        "failures": Number(int(failed.sum())),
        "majority_share": Number(float(counts.iloc[0] / len(machines))),
        "synthetic_share": Number(float(1 - len(machines) / (len(counts) * counts.iloc[0]))),
        "target_right": Number(float((failed == target).mean())),
        "target_only": Number(int((target & ~failed).sum())),
        "type_only": Number(int((failed & ~target).sum())),
    }


def _single_sensors(machines: pd.DataFrame, draws: int) -> dict[str, Any]:
    """What each sensor tells by itself, and which of them go together."""
    shares, lead = eta_intervals(machines, draws)
    correlations = machines[[*SENSORS, "Target"]].corr().to_numpy()
    air, process, speed, torque, _ = range(len(SENSORS))
    return {
        "sensors": {
            name: SensorShare(
                share=_number(shares[name]), equal=Number(equal_eta_squared(machines[sensor], machines[FAILURE]))
            )
            for sensor, name in SENSOR_NAMES.items()
        },
        "lead": _number(lead),
        "temperatures": Number(float(correlations[air, process])),
        "speed_torque": Number(float(correlations[speed, torque])),
        "strongest": Number(float(np.abs(correlations[:-1, -1]).max())),
    }


def _rules(machines: pd.DataFrame) -> dict[str, Any]:
    """UCI's rules against the labels; that for heat also with the temperatures as they are printed."""
    flags = physical_flags(machines)
    apart = (machines[PROCESS] - machines[AIR]).round(1)
    slow = machines[SPEED] < MIN_COOLING_SPEED
    below = slow & (apart < MIN_TEMPERATURE_DIFFERENCE)
    return {
        "rules": {name: _rule(flags[flag], machines[FAILURE] == FAILURE_MODES[flag]) for flag, name in RULES.items()},
        "heat_printed_below": Number(int(below.sum())),
        "heat_printed_at_most": Number(int((slow & (apart <= MIN_TEMPERATURE_DIFFERENCE)).sum())),
        "heat_printed_labelled": Number(int((below & (machines[FAILURE] == FAILURE_MODES["HDF"])).sum())),
    }


def _rule(meets: pd.Series, labelled: pd.Series) -> Rule:
    return Rule(
        meet=Number(int(meets.sum())),
        labelled=Number(int(labelled.sum())),
        both=Number(int((meets & labelled).sum())),
    )


def _worn(machines: pd.DataFrame) -> dict[str, Any]:
    """Rows in which a tool may come to its end, and how many of them fail by it."""
    failed = machines.loc[machines[WEAR].between(*WORN), FAILURE] == FAILURE_MODES["TWF"]
    return {
        "worn": Number(len(failed)),
        "worn_failures": Number(int(failed.sum())),
        "worn_share": _number(mean_interval(failed, np.arange(len(failed)))),
    }


EXPERIMENTS = (
    Experiment(
        name="eda/prices",
        run=run_prices,
        spec=configured(OfPrices, "eda.prices"),
        quick=configured(OfPrices, "eda.prices", profile="quick"),
        datasets=("prices",),
        seconds=10,
    ),
    Experiment(
        name="eda/machines",
        run=run_machines,
        spec=configured(OfMachines, "eda.machines"),
        quick=configured(OfMachines, "eda.machines", profile="quick"),
        datasets=("maintenance",),
        seconds=10,
    ),
)

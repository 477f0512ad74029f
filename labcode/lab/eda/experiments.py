"""The two experiments on the data: facts of the rows, so that sentences and verdicts can name them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labcode.data.columns import FAILURE, SENSORS
from labcode.data.labels import FAILURE_MODES, MIN_COOLING_SPEED, MIN_TEMPERATURE_DIFFERENCE, NO_FAILURE, physical_flags
from labcode.data.prices import untrustworthy
from labcode.lab.eda import machines as sensors
from labcode.lab.eda.prices import COLUMNS, closes_beside, log_returns, looks_split, standardized
from labcode.lab.eda.results import Machines, Prices, Rule, SensorShare
from labcode.lab.eda.settings import OfMachines, OfPrices
from labcode.lab.needs import days_of_companies, on_machines, on_prices, varied
from labcode.lab.quantities import Data, Stored, number
from labcode.lab.regression.split import split_by_date
from labcode.results.experiments import Progress
from labcode.results.number import Number
from labcode.scoring.intervals import DATE_BLOCK, effective_rows, intraclass_correlation, mean_interval

#: What results call the rules that follow from a row, by UCI's flag.
RULES = {"PWF": "power", "OSF": "overstrain", "HDF": "heat"}


def run_prices(spec: OfPrices, *, data: Data, results: Stored, progress: Progress) -> Prices:
    """Measure the prices."""
    prices = data["prices"].frame
    test = closes_beside(prices)
    beside = test[["before", "after"]].mean(axis=1)
    return Prices(
        rows=Number(len(prices)),
        columns=Number(prices.shape[1]),
        symbols=Number(int(prices["symbol"].nunique())),
        days=Number(int(prices["date"].nunique())),
        first=f"{prices['date'].min():%-d %B %Y}",
        last=f"{prices['date'].max():%-d %B %Y}",
        untrustworthy=Number(int(untrustworthy(prices).sum())),
        beside=Number(float(beside.notna().mean())),
        beside_rmse=Number(float(((beside - test["close"]) ** 2).mean() ** 0.5)),
        **_close(prices),
        **_correlations(prices),
        **_moves(prices, spec.jump),
    )


def _close(prices: pd.DataFrame) -> dict[str, Any]:
    """How the close is spread, before and after scaling."""
    close: Any = prices["close"]
    logs = np.log(close)
    _, later = standardized(*split_by_date(prices), ["close"])
    facts = {
        "mean": close.mean(),
        "median": close.median(),
        "std": close.std(),
        "below_200": (close < 200).mean(),
        "skew": close.skew(),
        "log_skew": logs.skew(),
        "largest_scaled": (close.max() - close.mean()) / close.std(),
        "largest_log_scaled": (logs.max() - logs.mean()) / logs.std(),
        "later_mean": later["close"].mean(),
    }
    return {name: Number(float(value)) for name, value in facts.items()}


def _correlations(prices: pd.DataFrame) -> dict[str, Any]:
    """How the columns go together."""
    pearson = prices[COLUMNS].corr().to_numpy()
    returns = pd.DataFrame({"open": log_returns(prices.assign(close=prices["open"])), "close": log_returns(prices)})
    within = [part["open"].corr(part["close"]) for _, part in returns.groupby(prices["symbol"], observed=True)]
    return {
        "price_correlation": Number(float(pearson[:4, :4].min())),
        "volume_correlation": Number(float(pearson[COLUMNS.index("volume"), COLUMNS.index("close")])),
        "volume_rank_correlation": Number(float(prices["volume"].rank().corr(prices["close"].rank()))),
        "within_correlation": Number(float(np.nanmedian(within))),
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
        "between_days": number(alike),
        "independent": Number(round(effective_rows(alike.value, days.value_counts()))),
    }


def run_machines(spec: OfMachines, *, data: Data, results: Stored, progress: Progress) -> Machines:
    """Measure the machines."""
    machines = data["maintenance"].frame
    worn = machines.loc[machines[sensors.WEAR].between(*sensors.WORN), FAILURE] == FAILURE_MODES["TWF"]
    return Machines(
        worn=Number(len(worn)),
        worn_share=number(mean_interval(worn, np.arange(len(worn)))),
        **_classes(machines),
        **_single_sensors(machines, spec.draws),
        **_rules(machines),
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
    }


def _single_sensors(machines: pd.DataFrame, draws: int) -> dict[str, Any]:
    """What each sensor tells by itself, and which of them go together."""
    shares, lead = sensors.eta_intervals(machines, draws)
    correlations = machines[[*SENSORS, "Target"]].corr().to_numpy()
    air, process, speed, torque, _ = range(len(SENSORS))
    equal = {name: sensors.equal_eta_squared(machines[name], machines[FAILURE]) for name in SENSORS}
    return {
        "sensors": {
            short: SensorShare(share=number(shares[short]), equal=Number(equal[name]))
            for name, short in sensors.SENSOR_NAMES.items()
        },
        "lead": number(lead),
        "temperatures": Number(float(correlations[air, process])),
        "speed_torque": Number(float(correlations[speed, torque])),
        "strongest": Number(float(np.abs(correlations[:-1, -1]).max())),
    }


def _rules(machines: pd.DataFrame) -> dict[str, Any]:
    """UCI's rules against the labels; that for heat also with the temperatures as they are printed."""
    flags = physical_flags(machines)
    labelled = {flag: machines[FAILURE] == FAILURE_MODES[flag] for flag in RULES}
    apart = (machines[sensors.PROCESS] - machines[sensors.AIR]).round(1)
    slow = machines[sensors.SPEED] < MIN_COOLING_SPEED
    below = slow & (apart < MIN_TEMPERATURE_DIFFERENCE)
    return {
        "rules": {name: _rule(flags[flag], labelled[flag]) for flag, name in RULES.items()},
        "heat_printed_below": Number(int(below.sum())),
        "heat_printed_at_most": Number(int((slow & (apart <= MIN_TEMPERATURE_DIFFERENCE)).sum())),
        "heat_printed_labelled": Number(int((below & labelled["HDF"]).sum())),
    }


def _rule(meets: pd.Series, labelled: pd.Series) -> Rule:
    counts = (meets.sum(), labelled.sum(), (meets & labelled).sum())
    meet, label, both = (Number(int(count)) for count in counts)
    return Rule(meet=meet, labelled=label, both=both)


EXPERIMENTS = (
    on_prices(run_prices, "eda.prices", lacks=days_of_companies),
    on_machines(run_machines, "eda.machines", lacks=varied),
)

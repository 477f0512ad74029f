"""What the two experiments on the data return: facts of the rows, before any model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from labcode.lab.quantities import correlation, counted, dollars, gained_share, share
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


@dataclass(frozen=True, kw_only=True)
class Prices(Results):
    """Facts of the prices; all that speaks of the close is in USD or in shares of it."""

    experiment = "eda/prices"
    rows: Annotated[Number, counted("rows")]
    columns: Annotated[Number, counted("columns")]
    symbols: Annotated[Number, counted("symbols")]
    days: Annotated[Number, counted("trading days")]
    first: str
    last: str
    mean: Annotated[Number, dollars("mean close", 1)]
    median: Annotated[Number, dollars("median close", 1)]
    std: Annotated[Number, dollars("standard deviation of the close", 1)]
    below_200: Annotated[Number, share("closes under 200 USD")]
    skew: Annotated[Number, Quantity(says="skewness of the close", decimals=1)]
    log_skew: Annotated[Number, Quantity(says="skewness of the logarithm of the close", decimals=1)]
    largest_scaled: Annotated[Number, counted("dearest close, standard deviations above the mean")]
    largest_log_scaled: Annotated[Number, counted("its logarithm, standard deviations above the mean")]
    later_mean: Annotated[
        Number, Quantity(says="mean close of the test dates, in the training rows' standard deviations", decimals=2)
    ]
    price_correlation: Annotated[Number, correlation("lowest correlation of two prices", 4)]
    volume_correlation: Annotated[Number, correlation("correlation of volume and close")]
    volume_rank_correlation: Annotated[Number, correlation("rank correlation of volume and close")]
    within_correlation: Annotated[
        Number, correlation("median correlation of the returns of open and close within a symbol")
    ]
    jumps: Annotated[Number, counted("rows whose price jumps")]
    falls: Annotated[Number, counted("jumps downwards")]
    split_falls: Annotated[Number, counted("of these, about as far as when a share is split")]
    untrustworthy: Annotated[Number, counted("rows that cannot be right")]
    between_days: Annotated[Number, gained_share("share of the returns' variance between days", 0, "dates")]
    independent: Annotated[Number, counted("independent rows worth as much for a mean return")]
    beside: Annotated[Number, share("test rows of a random split with a neighbouring day in training", 0)]
    beside_rmse: Annotated[Number, dollars("error of saying the mean of the neighbouring closes", 2)]


@dataclass(frozen=True, kw_only=True)
class SensorShare(Results):
    """How much of a sensor's variance lies between the failure types."""

    share: Annotated[Number, share("share of variance between types", over="rows")]
    equal: Annotated[Number, share("the same if all types were equally common", 0)]


@dataclass(frozen=True, kw_only=True)
class Rule(Results):
    """A published rule against the labels."""

    meet: Annotated[Number, counted("rows that meet the rule")]
    labelled: Annotated[Number, counted("rows with its label")]
    both: Annotated[Number, counted("rows that meet it and have its label")]


@dataclass(frozen=True, kw_only=True)
class Machines(Results):
    """Facts of the machines.

    ``heat_printed_below`` and ``heat_printed_at_most`` take the temperatures as they are printed, to 0.1 K;
    ``rules["heat"]`` subtracts them as float64.
    """

    experiment = "eda/machines"
    rows: Annotated[Number, counted("rows")]
    types: Annotated[Number, counted("failure types, none included")]
    majority: Annotated[Number, counted("rows of the commonest type")]
    second: Annotated[Number, counted("rows of the second commonest type")]
    rarest: Annotated[Number, counted("rows of the rarest type")]
    failures: Annotated[Number, counted("rows with a failure")]
    majority_share: Annotated[Number, share("share of the commonest type")]
    synthetic_share: Annotated[Number, share("share of rows that SMOTE makes to level all types", 0)]
    target_right: Annotated[Number, share("rows in which Target says whether there is a failure", 2)]
    target_only: Annotated[Number, counted("rows with Target and without a failure type")]
    sensors: Annotated[Mapping[str, SensorShare], Quantity()]
    lead: Annotated[
        Number, gained_share("lead of the weakest of speed, torque and wear over both temperatures", over="rows")
    ]
    temperatures: Annotated[Number, correlation("correlation of the two temperatures")]
    speed_torque: Annotated[Number, correlation("correlation of speed and torque")]
    strongest: Annotated[Number, correlation("strongest correlation of a sensor with Target, without its sign")]
    rules: Annotated[Mapping[str, Rule], Quantity()]
    heat_printed_below: Annotated[Number, counted("slow rows less than 8.6 K apart as printed")]
    heat_printed_at_most: Annotated[Number, counted("slow rows at most 8.6 K apart as printed")]
    heat_printed_labelled: Annotated[Number, counted("heat failures less than 8.6 K apart as printed")]
    worn: Annotated[Number, counted("rows in which a tool may come to its end")]
    worn_share: Annotated[Number, share("share of such rows that fail", over="rows")]

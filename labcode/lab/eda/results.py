"""What the two experiments on the data return: facts of the rows, before any model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from labcode.results.number import Number, Quantity
from labcode.results.typed import Results


def _rows(says: str) -> Quantity:
    return Quantity(says=says, decimals=0, least=0)


def _share(says: str, decimals: int = 1) -> Quantity:
    return Quantity(says=says, unit="%", decimals=decimals, least=0, most=1)


def _dollars(says: str, decimals: int = 1) -> Quantity:
    return Quantity(says=says, unit="USD", decimals=decimals, least=0)


def _correlation(says: str, decimals: int = 2) -> Quantity:
    return Quantity(says=says, decimals=decimals, least=-1, most=1)


@dataclass(frozen=True, kw_only=True)
class Prices(Results):
    """Facts of the prices; all that speaks of the close is in USD or in shares of it."""

    experiment = "eda/prices"
    rows: Annotated[Number, _rows("rows")]
    columns: Annotated[Number, _rows("columns")]
    features: Annotated[Number, _rows("inputs")]
    symbols: Annotated[Number, _rows("symbols")]
    days: Annotated[Number, _rows("trading days")]
    first: str
    last: str
    fewest_a_day: Annotated[Number, _rows("fewest symbols on a day")]
    most_a_day: Annotated[Number, _rows("most symbols on a day")]
    mean: Annotated[Number, _dollars("mean close")]
    median: Annotated[Number, _dollars("median close")]
    std: Annotated[Number, _dollars("standard deviation of the close")]
    largest: Annotated[Number, _dollars("dearest close", 0)]
    below_200: Annotated[Number, _share("closes under 200 USD")]
    skew: Annotated[Number, Quantity(says="skewness of the close", decimals=1)]
    log_skew: Annotated[Number, Quantity(says="skewness of the logarithm of the close", decimals=1)]
    largest_scaled: Annotated[
        Number, Quantity(says="dearest close, standard deviations above the mean", decimals=0, least=0)
    ]
    largest_log_scaled: Annotated[
        Number, Quantity(says="its logarithm, standard deviations above the mean", decimals=0, least=0)
    ]
    later_mean: Annotated[
        Number, Quantity(says="mean close of the test dates, in the training rows' standard deviations", decimals=2)
    ]
    price_correlation: Annotated[Number, _correlation("lowest correlation of two prices", 4)]
    volume_correlation: Annotated[Number, _correlation("correlation of volume and close")]
    volume_rank_correlation: Annotated[Number, _correlation("rank correlation of volume and close")]
    within_correlation: Annotated[
        Number, _correlation("median correlation of the returns of open and close within a symbol")
    ]
    midpoint_rmse: Annotated[
        Number,
        Quantity(says="error of the midpoint of low and high", unit="USD", decimals=3, least=0, over="dates"),
    ]
    range_median: Annotated[Number, _share("median day's range as a share of the price")]
    jumps: Annotated[Number, _rows("rows whose price jumps")]
    falls: Annotated[Number, _rows("jumps downwards")]
    split_falls: Annotated[Number, _rows("of these, about as far as when a share is split")]
    untrustworthy: Annotated[Number, _rows("rows that cannot be right")]
    between_days: Annotated[
        Number,
        Quantity(
            says="share of the returns' variance between days", unit="%", decimals=0, least=-1, most=1, over="dates"
        ),
    ]
    independent: Annotated[Number, _rows("independent rows worth as much for a mean return")]
    beside: Annotated[Number, _share("test rows of a random split with a neighbouring day in training", 0)]
    beside_rmse: Annotated[Number, _dollars("error of saying the mean of the neighbouring closes", 2)]


@dataclass(frozen=True, kw_only=True)
class SensorShare(Results):
    """How much of a sensor's variance lies between the failure types."""

    share: Annotated[
        Number,
        Quantity(says="share of variance between types", unit="%", decimals=1, least=0, most=1, over="rows"),
    ]
    equal: Annotated[Number, _share("the same if all types were equally common", 0)]


@dataclass(frozen=True, kw_only=True)
class Rule(Results):
    """A published rule against the labels."""

    meet: Annotated[Number, _rows("rows that meet the rule")]
    labelled: Annotated[Number, _rows("rows with its label")]
    both: Annotated[Number, _rows("rows that meet it and have its label")]


@dataclass(frozen=True, kw_only=True)
class Machines(Results):
    """Facts of the machines.

    ``heat_printed_below`` and ``heat_printed_at_most`` take the temperatures as they are printed, to 0.1 K;
    ``rules["heat"]`` subtracts them as float64.
    """

    experiment = "eda/machines"
    rows: Annotated[Number, _rows("rows")]
    types: Annotated[Number, _rows("failure types, none included")]
    majority: Annotated[Number, _rows("rows of the commonest type")]
    second: Annotated[Number, _rows("rows of the second commonest type")]
    rarest: Annotated[Number, _rows("rows of the rarest type")]
    failures: Annotated[Number, _rows("rows with a failure")]
    majority_share: Annotated[Number, _share("share of the commonest type")]
    synthetic_share: Annotated[Number, _share("share of rows that SMOTE makes to level all types", 0)]
    target_right: Annotated[Number, _share("rows in which Target says whether there is a failure", 2)]
    target_only: Annotated[Number, _rows("rows with Target and without a failure type")]
    type_only: Annotated[Number, _rows("rows with a failure type and without Target")]
    sensors: Annotated[Mapping[str, SensorShare], Quantity()]
    lead: Annotated[
        Number,
        Quantity(
            says="lead of the weakest of speed, torque and wear over both temperatures",
            unit="%",
            decimals=1,
            least=-1,
            most=1,
            over="rows",
        ),
    ]
    temperatures: Annotated[Number, _correlation("correlation of the two temperatures")]
    speed_torque: Annotated[Number, _correlation("correlation of speed and torque")]
    strongest: Annotated[Number, _correlation("strongest correlation of a sensor with Target, without its sign")]
    rules: Annotated[Mapping[str, Rule], Quantity()]
    heat_printed_below: Annotated[Number, _rows("slow rows less than 8.6 K apart as printed")]
    heat_printed_at_most: Annotated[Number, _rows("slow rows at most 8.6 K apart as printed")]
    heat_printed_labelled: Annotated[Number, _rows("heat failures less than 8.6 K apart as printed")]
    worn: Annotated[Number, _rows("rows in which a tool may come to its end")]
    worn_failures: Annotated[Number, _rows("tool wear failures among them")]
    worn_share: Annotated[
        Number,
        Quantity(says="share of such rows that fail", unit="%", decimals=1, least=0, most=1, over="rows"),
    ]

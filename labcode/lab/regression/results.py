"""What the experiments of the regression return. Losses are in USD², errors in USD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from labcode.lab.quantities import ByNumber, correlation, counted, dollars, positive, share, skill, squared_dollars
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results

#: Epochs, counted from 0, whose losses our first version printed.
PRINTED_EPOCHS = (0, 10, 20, 30, 40, 49)


@dataclass(frozen=True, kw_only=True)
class AsSubmitted(Results):
    """Our first version's network over many seeds.

    ``curves`` ``(n_seeds, n_epochs, 4)``: loss of training and test rows, R² of both.
    """

    experiment = "regression/as-submitted"
    seeds: int
    train_mse_epoch: Annotated[ByNumber, squared_dollars("training loss at epoch", "seeds")]
    test_mse_epoch: Annotated[ByNumber, squared_dollars("test loss at epoch", "seeds")]
    test_mse_end: Annotated[Number, squared_dollars("test loss at the end", "seeds")]
    mean_mse: Annotated[Number, squared_dollars("loss of always saying the mean")]
    rises: Annotated[Number, counted("steps at which a loss went up")]
    largest_difference: Annotated[Number, positive("largest relative difference between the two loops", 7)]
    coverage: Annotated[Number, share("share of losses inside the interval of the other seeds", 0)]
    inside: Annotated[
        ByNumber, Quantity(says="printed losses inside, by number of seeds", decimals=1, least=0, most=12)
    ]
    curves: Annotated[np.ndarray, Quantity(most=1e6)]

    @property
    def inside_all(self) -> Number:
        """Printed losses inside the limits of all seeds."""
        return self.inside[max(self.inside)]


@dataclass(frozen=True, kw_only=True)
class Baseline(Results):
    """A prediction without a network, on the last fifth of the dates and on our first version's random rows."""

    rmse: Annotated[Number, dollars("error on new dates", over="dates")]
    rmse_random: Annotated[Number, dollars("error on random rows", over="dates")]


@dataclass(frozen=True, kw_only=True)
class Baselines(Results):
    """What needs no network; ``squared_…`` ``(n_test,)``: squared errors on the test dates, for paired comparisons."""

    experiment = "regression/baselines"
    zero: Annotated[Baseline, Quantity(says="always 0 USD")]
    mean: Annotated[Baseline, Quantity(says="mean of the training closes")]
    open: Annotated[Baseline, Quantity(says="the day's open")]
    midpoint: Annotated[Baseline, Quantity(says="midpoint of low and high")]
    ols_raw: Annotated[Baseline, Quantity(says="least squares, unscaled columns")]
    ols: Annotated[Baseline, Quantity(says="least squares")]
    ridge: Annotated[Baseline, Quantity(says="ridge regression")]
    trees_raw: Annotated[Baseline, Quantity(says="boosted trees, columns as they are")]
    trees: Annotated[Baseline, Quantity(says="boosted trees, position")]
    best: str
    ols_raw_rank: Annotated[Number, Quantity(says="directions that least squares keeps", decimals=0, least=0, most=4)]
    scikit_learn: str
    midpoint_rmse_train: Annotated[Number, dollars("error of the midpoint on the training dates")]
    trees_over_ols: Annotated[Number, skill("skill of boosted trees over least squares")]
    squared_ols: Annotated[np.ndarray, Quantity(least=0)]
    squared_trees: Annotated[np.ndarray, Quantity(least=0)]

    @property
    def models(self) -> dict[str, Baseline]:
        """Every baseline by its name in the field's terms, from the simplest on."""
        return {name: each for name, each in vars(self).items() if isinstance(each, Baseline)}


@dataclass(frozen=True, kw_only=True)
class Candidate(Results):
    """A network on rolling folds before the test dates."""

    skill: Annotated[Number, skill("skill over least squares on the folds")]
    winner_over: Annotated[Number, skill("skill of the winner over it")]


@dataclass(frozen=True, kw_only=True)
class Choice(Results):
    """Which network the rolling folds choose."""

    experiment = "regression/selection"
    candidates: Annotated[Mapping[str, Candidate], Quantity(name="")]
    winner: str
    seeds: int
    drift: Annotated[Number, correlation("mean position of the close in the range", 3, "dates")]


@dataclass(frozen=True, kw_only=True)
class Step(Results):
    """A step of the ladder, over seeds."""

    rmse: Annotated[Number, dollars("error on new dates", over="range of seeds", name="")]
    updates: Annotated[Number, counted("optimiser steps", least=1)]


@dataclass(frozen=True, kw_only=True)
class Steps(Results):
    """The repair, one change at a time.

    ``curves`` ``(n_epochs, 4)``: RMSE (USD) and R² of the position on training rows, the same on test rows.
    ``squared_…`` ``(n_test,)``: squared errors of the last two steps.
    """

    experiment = "regression/steps"
    seeds: int
    ladder: Annotated[Mapping[str, Step], Quantity(name="")]
    curves: Annotated[np.ndarray, Quantity(most=1e4)]
    squared_relative: Annotated[np.ndarray, Quantity(least=0)]
    squared_position: Annotated[np.ndarray, Quantity(least=0)]


@dataclass(frozen=True, kw_only=True)
class Sound(Results):
    """The network that the folds chose, on the test dates.

    ``response`` ``(3, n)``, ``response_open`` ``(n,)``, ``response_range`` ``(3,)``: where it puts the close, given
    where the day opened, for three widths of the range.
    """

    experiment = "regression/sound"
    network: str
    seeds: int
    test_rows: Annotated[Number, counted("test rows", least=1)]
    test_dates: Annotated[Number, counted("test dates", least=1)]
    rmse: Annotated[Number, dollars("error of the network on new dates", over="dates")]
    rmse_symbols: Annotated[Number, dollars("error of the network on new dates", over="symbols")]
    rmse_two_way: Annotated[Number, dollars("error of the network on new dates", over="dates and symbols")]
    median_error: Annotated[Number, dollars("median error", 2)]
    percent: Annotated[Number, Quantity(says="error as a share of the price", unit="%", decimals=2, least=0)]
    r2: Annotated[Number, skill("R² of the network", None, 5)]
    midpoint_r2: Annotated[Number, skill("R² of the midpoint", None, 5)]
    position_error: Annotated[Number, positive("error of the network in ranges of the day", 3)]
    skill_vs_mean: Annotated[Number, skill("skill of the network over the mean")]
    skill_vs_midpoint: Annotated[Number, skill("skill of the network over the midpoint")]
    skill_vs_ols: Annotated[Number, skill("skill of the network over least squares")]
    skill_vs_ols_two_way: Annotated[Number, skill("skill of the network over least squares", "dates and symbols")]
    skill_vs_trees: Annotated[Number, skill("skill of the network over boosted trees")]
    over_plain: Annotated[ByNumber, skill("skill of the network over the plain network of step")]
    top_symbol: str
    top_symbol_share: Annotated[Number, share("share of one symbol in the squared error", 0)]
    response: np.ndarray
    response_open: np.ndarray
    response_range: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Limit(Results):
    """How good a prediction from these columns can be."""

    experiment = "regression/limit"
    brownian_open: Annotated[Number, positive("error of the best guess from the open on a random day, in ranges", 3)]
    brownian_volatility: Annotated[Number, positive("the same with the volatility known, in ranges", 3)]
    past_rmse: Annotated[
        Number, dollars("error of the network that knows the symbol's past range and volume", over="dates")
    ]
    past_skill: Annotated[Number, skill("skill of that network over the one that does not")]


@dataclass(frozen=True, kw_only=True)
class NextDay(Results):
    """A forecast of the next day, beside persistence: saying today's close."""

    experiment = "regression/next-day"
    persistence_rmse: Annotated[Number, dollars("error of persistence")]
    persistence_r2: Annotated[Number, skill("R² of persistence", None, 4)]
    level_rmse: Annotated[Number, dollars("error of a network for the price")]
    level_skill: Annotated[Number, skill("skill of a network for the price over persistence")]
    return_rmse: Annotated[Number, dollars("error of a network for the return")]
    return_skill: Annotated[Number, skill("skill of a network for the return over persistence, in dollars")]
    return_r2: Annotated[Number, skill("skill of a network for the return over no change")]
    return_r2_without_jumps: Annotated[Number, skill("the same without jumps")]
    jumps: Annotated[Number, counted("test rows with a jump")]
    clip: Annotated[Number, Quantity(says="largest return in training", unit="%", decimals=0, least=0)]
    direction: Annotated[Number, share("share of right directions", over="dates")]
    rising: Annotated[Number, share("share of rising days")]

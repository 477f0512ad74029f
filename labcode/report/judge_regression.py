"""The original's conclusions on the prices, the regression, its search and its regularization, judged by results."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from labcode.metrics import Interval
from labcode.report.judging import ONE_SEED, Case, Judgement, judge
from labcode.report.measured import Sources
from labcode.report.regularization import spreads
from labcode.report.text import between, count, decimals, percent, scalar

_NET, _BASE, _SOUND = "regression/as-submitted", "regression/baselines", "regression/sound"
_REGULARISED, _SEARCH = "regularization/as-submitted", "tuning/as-submitted"


def _skewed(s: Sources) -> Judgement:
    facts = s.facts("data/prices")
    why = f"The skewness of the close is {decimals(facts['skew'], 1)}."
    return judge(Case("holds", why, lambda: facts["skew"] > 1), otherwise=Judgement("not shown", why))


def _difficult(s: Sources) -> Judgement:
    midpoint, mean = s.number(_BASE, "midpoint_rmse"), s.number(_BASE, "mean_rmse")
    numbers = f"the midpoint of low and high misses by {decimals(midpoint)} USD, the mean by {decimals(mean, 1)} USD"
    why = f"Columns that are collinear with the target make it easy: on new dates, {numbers}."
    fallback = Judgement("not shown", f"On new dates, {numbers}.")
    return judge(Case("doesn't hold", why, lambda: midpoint < mean / 20), otherwise=fallback)


def _smooth(s: Sources) -> Judgement:
    losses = s[_NET].arrays["curves"][..., :2]
    rises = int((np.diff(losses, axis=1) > 0).sum())
    why = "Both losses fall at every step with every seed, as full-batch steps at a small rate do."
    fallback = Judgement("holds in part", f"Of all steps, {count(rises)} go up.")
    return judge(Case("holds", why, lambda: rises == 0), otherwise=fallback)


def _no_overfitting(s: Sources) -> Judgement:
    loss, mean = s.number(_NET, "test_mse_epoch_49"), s.number(_NET, "mean_mse")
    numbers = f"its test loss ends at {count(loss)}, where always saying the mean has {count(mean)}"
    why = f"There is no overfitting because nothing has been learned: {numbers}."
    fallback = Judgement("not shown", f"Without a baseline the gap says little: {numbers}.")
    return judge(Case("holds in part", why, lambda: loss > mean), otherwise=fallback)


def _noise(s: Sources) -> Judgement:
    ols, network = s.number(_BASE, "ols_rmse_random"), s.number(_NET, "test_mse_epoch_49") ** 0.5
    numbers = f"least squares misses by {decimals(ols)} USD, the network by {decimals(network, 1)} USD"
    why = f"On the same noisy, correlated rows {numbers}: its target was not scaled, and its steps were too few."
    fallback = Judgement("not shown", f"On the same rows {numbers}.")
    return judge(Case("doesn't hold", why, lambda: ols < network / 10), otherwise=fallback)


def _learns(s: Sources) -> Judgement:
    rmse, network = (s.number("regression/steps", step) for step in ("position in the range", "as submitted"))
    why = (
        "What limits it is the training: on the same new dates, the network as submitted misses by "
        f"{decimals(network, 0)} USD, and by {decimals(rmse)} USD when asked for the position in the day's range."
    )
    return judge(
        Case("doesn't hold", why, lambda: rmse < network / 10),
        otherwise=Judgement("not shown", f"A sound network misses by {decimals(rmse)} USD."),
    )


def _improved(s: Sources) -> Judgement:
    found, mean, aligned = (-s.number(_SEARCH, name) for name in ("best_score", "mean_score", "best_score_aligned"))
    why = (
        "The loss had the wrong shape, so every candidate learned next to nothing but the mean: an RMSE of "
        f"{decimals(found**0.5, 1)} USD, where the mean has {decimals(mean**0.5, 1)}. With aligned shapes the same "
        f"grid reaches {decimals(aligned**0.5)}."
    )
    fallback = f"The best candidate has an RMSE of {decimals(found**0.5, 1)} USD, the mean {decimals(mean**0.5, 1)}."
    return judge(
        Case("doesn't hold", why, lambda: aligned < found / 10 and abs(found / mean - 1) < 0.1),
        otherwise=Judgement("not shown", fallback),
    )


def _comparison(s: Sources) -> Judgement:
    like, loss = s.number(_REGULARISED, "added_mse_epoch_10"), s.number(_REGULARISED, "test_mse_epoch_10")
    unlike = s.number(_REGULARISED, "added_mse_unlike")
    numbers = f"{decimals(unlike, 0)} between the epochs compared, and {decimals(like, 1)} at the same epoch"
    why = f"It sets unlike epochs side by side: with the same seeds the difference is {numbers}, of {count(loss)}."
    return judge(
        Case("doesn't hold", why, lambda: abs(like) < abs(unlike) / 10),
        otherwise=Judgement("not shown", f"The difference is {numbers}."),
    )


def _slower(s: Sources) -> Judgement:
    result = s[_REGULARISED]
    last = result.arrays["curves"].shape[1] - 1
    found, low, high = (s.number(_REGULARISED, f"plain_epoch_as_good{end}") for end in ("", "_low", "_high"))
    limits = f" ({between(Interval(found, low, high), places=1)})" if math.isfinite(high - low) else ""
    own = f"epoch {decimals(found, 1)}{limits}"
    why = f"The plain run has the loss of the regularised one's epoch {count(last)} at {own}."
    return judge(
        Case("doesn't hold", f"Not in our runs. {why}", lambda: low >= last),
        Case("holds", why, lambda: high < last),
        otherwise=Judgement("not shown", why if limits else f"{why} {ONE_SEED}"),
    )


def _overfitting(s: Sources) -> Judgement:
    test, train = (s.number(_REGULARISED, f"plain_{name}_mse_epoch_19") for name in ("test", "train"))
    mean = s.number(_REGULARISED, "mean_mse")
    why = (
        f"There was none to reduce: at the last common epoch the plain run still has a loss of {count(test)}, where "
        f"the mean has {count(mean)}."
    )
    fallback = f"At the last common epoch the plain run's losses are {count(train)} and, in the test, {count(test)}."
    return judge(Case("doesn't hold", why, lambda: min(test, train) > mean), otherwise=Judgement("not shown", fallback))


def _stability(s: Sources) -> Judgement:
    if len(s[_REGULARISED].arrays["curves"]) < 2:
        return Judgement("not shown", f"The original has one run of each. {ONE_SEED}")
    own, plain, differ = spreads(s[_REGULARISED])
    numbers = (
        f"over our seeds the standard deviation of the test loss is {decimals(own, 0)} with it and "
        f"{decimals(plain, 0)} without"
    )
    return judge(
        Case("holds", f"Indeed {numbers}.", lambda: differ and own < plain),
        otherwise=Judgement("not shown", f"The original has one run of each; {numbers}."),
    )


def _generalization(s: Sources) -> Judgement:
    change, loss = (s.number(_REGULARISED, f"{name}_epoch_19") for name in ("added_mse", "test_mse"))
    ols = s.number(_BASE, "ols_rmse_random")
    above, tried = (s.number("regularization/regression", name) for name in ("above", "techniques"))
    shown = f"{count(above) if above else 'none'} of {count(tried)} settings {'is' if above < 2 else 'are'}"
    why = (
        f"At like epochs it changes the loss by {percent(abs(change) / loss, 2)}, which is no generalization. Nor does "
        f"the data set limit it: least squares on the same rows misses by {decimals(ols)} USD. In a sound comparison, "
        f"{shown} shown to gain on new dates."
    )
    return judge(
        Case("doesn't hold", why, lambda: abs(change) < 0.002 * loss and ols < loss**0.5 / 10),
        otherwise=Judgement("not shown", why),
    )


def _closing(s: Sources) -> Judgement:
    network, rmse = s.number(_NET, "test_mse_epoch_49") ** 0.5, s.number(_SOUND, "rmse")
    over = (
        f"{percent(s.number(_SOUND, 'skill_vs_ols'))} over least squares ({scalar(s[_SOUND], 'skill_vs_ols', '%', 1)})"
    )
    why = (
        f"It showed the limits of its training. Asked the right question, a network has a skill of {over} on new dates."
    )
    return judge(
        Case("doesn't hold", why, lambda: rmse < network / 10),
        otherwise=Judgement("not shown", f"A sound network has a skill of {over}."),
    )


JUDGES: Mapping[str, Callable[[Sources], Judgement]] = {
    "eda.prices.skewed": _skewed,
    "eda.prices.difficult": _difficult,
    "regression.smooth": _smooth,
    "regression.no_overfitting": _no_overfitting,
    "regression.noise": _noise,
    "regression.learns": _learns,
    "tuning.improved": _improved,
    "regularization.comparison": _comparison,
    "regularization.slower": _slower,
    "regularization.overfitting": _overfitting,
    "regularization.stability": _stability,
    "regularization.generalization": _generalization,
    "closing.regression": _closing,
}

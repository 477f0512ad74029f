"""The original's conclusions on the prices, the regression, its search and its regularization, judged by results."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from labcode.metrics import Interval
from labcode.report.judging import ONE_SEED, Case, Judgement, judge
from labcode.report.measured import Sources
from labcode.report.regularization import spreads
from labcode.report.text import between, count, decimals, percent

_NET, _BASE, _SOUND = "regression/as-submitted", "regression/baselines", "regression/sound"
_REGULARISED = "regularization/as-submitted"


def _skewed(s: Sources) -> Judgement:
    facts = s.facts("data/prices")
    why = f"The skewness of the close is {decimals(facts['skew'], 1)}."
    return judge(Case("holds", why, lambda: facts["skew"] > 1), otherwise=Judgement("not shown", why))


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


JUDGES: Mapping[str, Callable[[Sources], Judgement]] = {
    "eda.prices.skewed": _skewed,
    "regularization.comparison": _comparison,
    "regularization.slower": _slower,
    "regularization.overfitting": _overfitting,
    "regularization.stability": _stability,
    "regularization.generalization": _generalization,
}

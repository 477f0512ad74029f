"""The original's conclusions on the prices and on the search, judged by results."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labcode.report.judging import Case, Judgement, judge
from labcode.report.measured import Sources
from labcode.report.text import decimals

_SEARCH = "tuning/as-submitted"


def _skewed(s: Sources) -> Judgement:
    facts = s.facts("data/prices")
    why = f"The skewness of the close is {decimals(facts['skew'], 1)}."
    return judge(Case("holds", why, lambda: facts["skew"] > 1), otherwise=Judgement("not shown", why))


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


JUDGES: Mapping[str, Callable[[Sources], Judgement]] = {
    "eda.prices.skewed": _skewed,
    "tuning.improved": _improved,
}

"""The original's conclusions on the whole work, judged by results."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labcode.report.judging import Case, Judgement, judge
from labcode.report.measured import Sources
from labcode.report.text import count, percent

_NET, _LEAKS = "classification/as-submitted", "classification/leakage"


def _models(s: Sources) -> Judgement:
    loss, mean = (s.number("regression/as-submitted", name) for name in ("test_mse_epoch_49", "mean_mse"))
    synthetic = s.number(_NET, "synthetic_share")
    why = (
        f"One model is worse than the mean ({count(loss)} against {count(mean)}), the other was tested on rows of "
        f"which {percent(synthetic, 0)} are synthetic."
    )
    fallback = f"The classification was tested on rows of which {percent(synthetic, 0)} are synthetic."
    return judge(
        Case("doesn't hold", why, lambda: loss > mean and synthetic > 0.5),
        otherwise=Judgement("holds in part", fallback),
    )


def _work(s: Sources) -> Judgement:
    leaked = s.number(_LEAKS, "both_gain_low")
    search = s.number("tuning/as-submitted", "best_score") / s.number("tuning/as-submitted", "mean_score")
    why = (
        "Most of its figures come out again, but its search could only learn the mean, its test set leaks, and "
        "parts of the assignment are missing."
    )
    return judge(
        Case("doesn't hold", why, lambda: leaked > 0 and abs(search - 1) < 0.1),
        otherwise=Judgement("not shown", "Parts of the assignment are missing, and its test set is not untouched."),
    )


JUDGES: Mapping[str, Callable[[Sources], Judgement]] = {
    "closing.models": _models,
    "closing.sound": _work,
}

"""The original's conclusions on the machines, the classification and the whole work, judged by results."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labcode.data.maintenance import load_maintenance
from labcode.experiments import eda
from labcode.report.judging import Case, Judgement, judge
from labcode.report.measured import Sources
from labcode.report.text import count, percent

_NET, _LEAKS = "classification/as-submitted", "classification/leakage"


def _imbalance(s: Sources) -> Judgement:
    facts = s.facts("data/maintenance")
    share, rarest = percent(facts["majority_share"]), count(facts["rarest"])
    why = f"{share} of the rows carry no failure; the rarest class has {rarest} rows."
    return judge(Case("holds", why, lambda: facts["majority_share"] > 0.9), otherwise=Judgement("holds in part", why))


def _strongest(s: Sources) -> Judgement:
    ranking = eda.sensor_ranking(load_maintenance().frame)
    named = {"Rotational speed [rpm]", "Torque [Nm]", "Tool wear [min]"}
    air = percent(ranking.loc["Air temperature [K]", "equal"], 0)
    why = (
        "By the share of their variance that lies between the types, these three lead; with all types equally common, "
        f"air temperature ({air}) would be on a par with two of them."
    )
    return judge(
        Case("holds in part", why, lambda: set(ranking["share"].nlargest(3).index) == named),
        otherwise=Judgement("doesn't hold", "By the share of variance between the types, other sensors lead."),
    )


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
    "eda.maintenance.imbalance": _imbalance,
    "eda.maintenance.strongest": _strongest,
    "closing.models": _models,
    "closing.sound": _work,
}

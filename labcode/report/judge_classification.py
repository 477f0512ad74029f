"""The original's conclusions on the machines, the classification and the whole work, judged by results."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from labcode.confusion import precisions, recalls
from labcode.data.maintenance import load_maintenance
from labcode.experiments import eda
from labcode.report.judging import ONE_SEED, Case, Judgement, judge
from labcode.report.measured import Sources
from labcode.report.text import count, decimals, percent, scalar

_NET, _SOUND = "classification/as-submitted", "classification/sound"
_BALANCING, _LEAKS = "classification/balancing", "classification/leakage"


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


def _gain(s: Sources) -> str:
    """Macro-F1 with SMOTE inside the folds and with nothing, in words."""
    smote, nothing = (decimals(s.number(_BALANCING, f"{name}_macro_f1")) for name in ("smote", "nothing"))
    return f"SMOTE within the folds has a macro-F1 of {smote}, no balancing {nothing}"


def _correction(s: Sources) -> Judgement:
    low, high = (s.number(_BALANCING, f"smote_gain_{end}") for end in ("low", "high"))
    return judge(
        Case("doesn't hold", f"On natural rows {_gain(s)}.", lambda: high < 0),
        Case("holds", f"On natural rows {_gain(s)}.", lambda: low > 0),
        otherwise=Judgement("not shown", f"On natural rows {_gain(s)}; the interval of the difference holds zero."),
    )


def _balancing(s: Sources) -> Judgement:
    supports = [s.number(_NET, f"support_{k}") for k in range(6)]
    synthetic = percent(s.number(_NET, "synthetic_share"), 0)
    why = f"The classes are equally large, but in the test rows too, of which {synthetic} are synthetic."
    return judge(
        Case("holds", why, lambda: max(supports) < 1.2 * min(supports)), otherwise=Judgement("holds in part", why)
    )


def _smote(s: Sources) -> Judgement:
    low = s.number(_BALANCING, "smote_gain_low")
    return judge(
        Case("holds in part", f"Beside a run without SMOTE, which the original lacks, {_gain(s)}.", lambda: low > 0),
        otherwise=Judgement("not shown", f"No run without SMOTE stands beside it. In ours, {_gain(s)}."),
    )


def _largest_gap(s: Sources) -> float:
    curves = s[_NET].arrays["curves_plain"].mean(axis=0)
    return float(np.abs(curves[:, 2] - curves[:, 3]).max())


def _curves(s: Sources) -> Judgement:
    gap = _largest_gap(s)
    why = (
        f"In our runs the mean accuracies are at most {decimals(100 * gap, 0)} percentage points apart, since both "
        "sets come from the same balanced rows. The original's own table has them further apart "
        "(@tbl-verdict-conflicts)."
    )
    return judge(Case("holds in part", why, lambda: gap < 0.05), otherwise=Judgement("doesn't hold", why))


def _no_overfitting(s: Sources) -> Judgement:
    synthetic = s.number(_NET, "synthetic_share")
    own, natural = (s.number(_LEAKS, f"smote_before_split{end}") for end in ("_own_macro_f1", ""))
    why = (
        f"This test could not show it: {percent(synthetic, 0)} of its rows were interpolated before the split. A "
        f"network trained so has a macro-F1 of {decimals(own)} on such rows and {decimals(natural)} on natural ones."
    )
    return judge(
        Case("not shown", why, lambda: own > natural + 0.1),
        otherwise=Judgement("holds in part", f"In the test, {percent(synthetic, 0)} of the rows are synthetic."),
    )


def _excellent(s: Sources) -> Judgement:
    score, other = s.number(_NET, "macro_f1"), s.number(_LEAKS, "both_own_macro_f1")
    why = (
        "Such rows, with `Target` among the inputs, are easy: trained in batches, a network of this kind has a "
        f"macro-F1 of {decimals(other)} on them, against {decimals(score)} as submitted."
    )
    synthetic = percent(s.number(_NET, "synthetic_share"), 0)
    fallback = f"The macro-F1 is {decimals(score)} on rows of which {synthetic} are synthetic."
    return judge(Case("doesn't hold", why, lambda: other > score + 0.05), otherwise=Judgement("not shown", fallback))


def _smooth(s: Sources) -> Judgement:
    losses = s[_NET].arrays["curves_plain"][..., :2]
    rises = int((np.diff(losses, axis=1) > 0).sum())
    return judge(
        Case("holds", "Both losses fall at every step with every seed.", lambda: rises == 0),
        otherwise=Judgement("holds in part", f"Of all steps, {count(rises)} go up."),
    )


def _stable(s: Sources) -> Judgement:
    high = s.number(_BALANCING, "smote_gain_high")
    return judge(
        Case("doesn't hold", f"SMOTE takes something away: {_gain(s)}.", lambda: high < 0),
        otherwise=Judgement("not shown", f"On natural rows {_gain(s)}."),
    )


def _balanced(s: Sources) -> Judgement:
    high, accuracy = s.number(_BALANCING, "smote_gain_high"), s.number(_BALANCING, "smote_accuracy")
    nothing = s.facts("data/maintenance")["majority_share"]
    why = (
        f"On natural rows the network with SMOTE within the folds is right in {percent(accuracy)} of cases, always "
        f"saying “No Failure” in {percent(nothing)}"
    )
    return judge(
        Case("doesn't hold", f"{why}; its macro-F1 falls as well.", lambda: accuracy < nothing and high < 0),
        otherwise=Judgement("not shown", f"{why}."),
    )


def _well(s: Sources) -> Judgement:
    heat, strain, wear = (s.number(_SOUND, f"f1_{name}") for name in ("heat_dissipation", "overstrain", "tool_wear"))
    numbers = f"F1 is {decimals(heat)} for heat, {decimals(strain)} for overstrain and {decimals(wear)} for tool wear"
    return judge(
        Case("holds in part", f"Soundly, {numbers}.", lambda: min(heat, strain) > 0.8 > 0.5 > wear),
        Case("holds", f"Soundly, {numbers}.", lambda: min(heat, strain, wear) > 0.8),
        otherwise=Judgement("not shown", f"Soundly, {numbers}."),
    )


def _hardest(s: Sources) -> Judgement:
    copies, soundly = recalls(s[_NET].arrays["confusion_plain_test"])[:, 4].mean(), s.number(_SOUND, "recall_random")
    why = (
        "With natural test rows it is the hardest class, random failures, and far harder than that: "
        f"{percent(soundly, 0)} are found. Among near-copies of the training rows {percent(copies, 0)} are, and other "
        "classes can be harder."
    )
    others = [s.number(_SOUND, f"recall_{name}") for name in ("heat_dissipation", "overstrain", "power", "tool_wear")]
    return judge(
        Case("holds in part", why, lambda: soundly <= min(others) and soundly < copies / 2),
        otherwise=Judgement("not shown", f"Soundly, {percent(soundly, 0)} of the random failures are found."),
    )


def _cautious(s: Sources) -> Judgement:
    counts = s[_NET].arrays["confusion_plain_test"].astype(float)
    precision, recall = (float(score(counts)[:, 3].mean()) for score in (precisions, recalls))
    soundly = s.number(_SOUND, "recall_power")
    numbers = f"precision {decimals(precision)} and recall {decimals(recall)}"
    return judge(
        Case(
            "holds in part",
            f"As submitted it has {numbers}; soundly, {percent(soundly, 0)} of the power failures are found.",
            lambda: precision > recall + 0.1 and soundly > recall + 0.1,
        ),
        Case("holds", f"As submitted it has {numbers}.", lambda: precision > recall + 0.1),
        otherwise=Judgement("not shown", f"In our runs it has {numbers}."),
    )


def _regularised(s: Sources) -> Judgement:
    plain, own, low, high = (
        s.number(_NET, name)
        for name in ("accuracy", "regularised_accuracy", "regularised_accuracy_low", "regularised_accuracy_high")
    )
    if not math.isfinite(high - low):
        return Judgement("not shown", f"The accuracy is {percent(own)} with it, {percent(plain)} without. {ONE_SEED}")
    limits = scalar(s[_NET], "regularised_accuracy", "%", 1)
    why = f"The accuracy is {percent(own)} with it ({limits} for one more seed) and {percent(plain)} without."
    return judge(
        Case("holds in part", f"{why} Robustness was not measured.", lambda: high < plain),
        otherwise=Judgement("not shown", why),
    )


def _strong(s: Sources) -> Judgement:
    sound, both = s.number(_LEAKS, "sound"), s.number(_LEAKS, "both")
    why = (
        f"`Target` and SMOTE before the split lift the macro-F1 of a plain network from {decimals(sound)} to "
        f"{decimals(both)} on natural rows."
    )
    return judge(
        Case("doesn't hold", f"The faults are strong, not the network: {why}", lambda: both > sound + 0.1),
        otherwise=Judgement("not shown", why),
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
    "eda.maintenance.correction": _correction,
    "classification.balancing": _balancing,
    "classification.smote": _smote,
    "classification.curves": _curves,
    "classification.no_overfitting": _no_overfitting,
    "classification.excellent": _excellent,
    "classification.smooth": _smooth,
    "classification.stable": _stable,
    "classification.well": _well,
    "classification.hardest": _hardest,
    "classification.cautious": _cautious,
    "classification.balanced": _balanced,
    "regularization.classification": _regularised,
    "closing.classification": _strong,
    "closing.models": _models,
    "closing.sound": _work,
}

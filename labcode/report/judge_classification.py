"""The original's conclusions on the machines, the classification and the whole work, judged by results."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from labcode.confusion import f1_scores, recalls
from labcode.data.maintenance import load_maintenance
from labcode.experiments import eda
from labcode.report.classification import VARIANTS
from labcode.report.classification_tables import stops_of
from labcode.report.judging import Case, Judgement, judge
from labcode.report.measured import Sources
from labcode.report.text import count, decimals, joined, percent

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
    (found, needless), (more, dearer) = (stops_of(s[_BALANCING], name) for name in ("nothing", "smote"))
    why = (
        f"On natural rows {_gain(s)}. With SMOTE, {count(more)} failures are found instead of {count(found)}, and "
        f"{count(dearer)} stops are needless instead of {count(needless)}: a choice, and no requirement."
    )
    return judge(
        Case("doesn't hold", why, lambda: high < 0 and more > found and dearer > needless),
        Case("holds", f"On natural rows {_gain(s)}.", lambda: low > 0),
        otherwise=Judgement("not shown", f"On natural rows {_gain(s)}; the interval of the difference holds zero."),
    )


def _plain(s: Sources) -> np.ndarray:
    """The confusion matrix of the plain network on natural rows, without the faults: the original's, done soundly."""
    return s[_LEAKS].arrays["confusion"][list(VARIANTS).index("sound")].mean(axis=0)


def _well(s: Sources) -> Judgement:
    classes = [0, 2, 5]
    own = f1_scores(s[_NET].arrays["confusion_plain_test"].astype(float)).mean(axis=0)[classes]
    natural = f1_scores(_plain(s))[classes]
    why = (
        f"As submitted, their F1 is {joined([decimals(value) for value in own])}. A plain network without the faults "
        f"has {joined([decimals(value) for value in natural])} on natural rows."
    )
    return judge(
        Case("holds", why, lambda: min(natural) > 0.75),
        Case("holds in part", why, lambda: min(own) > 0.7),
        otherwise=Judgement("not shown", why),
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
    "classification.well": _well,
    "classification.hardest": _hardest,
    "closing.classification": _strong,
    "closing.models": _models,
    "closing.sound": _work,
}

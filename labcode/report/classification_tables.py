"""The tables of the classification chapter: the original's report, ways to balance, what was tried, and the scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from labcode.experiments.recipes import CHOSEN
from labcode.lab.classification.classes import CLASSES, NORMAL
from labcode.metrics import Interval
from labcode.report.classification import SHORT, limits
from labcode.report.text import count, decimals
from labcode.store import Result

SCORES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision_macro": "precision, macro",
    "sensitivity_macro": "sensitivity (recall), macro",
    "specificity_macro": "specificity, macro",
    "f1_macro": "F1, macro",
    "f1_macro_without_random": "F1, macro of five, without random failures",
    "f1_weighted": "F1, weighted",
    "mcc": "Matthews correlation (MCC)",
    "pr_auc_macro": "PR-AUC, one against the rest, macro",
    "roc_auc_macro": "ROC-AUC, one against the rest, macro",
    "log_loss": "log loss, with class weights",
    "log_loss_without_weights": "log loss, weights undone",
    "brier": "Brier score, with class weights",
    "brier_without_weights": "Brier score, weights undone",
}
#: Means of recalls. Where nearly all of these are 0 or 1, as on the test rows, resampling gives them no fair width.
MEANS_OF_RECALLS = ("balanced_accuracy", "sensitivity_macro")


def clopper_pearson(right: float, n: float, *, level: float = 0.95) -> Interval:
    """A share with its binomial interval, which has a width where resampling has none.

    Parameters
    ----------
    right, n
        How many are right, which may be a mean over repeats, and of how many.

    Examples
    --------
    >>> found = clopper_pearson(0, 18)
    >>> found.low, round(found.high, 3)
    (0.0, 0.185)
    """
    tail = (1 - level) / 2
    low = float(betaincinv(right, n - right + 1, tail)) if right > 0 else 0.0
    high = float(betaincinv(right + 1, n - right, 1 - tail)) if right < n else 1.0
    return Interval(right / n, low, high)


def stops(result: Result) -> tuple[np.ndarray, np.ndarray]:
    """Failures that each way to balance calls a failure of any kind, and rows without one that it calls so."""
    called, failed = result.arrays["predicted"] != NORMAL, result.arrays["y"] != NORMAL
    found, needless = (called & failed).sum(axis=-1), (called & ~failed).sum(axis=-1)
    return found.mean(axis=1), needless.mean(axis=1)


def stops_of(result: Result, method: str) -> tuple[float, float]:
    """The same of one way."""
    place = list(result.frame("methods")["method"]).index(method)
    found, needless = stops(result)
    return float(found[place]), float(needless[place])


def tried_table(result: Result) -> pd.DataFrame:
    """What was tried for the network, each change against the chosen inputs."""
    frame = result.frame("variants")
    return pd.DataFrame(
        {
            "network": ["questions as above" if name == CHOSEN else name for name in frame["variant"]],
            "macro-F1": [limits(row, "macro_f1") for _, row in frame.iterrows()],
            "less the chosen one": [limits(row, "gain") if row["gain"] else "chosen" for _, row in frame.iterrows()],
            "heat": [decimals(value) for value in frame["f1_heat_dissipation"]],
            "overstrain": [decimals(value) for value in frame["f1_overstrain"]],
            "power": [decimals(value) for value in frame["f1_power"]],
            "tool wear": [decimals(value) for value in frame["f1_tool_wear"]],
        }
    )


def recall_limits(own: pd.Series) -> str:
    """The recall of a class, out of fold, with its binomial interval; `own` has ``recall`` and ``support``."""
    found = clopper_pearson(own["recall"] * own["support"], own["support"])
    return limits({"of": found.value, "of_low": found.low, "of_high": found.high}, "of", 2)


def class_scores(result: Result) -> pd.DataFrame:
    """Precision, recall and F1 of each class out of fold, with intervals; F1 on training and test rows."""
    frame = result.frame("classes").set_index(["set", "label"])
    rows = []
    for label in CLASSES:
        own = frame.loc[("out_of_fold", label)]
        rows.append(
            {
                "class": SHORT[label],
                "rows": count(own["support"]),
                "precision": limits(own, "precision", 2),
                "recall": recall_limits(own),
                "F1": limits(own, "f1", 2),
                "F1, training": decimals(frame.loc[("train", label), "f1"]),
                "F1, test": decimals(frame.loc[("test", label), "f1"]),
            }
        )
    return pd.DataFrame(rows)


def score_table(result: Result) -> pd.DataFrame:
    """All scores of the network on training rows, test rows and out of fold."""
    frame = result.frame("scores").set_index("score")
    return pd.DataFrame(
        [
            {
                "score": text,
                "training": decimals(frame.loc[name, "train"], 3),
                "test": decimals(frame.loc[name, "test"], 3)
                if name in MEANS_OF_RECALLS
                else limits(frame.loc[name], "test"),
                "out of fold": limits(frame.loc[name], "out_of_fold"),
            }
            for name, text in SCORES.items()
        ]
    )

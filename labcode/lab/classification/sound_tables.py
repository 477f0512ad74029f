"""The tables of the contest between the network and its rivals."""

from __future__ import annotations

import pandas as pd

from labcode.book.text import marked
from labcode.lab.classification.ceiling_results import Ceiling
from labcode.lab.classification.classes import CLASSES, SHORT
from labcode.lab.classification.first_results import AsSubmitted
from labcode.lab.classification.sound_results import Contest, Scores
from labcode.results.number import decimals
from labcode.scoring.scores import accuracy, f1_scores, precisions, recalls

MODELS = {
    "network": "network",
    "forest": "random forest",
    "boosting": "boosting",
    "logistic": "logistic regression",
}


def contest(found: Contest, ceiling: Ceiling) -> pd.DataFrame:
    """Macro-F1 with either decision and log loss of each model, and of one who knows the rules."""
    rows: list[tuple[object, ...]] = []
    for name, says in MODELS.items():
        plain, ruled = _decisions(found, name)
        rows.append((says, plain.macro_f1.interval, ruled.macro_f1.interval, found.chances[name].log_loss.bare))
    best = ceiling.most_probable.macro_f1, ceiling.best.macro_f1
    rows.append((marked("*knows the rules*"), best[0].interval, best[1].interval, ceiling.log_loss.bare))
    return pd.DataFrame(rows, columns=["model", "most probable class", "decision for macro-F1", "log loss"])


def gains(found: Contest) -> pd.DataFrame:
    """What the network gains over each rival with the same decision, in three ways."""
    return pd.DataFrame(
        [
            {
                "network less": says,
                "same rows": found.gains[f"{name}_with_rule"].macro_f1.interval,
                "folds": found.gains[f"{name}_with_rule"].folds.interval,
                "fresh simulated rows": found.gains[f"{name}_with_rule"].fresh.interval,
                "log loss saved": found.loss_gains[name].log_loss.interval,
            }
            for name, says in MODELS.items()
            if name != "network"
        ]
    )


def training_and_held_out(first: AsSubmitted, found: Contest) -> pd.DataFrame:
    """Accuracy, mean recall, mean precision and macro-F1 of both versions, on training rows and on others."""
    plain, ruled = found.network_without_rule, found.network
    counts = {
        "first version": (first.confusion_plain_train, first.confusion_plain_test),
        "this version, most probable class": (plain.train_confusion, plain.confusion),
        "this version, decision for macro-F1": (ruled.train_confusion, ruled.confusion),
    }
    scores = {"accuracy": accuracy, "recall": recalls, "precision": precisions, "macro-F1": f1_scores}
    return pd.DataFrame(
        [
            {"network": name, "rows": rows} | {title: decimals(score(own).mean(), 3) for title, score in scores.items()}
            for name, pair in counts.items()
            for rows, own in zip(("training", "test" if name == "first version" else "held out"), pair, strict=True)
        ]
    )


def by_class(found: Contest, ceiling: Ceiling) -> pd.DataFrame:
    """Precision, recall and F1 of the network by class, and the F1 of one who knows the rules."""
    return pd.DataFrame(
        [
            {
                "class": says,
                "precision": str(found.network.precision[slug].interval),
                "recall": str(found.network.recall[slug].interval),
                "F1": str(found.network.f1[slug].interval),
                "knows the rules": str(ceiling.best.f1[slug]),
            }
            for slug, says in zip(CLASSES.values(), SHORT.values(), strict=True)
        ]
    )


def _decisions(found: Contest, name: str) -> tuple[Scores, Scores]:
    """Scores of the most probable class and of the decision for macro-F1."""
    if name == "network":
        return found.network_without_rule, found.network
    return getattr(found, name), getattr(found, f"{name}_with_rule")

"""The tables on our first version of the classification."""

from __future__ import annotations

import pandas as pd

from labcode.book.reference import stated
from labcode.lab.classification.classes import CLASSES
from labcode.lab.classification.first_results import AsSubmitted, Natural
from labcode.lab.classification.first_settings import First
from labcode.lab.classification.first_stated import Floats
from labcode.results.number import decimals
from labcode.scoring.intervals import next_draw_interval
from labcode.scoring.scores import f1_scores, precisions, recalls

#: Classes as tables and figures call them.
SHORT = ("heat dissipation", "no failure", "overstrain", "power", "random", "tool wear")
EPOCHS = (0, 10, 20, 30, 40)


def architecture(first: First, inputs: int = 7) -> str:
    """Units of the layers: ``7 → 64 → 32 → 6``."""
    return " → ".join(str(units) for units in (inputs, *first.hidden, len(CLASSES)))


def hyperparameters(first: First) -> pd.DataFrame:
    """Every setting of our first version's training: columns ``setting``, ``plain``, ``regularised``."""
    same = {
        "units": architecture(first),
        "activation": "ReLU",
        "loss": "cross-entropy",
        "optimiser": "Adam",
        "learning rate": f"{first.lr:g}",
        "epochs": f"{first.epochs}",
        "rows a step": "all",
        "SMOTE: neighbours": f"{first.smote_neighbors}",
    }
    rows = [{"setting": name, "plain": value, "regularised": value} for name, value in same.items()]
    rows.append({"setting": "dropout", "plain": "0", "regularised": f"{first.dropout:g}"})
    rows.append({"setting": "weight decay", "plain": "0", "regularised": f"{first.weight_decay:g}"})
    return pd.DataFrame(rows)


def report(first: AsSubmitted) -> pd.DataFrame:
    """Precision, recall and F1 of each class on the balanced test rows: stated, ours, and where a seed should fall."""
    scores = {"precision": precisions, "recall": recalls, "F1": f1_scores}
    rows = []
    for k, (name, said) in enumerate(zip(SHORT, stated("classification.report").values or (), strict=True)):
        row: dict[str, object] = {"class": name, "rows": first.support[k].bare}
        for (title, score), value in zip(scores.items(), said, strict=False):
            row[f"{title}, stated"] = decimals(float(value), 2)
            row[f"{title}, ours"] = _ours(score(first.confusion_plain_test)[:, k])
        rows.append(row)
    return pd.DataFrame(rows)


def _ours(values: Floats) -> str:
    found = next_draw_interval(values)
    return f"{decimals(found.value, 2)} ({decimals(found.low, 2)} to {decimals(found.high, 2)})"


def where_it_matters(first: AsSubmitted) -> pd.DataFrame:
    """Accuracy, macro-F1 and healthy rows called random failures: as stated, on balanced rows, on recorded ones."""
    said, mixed, balanced = stated("classification.accuracy").value, first.reweighted, first.plain
    rows = [
        ("as we stated it", decimals(100 * float(said or 0), 0) + "%", _said("classification.macro_f1"), ""),
        ("stated matrix, natural mix", mixed.accuracy.interval, mixed.macro_f1.interval, ""),
        ("balanced test rows", balanced.accuracy.interval, balanced.macro_f1.interval, ""),
        _natural("all recorded rows", first.natural),
        _natural("recorded rows, not trained on", first.held_out),
        _natural("recorded rows, split before SMOTE", first.split_first),
    ]
    return pd.DataFrame(rows, columns=["rows", "accuracy", "macro-F1", "healthy, called random"])


def _said(name: str) -> str:
    return decimals(float(stated(name).value or 0), 2)


def _natural(name: str, found: Natural) -> tuple[str, str, str, str]:
    share = f"{found.healthy_as_random.interval} of {found.healthy}"
    return name, found.accuracy.interval, found.macro_f1.interval, share


def agreement(first: AsSubmitted) -> pd.DataFrame:
    """Stated figures inside the limits of so many seeds, and how many other seeds those limits hold."""
    return pd.DataFrame(
        [
            {
                "seeds": seeds,
                "inside": own.inside.bare,
                "informative": own.inside_informative.bare,
                "other seeds": str(own.coverage),
                "inside, t": own.inside_t.bare,
                "informative, t": own.inside_informative_t.bare,
                "other seeds, t": str(own.coverage_t),
            }
            for seeds, own in first.agreement.items()
        ]
    )


def families(first: AsSubmitted) -> pd.DataFrame:
    """Stated figures of each kind: how many, and how many inside, of all and of those with informative limits."""
    return pd.DataFrame(
        [
            {
                "kind": kind,
                "stated": own.figures.bare,
                "inside": own.inside.bare,
                "informative": own.informative.bare,
                "inside of these": own.inside_informative.bare,
            }
            for kind, own in first.families.items()
        ]
    )

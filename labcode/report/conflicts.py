"""The original's statements that disagree with each other, and what can be worked out from them alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from labcode.book.reference import Stated, reference, stated
from labcode.confusion import f1_scores, precisions, recalls
from labcode.report.text import NARROW, as_written, count, decimals


def conflict_table() -> pd.DataFrame:
    """Each disagreement: the statements with their sections, and why they do not fit."""
    worked_out = notes()
    return pd.DataFrame(
        {
            "the original says": ["; ".join(map(_said, map(stated, each.between))) for each in reference().conflicts],
            "but": [each.note.format_map(worked_out) for each in reference().conflicts],
        }
    )


def _said(entry: Stated) -> str:
    """A statement in short, with its section."""
    where = f"({'printed' if entry.printed else entry.section})"
    if entry.value is None or entry.kind == "conclusion":
        return f"{entry.label} {where}" if entry.values else f"“{entry.quote}” {where}"
    label = re.sub(r" \(ours:[^)]*\)|, printed", "", entry.label)  # what the verdict's tables add
    return f"{label}: {f'≈{NARROW}' if entry.about else ''}{as_written(entry.value, entry.places)} {where}"


def notes() -> Mapping[str, str]:
    """Numbers that follow from what the original states, by the name that a note calls them."""
    rmse, loss, score = (_value(name) for name in ("tuning.rmse", "regression.test_49", "tuning.score"))
    report = _values("classification.report")
    gap = abs(_value("classification.table_test_10") - _value("classification.table_train_10"))
    rise = _value("classification.regularised_40") - _value("classification.regularised_30")
    return {
        "rmse": decimals(rmse, 1),
        "rmse_squared": count(rmse**2),
        "loss": count(loss),
        "loss_root": decimals(loss**0.5, 1),
        "score_root": decimals((-score) ** 0.5),
        "train_20": count(_value("regression.train_20")),
        "test_20": count(_value("regression.test_20")),
        "regularised_0": decimals(_value("classification.regularised_0")),
        "rise": decimals(rise),
        "gap": count(100 * gap),
        **{f"f1_{k}": decimals(report[k, 2]) for k in (0, 2, 3)},
        "supports": count(report[:, 3].sum()),
        "majority": count(report[:, 3].sum() / 0.2 // len(report)),
    }


def report_from_matrix() -> tuple[int, int]:
    """How many numbers of the original's classification report follow from its own matrix, and how many there are."""
    counts = _values("classification.confusion")
    own = np.column_stack([score(counts) for score in (precisions, recalls, f1_scores)])
    report = _values("classification.report")
    follows = np.abs(own - report[:, :3]) <= 0.005 + 1e-9
    supports = counts.sum(axis=1) == report[:, 3]
    return int(follows.sum() + supports.sum()), report.size


def _value(name: str) -> float:
    value = stated(name).value
    assert value is not None
    return value


def _values(name: str) -> np.ndarray:
    return np.array(stated(name).values, dtype=np.float64)

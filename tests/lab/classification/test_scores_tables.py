"""The table of scores reads what the results say, and types nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_origin

import numpy as np
import pytest

from labcode.lab.classification.first_results import AsSubmitted, Leakage
from labcode.lab.classification.scores_tables import COLUMNS, every_score
from labcode.lab.classification.sound_results import Contest, Tuned
from labcode.lab.classification.training_results import EqualAlarms, HeldBack
from labcode.results.number import Number
from labcode.results.typed import Results, declarations

KINDS = (AsSubmitted, Leakage, EqualAlarms, HeldBack, Contest, Tuned)
KEYS = ("nothing", "smote", "sound", "both", "none", "recipe")


def made_up(kind: Any, value: float) -> Any:
    """A result in which every figure has one value."""
    if kind is Number:
        return Number(value, value - 0.01, value + 0.01)
    if get_origin(kind) is not None and issubclass(get_origin(kind), Mapping):
        return {key: made_up(get_args(kind)[1], value) for key in KEYS}
    if isinstance(kind, type) and issubclass(kind, Results):
        return kind(**{name: made_up(each.kind, value) for name, each in declarations(kind).items()})
    return 3 if kind is int else "nothing" if kind is str else np.zeros(10)


@pytest.mark.parametrize("changed", range(len(KINDS)))
def test_every_score_is_read_from_its_result(changed: int) -> None:
    table = every_score(*(made_up(kind, 0.5) for kind in KINDS))
    other = every_score(*(made_up(kind, 0.5 + 0.25 * (place == changed)) for place, kind in enumerate(KINDS)))
    moved = table["macro-F1"] != other["macro-F1"]
    assert 0 < moved.sum() < len(table) and table.loc[moved, "where"].nunique() == 1
    assert list(table.columns) == list(COLUMNS)

"""Sentences and table cells that results decide say each of the things that they can say."""

from __future__ import annotations

import numpy as np
import pytest

from labcode.metrics import Interval
from labcode.report.regularization_sentences import by_how_much


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Interval(-2.0, -3.0, -1.0), "lower by 2.0 USD² on average (95% interval of the mean 1.0 to 3.0)"),
        (Interval(2.0, 1.0, 3.0), "higher by 2.0 USD² on average (95% interval of the mean 1.0 to 3.0)"),
        (Interval(2.0, -1.0, 5.0), "neither lower nor higher for certain (2.0 USD², −1.0 to 5.0)"),
        (Interval(2.0, -np.inf, np.inf), "2.0 USD² higher"),
    ],
)
def test_a_difference_is_called_what_its_interval_bears(found: Interval, words: str) -> None:
    assert by_how_much(found).replace("\N{NO-BREAK SPACE}", " ") == words

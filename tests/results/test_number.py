"""A figure prints itself with its unit and its interval, and compares and computes as its value does."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labcode.results.number import BLANK, MINUS, Number, Quantity, decimals

ERROR = Quantity(says="error", unit="USD", decimals=3, over="dates")
SHARE = Quantity(says="share", unit="%", decimals=1, over="rows")
ROWS = Quantity(says="rows", unit="rows", decimals=0)
NAN = math.nan


@pytest.mark.parametrize(
    ("number", "value", "bare", "limits", "interval"),
    [
        (Number(0.7895, 0.70, 0.8881, quantity=ERROR),
         "0.789 USD", "0.789", "0.700 to 0.888", "0.789 USD (0.700 to 0.888)"),
        (Number(-0.25, -0.5, -0.0, quantity=SHARE), "−25.0%", "−25.0", "−50.0 to 0.0%", "−25.0% (−50.0 to 0.0%)"),
        (Number(1234567, quantity=ROWS), "1,234,567 rows", "1,234,567", "n/a", "1,234,567 rows"),
        (Number(2.5, quantity=Quantity(decimals=1, over="seeds")), "2.5", "2.5", "n/a", "2.5"),
        (Number(NAN, quantity=ERROR), "n/a", "n/a", "n/a", "n/a"),
        (Number(math.inf, quantity=SHARE), "n/a", "n/a", "n/a", "n/a"),
        (Number(1.0, 0.5, NAN), "1.00", "1.00", "n/a", "1.00 (n/a)"),
    ],
)  # fmt: skip
def test_what_it_prints_on_one_line_and_as_it_is(
    number: Number, value: str, bare: str, limits: str, interval: str
) -> None:
    printed = (str(number), number.bare, number.limits, number.interval)
    assert tuple(text.replace(BLANK, " ") for text in printed) == (value, bare, limits, interval)
    assert f"{number}" == str(number) == number._repr_markdown_() and " " not in number.interval
    for text in printed:  # a page would show a plain string's escapes
        assert text._repr_markdown_() == text  # type: ignore[attr-defined]


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(0, 4))
def test_only_what_does_not_round_to_zero_has_a_sign(value: float, places: int) -> None:
    text = decimals(value, places)
    read = float(text.replace(",", "").replace(MINUS, "-"))
    assert read == pytest.approx(value, abs=0.5000001 * 10**-places, rel=1e-6)
    assert "-" not in text and (MINUS in text) == (value < 0 and any(digit in "123456789" for digit in text))


@pytest.mark.parametrize(
    ("low", "high", "off"),
    [(0.1, 0.9, True), (-2.0, -1.0, True), (-0.1, 0.9, False), (0.0, 1.0, False), (NAN, NAN, False)],
)
def test_off_zero(low: float, high: float, off: bool) -> None:
    assert Number(0.5, low, high, quantity=ERROR).off_zero is off


@pytest.mark.parametrize("other", [2.0, Number(2.0), np.float64(2.0), 2])
def test_it_compares_as_its_value_from_both_sides(other: float | Number) -> None:
    number = Number(1.5, 0.0, 9.0)
    assert number < other and number <= other and number != other and other > number and other >= number
    assert not (number > other or number >= other or other < number or other <= number or number == other)


@pytest.mark.parametrize("compute", [operator.add, operator.sub, operator.mul, operator.truediv])
@pytest.mark.parametrize("kinds", [(Number, Number), (Number, float), (float, Number), (Number, int), (int, Number)])
def test_it_computes_as_its_value_from_both_sides(compute: Callable, kinds: tuple[type, type]) -> None:
    found = compute(kinds[0](6), kinds[1](2))
    assert type(found) is float and found == compute(6, 2)


def test_other_arithmetic_and_equality_are_those_of_the_value_and_nothing_changes_it() -> None:
    assert (Number(3.0) ** 2, abs(Number(-3.0)), -Number(3.0), float(Number(3))) == (9.0, 3.0, -3.0, 3.0)
    assert (sum([Number(1.0), Number(2.5)]), max([Number(1.0), Number(2.5)])) == (3.5, 2.5)
    one, same, other = Number(1.0, 0.5, 2.0, quantity=ERROR), Number(1.0), Number(1.5, quantity=ERROR)
    assert one == same == 1 and hash(one) == hash(same) == hash(1) and len({one, same, other}) == 2
    assert one != "1.0" and one is not None and Number(NAN) != Number(NAN)
    with pytest.raises(AttributeError):
        one.value = 2.0  # type: ignore[misc]

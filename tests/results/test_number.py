"""A figure prints itself with its unit and its interval, and compares and computes as its value does."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labcode.results.number import BLANK, MINUS, Number, Quantity, decimals

ERROR = Quantity(says="error", unit="USD", decimals=3, over="dates")
SHARE = Quantity(says="share", unit="%", decimals=1, over="rows")
PLAIN = Quantity(says="score")
SEEDS = Quantity(says="loss", decimals=1, over="seeds")
NAN = math.nan


def spaced(text: str) -> str:
    return text.replace(BLANK, " ")


@pytest.mark.parametrize(
    ("number", "value", "bare", "limits", "interval"),
    [
        (Number(0.7895, 0.70, 0.8881, quantity=ERROR),
         "0.789 USD", "0.789", "0.700 to 0.888", "0.789 USD (0.700 to 0.888)"),
        (Number(0.5, 0.0, 0.75, quantity=SHARE), "50.0%", "50.0", "0.0 to 75.0%", "50.0% (0.0 to 75.0%)"),
        (Number(-0.25, -0.5, -0.0, quantity=SHARE), "−25.0%", "−25.0", "−50.0 to 0.0%", "−25.0% (−50.0 to 0.0%)"),
        (Number(1234567, quantity=Quantity(says="rows", unit="rows", decimals=0)),
         "1,234,567 rows", "1,234,567", "n/a", "1,234,567 rows"),
        (Number(2.5, quantity=SEEDS), "2.5", "2.5", "n/a", "2.5"),
        (Number(NAN, quantity=ERROR), "n/a", "n/a", "n/a", "n/a"),
        (Number(math.inf, quantity=SHARE), "n/a", "n/a", "n/a", "n/a"),
        (Number(1.0, 0.5, NAN, quantity=PLAIN), "1.00", "1.00", "n/a", None),
    ],
)  # fmt: skip
def test_what_it_prints(number: Number, value: str, bare: str, limits: str, interval: str | None) -> None:
    assert spaced(str(number)) == value == spaced(f"{number}") == spaced(number._repr_markdown_())
    assert (spaced(number.bare), spaced(number.limits)) == (bare, limits)
    if interval is not None:
        assert spaced(number.interval) == interval


def test_a_number_and_its_unit_stay_on_one_line() -> None:
    number = Number(1.0, 0.5, 2.0, quantity=ERROR)
    assert " " not in number.interval


def test_a_page_shows_the_text_itself_and_not_its_escapes() -> None:
    number = Number(1.0, 0.5, 2.0, quantity=ERROR)
    for text in (number.bare, number.limits, number.interval, str(number)):
        assert text._repr_markdown_() == text  # type: ignore[attr-defined]


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers(0, 4))
def test_only_what_does_not_round_to_zero_has_a_sign(value: float, places: int) -> None:
    text = decimals(value, places)
    assert float(text.replace(",", "").replace(MINUS, "-")) == pytest.approx(
        value, abs=0.5000001 * 10**-places, rel=1e-6
    )
    assert "-" not in text
    assert (MINUS in text) == (value < 0 and any(digit in "123456789" for digit in text))


@pytest.mark.parametrize("value", [-0.5, -0.0, -0.4999])
def test_zero_has_no_sign(value: float) -> None:
    assert decimals(value, 0) == "0"


@pytest.mark.parametrize(
    ("low", "high", "off"),
    [(0.1, 0.9, True), (-2.0, -1.0, True), (-0.1, 0.9, False), (0.0, 1.0, False), (NAN, NAN, False)],
)
def test_off_zero(low: float, high: float, off: bool) -> None:
    assert Number(0.5, low, high, quantity=ERROR).off_zero is off


@pytest.mark.parametrize("other", [2.0, Number(2.0), np.float64(2.0), 2])
def test_it_compares_as_its_value_from_both_sides(other: float | Number) -> None:
    number = Number(1.5, 0.0, 9.0)
    assert number < other and number <= other and number != other
    assert other > number and other >= number
    assert not (number > other or number >= other or other < number or other <= number or number == other)


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda a, b: a + b, 8.0),
        (lambda a, b: a - b, 4.0),
        (lambda a, b: a * b, 12.0),
        (lambda a, b: a / b, 3.0),
    ],
)
@pytest.mark.parametrize("kinds", [(Number, Number), (Number, float), (float, Number), (Number, int), (int, Number)])
def test_it_computes_as_its_value_from_both_sides(
    compute: Callable[[object, object], float], expected: float, kinds: tuple[type, type]
) -> None:
    found = compute(kinds[0](6), kinds[1](2))
    assert type(found) is float and found == expected


def test_other_arithmetic() -> None:
    assert (Number(3.0) ** 2, abs(Number(-3.0)), -Number(3.0), float(Number(3))) == (9.0, 3.0, -3.0, 3.0)
    assert sum([Number(1.0), Number(2.5)]) == 3.5
    assert max([Number(1.0), Number(2.5)]) == 2.5


def test_equal_values_are_equal_whatever_they_are_of() -> None:
    one, same, other = Number(1.0, 0.5, 2.0, quantity=ERROR), Number(1.0, quantity=PLAIN), Number(1.5, quantity=ERROR)
    assert one == same == 1 and hash(one) == hash(same) == hash(1)
    assert len({one, same, other}) == 2
    assert one != "1.0" and one is not None
    assert Number(NAN) != Number(NAN)


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Number(1.0).value = 2.0  # type: ignore[misc]

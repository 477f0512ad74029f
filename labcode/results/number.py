"""A figure of the report as an object: its value, its limits, its unit, and what it could have been.

A :class:`Quantity` says what a figure is; it is written once, where the figure is declared. A :class:`Number` is one
measured value of it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

T = TypeVar("T")

#: Percentages are stored as shares, 0 to 1.
Unit = Literal["", "%", "USD", "USD²", "rows", "dates"]
#: What an interval of 95% varies. "seeds" and "draws" are where single ones should fall; "folds" is that of their mean.
Over = Literal["dates", "symbols", "dates and symbols", "dates and seeds", "rows", "rows and seeds", "folds", "draws",
               "seeds", "mean over seeds", "range of seeds"]  # fmt: skip

MINUS = "\N{MINUS SIGN}"
#: Keeps a number with its unit, and the limits of an interval, on one line.
BLANK = "\N{NO-BREAK SPACE}"


def decimals(value: float, places: int) -> str:
    """A number with so many decimals, thousands separators and a real minus sign; what rounds to zero has no sign.

    >>> decimals(-0.0623, 2), decimals(1234.5, 1), decimals(-0.0004, 3), decimals(float("nan"), 2)
    ('−0.06', '1,234.5', '0.000', 'n/a')
    """
    if not math.isfinite(value):
        return "n/a"
    text = f"{value:,.{places}f}"
    return text.replace("-", MINUS if text.strip("-0.") else "")


def count(value: Number | float) -> str:
    """A whole number with thousands separators, such as ``850,790``."""
    return decimals(float(value), 0)


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """What a figure is.

    ``says`` is a phrase for it, such as ``"error on the test dates"``, which a check shows to the reader; ``least`` to
    ``most`` is the range that it could have, whatever the rows are; ``over`` is what its interval varies, ``None`` for
    a figure without one; ``name`` is what ``labcode results`` calls it, where that is not the name of the field.
    """

    says: str = ""
    unit: Unit = ""
    decimals: int = 2
    least: float = -math.inf
    most: float = math.inf
    over: Over | None = None
    name: str | None = None


class _Printed(str):
    """Text that a page shows as it is; of a plain string Quarto would show a no-break space as its escape."""

    def _repr_markdown_(self) -> str:
        return str(self)


def _of_values(operation: Callable[[float, float], T]) -> Callable[[Number, Number | float], T]:
    """A method that computes or compares as the values of its operands do."""
    return lambda own, other: operation(float(own), float(other))


@dataclass(frozen=True, eq=False)
class Number:
    """One value of a quantity, with the limits of its interval where it has any.

    In text it prints itself with its unit. It compares and computes as its value does, a share for the unit ``"%"``;
    limits are not a number where there are none. A result fills in the quantity from the declaration of its field.

    >>> rmse = Number(0.7895, 0.7012, 0.8881, quantity=Quantity(unit="USD", decimals=3, over="dates"))
    >>> str(rmse).split(), str(rmse.interval).split(), rmse < 0.8
    (['0.789', 'USD'], ['0.789', 'USD', '(0.701', 'to', '0.888)'], True)
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    quantity: Quantity = field(default=Quantity(), kw_only=True)

    def __str__(self) -> str:
        return _Printed(f"{self._digits(self.value)}{self._unit}")

    def _repr_markdown_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        limits = f" ({self.low:.4g} to {self.high:.4g})" if math.isfinite(self.low) else ""
        return f"<Number {self.value:.6g}{limits} {self.quantity.says or 'without a name'}>"

    @property
    def bare(self) -> str:
        """The value alone, without its unit."""
        return _Printed(self._digits(self.value))

    @property
    def limits(self) -> str:
        """The limits alone: ``0.70 to 0.89``; ``n/a`` where there are none."""
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return _Printed("n/a")
        end = "%" if self.quantity.unit == "%" else ""
        return _Printed(f"{self._digits(self.low)}{BLANK}to{BLANK}{self._digits(self.high)}{end}")

    @property
    def interval(self) -> str:
        """The value with its limits; the value alone where there are none, as for a single seed."""
        return _Printed(f"{self}{BLANK}({self.limits})" if math.isfinite(self.low) else str(self))

    @property
    def off_zero(self) -> bool:
        """Whether its interval lies on one side of zero."""
        return self.low > 0 or self.high < 0

    @property
    def _unit(self) -> str:
        unit = self.quantity.unit
        return "" if not unit or not math.isfinite(self.value) else "%" if unit == "%" else f"{BLANK}{unit}"

    def _digits(self, value: float) -> str:
        return decimals(100 * value if self.quantity.unit == "%" else value, self.quantity.decimals)

    def __float__(self) -> float:
        return float(self.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __eq__(self, other: object) -> bool:
        return float(self) == float(other) if isinstance(other, Number | int | float) else NotImplemented

    __lt__ = _of_values(operator.lt)
    __le__ = _of_values(operator.le)
    __gt__ = _of_values(operator.gt)
    __ge__ = _of_values(operator.ge)
    __add__ = __radd__ = _of_values(operator.add)
    __sub__ = _of_values(operator.sub)
    __rsub__ = _of_values(lambda own, other: other - own)
    __mul__ = __rmul__ = _of_values(operator.mul)
    __truediv__ = _of_values(operator.truediv)
    __rtruediv__ = _of_values(lambda own, other: other / own)
    __pow__ = _of_values(operator.pow)

    def __neg__(self) -> float:
        return -float(self)

    def __abs__(self) -> float:
        return abs(float(self))

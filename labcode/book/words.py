"""A condition on results in words: what a reader sees who points at the mark behind a sentence."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from labcode.results.number import Number, decimals
from labcode.results.typed import Results

_COMPARED: dict[type[ast.cmpop], str] = {
    ast.Lt: "is below",
    ast.LtE: "is at most",
    ast.Gt: "is above",
    ast.GtE: "is at least",
    ast.Eq: "is",
    ast.NotEq: "is not",
    ast.IsNot: "is not",
    ast.In: "is one of",
    ast.NotIn: "is none of",
}
_COMPUTED: dict[type[ast.operator], str] = {
    ast.Add: "plus",
    ast.Sub: "minus",
    ast.Mult: "times",
    ast.Div: "divided by",
    ast.Pow: "to the power of",
}
_LIMITS = {"low": "the lower limit of", "high": "the upper limit of", "value": ""}


def in_words(condition: ast.expr, names: Mapping[str, Any]) -> str:
    """The condition with what its figures are and came out as; what has no words of its own stays as it is written."""
    match condition:
        case ast.BoolOp(op=op, values=values):
            return (" and " if isinstance(op, ast.And) else ", or ").join(in_words(each, names) for each in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"it is not so that {in_words(operand, names)}"
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"minus {in_words(operand, names)}"
        case ast.Compare(left=left, ops=ops, comparators=others):
            parts = [in_words(left, names)]
            for place, (compared, other) in enumerate(zip(ops, others, strict=True)):
                parts += [", which" * bool(place), _COMPARED.get(type(compared), "is"), in_words(other, names)]
            return " ".join(filter(None, parts)).replace(" , which", ", which")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTED:
            return f"{_operand(left, names)} {_COMPUTED[type(op)]} {_operand(right, names)}"
        case ast.Call(func=ast.Name(id="abs"), args=[inside], keywords=[]):
            return f"the size of {_operand(inside, names)}"
        case ast.Tuple(elts=each) | ast.List(elts=each) | ast.Set(elts=each):
            return ", ".join(in_words(member, names) for member in each)
        case ast.Constant(value=value):
            return str(value)
    return _named(condition, names)


def _operand(expression: ast.expr, names: Mapping[str, Any]) -> str:
    words = in_words(expression, names)
    return f"({words})" if isinstance(expression, ast.BinOp) else words


def _named(expression: ast.expr, names: Mapping[str, Any]) -> str:
    """An attribute, item or call, by its phrase and its value."""
    value = value_of(expression, names)
    if isinstance(value, Number):
        return _phrase(value, str(value))
    if isinstance(expression, ast.Attribute):
        owner = value_of(expression.value, names)
        if isinstance(owner, Number) and expression.attr in _LIMITS:
            printed = str(Number(value, quantity=owner.quantity))
            return f"{_LIMITS[expression.attr]} {_phrase(owner, printed)}".strip()
        if isinstance(owner, Number) and expression.attr == "off_zero":
            return f"the interval of {_phrase(owner, owner.limits)} is off zero"
    written = ast.unparse(expression)
    if isinstance(value, bool | np.bool_ | np.ndarray | Results | Mapping):
        return written
    return f"{written} ({decimals(value, 3) if isinstance(value, float) else value})"


def _phrase(number: Number, printed: str) -> str:
    return f"{number.quantity.says or 'a number'} ({printed})"


def value_of(expression: ast.expr, names: Mapping[str, Any]) -> Any:
    """What a part of a condition comes to; None where it cannot be computed by itself, as inside a loop."""
    try:
        return eval(compile(ast.Expression(expression), "condition", "eval"), dict(names))
    except Exception:
        return None

"""Could this check fail? Its condition is tried on results moved within what they could be.

Every figure that the condition reads is drawn anew from its possible range, alone and together with the others. A
condition that no draw turns cannot fail; a clause of it that never decides the outcome cannot matter.
"""

from __future__ import annotations

import ast
import copy
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from labcode.book.checks import Check
from labcode.book.words import value_of
from labcode.results.number import Number, Quantity
from labcode.results.typed import Results, declarations

#: Draws of each figure alone, and of all together.
ALONE, TOGETHER = 24, 400
#: How far from a landmark a figure is drawn, as factors of it.
_NEAR, _FAR = (1e-4, 0.2), (-4.0, 3.0)
_OTHER_TEXT = "something else"
_NOTHING = Quantity()
_Change = Callable[[str, Any, Quantity], Any]


@dataclass(frozen=True)
class Trial:
    """What was found of a check: whether some draw turned it, and the clauses that decided no draw, as written."""

    can_fail: bool
    idle: list[str]


@dataclass(frozen=True)
class _Clause:
    """A part of a condition that is true or false by itself, and the condition as it is where this does not matter."""

    itself: ast.expr
    without: ast.expr


def tried(check: Check) -> Trial:
    """Try a check on moved results."""
    idle, turned = _clauses(check.parsed), False
    for names in _moved(check, read_by(check)):
        outcome = _truth(check.parsed, names)
        if outcome is None:
            continue
        turned = turned or outcome is not check.holds
        idle = [clause for clause in idle if _truth(clause.without, names) is outcome]
        if turned and not idle:
            break
    return Trial(turned, [ast.unparse(clause.itself) for clause in idle])


class _Apart(ast.NodeTransformer):
    """Makes two clauses of a chain ``a < b < c``."""

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        sides = [node.left, *node.comparators]
        pairs = [ast.Compare(left, [op], [right]) for left, op, right in zip(sides, node.ops, sides[1:])]
        return ast.BoolOp(ast.And(), list[ast.expr](pairs)) if len(pairs) > 1 else node


def _clauses(condition: ast.expr) -> list[_Clause]:
    """The clauses of a condition, from left to right; none where there is but one."""
    tree, found = _Apart().visit(copy.deepcopy(condition)), []
    for siblings, place, neutral in _places(tree):
        clause, siblings[place] = siblings[place], ast.Constant(neutral)
        found.append(_Clause(clause, copy.deepcopy(tree)))
        siblings[place] = clause
    return found


def _places(node: ast.expr) -> list[tuple[list[ast.expr], int, bool]]:
    """Where each clause stands among its siblings, and the truth by which it does not matter there."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _places(node.operand)
    siblings = node.values if isinstance(node, ast.BoolOp) else []
    neutral = isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And)
    return [place for n, each in enumerate(siblings) for place in _places(each) or [(siblings, n, neutral)]]


def _truth(expression: ast.expr, names: Mapping[str, Any]) -> bool | None:
    """Whether a condition holds; None where it cannot be computed."""
    with np.errstate(all="ignore"), suppress(Exception):
        code = compile(ast.fix_missing_locations(ast.Expression(expression)), "check", "eval")
        return bool(eval(code, dict(names)))
    return None


class _Watched(Number):
    """A number that notes when its value or a limit is read."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("value", "low", "high"):
            object.__getattribute__(self, "_log").setdefault(object.__getattribute__(self, "_path"), None)
        return object.__getattribute__(self, name)


def read_by(check: Check) -> dict[str, tuple[Any, Quantity]]:
    """What a check reads: its numbers, plain values and arrays, by path, with their declarations."""
    log: dict[str, Any] = {}
    everything: dict[str, tuple[Any, Quantity]] = {}

    def watch(path: str, value: Any, quantity: Quantity) -> Any:
        everything[path] = (value, quantity)
        if not isinstance(value, Number):
            return value
        watched = copy.copy(value)
        object.__setattr__(watched, "_log", log)
        object.__setattr__(watched, "_path", path)
        object.__setattr__(watched, "__class__", _Watched)
        return watched

    names = dict(check.names) | {name: _rebuilt(result, name, watch) for name, result in check.results.items()}
    for expression in (check.parsed, *(clause.itself for clause in _clauses(check.parsed))):
        _truth(expression, names)
    for node in ast.walk(check.parsed):  # plain values and arrays make no note of themselves
        path = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Subscript) else ""
        if path in everything and not isinstance(everything[path][0], Number):
            log.setdefault(path, None)
    return {path: everything[path] for path in log}


def _rebuilt(value: Any, path: str, change: _Change, quantity: Quantity = _NOTHING) -> Any:
    """A copy of a result with each number, plain value and array in it changed."""
    if isinstance(value, Results):
        new = copy.copy(value)
        for name, declared in declarations(type(value)).items():
            inner = _rebuilt(getattr(value, name), f"{path}.{name}", change, declared.quantity)
            object.__setattr__(new, name, inner)
        return new
    if isinstance(value, Mapping):
        items = {key: _rebuilt(each, f"{path}[{key!r}]", change, quantity) for key, each in value.items()}
        return MappingProxyType(items)
    return change(path, value, value.quantity if isinstance(value, Number) else quantity)


def _moved(check: Check, reads: Mapping[str, tuple[Any, Quantity]]) -> Iterator[dict[str, Any]]:
    """The check's variables with what it reads moved: each alone, then all together."""
    random = np.random.default_rng(zlib.crc32(check.condition.encode()))
    landmarks = _landmarks(check, reads)
    rounds = [[path] for path in reads for _ in range(ALONE)] + [list(reads)] * TOGETHER
    for paths in rounds:
        drawn = {path: _drawn(reads[path], random, landmarks) for path in paths}

        def move(path: str, value: Any, _: Quantity, drawn: Mapping[str, Any] = drawn) -> Any:
            return drawn.get(path, value)

        yield dict(check.names) | {name: _rebuilt(each, name, move) for name, each in check.results.items()}


def _landmarks(check: Check, reads: Mapping[str, tuple[Any, Quantity]]) -> list[float | str]:
    """Values around which something could turn: zero, constants of the condition, and what is read."""
    nodes = list(ast.walk(check.parsed))
    named = [node.value for node in nodes if isinstance(node, ast.Constant)]
    named += [value_of(node, check.names) for node in nodes if isinstance(node, ast.Call | ast.Attribute)]
    found: list[float | str] = [0.0, 1.0, *(each for each in named if isinstance(each, int | float | str))]
    for value, _ in reads.values():
        found += [value.value, value.low, value.high] if isinstance(value, Number) else []
        found += [value] if isinstance(value, int | float | str) else []
    return [each for each in found if isinstance(each, str) or math.isfinite(each)]


def _drawn(read: tuple[Any, Quantity], random: np.random.Generator, landmarks: list[float | str]) -> Any:
    """Another value that this could have had."""
    value, quantity = read
    numbers = [float(each) for each in landmarks if not isinstance(each, str)]
    if isinstance(value, str):
        texts = [each for each in landmarks if isinstance(each, str)]
        return random.choice([*texts, _OTHER_TEXT])
    if isinstance(value, np.ndarray):
        return _moved_array(value, quantity, random, numbers)
    whole = isinstance(value.value if isinstance(value, Number) else value, int)
    if not isinstance(value, Number):
        drawn = _number(quantity, random, numbers, whole, float(value))
        return int(drawn) if whole else drawn
    draws = sorted(_number(quantity, random, numbers, whole, value.value) for _ in range(3))
    middle = int(draws[1]) if whole else draws[1]
    limits = (draws[0], draws[2]) if quantity.over is not None else (math.nan, math.nan)
    return Number(middle, *limits, quantity=quantity)


def _number(quantity: Quantity, random: np.random.Generator, landmarks: list[float], whole: bool, now: float) -> float:
    """A draw from the possible range: near a landmark, at another scale, or anywhere between the ends."""
    least, most = quantity.least, quantity.most
    landmark = float(random.choice(landmarks)) or 1.0
    kind, sign = random.integers(3), random.choice([-1.0, 1.0])
    if kind == 0:
        drawn = landmark + sign * abs(landmark) * random.uniform(*_NEAR)
    elif kind == 1 or not math.isfinite(most - least):
        drawn = sign * abs(landmark) * 10 ** random.uniform(*_FAR)
    else:
        drawn = random.uniform(least, most)
    if whole:
        return float(np.clip(round(drawn), least, most))
    if least <= drawn <= most and (least < drawn < most or drawn == now):
        return float(drawn)
    # Beyond an end, which no measured value reaches exactly: just inside it.
    end, inside = (least, 1.0) if drawn <= least else (most, -1.0)
    scale = min(abs(landmark), most - least)
    return float(end + inside * scale * 10 ** random.uniform(-6.0, -1.0)) if least < most else end


def _moved_array(
    value: np.ndarray, quantity: Quantity, random: np.random.Generator, landmarks: list[float]
) -> np.ndarray:
    """An array read backwards, scaled, shuffled, or drawn anew, within its range."""
    kind = random.integers(4)
    flat = value.astype(float)
    if kind == 0:
        moved = flat[..., ::-1]
    elif kind == 1:
        moved = flat * 10 ** random.uniform(-1.0, 1.0)
    elif kind == 2:
        moved = random.permutation(flat.ravel()).reshape(flat.shape)
    else:
        moved = flat + random.normal(size=flat.shape) * (np.nanstd(flat) + abs(float(random.choice(landmarks))))
    return np.asarray(np.clip(moved, quantity.least, quantity.most))

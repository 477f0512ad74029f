"""What a check reads, and whether it would notice if that were otherwise.

A check is a function without arguments. Its inputs are found by the names in its code: results, tables, arrays and
numbers. They are replaced by stand-ins that note what is read, and that can answer with something else.
"""

from __future__ import annotations

import copy
import dataclasses
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from labcode.results.number import Number
from labcode.results.typed import Results
from labcode.store import Result

#: Turns what is read into something else.
Change = Callable[[Any], Any]
#: Cells of a table or array above which it is not changed: copies would take too long.
_MOST_CELLS = 200_000
#: Relative changes that :func:`margin` tries, the smallest first.
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Probe:
    """Notes what is read by its label, and answers with the changed value where there is a change for the label."""

    def __init__(self, changes: Mapping[str, Change] | None = None) -> None:
        self.reads: dict[str, Any] = {}
        self.changes = {} if changes is None else changes

    def see(self, label: str, value: Any) -> Any:
        """The value, or what it is changed to; anything but numbers, tables and arrays passes unnoticed."""
        if not is_numeric(value):
            return value
        self.reads.setdefault(label, value)
        change = self.changes.get(label)
        return change(value) if change else value

    def wrap(self, name: str, value: Any) -> Any:
        """A stand-in for an input of this name."""
        if isinstance(value, Result):
            watched = copy.copy(value)
            for part in ("scalars", "tables", "arrays"):
                label = f"{value.experiment}: " if part == "scalars" else f"{value.experiment}: {part[:-1]} "
                object.__setattr__(watched, part, _Watched(self, label, getattr(value, part)))
            return watched
        if isinstance(value, pd.Series) and value.dtype == object:
            value = value.to_dict()  # a row of a table, with texts beside its numbers
        if isinstance(value, dict):
            owner = getattr(value, "experiment", "")
            return _Watched(self, f"{owner or name}: ", value)
        if isinstance(value, list | tuple) and not is_numeric(value) and not hasattr(value, "_fields"):
            return type(value)(self.wrap(f"{name}[{i}]", item) for i, item in enumerate(value))
        if isinstance(value, Results | Number):  # checks on these have trials of their own
            return value
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return _WatchedObject(self, name, value)
        return self.see(name, value)


class _Everything(dict[str, Change]):
    """One change for all that is read, also by a part of the check that is only reached once other parts turn."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self.change = change

    def get(self, label: str, default: Any = None) -> Any:
        return self.change


class _Watched(dict[str, Any]):
    """A mapping that tells the probe which of its values are read."""

    def __init__(self, probe: Probe, label: str, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.probe, self.label = probe, label

    def __getitem__(self, key: str) -> Any:
        return self.probe.see(f"{self.label}{key}", super().__getitem__(key))

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401 - get() would pass the watched values by

    def values(self) -> Any:
        return [self[key] for key in self]

    def items(self) -> Any:
        return [(key, self[key]) for key in self]


class _WatchedObject:
    """An object whose attributes are watched; its methods see the object as it is."""

    def __init__(self, probe: Probe, name: str, value: object) -> None:
        self.__dict__.update(_probe=probe, _name=name, _value=value)

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._value, attribute)
        return value if callable(value) else self._probe.wrap(f"{self._name}.{attribute}", value)

    def __getitem__(self, key: object) -> Any:
        return self._probe.wrap(f"{self._name}[{key!r}]", self._value[key])


def is_numeric(value: object) -> bool:
    """Whether the value is a number, or a table or an array with numbers in it."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(row, dict) for row in value)
    if isinstance(value, pd.DataFrame):
        return not value.select_dtypes("number").empty
    if isinstance(value, np.ndarray | pd.Series):
        return bool(pd.api.types.is_numeric_dtype(value.dtype))
    return isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)


def reads(check: Callable[[], Any]) -> dict[str, Any]:
    """What the check reads, by label, such as ``"regression/sound: rmse"``."""
    probe = Probe()
    with _probed(check, probe):
        check()
    return probe.reads


def outcome(check: Callable[[], Any], changes: Mapping[str, Change]) -> bool | None:
    """What the check says of changed inputs; ``None`` if it cannot be computed from them."""
    try:
        with np.errstate(all="ignore"), _probed(check, Probe(changes)):
            return bool(check())
    except Exception:
        return None


def notices(check: Callable[[], Any]) -> bool:
    """Whether any perturbation turns the check's answer.

    Each input is negated, made huge, made zero and levelled; all are negated and set equal; pairs are swapped.
    """
    found = reads(check)
    before = bool(check())
    return any(outcome(check, changes) is (not before) for changes in perturbations(found))


def perturbations(found: Mapping[str, Any]) -> Iterator[dict[str, Change]]:
    """Ways in which what was read could be otherwise."""
    for change in (_negated, _huge, _hugely_negative, _zero, _levelled, _turned):
        yield _Everything(change)
        for label in found:
            yield {label: change}
    numbers = {label: float(value) for label, value in found.items() if np.ndim(value) == 0 and not _is_table(value)}
    if len(numbers) > 1:
        mean = float(np.nanmean(list(numbers.values())))
        yield dict.fromkeys(numbers, _constant(mean))
    for one, other in combinations(list(numbers)[:12], 2):
        yield {one: _constant(numbers[other]), other: _constant(numbers[one])}


def margin(check: Callable[[], Any]) -> tuple[str, float] | None:
    """The smallest tried change of a single input that turns the answer: its label, and the change as a share.

    ``None`` if no change up to tenfold does.
    """
    found, before = reads(check), bool(check())
    for step in _STEPS:
        for label in found:
            for share in (step, -step):
                if outcome(check, {label: _scaled(1 + share)}) is (not before):
                    return label, share
    return None


@contextmanager
def _probed(check: Callable[[], Any], probe: Probe) -> Iterator[None]:
    """Let the check see the probe's stand-ins for the variables that its code names."""
    variables = check.__globals__  # type: ignore[attr-defined]
    cells = dict(zip(check.__code__.co_freevars, check.__closure__ or ()))  # type: ignore[attr-defined]
    kept = {name: variables[name] for name in _names(check.__code__) if name in variables}  # type: ignore[attr-defined]
    kept_cells = {name: cell.cell_contents for name, cell in cells.items()}
    try:
        for name, value in kept.items():
            variables[name] = probe.wrap(name, value)
        for name, value in kept_cells.items():
            cells[name].cell_contents = probe.wrap(name, value)
        yield
    finally:
        variables.update(kept)
        for name, value in kept_cells.items():
            cells[name].cell_contents = value


def _names(code: types.CodeType) -> set[str]:
    """Global names that the code, or code inside it, may read."""
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*(_names(each) for each in inner))


def _is_table(value: object) -> bool:
    return isinstance(value, list | pd.DataFrame | pd.Series)


def _each_number(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with a change made to its numbers: to a number itself, to an array, to each column of a table."""
    if isinstance(value, list):
        return _each_number(pd.DataFrame(value), change).to_dict("records")
    if isinstance(value, pd.DataFrame):
        if value.size > _MOST_CELLS:
            return value
        numeric = value.select_dtypes("number").columns
        return value.assign(**{name: change(value[name].astype(float)) for name in numeric})
    if isinstance(value, np.ndarray | pd.Series):
        return value if value.size > _MOST_CELLS else change(value.astype(float))
    return change(float(value))


def _constant(number: float) -> Change:
    return lambda value: _each_number(value, lambda each: each * 0.0 + number)


def _scaled(factor: float) -> Change:
    return lambda value: _each_number(value, lambda each: each * factor)


_negated, _zero = _scaled(-1.0), _constant(0.0)
_huge, _hugely_negative = _constant(1e9), _constant(-1e9)


def _levelled(value: Any) -> Any:
    """All values of a column or an array at their mean."""
    return _each_number(value, lambda each: each * 0.0 + np.nanmean(each))


def _turned(value: Any) -> Any:
    """Columns of a table, or an array, read backwards."""

    def turn(each: Any) -> Any:
        if isinstance(each, pd.Series):
            return pd.Series(each.to_numpy()[::-1], index=each.index)
        return each[::-1] if np.ndim(each) else each

    return _each_number(value, turn)

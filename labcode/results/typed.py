"""Results as frozen dataclasses, and how they become the plain names and values that the store keeps.

The fields of a result are numbers, other results, mappings of either (a family by epoch, class or candidate), arrays,
and plain values. What a figure is stands in the annotation of its field::

    @dataclass(frozen=True, kw_only=True)
    class Sound(Results):
        experiment = "regression/sound"
        rmse: Annotated[Number, Quantity(says="error on the test dates", unit="USD", decimals=3, least=0, over="dates")]

`labcode results` calls it ``rmse``, ``rmse_low`` and ``rmse_high``. A field inside another result has that one's name
before its own, ``ols_rmse``; a member of a mapping, its key.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from labcode.errors import LabcodeError
from labcode.results.number import Number, Quantity

R = TypeVar("R", bound="Results")
Scalar = float | int | str


@dataclass(frozen=True)
class Origin:
    """What a result was computed from: the source of each data set's rows (``"part"``: few), and the profile."""

    sources: Mapping[str, str] = field(default_factory=dict)
    profile: str = "full"

    @property
    def published(self) -> bool:
        """Whether these are real rows, all of them: what the report says must be true of them."""
        return self.profile == "full" and not {"simulated", "part"} & {*self.sources.values()}


@dataclass(frozen=True, kw_only=True)
class Results:
    """Base of all results; a subclass that an experiment returns names it in ``experiment``."""

    experiment: ClassVar[str] = ""
    origin: Origin = Origin()

    def __post_init__(self) -> None:
        for name, declared in declarations(type(self)).items():
            value = getattr(self, name)
            object.__setattr__(self, name, _described(value, declared.quantity))


@dataclass(frozen=True)
class Declared:
    """A field of a result: its type, and what its figures are."""

    kind: Any
    quantity: Quantity

    def name(self, prefix: str, field_name: str) -> str:
        """What the store calls it."""
        own = field_name if self.quantity.name is None else self.quantity.name
        return "_".join(part for part in (prefix, own) if part)

    def member_name(self, stored: str, key: object) -> str:
        """What the store calls a member of a mapping."""
        return f"{stored}_{key}" if stored and self.quantity.name != "" else str(key)


_declarations: dict[Any, Mapping[str, Declared]] = {}


def declarations(kind: type[Results]) -> Mapping[str, Declared]:
    """The fields of a kind of result, without ``origin``; a number without a phrase is a `LabcodeError`."""
    if kind in _declarations:
        return _declarations[kind]
    hints = get_type_hints(kind, include_extras=True)
    found = {each.name: _declared(hints[each.name]) for each in fields(kind) if each.name != "origin"}
    for name, declared in found.items():
        if Number in (declared.kind, *get_args(declared.kind)) and not declared.quantity.says:
            raise LabcodeError(f"{kind.__name__}.{name} has no phrase; write Annotated[Number, Quantity(says=…)].")
    _declarations[kind] = MappingProxyType(found)
    return _declarations[kind]


def _declared(hint: Any) -> Declared:
    if get_origin(hint) is not Annotated:
        return Declared(hint, Quantity())
    kind, *notes = get_args(hint)
    return Declared(kind, next((note for note in notes if isinstance(note, Quantity)), Quantity()))


def _described(value: Any, quantity: Quantity) -> Any:
    """The value with its numbers told what they are; those inside another result get its phrase before their own."""
    if isinstance(value, Number):
        told = not quantity.says or (value.quantity.says and value.quantity.says.endswith(quantity.says))
        return value if told else replace(value, quantity=quantity)
    if isinstance(value, Mapping):
        return MappingProxyType({key: _member(key, each, quantity) for key, each in value.items()})
    return _prefixed(value, quantity.says) if isinstance(value, Results) and quantity.says else value


def _member(key: object, value: Any, quantity: Quantity) -> Any:
    if isinstance(value, Number):
        return replace(
            value, quantity=replace(quantity, says=f"{quantity.says}{' ' if isinstance(key, int) else ', '}{key}")
        )
    return _prefixed(value, str(key))


def _prefixed(value: Results, phrase: str) -> Results:
    """A copy whose numbers say of what they are: ``least squares: error on new dates``."""
    copy = replace(value)
    for name in declarations(type(value)):
        number = getattr(value, name)
        if isinstance(number, Number) and not number.quantity.says.startswith(f"{phrase}: "):
            said = replace(number.quantity, says=f"{phrase}: {number.quantity.says}")
            object.__setattr__(copy, name, replace(number, quantity=said))
    return copy


@dataclass(frozen=True)
class Flat:
    """A result as the store keeps it."""

    scalars: dict[str, Scalar] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def flatten(results: Results) -> Flat:
    """The plain names and values of a result.

    `LabcodeError` if two figures have one name, or a field holds what cannot be kept.
    """
    flat = Flat()
    for name, value in _flat(results, ""):
        part: dict[str, Any] = flat.scalars
        if isinstance(value, np.ndarray | list):
            part = flat.arrays if isinstance(value, np.ndarray) else flat.tables
        if name in part:
            raise LabcodeError(f"{type(results).__name__} has two figures named {name!r}.")
        part[name] = value
    return flat


def _flat(results: Results, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, declared in declarations(type(results)).items():
        stored, value = declared.name(prefix, name), getattr(results, name)
        if isinstance(value, Mapping):
            yield stored, [{"key": key} for key in value]
            for key, member in value.items():
                yield from _flat_one(member, declared.member_name(stored, key))
        else:
            yield from _flat_one(value, stored)


def _flat_one(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Results):
        yield from _flat(value, name)
    elif isinstance(value, Number):
        yield name, value.value
        if value.quantity.over is not None:
            yield f"{name}_low", float(value.low)
            yield f"{name}_high", float(value.high)
    elif isinstance(value, np.ndarray | float | int | str):
        yield name, value
    else:
        raise LabcodeError(f"{name} is {value!r}; a result holds numbers, results, mappings of them, arrays and text.")


def unflatten(
    kind: type[R],
    scalars: Mapping[str, Scalar],
    tables: Mapping[str, list[dict[str, Any]]],
    arrays: Mapping[str, np.ndarray],
    origin: Origin = Origin(),
) -> R:
    """The inverse of :func:`flatten`; `LabcodeError` if a figure is not there."""
    try:
        return _built(kind, Flat(dict(scalars), dict(tables), dict(arrays)), "", origin)
    except KeyError as error:
        raise LabcodeError(f"The stored {kind.experiment or kind.__name__} has no {error}; compute it again.") from None


def _built(kind: type[R], flat: Flat, prefix: str, origin: Origin) -> R:
    values: dict[str, Any] = {}
    for name, declared in declarations(kind).items():
        stored = declared.name(prefix, name)
        if get_origin(declared.kind) in (Mapping, dict):
            member = Declared(get_args(declared.kind)[1], declared.quantity)
            keys = [row["key"] for row in flat.tables[stored]]
            values[name] = {key: _one(member, flat, declared.member_name(stored, key), origin) for key in keys}
        else:
            values[name] = _one(declared, flat, stored, origin)
    return kind(**values, origin=origin)


def _one(declared: Declared, flat: Flat, name: str, origin: Origin) -> Any:
    kind = declared.kind
    if isinstance(kind, type) and issubclass(kind, Results):
        return _built(kind, flat, name, origin)
    if kind is Number:
        limits = [float(flat.scalars[f"{name}_{end}"]) for end in ("low", "high")] if declared.quantity.over else []
        value = flat.scalars[name]
        return Number(value if isinstance(value, int) else float(value), *limits, quantity=declared.quantity)
    return flat.scalars[name] if kind in (int, float, str, bool) else flat.arrays[name]


def numbers(results: object, place: str = "") -> Iterator[tuple[str, Number]]:
    """Every number inside a result, with the path to it."""
    if isinstance(results, Number):
        yield place, results
    elif isinstance(results, Mapping):
        for key, each in results.items():
            yield from numbers(each, f"{place}[{key!r}]")
    elif isinstance(results, Results):
        for name in declarations(type(results)):
            yield from numbers(getattr(results, name), f"{place}.{name}")


def impossible(number: Number) -> str:
    """Why a number cannot be: out of its range, or outside its own interval; empty where nothing is wrong.

    >>> from labcode.results.number import Number, Quantity
    >>> impossible(Number(1.2, quantity=Quantity(says="accuracy", least=0, most=1)))
    'it is 1.2, expected 0 to 1'
    """
    quantity, slack = number.quantity, 1e-9 * max(1.0, abs(number.value))
    if not quantity.least - slack <= number.value <= quantity.most + slack:
        return f"it is {number.value:g}, expected {quantity.least:g} to {quantity.most:g}"
    if math.isfinite(number.low) and not number.low - slack <= number.value <= number.high + slack:
        return f"it is {number.value:.4g}, outside its own interval {number.low:.4g} to {number.high:.4g}"
    return ""

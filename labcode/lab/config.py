"""``lab.toml``: the settings that a person may want to change, read into frozen dataclasses."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from labcode import settings
from labcode.errors import LabcodeError
from labcode.results.experiments import Experiment
from labcode.results.typed import Results

S = TypeVar("S")
FILE = "lab.toml"
#: A table of this name holds what the quick profile has otherwise.
QUICK = "quick"


def experiment(run: Callable[..., Results], section: str = "", **more: Any) -> Experiment:
    """An experiment, named as the kind of result that ``run`` returns, with the settings that its ``spec`` asks for.

    ``run`` is annotated with the types of both; the section is as :func:`configured` takes it, all else as
    :class:`~labcode.results.experiments.Experiment` does.
    """
    hints = get_type_hints(run)
    full, quick = (configured(hints["spec"], section, profile=profile) for profile in get_args(settings.Profile))
    return Experiment(name=hints["return"].experiment, run=run, spec=full, quick=quick, **more)


def configured(kind: type[S], section: str = "", *, profile: settings.Profile = "full") -> S:
    """The settings of one table of ``lab.toml``, or of several.

    ``kind`` is a frozen dataclass: its fields are the keys that the table must have, its types what they may be, with
    constraints such as ``Annotated[int, Field(ge=1)]`` of pydantic's ``Field``. A field that is annotated with the name
    of a table, ``Annotated[First, "regression.first"]``, is read from that table instead, as are all without a
    ``section``. In the quick profile, the keys of the table's own table ``quick`` come before its others.

    `LabcodeError` if the file, a table or a key is missing, a key is unknown, or a value is of the wrong type or
    impossible.
    """
    hints = get_type_hints(kind, include_extras=True).items()
    annotated = {name: get_args(hint) for name, hint in hints if get_origin(hint) is Annotated}
    named = {name: args for name, args in annotated.items() if isinstance(args[1], str)}
    table = _table(section) if section else {}
    quick = table.pop(QUICK, {})
    if not isinstance(quick, Mapping):
        raise LabcodeError(f"{FILE}: [{section}] {QUICK} = {quick!r}, but it should be a table of settings.")
    kinds = {name: each for name, each in get_type_hints(kind).items() if name not in named}
    _refuse_unknown(kinds, section, {**quick, **table})
    others = {name: dataclasses.asdict(configured(*args, profile=profile)) for name, args in named.items()}
    return _checked(kind, section, {**table, **(quick if profile == QUICK else {}), **others})


def _table(section: str) -> dict[str, Any]:
    path = settings.project_root() / FILE
    try:
        table: Any = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise LabcodeError(f"{path} cannot be read ({error.strerror}); it holds the settings of the lab.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LabcodeError(f"{FILE} is not valid TOML: {error}.") from None
    for part in section.split("."):
        table = table.get(part) if isinstance(table, Mapping) else None
    if not isinstance(table, Mapping):
        raise LabcodeError(f"{FILE} has no table [{section}]; the experiments read it.")
    return dict(table)


def _checked(kind: type[S], section: str, table: Mapping[str, Any]) -> S:
    values = {name: table[name] for name in get_type_hints(kind) if name in table}
    try:
        # As JSON, in which a list may become a tuple, and nothing else becomes what it is not.
        return TypeAdapter(kind).validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        raise LabcodeError(_sentence(error, section)) from None
    except TypeError as error:
        raise LabcodeError(f"{FILE}: [{section}] holds what no setting can be ({error}).") from None


def _refuse_unknown(kinds: Mapping[str, Any], section: str, table: Mapping[str, Any]) -> None:
    """Name the first key that is no setting; a table below this one may be another's."""
    for key, value in table.items():
        if key in kinds:
            if dataclasses.is_dataclass(kinds[key]) and isinstance(value, Mapping):
                _refuse_unknown(get_type_hints(kinds[key]), f"{section}.{key}", value)
        elif not isinstance(value, Mapping):
            near = get_close_matches(key, kinds, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise LabcodeError(f"{FILE}: [{section}] has no setting {key!r}, only {', '.join(kinds)}{meant}")


def _sentence(error: ValidationError, section: str) -> str:
    """The first fault: file, key, value, what was expected."""
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"])) or "it"
    if first["type"] == "missing":
        return f"{FILE}: [{section}] lacks the setting {key!r}; the experiments need it."
    wanted = first["msg"].removeprefix("Input should be ")
    return f"{FILE}: [{section}] {key} = {json.dumps(first['input'])}, but it should be {wanted}."

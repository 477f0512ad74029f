"""``lab.toml``: the settings that a person may want to change, read into frozen dataclasses."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_type_hints

from pydantic import TypeAdapter, ValidationError

from labcode import settings
from labcode.errors import LabcodeError

S = TypeVar("S")
FILE = "lab.toml"
#: A table of this name holds what the quick profile has otherwise.
QUICK = "quick"


def configured(kind: type[S], section: str, *, profile: settings.Profile = "full") -> S:
    """The settings of one table of ``lab.toml``.

    Parameters
    ----------
    kind
        A frozen dataclass: its fields are the keys that the table must have, its types what they may be. Constraints
        are written ``Annotated[int, Field(ge=1)]``, with pydantic's ``Field``.
    section
        Name of the table, such as ``"regression.first"``.
    profile
        With ``"quick"``, the keys of the table's own table ``quick`` come before its others.

    Raises
    ------
    LabcodeError
        If the file, the table or a key is missing, a key is unknown, or a value is of the wrong type or impossible.
    """
    table = _table(section)
    quick = table.pop(QUICK, {})
    if not isinstance(quick, Mapping):
        raise LabcodeError(f"{FILE}: [{section}] {QUICK} = {quick!r}, but it should be a table of settings.")
    return _checked(kind, section, {**table, **quick} if profile == QUICK else table, quick)


def _table(section: str) -> dict[str, Any]:
    path = settings.project_root() / FILE
    try:
        found: Any = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise LabcodeError(f"{path} cannot be read ({error.strerror}); it holds the settings of the lab.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LabcodeError(f"{FILE} is not valid TOML: {error}.") from None
    for part in section.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise LabcodeError(f"{FILE} has no table [{section}]; the experiments read it.")
    return dict(found)


def _checked(kind: type[S], section: str, table: Mapping[str, Any], quick: Mapping[str, Any]) -> S:
    _refuse_unknown(kind, section, {**quick, **table})
    try:
        known = {each.name: table[each.name] for each in dataclasses.fields(kind) if each.name in table}  # type: ignore[arg-type]
        # As JSON, in which a list may become a tuple, and nothing else becomes what it is not.
        return TypeAdapter(kind).validate_json(json.dumps(known), strict=True)
    except ValidationError as error:
        raise LabcodeError(_sentence(error, section)) from None
    except TypeError as error:
        raise LabcodeError(f"{FILE}: [{section}] holds what no setting can be ({error}).") from None


def _refuse_unknown(kind: Any, section: str, table: Mapping[str, Any]) -> None:
    """Name the first key that is no setting; a table below this one may be another's."""
    hints = get_type_hints(kind)
    names = [each.name for each in dataclasses.fields(kind)]
    for key, value in table.items():
        if key in names:
            if dataclasses.is_dataclass(hints[key]) and isinstance(value, Mapping):
                _refuse_unknown(hints[key], f"{section}.{key}", value)
        elif not isinstance(value, Mapping):
            near = get_close_matches(key, names, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise LabcodeError(f"{FILE}: [{section}] has no setting {key!r}, only {', '.join(names)}{meant}")


def _sentence(error: ValidationError, section: str) -> str:
    """The first fault: file, key, value, what was expected."""
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"])) or "it"
    if first["type"] == "missing":
        return f"{FILE}: [{section}] lacks the setting {key!r}; the experiments need it."
    wanted = first["msg"].removeprefix("Input should be ")
    return f"{FILE}: [{section}] {key} = {json.dumps(first['input'])}, but it should be {wanted}."

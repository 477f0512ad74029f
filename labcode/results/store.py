"""Results on disk, addressed by what they were computed from.

A result is a JSON file, with an npz file beside it where it has arrays; nothing is ever pickled. The JSON file is
written last and holds the digests of both, so it is the commit: a process that dies on the way leaves the old state or
the new one. A file that is damaged, or is not what its name says, is set aside with a message and computed again.

Numbers come back bit for bit. JSON has no NaN and no infinity, so these are written as ``{"$float": "nan"}``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
import os
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd

from labcode import settings
from labcode.errors import LabcodeError
from labcode.files import write_whole

#: Version of the files' layout; it enters every key, so files in another layout are never found.
FORMAT = 2

_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RecursionError, zipfile.BadZipFile)
_DAY = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Result:
    """What an experiment found.

    ``experiment`` is a name such as ``"regression/sound"``, ``key`` the hex digest of everything that it was computed
    from, ``meta`` the device, seconds, library versions, spec, and fingerprints of the data. Tables are rows of plain
    values (see :meth:`frame`), arrays of any dtype but ``object``. NumPy scalars become Python's and tuples lists when
    it is made, so a result just computed equals the same result read from the store; a value that cannot be stored is a
    `LabcodeError` that says where it stands.
    """

    experiment: str
    key: str
    scalars: dict[str, float | int | str]
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part in ("scalars", "tables", "meta"):
            object.__setattr__(self, part, _each_value(getattr(self, part), _plain, f"{self.experiment}: {part}"))
        object.__setattr__(self, "arrays", {name: np.asarray(array) for name, array in self.arrays.items()})
        for name, array in self.arrays.items():
            if array.dtype.hasobject:
                raise LabcodeError(
                    f"{self.experiment}: the array {name!r} holds Python objects; give it a plain dtype."
                )

    def frame(self, name: str) -> pd.DataFrame:
        """A table as a frame, one row for each of its rows."""
        if name not in self.tables:
            raise LabcodeError(f"{self.experiment} has no table {name!r}; it has {', '.join(self.tables) or 'none'}.")
        return pd.DataFrame(self.tables[name])


class Store:
    """Results below one folder, by default ``results`` in the store folder; it is made when something is written."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or settings.store_dir() / "results"

    def path(self, name: str, key: str) -> Path:
        """The JSON file of a result, whether it is there or not."""
        return self.root / name / f"{key[:24]}.json"

    def load(self, name: str, key: str) -> Result | None:
        """Read a result; ``None`` if it is not there, or was damaged and is now set aside."""
        path = self.path(name, key)
        if not os.path.lexists(path):
            return None
        try:
            return _read(path, name, key)
        except _DAMAGE as error:
            _set_aside(path, error)
            return None

    def save(self, result: Result) -> None:
        """Write a result, arrays first; whatever stops this, the store holds the old state or the new one.

        `OSError` if the folder cannot be written or the disk is full; nothing half-written stays.
        """
        path = self.path(result.experiment, result.key)
        packed = _pack(result.arrays)
        digest = hashlib.sha256(packed).hexdigest()
        if result.arrays:
            write_whole(_arrays_path(path, digest), packed)
        write_whole(path, json.dumps(_record(result, digest), indent=1))

    @contextmanager
    def lock(self, name: str, key: str) -> Iterator[None]:
        """Hold a result's lock: one process computes it while others wait. It ends with the process that holds it.

        A store that cannot be written cannot be locked either, and then nothing is shared that a lock could guard.
        """
        path = self.path(name, key)
        lock = _acquire(path, name)
        try:
            if lock:
                _sweep(path)
            yield
        finally:
            if lock:
                lock.release()


def note(message: str) -> None:
    """Tell the user one line, on stderr."""
    print(f"labcode: {message}", file=sys.stderr, flush=True)


def result_key(
    name: str, spec: object, inputs: Mapping[str, object], code: str, versions: Mapping[str, str], device: str
) -> str:
    """Digest of everything that a result is computed from.

    `spec` is a frozen dataclass or a mapping, and its floats count exactly; `inputs` tells the rows and the results
    that it needs from others; the rest is what :mod:`labcode.results.keys` gives.
    """
    return _digest(_canonical([FORMAT, name, plain_spec(spec), inputs, code, versions, device]))


def plain_spec(spec: object) -> object:
    """A spec as plain values, for a key or a record."""
    if dataclasses.is_dataclass(spec) and not isinstance(spec, type):
        spec = dataclasses.asdict(spec)
    return _each_value(spec, _plain, "spec")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(_each_value(value, _tagged, ""), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _each_value(value: object, change: Callable[[object, str], object], where: str) -> Any:
    """A copy of nested mappings and sequences with each value changed."""
    if isinstance(value, Mapping):
        return {str(key): _each_value(item, change, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_each_value(item, change, f"{where}[{index}]") for index, item in enumerate(value)]
    return change(value, where)


def _plain(value: object, where: str) -> object:
    plain = value.item() if isinstance(value, np.generic) else value
    if plain is None or isinstance(plain, bool | int | float | str):
        return plain
    raise LabcodeError(f"{where} is {value!r}, a {type(value).__name__}; use a number, a text or None, or an array.")


def _tagged(value: object, where: str) -> object:
    return {"$float": repr(value)} if isinstance(value, float) and not math.isfinite(value) else value


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"$float"}:
            return float(value["$float"])
        return {key: _untagged(item) for key, item in value.items()}
    return [_untagged(item) for item in value] if isinstance(value, list) else value


def _record(result: Result, arrays_digest: str) -> dict[str, object]:
    record = {
        "format": FORMAT,
        "experiment": result.experiment,
        "key": result.key,
        "arrays": {"names": list(result.arrays), "sha256": arrays_digest},
        **{part: _each_value(getattr(result, part), _tagged, "") for part in ("scalars", "tables", "meta")},
    }
    return {**record, "sha256": _digest(_canonical(record))}


def _read(path: Path, name: str, key: str) -> Result:
    record = json.loads(_content(path))
    if record.pop("sha256") != _digest(_canonical(record)):
        raise ValueError("its checksum does not match")
    if (record["experiment"], record["key"]) != (name, key):
        raise ValueError(f"it holds {record['experiment']} with the key {record['key'][:24]}")
    arrays = _unpack(path, **record["arrays"])
    parts = {part: _untagged(record[part]) for part in ("scalars", "tables", "meta")}
    return Result(experiment=name, key=key, arrays=arrays, **parts)


def _content(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # a pipe or a device would be waited for
        raise ValueError(f"{path.name} is no file")
    return path.read_bytes()


def _arrays_path(path: Path, digest: str) -> Path:
    """The npz file beside a JSON file; its name holds its digest, so a new one never replaces the one in use."""
    return path.with_suffix(f".{digest[:16]}.npz")


def _pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, *arrays.values())
    return buffer.getvalue()


def _unpack(path: Path, names: list[str], sha256: str) -> dict[str, np.ndarray]:
    if not names:
        return {}
    packed = _content(_arrays_path(path, sha256))
    if hashlib.sha256(packed).hexdigest() != sha256:
        raise ValueError("the checksum of its arrays does not match")
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        return {name: arrays[f"arr_{index}"] for index, name in enumerate(names)}


def _set_aside(path: Path, error: BaseException) -> None:
    reason = f"{path} cannot be used ({error})"
    try:
        number = 1 + len(list(path.parent.glob(f"{path.name}.set-aside-*")))
        for file in (path, *path.parent.glob(f"{path.stem}.*.npz")):
            file.rename(file.with_name(f"{file.name}.set-aside-{number}"))
        note(f"{reason}; it was set aside as {path.name}.set-aside-{number}, and the result is computed again.")
    except FileNotFoundError:
        pass  # another process was faster
    except OSError as refusal:
        note(f"{reason} and cannot be set aside ({refusal}); the result is computed again.")


def _acquire(path: Path, name: str) -> filelock.BaseFileLock | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path.with_suffix(".lock"))
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            note(f"{name} is being computed by another process; waiting for it.")
            lock.acquire()
    except (OSError, NotImplementedError):
        return None
    return lock


def _sweep(path: Path) -> None:
    """Remove what dead processes left of this result, and temporary files of others once they are a day old."""
    with suppress(OSError):
        for file in path.parent.glob("*.tmp"):
            if file.name.startswith(f"{path.stem}.") or file.stat().st_mtime < time.time() - _DAY:
                file.unlink(missing_ok=True)
        if not path.exists():
            for file in path.parent.glob(f"{path.stem}.*.npz"):
                file.unlink(missing_ok=True)

"""Results in the store that nothing finds any more: their keys belong to code, settings or libraries of the past.

Which rows are there today plays no part: a result is judged by the rows, and the device, that it was computed from. So
results on real rows stay when the store is looked at from where only simulated rows are found.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labcode.results import keys
from labcode.results.experiments import catalog
from labcode.results.store import Store, result_key


@dataclass(frozen=True, kw_only=True)
class StoredResult:
    """A result on disk: its experiment, its files with the JSON first, their size in bytes, and whether it is old."""

    experiment: str
    files: tuple[Path, ...]
    size: int
    old: bool


def stored() -> list[StoredResult]:
    """All results in the store, as they are; nothing is computed, moved or mended."""
    root, current = Store().root, _current()
    found = []
    for path in sorted(root.glob("**/*.json")):
        files = (path, *sorted(path.parent.glob(f"{path.stem}.*.npz")))
        size = sum(file.stat().st_size for file in files if file.is_file())
        name = path.parent.relative_to(root).as_posix()
        found.append(StoredResult(experiment=name, files=files, size=size, old=path not in current))
    return found


def prune(results: Sequence[StoredResult]) -> int:
    """Remove the old ones among these results; how many bytes that freed. `OSError` if a file cannot be removed."""
    old = [result for result in results if result.old]
    for file in (file for result in old for file in result.files):  # the JSON first: without it, arrays are not read
        file.unlink(missing_ok=True)
    return sum(result.size for result in old)


def _current() -> set[Path]:
    """Files whose key today's code, settings and libraries give for the rows and results that they were made from."""
    store, current, known = Store(), set[Path](), set[str]()
    for name, experiment in catalog().items():  # each after those that it needs
        code = keys.code_digest(experiment.run.__module__)
        for path in (store.root / name).glob("*.json"):
            key, meta = _key_and_meta(path)
            inputs = {part: meta.get(part) for part in ("data", "needs")}
            possible = [
                result_key(name, spec, inputs, code, keys.library_versions(), str(meta.get("device")))
                for spec in (experiment.spec, experiment.quick)
            ]
            if key in possible and known.issuperset(meta["needs"].values()):
                known.add(key)
                current.add(path)
    return current


def _key_and_meta(path: Path) -> tuple[str, dict[str, Any]]:
    """Of a record; one that cannot be read has a key that nothing gives."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        record = json.loads(path.read_bytes() if path.is_file() else b"")
        return str(record["key"]), dict(record["meta"])
    return "", {}

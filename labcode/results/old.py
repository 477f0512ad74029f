"""Results in the store that nothing finds any more: their keys belong to code, settings or libraries of the past.

Which rows are there today plays no part: a result is judged by the rows that it was computed from. So results on real
rows stay when the store is looked at from where only simulated rows are found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labcode.results import store
from labcode.results.experiments import Experiment, listed
from labcode.results.store import Store


@dataclass(frozen=True, kw_only=True)
class StoredResult:
    """A result on disk: its experiment, its files with the JSON first, their size in bytes, and whether it is old."""

    experiment: str
    files: tuple[Path, ...]
    size: int
    old: bool


def stored() -> list[StoredResult]:
    """All results in the store, as they are; nothing is computed, moved or mended."""
    root = Store().root
    records = {path: _read(path) for path in sorted(root.glob("**/*.json"))}
    known = {name: (experiment, _code(experiment)) for name, experiment in listed().items()}
    past = {str(record.get("key")) for record in records.values() if not _reachable(record, known)}
    return [
        StoredResult(
            experiment=path.parent.relative_to(root).as_posix(),
            files=(path, *_beside(path)),
            size=sum(_size(file) for file in (path, *_beside(path))),
            old=str(record.get("key")) in past or any(need in past for need in _needs(record)),
        )
        for path, record in records.items()
    ]


def prune(results: Sequence[StoredResult]) -> int:
    """Remove the old ones among these results; how many bytes that freed.

    Raises
    ------
    OSError
        If a file cannot be removed.
    """
    freed = 0
    for result in results:
        if result.old:
            for file in result.files:  # the JSON first: without it, the arrays are not looked at
                file.unlink(missing_ok=True)
            freed += result.size
    return freed


def _code(experiment: Experiment) -> str:
    return store.code_digest(experiment.run.__module__)


def _reachable(record: Mapping[str, Any], known: Mapping[str, tuple[Experiment, str]]) -> bool:
    """Whether today's code, settings and libraries give this key for the rows and results that it was made from."""
    name, meta = str(record.get("experiment")), record.get("meta")
    if name not in known or not isinstance(meta, dict):
        return False
    experiment, code = known[name]
    inputs = {"data": meta.get("data"), "needs": meta.get("needs")}
    versions = store.library_versions()
    specs = (experiment.spec, experiment.quick)
    return record.get("key") in {store.result_key(name, spec, inputs, code, versions) for spec in specs}


def _needs(record: Mapping[str, Any]) -> list[str]:
    meta = record.get("meta")
    needs = meta.get("needs") if isinstance(meta, dict) else None
    return [str(key) for key in needs.values()] if isinstance(needs, dict) else []


def _read(path: Path) -> dict[str, Any]:
    """A record; one that cannot be read is an empty one, which nothing finds."""
    with suppress(OSError, ValueError):
        record = json.loads(path.read_bytes())
        if isinstance(record, dict):
            return record
    return {}


def _beside(path: Path) -> list[Path]:
    """Its arrays."""
    return sorted(path.parent.glob(f"{path.stem}.*.npz"))


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0

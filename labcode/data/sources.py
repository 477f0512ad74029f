"""From a name to validated rows: the user's file, else a verified download, else the simulated stand-in.

Loading never touches the network; :mod:`labcode.data.fetch` does, when asked. A file that is there but broken is an
error, never a reason to fall back to simulated rows without a word.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from labcode import files, settings
from labcode.data import fetch
from labcode.data.tables import UNFINISHED, check_file, fault, zip_members
from labcode.data.types import Dataset, DatasetName, Provenance, Source
from labcode.errors import quoted

_ARCHIVES = ("archive.zip", "nyse.zip", "ai4i+2020+predictive+maintenance+dataset.zip")
_DIGEST_BYTES = hashlib.sha256().digest_size
#: Digest of the code that makes frames, as it was imported: a parsed copy never outlives the parser that made it.
_CODE = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).hexdigest()
_SIMULATED = "These rows are simulated from published facts; nothing computed from them is a finding about real data."


@dataclass(frozen=True, kw_only=True)
class Oddity:
    """Rows that are odd but usable: a name, the rule that treats them, and how to find them."""

    name: str
    rule: str
    find: Callable[[pd.DataFrame], pd.Series]


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    """Everything that differs between the two data sets."""

    name: DatasetName
    #: Names under which the user's file may lie, best first; ``.gz`` and ``.zip`` may follow each.
    filenames: tuple[str, ...]
    #: Rows of the published file, to notice a part of it.
    published_rows: int
    #: Turns a file into a validated frame and notes about it.
    parse: Callable[[Path], tuple[pd.DataFrame, tuple[str, ...]]]
    #: Makes the stand-in; the argument tells whether the small one is wanted.
    simulate: Callable[[bool], pd.DataFrame]
    oddities: tuple[Oddity, ...]


def load(spec: TableSpec) -> Dataset:
    """Load a data set, from the parsed copy where that is true to its source; `DataError` if a file must be refused."""
    if settings.profile() == "quick":
        return _simulated(spec, small=True)
    if path := find_file(spec):
        return _from_file(spec, path, "file")
    if path := fetch.load_source(spec.name).downloaded():
        return _from_file(spec, path, "download")
    dataset = _simulated(spec, small=False)
    return replace(dataset, provenance=replace(dataset.provenance, unread=tuple(islice(_unread(spec), 5))))


def find_file(spec: TableSpec) -> Path | None:
    """The user's file for this data set: the first match in ``LABCODE_DATA_DIR``, then in ``data/raw``."""
    for folder in settings.data_dirs():
        present = set(_listing(folder))
        for name in spec.filenames:
            for candidate in (name, f"{name}.gz", f"{name}.zip"):
                if candidate in present:
                    return folder / candidate
        for name in _ARCHIVES:
            if name in present and not (zip_members(folder / name) or set()).isdisjoint(spec.filenames):
                return folder / name
    return None


def _listing(folder: Path) -> list[str]:
    with suppress(OSError):
        return sorted(os.listdir(folder))
    return []


def _unread(spec: TableSpec) -> Iterator[str]:
    """Sentences on files that a user may have meant for this data set, though none of them is read."""
    mend = f"it would be read as CSV under the name {' or '.join(spec.filenames)}, plain, .gz or .zip"
    for folder in settings.data_dirs():
        for name in _listing(folder):
            path = folder / name
            inside = [held for held in _listing(path) if held in spec.filenames]
            members = zip_members(path) if path.suffix.casefold() == ".zip" else set()
            if inside:
                yield f"{quoted(path / inside[0], 300)} is not read: it lies in a folder of its own; move it up."
            elif members is None or not members.isdisjoint(spec.filenames) or _resembles(name, spec):
                yield f"{quoted(path, 300)} is not read: {mend}."
    for path in fetch.load_source(spec.name).downloads():  # had it been good, it would have been read
        yield f"{quoted(path, 300)} is not read: its bytes are not the published ones; run `labcode data fetch`."


def _resembles(name: str, spec: TableSpec) -> bool:
    """Whether a name holds an expected one, or its first part is nearly one, letters and digits alone."""
    expected = [re.sub(r"[^a-z0-9]", "", file.removesuffix(".csv")) for file in spec.filenames]
    letters, stem = (re.sub(r"[^a-z0-9]", "", part) for part in (name.casefold(), name.casefold().split(".")[0]))
    return any(part in letters for part in expected) or bool(get_close_matches(stem, expected, cutoff=0.85))


def _from_file(spec: TableSpec, path: Path, source: Source) -> Dataset:
    check_file(path)
    publisher = fetch.load_source(spec.name)
    try:
        sha256 = fetch.checksum(path).removeprefix("sha256:")
    except OSError as error:  # a disk that fails
        raise fault(path, f"cannot be read ({error.strerror or error})", "Put another copy in its place.") from None

    def build() -> tuple[pd.DataFrame, Provenance]:
        frame, notes = spec.parse(path)
        published = publisher.label_of(path)
        notes = tuple(note for note in notes if not (published and note == UNFINISHED))
        if partial := len(frame) < 0.9 * spec.published_rows:
            notes += (f"It holds {len(frame):,} rows; the published file holds {spec.published_rows:,}.",)
        status = "verified copy" if published else "unverified copy"
        facts = {"sha256": sha256, "licence": publisher.licence, "status": status}
        return frame, _provenance(spec, frame, source, path, **facts, notes=notes, partial=partial)

    location = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    dataset = _cached(f"{spec.name}-{location}", f"{sha256} {_CODE}", build)
    return replace(dataset, provenance=replace(dataset.provenance, source=source, path=path))


def _simulated(spec: TableSpec, *, small: bool) -> Dataset:
    def build() -> tuple[pd.DataFrame, Provenance]:
        frame = spec.simulate(small)
        content = hashlib.sha256(pd.util.hash_pandas_object(frame).to_numpy().tobytes()).hexdigest()
        facts = {"sha256": content, "licence": "MIT, as this project", "status": "simulated stand-in"}
        return frame, _provenance(spec, frame, "simulated", None, **facts, notes=(_SIMULATED,))

    return _cached(f"{spec.name}-simulated-{'small' if small else 'full'}", _CODE, build)


def _provenance(
    spec: TableSpec, frame: pd.DataFrame, source: Source, path: Path | None, **facts: str | bool | tuple[str, ...]
) -> Provenance:
    return Provenance(
        name=spec.name,
        source=source,
        path=path,
        rows=len(frame),
        oddities={oddity.name: int(oddity.find(frame).sum()) for oddity in spec.oddities},
        rules={oddity.name: oddity.rule for oddity in spec.oddities},
        **facts,  # type: ignore[arg-type]
    )


def _cached(name: str, stamp: str, build: Callable[[], tuple[pd.DataFrame, Provenance]]) -> Dataset:
    """The parsed copy called ``name`` if its stamp still holds, else what ``build`` makes, which is kept.

    The copy is Parquet with its SHA-256 behind it; stamp and provenance travel in the frame's ``attrs``. A damaged one,
    or a store that cannot be written, costs time and nothing else.
    """
    path = settings.store_dir() / "data" / f"{name}.parquet"
    with suppress(OSError, ValueError, KeyError, TypeError):  # missing, damaged or foreign
        frame = _read_copy(path)
        if frame.attrs.pop("stamp", None) == stamp:
            facts = frame.attrs.pop("provenance")
            given = {**facts, "path": Path(facts["path"]) if facts["path"] else None, "notes": tuple(facts["notes"])}
            return Dataset(frame=frame, provenance=Provenance(**given))
    frame, provenance = build()
    _keep_copy(path, frame, {"stamp": stamp, "provenance": provenance.as_dict()})
    return Dataset(frame=frame, provenance=provenance)


def _read_copy(path: Path) -> pd.DataFrame:
    if path.exists() and not path.is_file():  # a pipe or a device would be waited for
        raise ValueError(f"{path} is no file")
    content = path.read_bytes()
    table, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(table).digest() != digest:
        raise ValueError(f"{path} is damaged")
    return pd.read_parquet(io.BytesIO(table))


def _keep_copy(path: Path, frame: pd.DataFrame, attrs: dict[Hashable, Any]) -> None:
    kept, table = frame.copy(deep=False), io.BytesIO()
    kept.attrs = attrs
    kept.to_parquet(table, index=False)
    content = table.getvalue()
    try:
        files.write_whole(path, content + hashlib.sha256(content).digest())
    except OSError as error:
        says = f"The parsed copy could not be kept in {path.parent} ({error}); loading stays slow."
        warnings.warn(says, stacklevel=2)

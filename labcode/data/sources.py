"""From a name to validated rows: the user's file, else a verified download, else the simulated stand-in.

Loading never touches the network; :mod:`labcode.data.fetch` does, when asked. A file that is there but broken is an
error, never a reason to fall back to simulated rows without a word.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from labcode import files, settings
from labcode.data import fetch
from labcode.data.tables import zip_holds
from labcode.data.types import Dataset, DatasetName, Provenance

_ARCHIVES = ("archive.zip", "nyse.zip", "ai4i+2020+predictive+maintenance+dataset.zip")


@dataclass(frozen=True, kw_only=True)
class Oddity:
    """Rows that are odd but usable: a name, the rule that treats them, and how to find them."""

    name: str
    rule: str
    find: Callable[[pd.DataFrame], pd.Series]


@dataclass(frozen=True, kw_only=True)
class TableSpec:
    """Everything that differs between the two data sets.

    Attributes
    ----------
    filenames
        Names under which the user's file may lie, best first; ``.gz`` and ``.zip`` may follow each.
    parse
        Turns a file into a validated frame and notes about it.
    simulate
        Makes the stand-in; its argument tells whether the small one is wanted.
    published_rows
        Rows of the published file, to notice a part of it.
    """

    name: DatasetName
    filenames: tuple[str, ...]
    published_rows: int
    parse: Callable[[Path], tuple[pd.DataFrame, tuple[str, ...]]]
    simulate: Callable[[bool], pd.DataFrame]
    oddities: tuple[Oddity, ...]


def load(spec: TableSpec) -> Dataset:
    """Load a data set by its spec, from the parsed copy in the store where that is still true to its source.

    Raises
    ------
    DataError
        If a file is there but must be refused.
    """
    if settings.profile() == "quick":
        return _simulated(spec, small=True)
    own = find_file(spec)
    path = own or fetch.downloaded(spec.name)
    if path is None:
        return _simulated(spec, small=False)
    return _from_file(spec, path, "file" if own else "download")


def find_file(spec: TableSpec) -> Path | None:
    """The user's file for this data set: the first match in ``LABCODE_DATA_DIR``, then in ``data/raw``."""
    for folder in settings.data_dirs():
        for name in spec.filenames:
            for path in (folder / name, folder / f"{name}.gz", folder / f"{name}.zip"):
                if path.exists() or path.is_symlink():
                    return path
        for path in (folder / name for name in _ARCHIVES):
            if path.is_file() and zip_holds(path, spec.filenames):
                return path
    return None


def _from_file(spec: TableSpec, path: Path, source: str) -> Dataset:
    def build() -> tuple[pd.DataFrame, Provenance]:
        frame, notes = spec.parse(path)
        published = fetch.known_checksum(spec.name, path)
        if len(frame) < 0.9 * spec.published_rows:
            notes += (f"It holds {len(frame):,} rows; the published file holds {spec.published_rows:,}.",)
        return frame, _provenance(
            spec,
            frame,
            source=source,
            path=path,
            sha256=fetch.file_sha256(path),
            status="verified copy" if published else "unverified copy",
            notes=notes,
        )

    stat = path.stat()
    stamp = f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {_code_digest()}"
    dataset = _cached(f"{spec.name}-{_digest(str(path.resolve()))[:16]}", stamp, build)
    return replace(dataset, provenance=replace(dataset.provenance, source=source, path=path))


def _simulated(spec: TableSpec, *, small: bool) -> Dataset:
    def build() -> tuple[pd.DataFrame, Provenance]:
        frame = spec.simulate(small)
        content = hashlib.sha256(pd.util.hash_pandas_object(frame).to_numpy().tobytes()).hexdigest()
        note = "These rows are simulated from published facts; nothing computed from them is a finding about real data."
        return frame, _provenance(
            spec, frame, source="simulated", path=None, sha256=content, status="simulated stand-in", notes=(note,)
        )

    return _cached(f"{spec.name}-simulated-{'small' if small else 'full'}", _code_digest(), build)


def _provenance(spec: TableSpec, frame: pd.DataFrame, **facts: object) -> Provenance:
    return Provenance(
        name=spec.name,
        rows=len(frame),
        licence=fetch.load_source(spec.name).licence if facts["source"] != "simulated" else "MIT, as this project",
        oddities={oddity.name: int(oddity.find(frame).sum()) for oddity in spec.oddities},
        rules={oddity.name: oddity.rule for oddity in spec.oddities},
        **facts,  # type: ignore[arg-type]
    )


def _cached(name: str, stamp: str, build: Callable[[], tuple[pd.DataFrame, Provenance]]) -> Dataset:
    """Return the parsed copy called ``name`` if its stamp still holds, else build and keep it.

    The copy is Parquet; stamp and provenance travel in the frame's ``attrs``, which Parquet keeps as metadata. A
    damaged copy, or a store that cannot be written, costs time and nothing else.
    """
    path = settings.store_dir() / "data" / f"{name}.parquet"
    try:
        frame = pd.read_parquet(path)
        if frame.attrs.pop("stamp", None) == stamp:
            facts = frame.attrs.pop("provenance")
            given = {**facts, "path": Path(facts["path"]) if facts["path"] else None, "notes": tuple(facts["notes"])}
            return Dataset(frame=frame, provenance=Provenance(**given))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # missing, damaged or foreign
    frame, provenance = build()
    _keep(path, frame, {"stamp": stamp, "provenance": provenance.as_dict()})
    return Dataset(frame=frame, provenance=provenance)


def _keep(path: Path, frame: pd.DataFrame, attrs: dict[str, object]) -> None:
    kept = frame.copy(deep=False)
    kept.attrs = attrs
    content = io.BytesIO()
    kept.to_parquet(content, index=False)
    try:
        files.write_whole(path, content.getvalue())
    except OSError as error:
        warnings.warn(
            f"The parsed copy could not be kept in {path.parent} ({error}); loading stays slow.", stacklevel=2
        )


def _code_digest() -> str:
    """Digest of the code that makes frames, so that a parsed copy never outlives the parser that made it."""
    folder = Path(__file__).parent
    return _digest("".join(path.read_text("utf-8") for path in sorted(folder.glob("*.py"))))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

"""Published data files: recognised by checksum, downloaded into the store, verified before anyone sees them.

``data/sources.toml`` tells what is published, and where. A file gets its final name only once its checksum is one of
those listed there; until then its bytes lie in a ``.part`` file, which the next attempt resumes or throws away.
"""

from __future__ import annotations

import hashlib
import json
import time
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import filelock
import requests

from labcode.data import transfer
from labcode.data.types import DatasetName
from labcode.errors import DownloadError, LabcodeError
from labcode.settings import project_root, store_dir


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file as its publisher offers it; ``checksums`` maps each good variant to ``sha256:…`` or ``git-blob:…``."""

    name: str
    label: str
    checksums: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One way to get ``file``: over HTTP from ``url``, or by kagglehub from ``handle`` (time-outs in seconds)."""

    kind: Literal["http", "kaggle"]
    url: str
    file: str
    handle: str = ""
    connect_timeout: float = 3.0
    stall_timeout: float = 5.0

    def __str__(self) -> str:
        return f"Kaggle {self.handle} ({self.url})" if self.kind == "kaggle" else self.url


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """A data set's entry in ``data/sources.toml``; the sizes bound every file of it, packed or not, in bytes."""

    name: DatasetName
    title: str
    publisher: str
    page: str
    licence: str
    doi: str
    min_bytes: int
    max_bytes: int
    by_hand: str
    files: tuple[PublishedFile, ...]
    routes: tuple[Route, ...]

    @property
    def folder(self) -> Path:
        """Where its downloads lie."""
        return store_dir() / "downloads" / self.name

    def file(self, name: str) -> PublishedFile:
        """Facts on the published file of that name."""
        return next(file for file in self.files if file.name == name)


def load_source(name: DatasetName) -> DataSource:
    """Read a data set's entry in the project's ``data/sources.toml``.

    Raises
    ------
    LabcodeError
        If the file is missing or lacks the entry.
    """
    path = project_root() / "data" / "sources.toml"
    try:
        entry: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))[name]
        files = tuple(PublishedFile(name=file, **facts) for file, facts in entry.pop("files").items())
        routes = tuple(Route(**facts) for facts in entry.pop("routes"))
        return DataSource(name=name, files=files, routes=routes, **entry)
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        message = f"{path} does not describe {name!r} ({error!r}); mend it with: git restore {path}"
        raise LabcodeError(message) from error


def file_sha256(path: Path) -> str:
    """SHA-256 hex digest of a file, read in pieces."""
    return _checksum(path, "sha256").removeprefix("sha256:")


def known_checksum(name: DatasetName, path: Path, *, source: DataSource | None = None) -> str | None:
    """Which published file the bytes of ``path`` are, whatever the file is called.

    Returns
    -------
    str or None
        The label in ``data/sources.toml``, such as ``"UCI ai4i2020.csv"``; ``None`` for bytes not listed there.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    files = (source or load_source(name)).files
    return next((file.label for file in files if _matching(path, file.checksums.values())), None)


def downloaded(name: DatasetName, *, source: DataSource | None = None) -> Path | None:
    """Find a verified download that is there already, without asking the network.

    The verdict is kept beside the file with its size and modification time, so only a changed file is read again.
    """
    source = source or load_source(name)
    for file in source.files:
        with suppress(OSError):
            if _is_verified(path := source.folder / file.name, file):
                return path
    return None


def fetch(
    name: DatasetName, *, timeout: float = 600.0, progress: bool = False, source: DataSource | None = None
) -> Path:
    """Download a data set, unless a verified copy is there: then nothing is touched.

    The routes of ``data/sources.toml`` are tried in order. An unreachable or silent server costs seconds (each route's
    own time-outs); an interrupted transfer is resumed by the next call.

    Parameters
    ----------
    name
        ``"prices"`` or ``"maintenance"``.
    timeout
        Seconds after which the whole attempt, or the wait for another process that downloads the same, is given up.
    progress
        Whether to show progress bars on stderr.
    source
        Where from; by default the entry in ``data/sources.toml``.

    Returns
    -------
    Path
        The verified, unpacked file in ``store_dir()/downloads/<name>``.

    Raises
    ------
    DownloadError
        If no route gave a verified file, the folder cannot be written, or another process holds it for too long. The
        message says why each route failed and what to do by hand.
    """
    source = source or load_source(name)
    if path := downloaded(name, source=source):
        return path
    try:
        source.folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(source.folder / ".lock", timeout=timeout):
            return downloaded(name, source=source) or _first_good(source, time.monotonic() + timeout, progress)
    except filelock.Timeout as error:
        raise DownloadError(
            f"Another process has been downloading into {source.folder} for {timeout:g} s; wait until it ends or stop "
            f"it, then run: labcode data fetch {name}"
        ) from error
    except OSError as error:
        raise DownloadError(
            f"Cannot write to {source.folder} ({error.strerror or error}); make room there and make it writable, or "
            f"set LABCODE_STORE_DIR to a folder that is, then run: labcode data fetch {name}"
        ) from error


def _first_good(source: DataSource, deadline: float, progress: bool) -> Path:
    failures = []
    for route in source.routes:
        try:
            return _follow(route, source, deadline, progress)
        except (DownloadError, requests.RequestException, TimeoutError, ConnectionError) as error:
            failures.append(f"  {route}: {_reason(error)}")
    steps = source.by_hand.strip().replace("{folder}", str(project_root() / "data" / "raw"))
    raise DownloadError(
        "\n".join([f"The {source.name} data could not be downloaded.", *failures, "By hand instead:", steps])
    )


def _follow(route: Route, source: DataSource, deadline: float, progress: bool) -> Path:
    part = source.folder / f"{route.file}.{hashlib.sha256(route.url.encode()).hexdigest()[:8]}.part"
    resumed = part.exists() and part.stat().st_size > 0
    move = {"http": transfer.by_http, "kaggle": transfer.by_kaggle}[route.kind]
    try:
        move(route, part, source.max_bytes, deadline, progress)
        return _accept(part, route, source)
    except DownloadError:
        part.unlink(missing_ok=True)
        if not resumed:
            raise
    # The new bytes did not fit the old beginning, which is gone now: once more from the start.
    return _follow(route, source, deadline, progress)


def _accept(part: Path, route: Route, source: DataSource) -> Path:
    """Unpack, verify and only then name the file."""
    path, candidate = source.folder / route.file, part.with_suffix(".unverified")
    try:
        transfer.unpack(part, route, candidate, source.max_bytes)
        _verify(candidate, source.file(route.file), source.min_bytes, source.max_bytes)
        candidate.replace(path)
    finally:
        candidate.unlink(missing_ok=True)
    part.unlink(missing_ok=True)
    _is_verified(path, source.file(route.file))
    return path


def _verify(path: Path, file: PublishedFile, min_bytes: int, max_bytes: int) -> None:
    size = path.stat().st_size
    if not min_bytes <= size <= max_bytes:
        raise DownloadError(f"it gave {size:,} bytes, expected {min_bytes:,} to {max_bytes:,}; the bytes were removed")
    expected = file.checksums.values()
    if not _matching(path, expected):
        found = ", ".join(sorted({_checksum(path, checksum.partition(":")[0]) for checksum in expected}))
        wanted = " or ".join(expected)
        raise DownloadError(f"its bytes are not {file.label}: found {found}, expected {wanted}; they were removed")


def _is_verified(path: Path, file: PublishedFile) -> bool:
    facts, note = path.stat(), path.with_name(f"{path.name}.verified.json")
    state = {"size": facts.st_size, "mtime_ns": facts.st_mtime_ns, "expected": sorted(file.checksums.values())}
    with suppress(OSError, ValueError):
        if json.loads(note.read_text(encoding="utf-8")) == state:
            return True
    if not _matching(path, file.checksums.values()):
        return False
    with suppress(OSError):
        note.write_text(json.dumps(state), encoding="utf-8")
    return True


def _matching(path: Path, checksums: Iterable[str]) -> str | None:
    found = {kind: _checksum(path, kind) for kind in {checksum.partition(":")[0] for checksum in checksums}}
    return next((checksum for checksum in checksums if checksum in found.values()), None)


def _checksum(path: Path, kind: str) -> str:
    start = f"blob {path.stat().st_size}\0".encode() if kind == "git-blob" else b""
    algorithm = {"sha256": hashlib.sha256, "git-blob": hashlib.sha1}[kind]
    with path.open("rb") as file:
        return f"{kind}:{hashlib.file_digest(file, lambda: algorithm(start)).hexdigest()}"


_REASONS = {
    "NameResolution": "its host name could not be looked up (is there a network?)",
    "ConnectTimeout": "no connection in time",
    "timed out": "it stopped answering",
    "refused": "the connection was refused",
    "IncompleteRead": "the transfer broke off; the next attempt resumes it",
    "CERTIFICATE_VERIFY_FAILED": "its certificate could not be checked (a proxy, or a wrong clock?)",
}


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    return next((reason for sign, reason in _REASONS.items() if sign in repr(error)), str(error))

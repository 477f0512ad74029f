"""Published data files: recognised by checksum, downloaded into the store, verified before anyone sees them.

``data/sources.toml`` tells what is published, and where. A file gets its final name only once its checksum is one of
those listed there.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from labcode.data.transfer import Route, transfer
from labcode.data.types import DatasetName
from labcode.errors import DownloadError, LabcodeError
from labcode.settings import project_root, store_dir


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file as its publisher offers it; ``checksums`` maps each good variant to ``sha256:…`` or ``git-blob:…``."""

    name: str
    label: str
    checksums: dict[str, str]

    def is_copied_by(self, path: Path) -> bool:
        """Whether the bytes of `path` are those of a good variant."""
        known = set(self.checksums.values())
        return not known.isdisjoint(checksum(path, kind) for kind in {each.partition(":")[0] for each in known})


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """How to get a data set, from ``data/sources.toml``; the sizes bound every file of it, packed or not, in bytes."""

    name: DatasetName
    licence: str
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

    def label_of(self, path: Path) -> str | None:
        """Which published file the bytes of `path` are, whatever it is called, such as ``"UCI ai4i2020.csv"``."""
        return next((file.label for file in self.files if file.is_copied_by(path)), None)

    def downloads(self) -> dict[Path, bool]:
        """Files that were downloaded, and whether their bytes are the published ones; the network is not asked."""
        with suppress(OSError):
            paths = {self.folder / file.name: file for file in self.files}
            return {path: file.is_copied_by(path) for path, file in paths.items() if path.is_file()}
        return {}

    def downloaded(self) -> Path | None:
        """A download that is what was published."""
        return next((path for path, good in self.downloads().items() if good), None)


def load_source(name: DatasetName) -> DataSource:
    """Read a data set's entry in the project's ``data/sources.toml``; `LabcodeError` if that cannot be read."""
    path = project_root() / "data" / "sources.toml"
    try:
        entry: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))[name]
        facts = {fact: entry[fact] for fact in ("licence", "min_bytes", "max_bytes", "by_hand")}
        files = tuple(PublishedFile(name=file, **about) for file, about in entry["files"].items())
        return DataSource(name=name, files=files, routes=tuple(Route(**route) for route in entry["routes"]), **facts)
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        message = f"{path} does not describe {name!r} ({error!r}); mend it with: git restore {path}"
        raise LabcodeError(message) from error


def fetch(source: DataSource, *, timeout: float = 600.0, progress: bool = False) -> Path:
    """Download a data set, unless a verified copy is there: then nothing is touched.

    The routes are tried in order; an unreachable or silent server costs seconds. The whole attempt, or the wait for
    another process that downloads the same, is given up after ``timeout`` seconds. Gives the verified, unpacked file;
    else `DownloadError` says why each route failed, and what to do by hand.
    """
    if path := source.downloaded():
        return path
    again = f"then run: labcode data fetch {source.name}"
    try:
        source.folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(source.folder / ".lock", timeout=timeout):
            return source.downloaded() or _first_good(source, time.monotonic() + timeout, progress)
    except filelock.Timeout as error:
        says = f"Another process has been downloading into {source.folder} for {timeout:g} s; wait or stop it, {again}"
        raise DownloadError(says) from error
    except OSError as error:
        raise DownloadError(
            f"Cannot write to {source.folder} ({error.strerror or error}); make room there and make it writable, or "
            f"set LABCODE_STORE_DIR to a folder that is, {again}"
        ) from error


def _first_good(source: DataSource, deadline: float, progress: bool) -> Path:
    failures = []
    for route in source.routes:
        try:
            return _follow(route, source, deadline, progress)
        except DownloadError as error:
            failures.append(f"  {route}: {error}")
    steps = source.by_hand.strip().replace("{folder}", str(project_root() / "data" / "raw"))
    raise DownloadError(
        "\n".join([f"The {source.name} data could not be downloaded.", *failures, "By hand instead:", steps])
    )


def _follow(route: Route, source: DataSource, deadline: float, progress: bool) -> Path:
    """Download into a folder of its own, which goes in any case, and name the file only when it is verified."""
    unverified = source.folder / "unverified"
    shutil.rmtree(unverified, ignore_errors=True)  # left by an attempt that was killed
    unverified.mkdir()
    try:
        path = transfer(route, unverified, source.max_bytes, deadline, progress)
        _verify(path, source.file(route.file), source.min_bytes, source.max_bytes)
        return path.replace(source.folder / route.file)
    finally:
        shutil.rmtree(unverified, ignore_errors=True)


def _verify(path: Path, file: PublishedFile, min_bytes: int, max_bytes: int) -> None:
    size = path.stat().st_size
    if not min_bytes <= size <= max_bytes:
        raise DownloadError(f"it gave {size:,} bytes, expected {min_bytes:,} to {max_bytes:,}; the bytes were removed")
    if not file.is_copied_by(path):
        wanted = " or ".join(file.checksums.values())
        found = checksum(path, wanted.partition(":")[0])
        raise DownloadError(f"its bytes are not {file.label}: found {found}, expected {wanted}; they were removed")


def checksum(path: Path, kind: str = "sha256") -> str:
    """Hex digest of a file behind its kind: ``sha256:…``, or ``git-blob:…``, the name that git gives its content."""
    start = f"blob {path.stat().st_size}\0".encode() if kind == "git-blob" else b""
    algorithm = {"sha256": hashlib.sha256, "git-blob": hashlib.sha1}[kind]
    with path.open("rb") as file:
        return f"{kind}:{hashlib.file_digest(file, lambda: algorithm(start)).hexdigest()}"

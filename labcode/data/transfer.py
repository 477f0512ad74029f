"""Moving bytes: over HTTP or by kagglehub into a ``.part`` file, and out of an archive, with bounds on time and size.

Nothing here decides whether the bytes are good; :mod:`labcode.data.fetch` does, by their checksum.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, TYPE_CHECKING

import pooch
import requests

from labcode.errors import DownloadError

if TYPE_CHECKING:
    from labcode.data.fetch import Route


class _Part:
    """The open ``.part`` file that pooch writes to: follows the server's answer to a resumption, bounds the size."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.file, self.max_bytes = path.open("ab"), max_bytes
        self.flush, self.close = self.file.flush, self.file.close

    def on_response(self, response: requests.Response, **_: object) -> None:
        start = self.file.tell()
        if response.status_code == requests.codes.ok and start:
            self.file.truncate(0)  # The server ignores ranges and sends the whole file.
            self.file.seek(0)
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            raise DownloadError(f"the server would not resume at byte {start:,}")

    def write(self, data: bytes) -> None:
        if self.file.tell() + len(data) > self.max_bytes:
            raise DownloadError(f"it sends more than the {self.max_bytes:,} bytes expected")
        self.file.write(data)


def by_http(route: Route, part: Path, max_bytes: int, deadline: float, progress: bool) -> None:
    """Download ``route.url`` into ``part``, from where an earlier attempt broke off."""
    output = _Part(part, max_bytes)
    start = part.stat().st_size
    download = pooch.HTTPDownloader(
        progressbar=progress,
        chunk_size=8192,
        timeout=(route.connect_timeout, route.stall_timeout),
        headers={"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {}),
        hooks={"response": output.on_response},
    )
    try:
        _in_background(
            lambda: download(route.url, output, None), lambda: part.stat().st_size, route.stall_timeout, deadline
        )
    finally:
        output.close()  # A transfer left behind in the background cannot write any more.


# The child may print or retry as it likes: its last line says why it failed, and it is stopped when it stalls.
_KAGGLE_CHILD = """
import shutil, sys
handle, file, target = sys.argv[1:]
try:
    import kagglehub
    shutil.copyfile(kagglehub.dataset_download(handle, path=file), target)
except Exception as error:
    sys.exit(print("\\n" + " ".join(f"{type(error).__name__}: {error}".split())) or 1)
"""


def by_kaggle(route: Route, part: Path, max_bytes: int, deadline: float, progress: bool) -> None:
    """Download ``route.file`` of ``route.handle`` into ``part``, in a child process that is stopped when it stalls."""
    _in_background(
        lambda: requests.head(route.url, timeout=route.connect_timeout), lambda: 0, route.connect_timeout, deadline
    )
    cache = part.with_suffix(".kagglehub")  # kept after an interruption: kagglehub resumes there
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        child = subprocess.Popen(
            [sys.executable, "-P", "-X", "utf8", "-c", _KAGGLE_CHILD, route.handle, route.file, str(part)],
            env=os.environ | {"KAGGLEHUB_CACHE": str(cache)},
            stdin=subprocess.DEVNULL,
            stdout=said,  # no pipe: it would block a talkative child once full
            stderr=None if progress else subprocess.DEVNULL,
        )
        try:
            _watch(
                lambda: child.poll() is None, lambda: _tree_bytes(cache, 2 * max_bytes), route.stall_timeout, deadline
            )
        finally:
            child.kill()
            child.wait()
        said.seek(0)
        lines = said.read().strip().splitlines()
    if child.returncode != 0:
        raise DownloadError(f"kagglehub failed: {lines[-1][:300] if lines else 'it said nothing'}")
    shutil.rmtree(cache, ignore_errors=True)


def _tree_bytes(folder: Path, bound: int) -> int:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if size > bound:
        raise DownloadError(f"it sends more than the {bound:,} bytes expected")
    return size


def _in_background(task: Callable[[], object], size: Callable[[], int], stall: float, deadline: float) -> None:
    """Run a task that may hang where no time-out reaches (a name look-up, a trickle of bytes); if so, leave it."""
    outcome: list[Exception] = []

    def work() -> None:
        try:
            task()
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    _watch(thread.is_alive, size, stall, deadline)
    if outcome:
        raise outcome[0]


def _watch(running: Callable[[], bool], size: Callable[[], int], stall: float, deadline: float) -> None:
    last, since = size(), time.monotonic()
    while running():
        now, current = time.monotonic(), size()
        if current != last:
            last, since = current, now
        if now - since > stall:
            raise TimeoutError(f"nothing came for {stall:g} s")
        if now > deadline:
            raise TimeoutError("the time limit was reached; the next attempt resumes")
        time.sleep(0.02)


_BROKEN = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def unpack(packed: Path, route: Route, target: Path, max_bytes: int) -> None:
    """Move what was sent to ``target``, out of its archive if it is one; refuses unsafe paths and sizes."""
    with packed.open("rb") as file:
        magic = file.read(2)
    try:
        if magic == b"PK":
            with zipfile.ZipFile(packed) as archive, archive.open(_member(archive, route.file, max_bytes)) as member:
                _copy(member, target, max_bytes)
        elif magic == b"\x1f\x8b":
            with gzip.open(packed) as member:
                _copy(member, target, max_bytes)
        elif route.url.endswith((".zip", ".gz")):
            raise DownloadError(f"it sent no archive, but bytes that begin with {magic!r}; they were removed")
        else:
            packed.replace(target)
    except _BROKEN as error:
        raise DownloadError(f"the archive is corrupt ({error}) and was removed; try again") from error


def _member(archive: zipfile.ZipFile, name: str, max_bytes: int) -> zipfile.ZipInfo:
    """Find the one member wanted in an archive that plays no tricks with paths or sizes."""
    for held in archive.namelist():
        paths = PurePosixPath(held), PureWindowsPath(held)
        if any(path.is_absolute() or path.drive or ".." in path.parts for path in paths):
            raise DownloadError(f"the archive holds the unsafe path {held!r} and was removed")
    if name not in archive.namelist():
        raise DownloadError(f"the archive holds {', '.join(archive.namelist()[:5]) or 'nothing'}, but no {name}")
    member = archive.getinfo(name)
    if member.file_size > max_bytes:
        raise DownloadError(f"{name} would unpack to {member.file_size:,} bytes, more than the {max_bytes:,} expected")
    return member


def _copy(member: IO[bytes] | gzip.GzipFile, target: Path, max_bytes: int) -> None:
    with target.open("wb") as file:
        while piece := member.read(1 << 16):
            if file.tell() + len(piece) > max_bytes:
                raise DownloadError(f"the archive unpacks to more than the {max_bytes:,} bytes expected")
            file.write(piece)

"""Moving bytes, in a process of its own that is stopped when it stalls: by pooch over HTTP, or by kagglehub.

Nothing here decides whether the bytes are good; :mod:`labcode.data.fetch` does, by their checksum.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from labcode.errors import DownloadError, quoted

#: Seconds to connect, and between two bytes; pooch tries a second time.
_TIMEOUTS = (3, 3)


@dataclass(frozen=True, kw_only=True)
class Route:
    """One way to get ``file``: over HTTP from ``url``, or by kagglehub from ``handle``; patience is in seconds."""

    kind: Literal["http", "kaggle"]
    url: str
    file: str
    handle: str = ""
    patience: float = 10.0

    def __str__(self) -> str:
        return f"Kaggle {self.handle} ({self.url})" if self.kind == "kaggle" else self.url


def transfer(route: Route, folder: Path, max_bytes: int, deadline: float, progress: bool) -> Path:
    """Download and unpack ``route.file`` into an empty folder, in a process that can be stopped when it hangs.

    Raises `DownloadError` if that failed, stalled, sent more than ``max_bytes`` or went on past the ``deadline`` (of
    ``time.monotonic``).
    """
    command = [sys.executable, "-m", "labcode.data.transfer", json.dumps(asdict(route)), str(folder), str(progress)]
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "KAGGLEHUB_CACHE": str(folder)}
    with subprocess.Popen(
        command,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if progress else subprocess.DEVNULL,
        encoding="utf-8",
    ) as child:
        try:
            _watch(child, folder, route.patience, max_bytes, deadline)
            outcome = json.loads(child.communicate()[0] or '{"reason": "it broke off without a word"}')
        finally:
            child.kill()
    if "path" not in outcome:
        raise DownloadError(_reason(outcome["reason"]))
    return Path(outcome["path"])


def _watch(child: subprocess.Popen[str], folder: Path, patience: float, max_bytes: int, deadline: float) -> None:
    """Return when the child ends; packed and unpacked, it may write twice the bytes that a file may have."""
    last, since = -1, time.monotonic()
    while child.poll() is None:
        size, now = _tree_bytes(folder), time.monotonic()
        if size != last:
            last, since = size, now
        if size > 2 * max_bytes:
            raise DownloadError(f"it sends more than the {max_bytes:,} bytes expected")
        limit = patience if size > 0 else min(patience, 10.0) if size == 0 else 60.0  # for Python to start
        if now - since > limit:
            raise DownloadError(f"nothing came for {limit:g} s")
        if now > deadline:
            raise DownloadError("the time limit was reached")
        time.sleep(0.02)


def _tree_bytes(folder: Path) -> int:
    """Bytes in a folder; -1 while there is no file: the process has not begun."""
    sizes = []
    with contextlib.suppress(FileNotFoundError):  # renamed in the meantime
        sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return sum(sizes) if sizes else -1


_REASONS = {
    "NameResolution": "its host name could not be looked up (is there a network?)",
    "ConnectTimeout": "no connection in time",
    "timed out": "it stopped answering",
    "refused": "the connection was refused",
    "IncompleteRead": "the transfer broke off",
    "CERTIFICATE_VERIFY_FAILED": "its certificate could not be checked (a proxy, or a wrong clock?)",
}


def _reason(said: str) -> str:
    return next((reason for sign, reason in _REASONS.items() if sign in said), quoted(said, 300))


def _by_http(route: Route, folder: Path, progress: bool) -> str:
    import pooch

    (folder / "started").touch()
    pooch.get_logger().setLevel("ERROR")
    name = Path(urlsplit(route.url).path).name or route.file
    processors = {".zip": pooch.Unzip(members=[route.file]), ".gz": pooch.Decompress("gzip", f"unpacked-{route.file}")}
    download = pooch.HTTPDownloader(progressbar=progress, chunk_size=8192, timeout=_TIMEOUTS)
    cache = pooch.create(folder, "", registry={name: None}, urls={name: route.url}, retry_if_failed=1)
    paths = cache.fetch(name, processor=processors.get(Path(name).suffix), downloader=download)
    if not paths:
        raise FileNotFoundError(f"the archive holds no {route.file}")
    return paths if isinstance(paths, str) else str(paths[0])


def _by_kaggle(route: Route, folder: Path, progress: bool) -> str:
    import requests

    (folder / "started").touch()
    requests.head(route.url, timeout=_TIMEOUTS[0])  # kagglehub would try for minutes
    (folder / "reached").write_text(route.url)
    import kagglehub

    return str(kagglehub.dataset_download(route.handle, path=route.file))


def _child(route: Route, folder: Path, progress: bool) -> dict[str, str]:
    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the outcome alone
        try:
            move = _by_http if route.kind == "http" else _by_kaggle
            return {"path": move(route, folder, progress)}
        except Exception as error:
            return {"reason": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    print(json.dumps(_child(Route(**json.loads(sys.argv[1])), Path(sys.argv[2]), sys.argv[3] == "True")))

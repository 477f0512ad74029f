"""Downloads against a local server that misbehaves in every way we could think of; nothing here leaves the loopback."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import filelock
import pytest

from labcode.data import fetch as module
from labcode.data.fetch import (
    DataSource,
    PublishedFile,
    Route,
    downloaded,
    fetch,
    file_sha256,
    known_checksum,
    load_source,
)
from labcode.errors import DownloadError, LabcodeError
from labcode.settings import project_root

BODY = "".join(f"{row},{row * row}\r\n" for row in range(5000)).encode()
OTHER = BODY.replace(b"1", b"2")
FILE = "table.csv"
TIMEOUT = 0.4
SLACK = 4.0  # seconds that a busy machine may add

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answers every request with ``answer``; remembers the requests' Range headers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: Answer = serve(BODY)
        self.ranges: list[str | None] = []
        self.released = threading.Event()

    def url(self, path: str = FILE) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers.get("Range"))
        self.server.answer(self)

    def do_HEAD(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass

    def head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


def serve(body: bytes, status: int = 200) -> Answer:
    def answer(handler: Handler) -> None:
        handler.head(status, Content_Length=len(body))
        handler.wfile.write(body)

    return answer


def serve_ranges(body: bytes, shift: int = 0) -> Answer:
    """Honours Range; with ``shift``, from another byte than the one asked for."""

    def answer(handler: Handler) -> None:
        if not (asked := handler.headers.get("Range")):
            return serve(body)(handler)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) + shift
        rest = body[start:]
        if not rest:
            return serve(b"", 416)(handler)
        handler.head(206, Content_Length=len(rest), Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}")
        handler.wfile.write(rest)

    return answer


def break_off(body: bytes, at: int) -> Answer:
    def answer(handler: Handler) -> None:
        handler.head(200, Content_Length=len(body))
        handler.wfile.write(body[:at])

    return answer


def stall(body: bytes, at: int, headers: bool = True) -> Answer:
    def answer(handler: Handler) -> None:
        if headers:
            handler.head(200, Content_Length=len(body))
            handler.wfile.write(body[:at])
            handler.wfile.flush()
        handler.server.released.wait(60)

    return answer


def trickle(body: bytes) -> Answer:
    def answer(handler: Handler) -> None:
        handler.head(200, Content_Length=len(body))
        for byte in body:
            if handler.server.released.wait(0.05):
                return
            handler.wfile.write(bytes([byte]))

    return answer


def redirect(to: str) -> Answer:
    def answer(handler: Handler) -> None:
        if handler.path == "/" + to:
            return serve(BODY)(handler)
        handler.head(302, Location=f"/{to}", Content_Length=0)

    return answer


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def damaged(archive: bytes) -> bytes:
    middle = len(archive) // 2
    return archive[:middle] + bytes(255 - byte for byte in archive[middle : middle + 64]) + archive[middle + 64 :]


def lying_zip(name: str, content: bytes, declared: int) -> bytes:
    """Build a zip whose directories declare another unpacked size than the true one."""
    true, false = (number.to_bytes(4, "little") for number in (len(content), declared))
    return zipped({name: content}).replace(true, false)


def http_route(url: str) -> Route:
    return Route(kind="http", url=url, file=FILE, connect_timeout=TIMEOUT, stall_timeout=TIMEOUT)


def kaggle_route(url: str) -> Route:
    return Route(kind="kaggle", url=url, file=FILE, handle="some/one", connect_timeout=TIMEOUT, stall_timeout=3.0)


def source_of(*routes: Route) -> DataSource:
    checksum = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
    return DataSource(
        name="maintenance",
        title="A table",
        publisher="nobody",
        page="https://example.invalid/table",
        licence="CC0-1.0",
        doi="",
        min_bytes=1000,
        max_bytes=2 * len(BODY),
        by_hand="1. Open https://example.invalid/table.\n2. Put it into {folder}.\n3. Run labcode data status",
        files=(PublishedFile(name=FILE, label="Test table.csv", checksums={"published": checksum}),),
        routes=routes,
    )


def get(source: DataSource, timeout: float = 30.0) -> Path:
    return fetch("maintenance", source=source, timeout=timeout)


def python(code: str, *arguments: str) -> list[str]:
    """Build the command line of another process that sees this module."""
    paths = f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(project_root())!r}]\n"
    return [sys.executable, "-c", paths + "from test_fetch import *\n" + code, *arguments]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds + SLACK


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every host name but the loopback's."""
    real = socket.getaddrinfo

    def getaddrinfo(host: str, *arguments: object, **options: object) -> object:
        if host not in ("127.0.0.1", "localhost"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABCODE_STORE_DIR", str(tmp_path / "store"))
    return tmp_path / "store" / "downloads" / "maintenance"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def closed_url() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/{FILE}"


@pytest.fixture
def kagglehub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a stand-in for kagglehub in the child's way; the test writes the body of its ``dataset_download``."""

    def write(body: str) -> Path:
        library = tmp_path / "library"
        library.mkdir()
        lines = ["import os, pathlib, sys, time", "def dataset_download(handle, path):"]
        lines += ["    cache = pathlib.Path(os.environ['KAGGLEHUB_CACHE']); cache.mkdir(exist_ok=True)"]
        lines += [f"    pathlib.Path({str(tmp_path / 'called')!r}).write_text(handle)"]
        lines += [f"    body = pathlib.Path({str(tmp_path / 'body')!r}).read_bytes()"]
        lines += [f"    {line}" for line in body.splitlines()]
        (library / "kagglehub.py").write_text("\n".join(lines))
        (tmp_path / "body").write_bytes(BODY)
        monkeypatch.setenv("PYTHONPATH", str(library))
        return tmp_path / "called"

    return write


GIVE = "target = cache / path\ntarget.write_bytes(body)\nreturn str(target)"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        pytest.param(FILE, serve(BODY), id="plain"),
        pytest.param("table.zip", serve(zipped({FILE: BODY})), id="zip"),
        pytest.param("table.zip", serve(zipped({"readme.txt": b"hello", FILE: BODY})), id="zip with another member"),
        pytest.param("table.csv.gz", serve(gzip.compress(BODY)), id="gz"),
        pytest.param(FILE, redirect("elsewhere.csv"), id="redirect"),
    ],
)
def test_a_good_server_gives_a_verified_file(server: Server, folder: Path, path: str, answer: Answer) -> None:
    server.answer = answer
    found = get(source := source_of(http_route(server.url(path))))
    assert found == folder / FILE == downloaded("maintenance", source=source)
    assert found.read_bytes() == BODY
    assert {held.name for held in folder.iterdir()} == {FILE, f"{FILE}.verified.json", ".lock"}


def test_a_good_file_is_left_alone(server: Server, folder: Path) -> None:
    get(source := source_of(http_route(server.url())))
    before = {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in [folder, *folder.iterdir()] if path.is_file()
    }
    folder_time, asked = folder.stat().st_mtime_ns, len(server.ranges)
    assert get(source) == folder / FILE
    assert before == {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before}
    assert folder.stat().st_mtime_ns == folder_time
    assert len(server.ranges) == asked == 1
    with filelock.FileLock(folder / ".lock"):  # Not even the lock is asked for.
        assert fetch("maintenance", source=source, timeout=0.1) == folder / FILE


def test_a_good_file_is_read_again_only_when_it_changed(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(source := source_of(http_route(server.url())))
    read: list[Path] = []
    real = module._checksum
    monkeypatch.setattr(module, "_checksum", lambda path, kind: read.append(path) or real(path, kind))
    assert downloaded("maintenance", source=source) == folder / FILE
    assert not read
    os.utime(folder / FILE, ns=(1, 1))
    assert downloaded("maintenance", source=source) == folder / FILE
    assert read == [folder / FILE]
    (folder / FILE).write_bytes(OTHER)
    assert downloaded("maintenance", source=source) is None


@pytest.mark.parametrize("note", ["", "{", "[]", '{"size": 1}'])
def test_a_broken_note_on_the_verdict_is_not_believed(server: Server, folder: Path, note: str) -> None:
    get(source := source_of(http_route(server.url())))
    (folder / f"{FILE}.verified.json").write_text(note)
    assert downloaded("maintenance", source=source) == folder / FILE
    (folder / FILE).write_bytes(OTHER)
    (folder / f"{FILE}.verified.json").write_text(note)
    assert downloaded("maintenance", source=source) is None


def test_a_spoilt_download_is_replaced(server: Server, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(OTHER)
    assert get(source_of(http_route(server.url()))).read_bytes() == BODY


BOMB = bytes(3 * len(BODY))
EVIL = {"../evil.csv": BODY, FILE: BODY}


@pytest.mark.parametrize(
    ("path", "answer", "reason"),
    [
        pytest.param(FILE, serve(b"no", 404), "404 Not Found", id="404"),
        pytest.param(FILE, serve(b"no", 500), "500 Internal Server Error", id="500"),
        pytest.param(FILE, serve(OTHER), f"found sha256:{hashlib.sha256(OTHER).hexdigest()}, expected", id="lies"),
        pytest.param(FILE, serve(b"<html>Sign in</html>"), "it gave 20 bytes, expected 1,000 to", id="a page instead"),
        pytest.param(FILE, serve(BOMB), "sends more than the", id="too large"),
        pytest.param(FILE, break_off(BODY, 20_000), "the transfer broke off", id="truncated"),
        pytest.param(FILE, stall(BODY, 0), "stopped answering|nothing came", id="stalls after the headers"),
        pytest.param(FILE, stall(BODY, 20_000), "stopped answering|nothing came", id="stalls half way"),
        pytest.param(FILE, stall(BODY, 0, headers=False), "stopped answering|nothing came", id="never answers"),
        pytest.param(FILE, trickle(BODY), "nothing came", id="a trickle"),
        pytest.param(FILE, lambda handler: handler.head(302, Location="/x"), "redirects", id="redirects for ever"),
        pytest.param("t.zip", serve(BODY), "sent no archive", id="no archive"),
        pytest.param("t.zip", serve(b""), "sent no archive", id="an empty archive"),
        pytest.param("t.zip", serve(zipped({FILE: BODY})[:-30]), "archive is corrupt", id="zip cut short"),
        pytest.param("t.zip", serve(damaged(zipped({FILE: BODY}))), "archive is corrupt", id="zip damaged"),
        pytest.param("t.gz", serve(gzip.compress(BODY)[:-30]), "archive is corrupt", id="gz cut short"),
        pytest.param("t.gz", serve(damaged(gzip.compress(BODY))), "archive is corrupt", id="gz damaged"),
        pytest.param("t.zip", serve(zipped({"a.csv": BODY})), f"holds a.csv, but no {FILE}", id="zip lacks the member"),
        pytest.param("t.zip", serve(zipped(EVIL)), r"unsafe path '\.\./evil\.csv'", id="zip climbs out"),
        pytest.param("t.zip", serve(zipped({"/tmp/evil.csv": b"", FILE: BODY})), "unsafe path", id="absolute path"),
        pytest.param("t.zip", serve(zipped({"a\\..\\evil.csv": b"", FILE: BODY})), "unsafe path", id="backslashes"),
        pytest.param("t.zip", serve(zipped({FILE: BOMB})), f"would unpack to {len(BOMB):,}", id="zip bomb"),
        pytest.param("t.zip", serve(lying_zip(FILE, BOMB, len(BODY))), "corrupt", id="zip bomb that lies"),
        pytest.param("t.gz", serve(gzip.compress(BOMB)), "unpacks to more than", id="gz bomb"),
        pytest.param(
            "t.zip", serve(zipped({FILE: OTHER})), "its bytes are not Test table.csv", id="zip of other bytes"
        ),
    ],
)
def test_a_bad_server_gives_a_clear_sentence_and_no_file(
    server: Server, folder: Path, tmp_path: Path, path: str, answer: Answer, reason: str
) -> None:
    server.answer = answer
    source = source_of(http_route(server.url(path)))
    with within(2 * TIMEOUT), pytest.raises(DownloadError, match=reason) as caught:
        get(source)
    message = str(caught.value)
    for part in (server.url(path), "By hand", source.page, str(project_root() / "data" / "raw"), "labcode data status"):
        assert part in message
    assert downloaded("maintenance", source=source) is None
    assert not list(tmp_path.rglob("*.unverified")) + list(tmp_path.rglob("evil.csv")) + list(tmp_path.rglob(FILE))


@pytest.mark.parametrize("answer", [serve(OTHER), serve(BOMB), serve(b"short")])
def test_bad_bytes_are_not_kept_for_the_next_attempt(server: Server, folder: Path, answer: Answer) -> None:
    server.answer = answer
    source = source_of(http_route(server.url()))
    with pytest.raises(DownloadError):
        get(source)
    assert not list(folder.glob("*.part"))


def test_a_closed_port_fails_at_once(closed_url: str) -> None:
    with within(0), pytest.raises(DownloadError, match=f"{closed_url}: the connection was refused"):
        get(source_of(http_route(closed_url)))


def test_no_network_fails_at_once_whatever_the_route() -> None:
    source = source_of(http_route("https://data.invalid/t.csv"), kaggle_route("https://kaggle.invalid"))
    with within(0), pytest.raises(DownloadError) as caught:
        get(source)
    assert str(caught.value).count("host name could not be looked up") == 2


def test_a_name_look_up_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(60))
    source = source_of(http_route("https://data.invalid/t.csv"), kaggle_route("https://kaggle.invalid"))
    with within(2 * TIMEOUT), pytest.raises(DownloadError, match=r"(?s)nothing came.*nothing came"):
        get(source)


def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=8) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/{FILE}"
        with within(2 * TIMEOUT), pytest.raises(DownloadError, match=r"stopped answering|nothing came"):
            get(source_of(http_route(url), kaggle_route(url)))


def test_the_whole_attempt_has_a_time_limit(server: Server) -> None:
    server.answer = stall(BODY, 100)
    route = Route(kind="http", url=server.url(), file=FILE, connect_timeout=30, stall_timeout=30)
    with within(TIMEOUT), pytest.raises(DownloadError, match="time limit"):
        get(source_of(route), timeout=TIMEOUT)


def test_a_transfer_that_was_given_up_writes_no_more(server: Server, folder: Path) -> None:
    go_on, sent = threading.Event(), threading.Event()

    def answer(handler: Handler) -> None:
        break_off(BODY, 20_000)(handler)
        go_on.wait(30)
        handler.wfile.write(BODY[20_000:])
        sent.set()

    server.answer = answer
    route = Route(kind="http", url=server.url(), file=FILE, connect_timeout=30, stall_timeout=30)
    with pytest.raises(DownloadError, match="time limit"):
        get(source_of(route), timeout=TIMEOUT)
    part = next(folder.glob("*.part"))
    size = part.stat().st_size
    go_on.set()
    assert sent.wait(10)
    time.sleep(0.2)
    assert part.stat().st_size == size


def test_the_next_route_is_taken_when_one_fails(server: Server, closed_url: str) -> None:
    assert get(source_of(http_route(closed_url), http_route(server.url()))).read_bytes() == BODY


def test_every_failed_route_is_listed(server: Server, closed_url: str) -> None:
    server.answer = serve(b"", 404)
    with pytest.raises(DownloadError, match=rf"(?s){closed_url}: .*refused.*{server.url()}: .*404"):
        get(source_of(http_route(closed_url), http_route(server.url())))


@pytest.mark.parametrize(
    ("answer", "requests"),
    [
        pytest.param(serve_ranges(BODY), 1, id="the rest"),
        pytest.param(serve(BODY), 1, id="ranges ignored"),
        pytest.param(serve_ranges(BODY, shift=5), 2, id="another range"),
        pytest.param(serve_ranges(BODY, shift=len(BODY)), 2, id="416"),
    ],
)
def test_a_broken_transfer_is_resumed(server: Server, folder: Path, answer: Answer, requests: int) -> None:
    server.answer = break_off(BODY, 20_000)
    source = source_of(http_route(server.url()))
    with pytest.raises(DownloadError, match="the next attempt resumes"):
        get(source)
    part = next(folder.glob("*.part"))
    assert part.read_bytes() == BODY[: part.stat().st_size] != b""
    start = f"bytes={part.stat().st_size}-"
    server.ranges.clear()
    server.answer = answer
    assert get(source).read_bytes() == BODY
    assert server.ranges == [start, None][:requests]
    assert not list(folder.glob("*.part"))


def test_a_beginning_that_the_rest_does_not_fit_is_thrown_away(server: Server, folder: Path) -> None:
    server.answer = break_off(OTHER, 20_000)
    source = source_of(http_route(server.url()))
    with pytest.raises(DownloadError):
        get(source)
    server.answer = serve_ranges(BODY)
    assert get(source).read_bytes() == BODY
    assert server.ranges[-1] is None


def test_a_killed_download_leaves_nothing_that_is_used(server: Server, folder: Path) -> None:
    server.answer = stall(BODY, 40_000)
    code = "get(source_of(Route(kind='http', url=sys.argv[1], file=FILE, connect_timeout=30, stall_timeout=30)))"
    child = subprocess.Popen(python(code, server.url()))
    try:
        deadline = time.monotonic() + 60
        while not any(part.stat().st_size for part in folder.glob("*.part")):
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    source = source_of(http_route(server.url()))
    assert downloaded("maintenance", source=source) is None
    server.answer = serve_ranges(BODY)
    assert get(source).read_bytes() == BODY
    assert server.ranges[-1] is not None, "the partial file should have been resumed"


def test_two_processes_download_once(server: Server, folder: Path) -> None:
    def slowly(handler: Handler) -> None:
        time.sleep(0.3)
        serve(BODY)(handler)

    server.answer = slowly
    code = "print(get(source_of(Route(kind='http', url=sys.argv[1], file=FILE))))"
    children = [subprocess.Popen(python(code, server.url()), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [child.communicate(timeout=60)[0].strip() for child in children] == [str(folder / FILE)] * 2
    assert len(server.ranges) == 1


def test_another_process_that_takes_too_long_is_named(server: Server, folder: Path) -> None:
    folder.mkdir(parents=True)
    expected = r"(?s)Another process.*labcode data fetch maintenance"
    with filelock.FileLock(folder / ".lock"), within(TIMEOUT), pytest.raises(DownloadError, match=expected):
        get(source_of(http_route(server.url())), timeout=TIMEOUT)
    assert not server.ranges


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a read-only downloads folder, and, for root, who may write anywhere, become somebody else for a while."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "downloads" / "maintenance"
        folder.mkdir(parents=True)
        for path in (folder, folder.parent, Path(name)):
            path.chmod(0o555)
        monkeypatch.setenv("LABCODE_STORE_DIR", name)
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        if root:
            os.seteuid(65534)
        yield folder
        if root:
            os.seteuid(0)
        for path in (Path(name), folder.parent, folder):
            path.chmod(0o755)


def test_a_read_only_folder_gives_a_clear_sentence(server: Server, read_only: Path) -> None:
    with within(0), pytest.raises(DownloadError, match=r"(?s)Cannot write to .*LABCODE_STORE_DIR") as caught:
        get(source_of(http_route(server.url())))
    assert str(read_only) in str(caught.value)


def test_a_file_in_the_folders_place_gives_a_clear_sentence(server: Server, folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    with pytest.raises(DownloadError, match="Cannot write to"):
        get(source_of(http_route(server.url())))


@pytest.mark.parametrize(
    "body",
    [GIVE, f"print('This version is outdated. ' * 10_000, end='')\nprint('90 %', file=sys.stderr)\n{GIVE}"],
    ids=["silent", "talks much"],
)
def test_kaggle_gives_a_verified_file(
    server: Server, folder: Path, kagglehub: Callable[[str], Path], capfd: pytest.CaptureFixture[str], body: str
) -> None:
    called = kagglehub(body)
    assert get(source_of(kaggle_route(server.url()))).read_bytes() == BODY
    assert called.read_text() == "some/one"
    assert {path.name for path in folder.iterdir()} == {FILE, f"{FILE}.verified.json", ".lock"}
    assert capfd.readouterr() == ("", "")


def test_kaggle_may_give_a_zip(server: Server, kagglehub: Callable[[str], Path], tmp_path: Path) -> None:
    kagglehub(GIVE)
    (tmp_path / "body").write_bytes(zipped({FILE: BODY}))
    assert get(source_of(kaggle_route(server.url()))).read_bytes() == BODY


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param("raise KeyError('403\\nForbidden')", "kagglehub failed: KeyError.*403.*Forbidden", id="refuses"),
        pytest.param("os._exit(3)", "kagglehub failed: it said nothing", id="dies"),
        pytest.param("(cache / path).write_bytes(b'half')\ntime.sleep(60)", "nothing came for 3 s", id="hangs"),
        pytest.param(GIVE.replace("body)", "body[::-1])"), "its bytes are not Test table.csv", id="other bytes"),
        pytest.param("(cache / path).write_bytes(body * 9)\ntime.sleep(60)", "sends more than", id="too large"),
        pytest.param(GIVE.replace("body)", "body * 3)"), "it gave", id="larger than it should be"),
    ],
)
def test_kaggle_fails_with_a_clear_sentence(
    server: Server, folder: Path, kagglehub: Callable[[str], Path], body: str, reason: str
) -> None:
    kagglehub(body)
    with within(3.0), pytest.raises(DownloadError, match=rf"Kaggle some/one \({server.url()}\): .*({reason})"):
        get(source_of(kaggle_route(server.url())))
    assert not list(folder.glob("*.part")) + list(folder.glob(FILE))


def test_kagglehub_is_not_called_when_kaggle_is_out_of_reach(closed_url: str, kagglehub: Callable[[str], Path]) -> None:
    called = kagglehub(GIVE)
    with within(0), pytest.raises(DownloadError, match="refused"):
        get(source_of(kaggle_route(closed_url)))
    assert not called.exists()


@pytest.mark.parametrize(
    "checksum",
    [
        # printf 'hello\n' | sha256sum; printf 'hello\n' | git hash-object --stdin
        "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        "git-blob:ce013625030ba8dba906f756967f9e9ca394464a",
    ],
)
def test_a_file_is_recognised_by_its_bytes_not_its_name(tmp_path: Path, checksum: str) -> None:
    file = PublishedFile(name="a.csv", label="Greeting", checksums={"published": checksum})
    source = DataSource(**{**vars(source_of()), "files": (file,)})
    (tmp_path / "renamed.txt").write_bytes(b"hello\n")
    assert known_checksum("maintenance", tmp_path / "renamed.txt", source=source) == "Greeting"
    (tmp_path / "a.csv").write_bytes(b"hello\r\n")
    assert known_checksum("maintenance", tmp_path / "a.csv", source=source) is None


def test_file_sha256_is_that_of_hashlib(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(BODY)
    assert file_sha256(tmp_path / FILE) == hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize("name", ["prices", "maintenance"])
def test_the_project_describes_its_sources(name: str) -> None:
    source = load_source(name)
    assert source.title and source.publisher and source.licence
    assert source.page.startswith("https://") and source.page in source.by_hand
    assert "{folder}" in source.by_hand and "labcode data status" in source.by_hand
    assert 0 < source.min_bytes < source.max_bytes
    lengths = {"sha256": 64, "git-blob": 40}
    for checksum in [checksum for file in source.files for checksum in file.checksums.values()]:
        kind, _, digest = checksum.partition(":")
        assert len(bytes.fromhex(digest)) * 2 == lengths[kind]
    for route in source.routes:
        assert source.file(route.file).name in source.by_hand
        assert route.url.startswith("https://")
        assert (route.kind == "kaggle") == bool(route.handle)


@pytest.mark.parametrize(("name", "routes"), [("prices", 1), ("maintenance", 2)])
def test_the_project_fails_fast_offline(name: str, routes: int) -> None:
    with within(0), pytest.raises(DownloadError) as caught:
        fetch(name)
    message = str(caught.value)
    assert message.count("host name could not be looked up") == routes
    assert load_source(name).page in message


@pytest.mark.parametrize("text", ["", "[maintenance]\ntitle = 'no more'", "not toml ["])
def test_a_broken_description_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sources.toml").write_text(text)
    monkeypatch.setattr(module, "project_root", lambda: tmp_path)
    with pytest.raises(LabcodeError, match=r"sources\.toml .*git restore"):
        load_source("maintenance")


@pytest.mark.parametrize(
    ("file", "label"),
    [("ai4i2020.csv", "UCI ai4i2020.csv"), ("predictive_maintenance.csv", "Kaggle predictive_maintenance.csv")],
)
def test_the_real_files_are_recognised_with_either_line_end(
    real_data: Path, tmp_path: Path, file: str, label: str
) -> None:
    path = real_data / file
    assert known_checksum("maintenance", path) == label
    crlf = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    for name, content in (("crlf", crlf), ("lf", crlf.replace(b"\r\n", b"\n"))):
        (tmp_path / name).write_bytes(content)
        assert known_checksum("maintenance", tmp_path / name) == label
    (tmp_path / "spoilt").write_bytes(crlf[:-1])
    assert known_checksum("maintenance", tmp_path / "spoilt") is None

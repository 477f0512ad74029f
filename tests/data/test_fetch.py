"""Downloads against a local server that misbehaves in every way we could think of; nothing here leaves the loopback."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
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
from labcode.data.fetch import DataSource, PublishedFile, fetch, load_source
from labcode.data.transfer import Route
from labcode.errors import DownloadError, LabcodeError
from labcode.settings import project_root

BODY = "".join(f"{row},{row * row}\r\n" for row in range(5000)).encode()
OTHER = BODY.replace(b"1", b"2")
FILE = "table.csv"
SLACK = 20.0  # seconds that a busy machine may add

Answer = Callable[["Handler"], None]


class Server(ThreadingHTTPServer):
    """Answers every request with ``answer``; counts the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: Answer = serve(BODY)
        self.requests = 0
        self.released = threading.Event()

    def url(self, path: str = FILE) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        self.server.answer(self)

    def do_HEAD(self) -> None:
        self.head(404)

    def log_message(self, *_: object) -> None:
        pass

    def head(self, status: int, length: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()


def serve(body: bytes, status: int = 200, *, at: int | None = None, stall: bool = False) -> Answer:
    """An answer; one that breaks off after ``at`` bytes, or then goes on no more."""

    def answer(handler: Handler) -> None:
        handler.head(status, len(body))
        handler.wfile.write(body[:at])
        handler.wfile.flush()
        if stall:
            handler.server.released.wait(60)

    return answer


def trickle(handler: Handler) -> None:
    handler.head(200, len(BODY))
    for byte in BODY:
        if handler.server.released.wait(0.05):
            return
        handler.wfile.write(bytes([byte]))


def good_at_the_second_try(handler: Handler) -> None:
    (serve(b"", 503) if handler.server.requests == 1 else serve(BODY))(handler)


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def http_route(url: str, patience: float = 10.0) -> Route:
    return Route(kind="http", url=url, file=FILE, patience=patience)


def kaggle_route(url: str) -> Route:
    return Route(kind="kaggle", url=url, file=FILE, handle="some/one", patience=5.0)


def source_of(*routes: Route) -> DataSource:
    checksum = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
    return DataSource(
        name="maintenance",
        licence="CC0-1.0",
        min_bytes=1000,
        max_bytes=2 * len(BODY),
        by_hand="1. Open https://example.invalid/table.\n2. Put it into {folder}.\n3. Run labcode data status",
        files=(PublishedFile(name=FILE, label="Test table.csv", checksums={"published": checksum}),),
        routes=routes,
    )


def get(source: DataSource, timeout: float = 30.0) -> Path:
    return fetch(source, timeout=timeout)


def another_process(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Another process that sees this module."""
    paths = f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(project_root())!r}]\n"
    command = [sys.executable, "-c", paths + "from test_fetch import *\n" + code, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds + SLACK


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABCODE_STORE_DIR", str(tmp_path / "store"))
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
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
        (library := tmp_path / "library").mkdir()
        (tmp_path / "body").write_bytes(BODY)
        lines = ["cache = pathlib.Path(os.environ['KAGGLEHUB_CACHE'])"]
        lines += [f"pathlib.Path({str(tmp_path / 'called')!r}).write_text(handle)"]
        lines += [f"body = pathlib.Path({str(tmp_path / 'body')!r}).read_bytes()", *body.splitlines()]
        head = "import os, pathlib, sys, time\ndef dataset_download(handle, path):"
        (library / "kagglehub.py").write_text("\n    ".join([head, *lines]))
        monkeypatch.syspath_prepend(library)
        return tmp_path / "called"

    return write


GIVE = "target = cache / path\ntarget.write_bytes(body)\nreturn str(target)"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        pytest.param(FILE, serve(BODY), id="plain"),
        pytest.param("table.zip", serve(zipped({"readme.txt": b"hello", FILE: BODY})), id="zip with another member"),
        pytest.param("t.zip", serve(zipped({"../evil.csv": b"", FILE: BODY})), id="zip that would climb out"),
        pytest.param("table.csv.gz", serve(gzip.compress(BODY)), id="gz"),
        pytest.param(FILE, good_at_the_second_try, id="at the second try"),
    ],
)
def test_a_good_server_gives_a_verified_file(
    server: Server, folder: Path, tmp_path: Path, path: str, answer: Answer
) -> None:
    server.answer = answer
    found = get(source := source_of(http_route(server.url(path))))
    assert found == folder / FILE == source.downloaded()
    assert found.read_bytes() == BODY
    assert {held.name for held in folder.iterdir()} == {FILE, ".lock"}
    assert not list(tmp_path.rglob("evil.csv"))


def test_a_good_file_is_left_alone_and_a_spoilt_one_replaced(server: Server, folder: Path) -> None:
    get(source := source_of(http_route(server.url())))
    before = (folder / FILE).stat().st_mtime_ns, folder.stat().st_mtime_ns
    with filelock.FileLock(folder / ".lock"):  # Not even the lock is asked for.
        assert fetch(source, timeout=0.1) == folder / FILE
    assert before == ((folder / FILE).stat().st_mtime_ns, folder.stat().st_mtime_ns)
    assert server.requests == 1
    facts = (folder / FILE).stat()
    (folder / FILE).write_bytes(BODY[:-1] + b"x")
    os.utime(folder / FILE, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert source.downloaded() is None, "size and time are not what is compared"
    assert get(source).read_bytes() == BODY


BOMB = bytes(40 * len(BODY))


@pytest.mark.parametrize(
    ("path", "answer", "reason"),
    [
        pytest.param(FILE, serve(b"no", 404), "404 Client Error", id="404"),
        pytest.param(FILE, serve(OTHER), f"found sha256:{hashlib.sha256(OTHER).hexdigest()}, expected", id="lies"),
        pytest.param(FILE, serve(b"<html>Sign in</html>"), "it gave 20 bytes, expected 1,000 to", id="a page instead"),
        pytest.param(FILE, serve(BOMB), "sends more than the|it gave", id="too large"),
        pytest.param(FILE, serve(BODY, at=20_000), "the transfer broke off", id="truncated"),
        pytest.param(FILE, serve(BODY, at=20_000, stall=True), "stopped answering|nothing came", id="stalls half way"),
        pytest.param(FILE, trickle, "nothing came", id="a trickle"),
        pytest.param("t.zip", serve(zipped({FILE: BODY})[:-30]), "BadZipFile", id="zip cut short"),
        pytest.param("t.zip", serve(zipped({"a.csv": BODY})), f"the archive holds no {FILE}", id="zip without it"),
        pytest.param("t.zip", serve(zipped({FILE: BOMB})), "sends more than|it gave", id="zip bomb"),
    ],
)
def test_a_bad_server_gives_a_clear_sentence_and_no_file(
    server: Server, folder: Path, path: str, answer: Answer, reason: str
) -> None:
    server.answer = answer
    source = source_of(http_route(server.url(path), patience=8.0))
    with within(8.0), pytest.raises(DownloadError, match=reason) as caught:
        get(source)
    folder_to_use = str(project_root() / "data" / "raw")
    for part in (server.url(path), "By hand", "https://example.invalid/table", folder_to_use, "labcode data status"):
        assert part in str(caught.value)
    assert source.downloaded() is None
    assert [held.name for held in folder.iterdir()] == [".lock"]


def test_a_closed_port_fails_in_seconds_and_the_next_route_is_taken(server: Server, closed_url: str) -> None:
    with within(4), pytest.raises(DownloadError, match=f"{closed_url}: the connection was refused"):
        get(source_of(http_route(closed_url)))
    assert get(source_of(http_route(closed_url), http_route(server.url()))).read_bytes() == BODY


def test_a_name_look_up_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requests.py").write_text("import time\ndef head(*_, **__): time.sleep(60)")
    monkeypatch.syspath_prepend(tmp_path)
    with within(5), pytest.raises(DownloadError, match="nothing came for 5 s"):
        get(source_of(kaggle_route("https://kaggle.invalid")))


def test_the_whole_attempt_has_a_time_limit(server: Server) -> None:
    server.answer = trickle
    with within(1), pytest.raises(DownloadError, match="time limit"):
        get(source_of(http_route(server.url(), patience=60.0)), timeout=1)


def test_a_killed_download_leaves_nothing_that_is_used(server: Server, folder: Path) -> None:
    server.answer = serve(BODY, at=40_000, stall=True)
    child = another_process("get(source_of(http_route(sys.argv[1])))", server.url())
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in folder.glob("unverified/*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    source = source_of(http_route(server.url()))
    assert source.downloaded() is None
    server.released.set()
    server.answer = serve(BODY)
    assert get(source).read_bytes() == BODY
    assert {held.name for held in folder.iterdir()} == {FILE, ".lock"}


def test_two_processes_download_once(server: Server, folder: Path) -> None:
    code = "print(get(source_of(http_route(sys.argv[1]))))"
    children = [another_process(code, server.url()) for _ in range(2)]
    assert [child.communicate(timeout=60)[0].strip() for child in children] == [str(folder / FILE)] * 2
    assert server.requests == 1


def test_a_folder_that_is_held_or_cannot_be_is_named(server: Server, folder: Path) -> None:
    folder.mkdir(parents=True)
    with (
        filelock.FileLock(folder / ".lock"),
        within(0.3),
        pytest.raises(DownloadError, match="Another process") as held,
    ):
        get(source_of(http_route(server.url())), timeout=0.3)
    assert "labcode data fetch maintenance" in str(held.value) and not server.requests
    shutil.rmtree(folder)
    folder.write_text("in the way")
    with pytest.raises(DownloadError, match=r"(?s)Cannot write to .*LABCODE_STORE_DIR"):
        get(source_of(http_route(server.url())))


def test_kaggle_gives_a_verified_file(
    server: Server, folder: Path, kagglehub: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    talk = "print('This version is outdated. ' * 10_000, end='')\nprint('90 %', file=sys.stderr)\n"
    called = kagglehub(talk + GIVE)
    assert get(source_of(kaggle_route(server.url()))).read_bytes() == BODY
    assert called.read_text() == "some/one"
    assert {path.name for path in folder.iterdir()} == {FILE, ".lock"}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param("raise KeyError('403\\nForbidden')", "KeyError.*403.*Forbidden", id="refuses"),
        pytest.param("os._exit(3)", "broke off without a word", id="dies"),
        pytest.param("(cache / path).write_bytes(b'half')\ntime.sleep(60)", "nothing came for 5 s", id="hangs"),
        pytest.param(GIVE.replace("body)", "body[::-1])"), "its bytes are not Test table.csv", id="other bytes"),
        pytest.param("(cache / path).write_bytes(body * 9)\ntime.sleep(60)", "sends more than", id="too large"),
    ],
)
def test_kaggle_fails_with_a_clear_sentence(
    server: Server, folder: Path, kagglehub: Callable[[str], Path], body: str, reason: str
) -> None:
    kagglehub(body)
    with within(6), pytest.raises(DownloadError, match=rf"Kaggle some/one \({server.url()}\): .*({reason})"):
        get(source_of(kaggle_route(server.url())))
    assert [held.name for held in folder.iterdir()] == [".lock"]


def test_kagglehub_is_not_called_when_kaggle_is_out_of_reach(closed_url: str, kagglehub: Callable[[str], Path]) -> None:
    called = kagglehub(GIVE)
    with within(0), pytest.raises(DownloadError, match="refused"):
        get(source_of(kaggle_route(closed_url)))
    assert not called.exists()


def test_a_file_is_recognised_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    """Digests by: printf 'hello\\n' | sha256sum; printf 'hello\\n' | git hash-object --stdin."""
    (tmp_path / "renamed.txt").write_bytes(b"hello\n")
    (tmp_path / "a.csv").write_bytes(b"hello\r\n")
    sha256, git = (
        "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        "ce013625030ba8dba906f756967f9e9ca394464a",
    )
    for checksum in (f"sha256:{sha256}", f"git-blob:{git}"):
        file = PublishedFile(name="a.csv", label="Greeting", checksums={"published": checksum})
        source = DataSource(**{**vars(source_of()), "files": (file,)})
        assert source.label_of(tmp_path / "renamed.txt") == "Greeting"
        assert source.label_of(tmp_path / "a.csv") is None


@pytest.mark.parametrize("name", ["prices", "maintenance"])
def test_the_project_describes_its_sources_and_without_a_network_one_hears_so_in_seconds(
    name: str, closed_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = load_source(name)  # type: ignore[arg-type]
    assert source.licence and 0 < source.min_bytes < source.max_bytes
    lengths = {"sha256": 64, "git-blob": 40}
    for kind, _, digest in (each.partition(":") for file in source.files for each in file.checksums.values()):
        assert len(bytes.fromhex(digest)) * 2 == lengths[kind]
    for route in source.routes:
        assert source.file(route.file).name in source.by_hand
        assert route.url.startswith("https://") and (route.kind == "kaggle") == bool(route.handle)
    monkeypatch.setenv("HTTPS_PROXY", closed_url)
    with within(4), pytest.raises(DownloadError, match="the connection was refused") as caught:
        fetch(source)
    assert source.by_hand.splitlines()[-1] in str(caught.value) and "{folder}" in source.by_hand


@pytest.mark.parametrize("text", ["", "[maintenance]\ntitle = 'no more'", "not toml ["])
def test_a_broken_description_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sources.toml").write_text(text)
    monkeypatch.setattr(module, "project_root", lambda: tmp_path)
    with pytest.raises(LabcodeError, match=r"sources\.toml .*git restore"):
        load_source("maintenance")


def test_the_real_files_are_recognised_with_either_line_end(real_data: Path, tmp_path: Path) -> None:
    source = load_source("maintenance")
    for name, label in (
        ("ai4i2020.csv", "UCI ai4i2020.csv"),
        ("predictive_maintenance.csv", "Kaggle predictive_maintenance.csv"),
    ):
        lf = (real_data / name).read_bytes().replace(b"\r\n", b"\n")
        for content, expected in ((lf, label), (lf.replace(b"\n", b"\r\n"), label), (lf[:-1], None)):
            (tmp_path / "copy").write_bytes(content)
            assert source.label_of(tmp_path / "copy") == expected

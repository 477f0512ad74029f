"""A live preview without Quarto: a small web server, and pages that are rendered again when a source is edited.

Cells run again only where they, labcode's code or the data have changed, each time in a new Python, so that no old code
stays in memory. The page that is being read comes first.
"""

from __future__ import annotations

import html
import http.server
import tempfile
import threading
import time
import webbrowser
from contextlib import suppress
from functools import partial
from pathlib import Path

from labcode.book import frozen
from labcode.book.portable import render
from labcode.book.portable.book import read_book
from labcode.book.portable.kernel import Memory
from labcode.book.preview import edits
from labcode.book.quarto import prerender
from labcode.errors import LabcodeError

_VERSION, _SCRIPT = "/-/version", "/-/reload.js"
_RELOAD = f'<script src="{_SCRIPT}" data-version="%d"></script></body>'
_RELOADING = f"""const {{ version }} = document.currentScript.dataset;
setInterval(async () => {{ if (await (await fetch("{_VERSION}")).text() !== version) location.reload(); }}, 300);"""
_FAULT = '<body><pre role="alert" style="position: relative; z-index: 9; margin: 1rem; white-space: pre-wrap">%s</pre>'


class Preview:
    """The book as it is rendered last, in a folder of its own; its version grows with every change."""

    def __init__(self, root: Path, site: Path) -> None:
        self.root, self.site = root, site
        self.viewed = "index"
        self.version = 0
        self.fault = ""

    def update(self) -> None:
        """Render what has changed, the page that is being read first; a fault is shown on the pages."""
        before, self.fault = self.fault, self._updated()
        self.version += self.fault != before
        if self.fault:
            print(f"preview: {self.fault}", flush=True)

    def _updated(self) -> str:
        """Render; what went wrong, if anything: whatever it is, the preview goes on."""
        try:
            chapters = read_book(self.root).chapters
            record = prerender.prepare_anew(self.root)
            if not all(frozen.current(self.root, chapter.file, record) for chapter in chapters):
                self._render(Memory(self.root, record, self.viewed))  # cells of other pages may wait
            self._render(Memory(self.root, record))
        except LabcodeError as fault:
            return str(fault)
        except Exception as fault:
            return f"{type(fault).__name__}: {fault}"
        finally:
            with suppress(LabcodeError):  # of settings that are broken
                frozen.seal(self.root, portable=True)
        return ""

    def _render(self, memory: Memory) -> None:
        begun, before = time.monotonic(), _contents(self.site)
        render(self.root, to=["html"], out=self.site, memory=memory)
        after = _contents(self.site)
        if changed := [file for file, content in after.items() if before.get(file) != content]:
            self.version += 1
            names = {file.stem.split("-")[0] for file in changed if file.suffix in (".html", ".svg", ".png")}
            print(f"preview: {', '.join(sorted(names))} in {time.monotonic() - begun:.1f} s", flush=True)


def _contents(site: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in site.rglob("*") if file.is_file()}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site; a page asks again and again whether there is another version than the one it shows."""

    def __init__(self, *arguments: object, preview: Preview) -> None:
        self.preview = preview
        super().__init__(*arguments, directory=str(preview.site))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        page, fault = self.preview.site / f"{Path(path).stem or 'index'}.html", self.preview.fault
        if self.headers.get("Host", "").rpartition(":")[0] not in ("127.0.0.1", "localhost"):
            self.send_error(403, "Only this machine is served")  # another site's name may lead here
        elif path == _VERSION:
            self._send(str(self.preview.version), "text/plain")
        elif path == _SCRIPT:
            self._send(_RELOADING, "text/javascript")
        elif (page.is_file() or fault) and path.endswith((".html", "/")):
            self.preview.viewed = page.stem if page.is_file() else self.preview.viewed
            version = self.preview.version  # read before the text: at worst the page is loaded twice
            text = page.read_text(encoding="utf-8") if page.is_file() else "<!DOCTYPE html><body></body>"
            text = text.replace("<body>", _FAULT % html.escape(fault), 1) if fault else text
            self._send(text.replace("</body>", _RELOAD % version), "text/html; charset=utf-8")
        else:
            super().do_GET()

    def list_directory(self, path: object) -> None:
        """Nothing: folders are not shown."""
        self.send_error(404)

    def _send(self, content: str, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: the terminal is for what is rendered."""


def serve(root: Path, chapter: str | None = None) -> int:
    """Serve the book until Ctrl-C, rendered again at every edit."""
    with tempfile.TemporaryDirectory(prefix="labcode-preview-") as folder:
        preview = Preview(root, Path(folder, "site"))
        preview.viewed = chapter or "index"
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, preview=preview))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        preview.update()
        address = f"http://127.0.0.1:{server.server_port}/{preview.viewed}.html"
        print(f"preview: {address} (Ctrl-C ends it)", flush=True)
        webbrowser.open(address)
        try:
            for _ in edits(root):
                preview.update()
        except KeyboardInterrupt:
            pass
        server.shutdown()
    return 0

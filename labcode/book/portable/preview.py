"""A live preview without Quarto: a small web server, and pages that are rendered again when a source is edited.

Cells run again only where they, labcode's code or the data have changed, each time in a new Python, so that no old code
stays in memory. The page that is being read comes first.
"""

from __future__ import annotations

import asyncio
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
from labcode.book.portable.book import Book, read_book
from labcode.book.portable.kernel import Memory, execute
from labcode.book.portable.pages import write_book_file, write_html
from labcode.book.preview import edits
from labcode.book.quarto import prerender
from labcode.errors import LabcodeError

_CHANGES, _SCRIPT = "/-/changes", "/-/reload.js"
_RELOAD = f'<script src="{_SCRIPT}" data-from="{_CHANGES}?%d"></script></body>'
_RELOADING = b"new EventSource(document.currentScript.dataset.from).onmessage = () => location.reload();"
_FAULT = '<body><pre role="alert" style="position: relative; z-index: 9; margin: 1rem; white-space: pre-wrap">%s</pre>'


class Preview:
    """The book as it is rendered last, in a folder of its own; its version grows with every change."""

    def __init__(self, root: Path, site: Path) -> None:
        self.root, self.site = root, site
        self.record = frozen.Record()
        self.memory = Memory(partial(frozen.portable_file, root), self._current)
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
            book = read_book(self.root)
            self.record = prerender.prepare_anew(self.root)
            if not all(self._current(chapter.file) for chapter in book.chapters):  # cells of other pages may wait
                asyncio.run(self._render(book, first=True))
            asyncio.run(self._render(book, first=False))
        except LabcodeError as fault:
            return str(fault)
        except Exception as fault:
            return f"{type(fault).__name__}: {fault}"
        finally:
            with suppress(LabcodeError):  # of settings that are broken
                frozen.seal(self.root, portable=True)
        return ""

    def _current(self, page: str) -> bool:
        return frozen.current(self.root, page, self.record)

    async def _render(self, book: Book, *, first: bool) -> None:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            work, out, free = Path(folder), Path(folder, "fresh"), asyncio.Semaphore(2)
            out.mkdir()

            async def text(name: str) -> str:
                chapter = next(chapter for chapter in book.chapters if chapter.name == name)
                async with free:
                    return await execute(book, chapter, work, self.memory, old=first and name != self.viewed)

            texts = await asyncio.gather(*(text(chapter.name) for chapter in book.chapters))
            write_book_file(book, list(texts), work)
            write_html(book, work, out)
            changed = self._publish(out)
        if changed:
            print(f"preview: {', '.join(changed)} in {time.monotonic() - begun:.1f} s", flush=True)

    def _publish(self, fresh: Path) -> list[str]:
        """Move files that differ to the site; names of the pages whose text or pictures do."""
        differ = []
        for file in (path for path in fresh.rglob("*") if path.is_file()):
            target = self.site / file.relative_to(fresh)
            if not target.is_file() or target.read_bytes() != file.read_bytes():
                target.parent.mkdir(exist_ok=True, parents=True)
                target.write_bytes(file.read_bytes())
                differ.append(file)
        self.version += bool(differ)
        return sorted({file.stem.split("-")[0] for file in differ if file.suffix in (".html", ".svg", ".png")})


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site; a page asks, with the version it has, to be told when there is another."""

    def __init__(self, *arguments: object, preview: Preview) -> None:
        self.preview = preview
        super().__init__(*arguments, directory=str(preview.site))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path, _, asked = self.path.partition("?")
        page, fault = self.preview.site / f"{Path(path).stem or 'index'}.html", self.preview.fault
        if self.headers.get("Host", "").rpartition(":")[0] not in ("127.0.0.1", "localhost"):
            self.send_error(403, "Only this machine is served")  # another site's name may lead here
        elif path == _CHANGES:
            self._tell(asked)
        elif path == _SCRIPT:
            self._send(_RELOADING, "text/javascript")
        elif (page.is_file() or fault) and path.endswith((".html", "/")):
            self.preview.viewed = page.stem if page.is_file() else self.preview.viewed
            version = self.preview.version  # read before the text: at worst the page is loaded twice
            text = page.read_text(encoding="utf-8") if page.is_file() else "<!DOCTYPE html><body></body>"
            text = text.replace("<body>", _FAULT % html.escape(fault), 1) if fault else text
            self._send(text.replace("</body>", _RELOAD % version).encode(), "text/html; charset=utf-8")
        else:
            super().do_GET()

    def list_directory(self, path: object) -> None:
        """Nothing: folders are not shown."""
        self.send_error(404)

    def _send(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def _tell(self, shown: str) -> None:
        self._send(b": open\n\n", "text/event-stream")
        try:
            while str(self.preview.version) == shown:
                time.sleep(0.1)
                self.wfile.write(b":\n")
            self.wfile.write(b"data: new\n\n")
        except OSError:
            pass  # the page was closed

    def log_message(self, *_: object) -> None:
        """Nothing: the terminal is for what is rendered."""


def serve(root: Path, chapter: str | None = None) -> int:
    """Serve the book until Ctrl-C, rendered again at every edit."""
    with tempfile.TemporaryDirectory(prefix="labcode-preview-") as folder:
        preview = Preview(root, Path(folder))
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

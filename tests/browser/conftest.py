"""The book as a reader has it: rendered once, by each engine, from small simulated data, in one browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, Error, Page, sync_playwright

from labcode.report.render import find_quarto

ENGINES = ("portable", "quarto")
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


@dataclass
class Site:
    """A rendered book."""

    engine: str
    root: Path

    @property
    def pages(self) -> list[Path]:
        """Its pages."""
        return sorted(self.root.rglob("*.html"))

    def page(self, name: str) -> Path:
        """The page of a chapter."""
        return next(path for path in self.pages if path.stem == name)


@dataclass
class Visit:
    """A page in the browser, with all that it complained about and asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)

    def open(self, path: Path) -> Page:
        """Load a page from the disk, with a clean record."""
        self.errors.clear()
        self.files.clear()
        self.page.goto(path.as_uri())
        return self.page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """An installed Chromium, else Playwright's own; the tests are skipped where there is none."""
    installed = next(filter(None, map(shutil.which, _NAMES)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=installed, args=["--no-sandbox", "--disable-gpu"])
        except Error:
            pytest.skip("needs a browser: install chromium, or run `playwright install chromium`")
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def rendered(
    copy_book: Callable[[Path], Path], book_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Site]:
    """Render the whole book with an engine, once; test processes that run side by side share it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def render(engine: str) -> Site:
        if engine == "quarto" and find_quarto() is None:
            pytest.skip("needs Quarto on PATH")
        with FileLock(shared / "browser-book.lock"):
            out = shared / f"browser-book-{engine}" / "_book"
            if not (out / "index.html").exists():
                _render(engine, copy_book(out.parent), book_store)
        return Site(engine, out)

    return render


@pytest.fixture(scope="session", params=ENGINES)
def site(request: pytest.FixtureRequest, rendered: Callable[[str], Site]) -> Site:
    """The whole book, by one engine and by the other."""
    return rendered(request.param)


def _render(engine: str, project: Path, store: Path) -> None:
    settings = {"LABCODE_PROFILE": "quick", "LABCODE_STORE_DIR": str(store), "PYTHONPATH": str(project)}
    environment = {key: value for key, value in os.environ.items() if key != "LABCODE_DATA_DIR"} | settings
    command = [sys.executable, "-m", "labcode.cli", "render", "--engine", engine]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Make a window of some width in some theme, which the test then opens pages in."""
    contexts = []

    def window(width: int = 1440, theme: str = "light", **options: bool) -> Visit:
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, color_scheme=theme, reduced_motion="reduce", **options)
        contexts.append(context)
        seen = Visit(context.new_page())
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.on("console", lambda line: line.type == "error" and seen.errors.append(line.text))
        seen.page.on("requestfailed", lambda asked: seen.errors.append(f"not loaded: {asked.url}"))
        seen.page.on("request", lambda asked: _note(asked.url, seen))
        return seen

    yield window
    for context in contexts:
        context.close()


def _note(url: str, seen: Visit) -> None:
    if url.startswith("file://"):
        seen.files.add(Path(url.removeprefix("file://").partition("#")[0].partition("?")[0]))
    elif not url.startswith(("data:", "blob:")):
        seen.errors.append(f"asks the network for {url}")

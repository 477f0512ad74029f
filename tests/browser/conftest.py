"""The book as a reader has it: rendered once, by each engine, from small simulated data, in one browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

ENGINES = ("portable", "quarto")
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


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


@pytest.fixture(scope="module")  # no longer: its event loop would be the one of the tests that come after
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


@pytest.fixture(scope="session", params=ENGINES)
def site(request: pytest.FixtureRequest, rendered: Callable[[str], Any]) -> Any:
    """The whole book, by one engine and by the other."""
    return rendered(request.param)


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

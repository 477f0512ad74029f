"""Every page, on a phone, a tablet and a wide screen: whole, accessible and light."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from labcode.settings import project_root

#: The layouts in which all pages are looked at, each in one theme.
SCREENS = ((390, "dark"), (820, "light"), (1440, "light"))
# Bytes; Quarto's pages bring Bootstrap with them, once for each theme.
HEAVIEST = 2.5e6
_PICTURES = """async () => {
  const shown = [...document.images].filter((image) => image.checkVisibility());
  for (const image of shown) image.loading = "eager";
  await Promise.all(shown.map((image) => image.decode().catch(() => {})));
  return shown.filter((image) => !image.naturalWidth).map((image) => image.src);
}"""
_AXE = {"resultTypes": ["violations"], "preload": False}
_OVERFLOW = "() => document.documentElement.scrollWidth - innerWidth"
_READY = "() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


@pytest.mark.parametrize(("width", "theme"), SCREENS)
def test_every_page_is_whole_accessible_and_light(site, visit: Callable, width: int, theme: str) -> None:
    window, faults = visit(width, theme), []
    for path in site.pages:
        page = window.open(path)
        found = [*window.errors, *(f"broken picture {source}" for source in page.evaluate(_PICTURES))]
        if (wide := page.evaluate(_OVERFLOW)) > 0:
            found.append(f"is {wide} px wider than the screen")
        if (weight := sum(file.stat().st_size for file in window.files if file.is_file())) > HEAVIEST:
            found.append(f"weighs {weight / 1e6:.1f} MB")
        found += violations(page) if width != 820 else []  # a tablet has one of the other two layouts
        faults += [f"{path.name}: {fault}" for fault in found]
    assert faults == []


def violations(page: Page) -> list[str]:
    """What axe-core finds, one line for each rule, with the first element that breaks it."""
    found = Axe().run(page, options=_AXE).response["violations"]
    return [f"{rule['id']} ({len(rule['nodes'])}): {rule['nodes'][0]['html'][:200]}" for rule in found]


def test_every_link_leads_somewhere(site) -> None:
    texts = {path: path.read_text("utf-8") for path in site.pages}
    ids = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in texts.items()}
    faults = []
    for path, text in texts.items():
        for link in re.findall(r'<(?:a|link|script|img)\b[^>]*?\b(?:href|src)="([^"]*)"', text):
            link = unquote(unescape(link))
            if re.match(r"[a-z]+:", link) or link in ("", "#"):
                continue
            file, _, anchor = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            if not target.is_file() or (anchor and anchor not in ids.get(target, {anchor})):
                faults.append(f"{path.name}: {link}")
    assert faults == []


def test_the_first_page_can_be_used_at_once(site, visit: Callable) -> None:
    window = visit()
    times = [window.open(site.page("index")).evaluate(_READY) for _ in range(3)]
    assert min(times) < 1500


def test_nothing_is_hidden_without_scripts(site, visit: Callable) -> None:
    page = visit(390, java_script_enabled=False).open(site.page("eda"))
    assert page.locator("main p").first.is_visible()
    assert page.locator("main img").first.is_visible()


def test_a_print_is_light_and_without_the_frame(site, visit: Callable, tmp_path: Path) -> None:
    page = visit(theme="dark").open(site.page("regression"))
    page.emulate_media(media="print")
    assert not page.locator("#contents, #quarto-sidebar").first.is_visible()
    assert page.locator(".light-content img").first.is_visible()
    assert not page.locator(".dark-content img").first.is_visible()


def test_every_chapter_offers_its_notebook(site) -> None:
    root, offered = project_root(), 0
    for path in site.pages:
        source = root / path.relative_to(site.root).with_suffix(".qmd")
        source = source if source.is_file() else root / "chapters" / source.name
        cells = re.findall(r"^```\{python\}$", source.read_text("utf-8"), re.MULTILINE)
        link = re.search(r'<a [^>]*href="([^"]*\.ipynb)"[^>]*>\s*Notebook\s*</a>', path.read_text("utf-8"))
        assert bool(link) == bool(cells), path
        if link:
            notebook = nbformat.read(path.parent / unquote(link[1]), as_version=4)
            nbformat.validate(notebook)
            assert sum(cell.cell_type == "code" for cell in notebook.cells) == len(cells)
            offered += 1
    assert offered > 5

"""What a reader does on a page, with the mouse and with the keyboard, in both engines' pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect


class Parts(NamedTuple):
    """Where an engine's pages have what both have."""

    theme: str
    is_dark: str
    search: str
    hits: str
    picture: str
    enlarged: str
    copy: str
    fold: str


PARTS = {
    "portable": Parts(
        theme="#theme",
        is_dark="document.documentElement.dataset.theme === 'dark'",
        search="#find",
        hits="#search li a",
        picture=".fig .light-content img",
        enlarged="#lightbox img",
        copy=".copy",
        fold="details.code",
    ),
    "quarto": Parts(
        theme=".quarto-color-scheme-toggle",
        is_dark="document.body.classList.contains('quarto-dark')",
        search=".sidebar-search .aa-DetachedSearchButton, .sidebar-search input",
        hits=".aa-Item a, .search-result-link",
        picture=".light-content a.lightbox img",
        enlarged=".glightbox-container img",
        copy=".code-copy-button",
        fold="details.code-fold",
    ),
}


@pytest.fixture
def parts(site) -> Parts:
    return PARTS[site.engine]


def test_the_chosen_theme_lasts(site, parts: Parts, visit: Callable) -> None:
    window = visit(theme="light")
    page = window.open(site.page("index"))
    assert not page.evaluate(parts.is_dark)
    page.locator(parts.theme).locator("visible=true").first.click()
    assert page.evaluate(parts.is_dark)
    page = window.open(site.page("regression"))
    assert page.evaluate(parts.is_dark)
    assert page.locator(".dark-content img").first.is_visible()
    assert not page.locator(".light-content img").first.is_visible()


def test_search_finds_a_section_of_another_chapter(site, parts: Parts, visit: Callable) -> None:
    window = visit()
    page = window.open(site.page("index"))
    page.locator(parts.search).locator("visible=true").first.click()
    page.keyboard.type("successive halving")
    hit = page.locator(parts.hits).filter(has_text="halving").first
    expect(hit).to_be_visible()
    hit.click()
    page.wait_for_url("**/methods.html*")
    assert window.errors == []


def test_a_figure_is_enlarged_and_escape_closes_it(site, parts: Parts, visit: Callable) -> None:
    page = visit().open(site.page("regression"))
    picture = page.locator(parts.picture).first
    small = picture.bounding_box()
    picture.click()
    large = page.locator(parts.enlarged).locator("visible=true").first
    expect(large).to_be_visible()
    page.wait_for_timeout(500)  # Quarto's opens with a movement
    assert large.bounding_box()["width"] * large.bounding_box()["height"] > small["width"] * small["height"]
    page.keyboard.press("Escape")
    expect(page.locator(parts.enlarged).locator("visible=true")).to_have_count(0)


def test_code_unfolds_with_mouse_and_keyboard(site, parts: Parts, visit: Callable) -> None:
    page = visit().open(site.page("eda"))
    fold = page.locator(parts.fold).first
    code = fold.locator("pre").first
    assert not code.is_visible()
    fold.locator("summary").click()
    assert code.is_visible()
    page.keyboard.press("Enter")
    assert not code.is_visible()


def test_code_is_copied(site, parts: Parts, visit: Callable) -> None:
    page = visit().open(site.page("regression"))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown = page.locator("pre code").locator("visible=true").first.inner_text()
    page.locator("div.sourceCode:visible").first.hover()
    page.locator(parts.copy).locator("visible=true").first.click()
    assert page.evaluate("navigator.clipboard.readText()").strip() == shown.strip()


def test_a_table_sorts_and_is_restored(site, visit: Callable) -> None:
    page = visit().open(site.page("regression"))
    table = page.locator("main table:has(.sort)").first
    before = table.locator("tbody tr").all_inner_texts()
    header = table.locator("th:has(.sort)").last
    orders = []
    for _ in range(3):
        header.locator(".sort").click()
        orders.append((header.get_attribute("aria-sort"), table.locator("tbody tr").all_inner_texts()))
    assert [order for order, _ in orders] == ["ascending", "descending", None]
    assert orders[0][1] != orders[1][1]
    assert sorted(orders[0][1]) == sorted(before) and orders[2][1] == before


def test_the_contents_follow_the_reading(site, visit: Callable) -> None:
    page = visit().open(site.page("regression"))
    contents = page.locator("#contents, #TOC").first
    for number in ("2.3", "2.5"):
        page.locator("main h2", has_text=number).evaluate("heading => heading.scrollIntoView({block: 'start'})")
        current = contents.locator('[aria-current="location"], .nav-link.active')
        expect(current.last).to_contain_text(number)


def test_the_first_stop_of_the_tab_key_skips_to_the_text(visit: Callable, site) -> None:
    page = visit().open(site.page("eda"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the text"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"


def test_the_contents_are_a_drawer_on_a_phone(visit: Callable, site) -> None:
    if site.engine == "quarto":
        pytest.skip("Quarto's own")
    page = visit(390).open(site.page("eda"))
    contents = page.locator("#contents")
    assert not contents.is_visible()
    page.locator("#menu").click()
    assert contents.is_visible()
    page.keyboard.press("Escape")
    assert not contents.is_visible()
    assert page.evaluate("document.activeElement.id") == "menu"


def _outlined(page: Page) -> bool:
    return page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"

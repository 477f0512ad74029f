"""What a reader does on a page, with the mouse and with the keyboard, in both engines' pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from playwright.sync_api import expect


class Parts(NamedTuple):
    """Where an engine's pages have what both have."""

    theme: str
    is_dark: str
    search: str
    hits: str
    copy: str
    fold: str


PARTS = {
    "portable": Parts(
        theme="#Theme",
        is_dark="document.documentElement.dataset.theme === 'dark'",
        search="#Search",
        hits="dialog li a",
        copy=".copy",
        fold="details.code",
    ),
    "quarto": Parts(
        theme=".quarto-color-scheme-toggle",
        is_dark="document.body.classList.contains('quarto-dark')",
        search=".sidebar-search .aa-DetachedSearchButton, .sidebar-search input",
        hits=".aa-Item a, .search-result-link",
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


def test_the_audit_sorts_by_any_column_in_both_orders(site, visit: Callable) -> None:
    page = visit().open(site.page("audit"))
    table = page.locator("main table:has(th button)")
    before = table.locator("tbody tr").all_inner_texts()
    header = table.locator("th").last
    orders = []
    for _ in range(2):
        header.locator("button").click()
        orders.append((header.get_attribute("aria-sort"), table.locator("tbody tr td:last-child").all_inner_texts()))
    assert orders[0][0] == "ascending" and orders[1] == ("descending", orders[0][1][::-1])
    assert orders[0][1] == sorted(orders[0][1]) and len(set(orders[0][1])) > 1
    assert sorted(table.locator("tbody tr").all_inner_texts()) == sorted(before)


def test_the_first_stop_of_the_tab_key_skips_to_the_text(visit: Callable, site) -> None:
    page = visit().open(site.page("eda"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the text"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"


def test_the_contents_open_on_demand_on_a_phone(visit: Callable, site) -> None:
    if site.engine == "quarto":
        pytest.skip("Quarto's own")
    page = visit(390, java_script_enabled=False).open(site.page("eda"))
    assert not page.locator("#contents").is_visible()
    page.locator("#menu").check()
    assert page.locator("#contents").is_visible()

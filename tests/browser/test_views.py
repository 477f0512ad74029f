"""The views to try out, with the mouse and with the keyboard, and the notebooks, in both engines' pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

import nbformat
import pytest
from playwright.sync_api import Locator, expect

from labcode.settings import project_root


@pytest.fixture
def space(site, visit: Callable) -> Locator:
    """The search space in the appendix on methods."""
    return visit().open(site.page("methods")).locator("[data-view=space]")


@pytest.fixture
def borders(site, visit: Callable) -> Locator:
    """The network's borders in the classification chapter."""
    return visit().open(site.page("classification")).locator("[data-view=borders]")


def counts(view: Locator) -> tuple[int, int]:
    """How many candidates are kept, of how many."""
    kept, of, *_ = re.findall(r"\d+", view.locator(".view-count").inner_text())
    return int(kept), int(of)


def told(view: Locator) -> str:
    """What the view says of a candidate."""
    return view.locator("[aria-live] p").last.inner_text()


def test_a_candidate_is_told_where_the_pointer_is(space: Locator) -> None:
    assert told(space).startswith("Rank 1: ")
    rank = space.get_by_text("worst")
    field = space.locator(".view-field").bounding_box()
    rank.scroll_into_view_if_needed()
    space.locator(".view-field").hover(position={"x": field["width"] - 2, "y": field["height"] - 2})
    kept, of = counts(space)
    assert kept == of and told(space).startswith(f"Rank {of}: ")
    assert space.locator("polyline.told").count() == 1


def test_levels_keep_candidates_until_reset(space: Locator) -> None:
    _, of = counts(space)
    levels = space.get_by_role("group", name="learning rate").get_by_role("button")
    levels.first.click()
    first, _ = counts(space)
    assert 0 < first < of and levels.first.get_attribute("aria-pressed") == "true"
    assert space.locator("polyline.out").count() == of - first
    space.get_by_role("group", name="epochs").get_by_role("button").first.click()
    both, _ = counts(space)
    assert both < first, "filters of two axes combine"
    levels.nth(1).click()
    assert counts(space)[0] >= both, "levels of one axis add up"
    space.get_by_role("button", name="Keep all again").click()
    assert counts(space) == (of, of)
    assert space.locator("[aria-pressed=true]").count() == 0


def test_the_space_works_by_keyboard(space: Locator) -> None:
    slider = space.get_by_role("slider")
    slider.focus()
    space.page.keyboard.press("ArrowRight")
    assert told(space).startswith("Rank 2: ") and slider.get_attribute("aria-valuetext") == "rank 2"
    space.page.keyboard.press("Shift+Tab")
    focused = space.locator(":focus-visible")
    assert focused.get_attribute("aria-pressed") == "false"
    assert focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    space.page.keyboard.press("Enter")
    assert focused.get_attribute("aria-pressed") == "true" and counts(space)[0] < counts(space)[1]


def test_the_border_moves_with_the_wear(borders: Locator) -> None:
    slider, status = borders.get_by_role("slider"), borders.locator("[aria-live]")
    slider.focus()
    heights, areas = [], []
    for key in ("End", "ArrowLeft"):
        borders.page.keyboard.press(key)
        expect(status).to_contain_text(f"{slider.get_attribute('aria-valuetext')}, quality L")
        heights.append(float(re.search(r"overstrain begins here at ([\d.]+)", status.inner_text())[1]))
        areas.append(borders.locator("polyline.view-border").last.get_attribute("points"))
    assert heights[0] < heights[1] and areas[0] != areas[1]


def test_quality_and_plane_are_chosen(borders: Locator) -> None:
    status = borders.locator("[aria-live]")
    borders.get_by_label("L", exact=True).focus()
    borders.page.keyboard.press("ArrowRight")
    expect(status).to_contain_text("quality M")
    borders.get_by_label("torque over tool wear").check()
    expect(status).to_contain_text(re.compile(r"^Speed .* rpm, quality M\. By the rules, power fails here below"))
    assert borders.locator("svg[role=img]").get_attribute("aria-label").startswith("Classes over tool wear (min)")


@pytest.mark.parametrize(("chapter", "view"), [("methods", "space"), ("classification", "borders")])
def test_without_scripts_and_in_print_only_the_figure_is_there(site, visit: Callable, chapter: str, view: str) -> None:
    silent = visit(java_script_enabled=False).open(site.page(chapter))
    assert not silent.locator(f"[data-view={view}]").is_visible()
    page = visit().open(site.page(chapter))
    box = page.locator(f"[data-view={view}]")
    assert box.is_visible()
    page.emulate_media(media="print")
    assert not box.is_visible()


def test_a_view_fits_a_phone(site, visit: Callable) -> None:
    page = visit(390).open(site.page("methods"))
    field = page.locator(".view-field")
    assert not re.search("upright", field.get_attribute("class"))
    boxes = [button.bounding_box() for button in field.get_by_role("button").all()]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] >= 24 for box in boxes)


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

"""Both engines show the same book: chapters, headings, captions, references, tables and every sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

KINDS = {
    "headings": "main :is(h1, h2, h3, h4)",
    "captions": "main figcaption",
    "references": "main a.xref, main a.quarto-xref",
    "tables": "main table tr",
    "sentences": "main p",
    "pictures": "main .light-content img",
}


@pytest.fixture(scope="module")
def pages(rendered: Callable) -> dict[str, tuple[Tag, Tag]]:
    """Each chapter's page, from the one engine and from the other."""
    found = [{path.stem: soup(path) for path in rendered(engine).pages} for engine in ("portable", "quarto")]
    assert found[0].keys() == found[1].keys()
    return {name: (found[0][name], found[1][name]) for name in found[0]}


def soup(path: Path) -> Tag:
    """A page without what only one engine adds: frames around the text, formulas, code."""
    page = BeautifulSoup(path.read_text("utf-8"), "html.parser")
    for extra in page.select(
        "nav, math, pre, script, div.title, .subtitle, .quarto-title-meta, .code-file > p, summary, button"
    ):
        extra.decompose()
    # On the start page Quarto shows the book's title, and refers to sections by their titles, not their numbers.
    for extra in page.select("#title-block-header, a.xref, a.quarto-xref") if path.stem == "index" else []:
        if not re.search("#(fig|tbl|eq)-", str(extra.get("href", ""))):
            extra.decompose()
    return page


def words(element: Tag) -> str:
    """An element's text (a picture's: its alternative), without the differences that a reader does not see."""
    text = element.get("alt", "") if element.name == "img" else element.get_text(" ")
    text = re.sub(r"\s+", " ", str(text).replace("\u00a0", " ").replace("’", "'").replace("…", "..."))
    return re.sub(r" ?([^\w ]) ?", r"\1", text).strip()


@pytest.mark.parametrize("kind", KINDS)
def test_both_engines_show_the_same(pages: dict[str, tuple[Tag, Tag]], kind: str) -> None:
    differences = []
    for name, both in pages.items():
        portable, quarto = ([words(element) for element in page.select(KINDS[kind])] for page in both)
        portable, quarto = (list(filter(None, texts)) for texts in (portable, quarto))
        differences += [f"{name}: {text}" for text in portable if text not in quarto]
        differences += [f"{name}, Quarto: {text}" for text in quarto if text not in portable]
    assert differences == []

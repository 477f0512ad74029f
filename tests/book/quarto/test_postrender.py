"""Quarto's pages after a render: mended once, however often the step runs, and with the chapter's notebook."""

from __future__ import annotations

import re

from labcode.book.quarto.postrender import mend, offer_notebook


def test_pages_get_scripts_and_notebook_once() -> None:
    module = '<script src="../site_libs/quarto-html/quarto.js" type="module"></script>'
    page = mend(mend(f"<html><head>{module}</head><body></body></html>"))
    assert page.count("site_libs/labcode/offline.js") == page.count("Skip to the text") == 1 and "module" not in page
    menu = '<ul class="dropdown-menu" aria-labelledby="quarto-navigation-tool-dropdown-0"><li>PDF</li></ul><ul></ul>'
    offered = offer_notebook(offer_notebook(menu, "eda.ipynb", "Notebook"), "eda.ipynb", "Notebook")
    assert re.search(r'<li>PDF</li><li><a [^>]*href="eda.ipynb" download>Notebook</a></li></ul><ul></ul>$', offered)

"""What runs after Quarto: pages that also work from a disk and without a mouse; results and notebooks beside them.

Quarto runs this file as a script (``post-render`` in _quarto.yml). It may run twice over the same pages.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

_BOOK = Path(__file__).resolve().parents[1]
_SCRIPTS = (_BOOK / "quarto" / "offline.js", _BOOK / "sort.js")
_DOWNLOADS = re.compile(r'<ul class="dropdown-menu" aria-labelledby="quarto-navigation-tool-.*?(?=</ul>)', re.DOTALL)
_MODULE = re.compile(r'<script src="([./]*site_libs/)quarto-html/(quarto|tabsets/tabsets)\.js" type="module"></script>')
#: What folds a part of the sidebar is a button, and no landmark.
_FOLDED = re.compile(r'(<a class="sidebar-item-t[^>]*) role="navigation"')
_EMPTY_HEADER = re.compile(r"<th([^>]*)></th>")
_SKIP = '<a class="skip visually-hidden-focusable" href="#quarto-document-content">Skip to the text</a>'
_BETTER = {
    '<nav class="quarto-secondary-nav">': '<nav class="quarto-secondary-nav" aria-label="This page">',
    '<nav id="quarto-sidebar" class': '<nav id="quarto-sidebar" aria-label="Chapters" class',
    '<nav class="page-navigation">': '<nav class="page-navigation" aria-label="Previous and next">',
    'id="quarto-document-content">': 'id="quarto-document-content" tabindex="-1">',
    # A folder's address needs a server; the choice of the theme can be kept without one.
    'href="./"': 'href="./index.html"',
    'href="../"': 'href="../index.html"',
    "return window.location.protocol === 'file:';": "return false;",
}


def mend(page: str) -> str:
    """A page of Quarto's that needs no web server and names its landmarks."""
    for found, better in _BETTER.items():
        page = page.replace(found, better)
    page = _MODULE.sub(_classic, page)
    page = _FOLDED.sub(r'\1 role="button"', page)
    if _SKIP not in page:
        page = re.sub(r"(<body[^>]*>)", rf"\1\n{_SKIP}", page, count=1)
    return _EMPTY_HEADER.sub(r"<td\1></td>", page)


def _classic(script: re.Match[str]) -> str:
    """Script elements instead of a module: modules are fetched, and a page opened from a disk may not fetch."""
    if script[2] != "quarto":
        return ""
    names = ("quarto", *(path.stem for path in _SCRIPTS))
    return "".join(f'<script src="{script[1]}labcode/{name}.js" defer></script>' for name in names)


def offer_notebook(page: str, file: str, text: str) -> str:
    """A page with one more entry in its menu of downloads."""
    entry = f'<li><a class="dropdown-item sidebar-tools-main-item" href="{file}" download>{text}</a></li>'
    return page if entry in page else _DOWNLOADS.sub(lambda menu: menu[0] + entry, page, count=1)


def write_scripts(book: Path) -> None:
    """Write the scripts that mended pages load into ``site_libs/labcode``."""
    libraries = book / "site_libs"
    folder = libraries / "labcode"
    folder.mkdir(exist_ok=True)
    tabs = (libraries / "quarto-html/tabsets/tabsets.js").read_text("utf-8").replace("export function", "function")
    quarto = (libraries / "quarto-html/quarto.js").read_text("utf-8")
    quarto = re.sub(r"^import \* as tabsets from .*$", "const tabsets = { init };", quarto, flags=re.MULTILINE)
    (folder / "quarto.js").write_text(f'(() => {{\n"use strict";\n{tabs}\n{quarto}\n}})();\n', "utf-8")
    index = (book / "search.json").read_text("utf-8") if (book / "search.json").is_file() else "[]"
    (folder / "search.js").write_text(f"window.quartoSearchIndex = {index};\n", "utf-8")
    for script in _SCRIPTS:
        shutil.copy(script, folder)


def main() -> int:
    """Mend the pages that are there, and write the results and each chapter's notebook beside them."""
    sys.path.insert(0, str(_BOOK.parents[1]))
    from labcode.book import contradictions, edition, frozen, notebooks, pictures
    from labcode.book.environment import RESULTS
    from labcode.book.quarto.log import refuse_unresolved
    from labcode.book.quarto.prerender import results_text
    from labcode.errors import LabcodeError

    root = Path.cwd()
    book = root / os.environ.get("QUARTO_PROJECT_OUTPUT_DIR", "_book")
    frozen.seal(root, portable=False)
    left: list[str] = []
    if (book / "site_libs" / "quarto-html").is_dir():
        write_scripts(book)
        for chapter in edition.sources(root):
            page = (book / chapter).with_suffix(".html")
            if not page.is_file():
                continue
            text, notebook = page.read_text("utf-8"), page.with_suffix(".ipynb")
            left += re.findall(r'class="quarto-unresolved-ref">\?([\w-]+)<', text)
            text = mend(pictures.load_late(text, page.parent))
            if cells := notebooks.notebook_text(root / chapter):
                notebook.write_text(cells, "utf-8")
                text = offer_notebook(text, notebook.name, notebooks.NOTEBOOK)
            page.write_text(text, "utf-8")
        (book / RESULTS).write_text(results_text(root), "utf-8")
    try:
        everything = bool(os.environ.get("QUARTO_PROJECT_RENDER_ALL"))
        refuse_unresolved(
            "\n".join(f"Unable to resolve crossref {label}" for label in left), root, everything=everything
        )
        contradictions.refuse(root, frozen.shown(root, portable=False))
    except LabcodeError as error:
        print(f"labcode: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())

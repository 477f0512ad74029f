"""The whole report as one HTML page that needs no other file, by Quarto; the portable engine has a writer of its own.

A Quarto book is many pages. Here a copy of its sources becomes an ordinary document that includes the chapters one
after the other, numbered as in the book, and Quarto puts pictures, styles and scripts inside the page.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import yaml

from labcode import files
from labcode.book import edition
from labcode.errors import RenderError

#: Runs Quarto in a folder: called with the folder and the arguments after ``quarto render``.
RunQuarto = Callable[[Path, list[str]], None]

_NOT_SOURCES = ("labcode", "tests", "data", "binder", "dist", "node_modules", "_*", ".*", "*_files", "*.zip")
#: Cells without a label get another id at each render; nothing refers to it.
_RANDOM_ID = re.compile(r'<div id="[0-9a-f]{8}"(?= class="cell")')
_MOVED = ("title", "subtitle", "author", "date", "date-format")


def render_onefile(run: RunQuarto, root: Path, out: Path) -> Path:
    """Render the one page into `out`, from a copy of the sources; ``_book`` is not touched.

    Raises
    ------
    RenderError
        If a cell fails, a reference leads nowhere, or the page still needs another file.
    """
    with tempfile.TemporaryDirectory(prefix="labcode-") as folder:
        config = _copied(root, Path(folder))
        name = config["book"].get("output-file") or "report"
        _write_config(Path(folder), one_document(config, name))
        text = "\n\n".join(f"{{{{< include {file} >}}}}" for file in edition.sources(root))
        (Path(folder) / f"{name}.qmd").write_text(f"{text}\n", encoding="utf-8")
        run(Path(folder), [f"{name}.qmd", "--to", "html"])
        text = _RANDOM_ID.sub("<div", (Path(folder) / "_out" / f"{name}.html").read_text(encoding="utf-8"))
    if lacking := outside_files(text):
        raise RenderError(f"{name}.html is not complete in itself: it still needs {', '.join(lacking[:3])}.")
    files.write_whole(out / f"{name}.html", text.encode())
    return out / f"{name}.html"


def one_document(config: dict[str, Any], name: str) -> dict[str, Any]:
    """The settings of a book turned into those of one document with its chapters' numbers."""
    book = config["book"]
    single = {key: value for key, value in config.items() if key not in ("book", "project", "format")}
    html = config.get("format", {}).get("html")
    html = html if isinstance(html, dict) else {}
    # Lightbox links each picture to a file of its own.
    html = html | {"embed-resources": True, "lightbox": False, "toc": True, "toc-location": "left"}
    return (
        {"project": {"type": "default", "execute-dir": "project", "output-dir": "_out", "render": [f"{name}.qmd"]}}
        | {key: book[key] for key in _MOVED if key in book}
        | single
        | {"crossref": (single.get("crossref") or {}) | {"chapters": True}, "format": {"html": html}}
    )


def _copied(root: Path, folder: Path) -> dict[str, Any]:
    """Copy the sources into `folder`; the book's settings, without the steps that run before and after a render."""
    shutil.copytree(root, folder, ignore=shutil.ignore_patterns(*_NOT_SOURCES), dirs_exist_ok=True)
    config = edition.settings(root)
    config.pop("profile", None)
    config["project"] = {"output-dir": "_book"} | config["project"]
    for step in ("pre-render", "post-render"):
        config["project"].pop(step, None)
    return dict(_with_whole_paths(config, root))


def _with_whole_paths(value: Any, root: Path) -> Any:
    """Settings in which files of the package, such as filters, have their whole path: it is not copied."""
    if isinstance(value, dict):
        return {key: _with_whole_paths(each, root) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_whole_paths(each, root) for each in value]
    ours = isinstance(value, str) and value.startswith("labcode/") and (root / value).is_file()
    return (root / value).as_posix() if ours else value


def _write_config(folder: Path, config: dict[str, Any]) -> None:
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    (folder / "_quarto.yml").write_text(text, encoding="utf-8")


#: What an attribute may begin with: what a page loads must lie within it; what it links to may lie on the web.
_INSIDE = {
    **dict.fromkeys([("*", "src"), ("*", "srcset"), ("*", "poster"), ("link", "href")], r"data:|#"),
    ("a", "href"): r"#|[a-z][a-z0-9+.-]*:",
}


class _Resources(HTMLParser):
    """Collects what a page loads or links to outside itself and outside the web."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.style = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.style = tag == "style"
        for name, value in attributes:
            inside = _INSIDE.get((tag, name)) or _INSIDE.get(("*", name))
            if value and inside and not re.match(inside, value):
                self.found.append(value)

    def handle_data(self, data: str) -> None:
        if self.style:
            self.found += [url for url in re.findall(r"url\(['\"]?([^'\")]+)", data) if not re.match("data:|#", url)]

    def handle_endtag(self, tag: str) -> None:
        self.style = False


def outside_files(html: str) -> list[str]:
    """What a page needs besides itself: files that it loads or links to, and anything that it loads from the web.

    >>> outside_files('<img src="data:image/png;base64,AA=="><img src="a.png"><a href="https://example.org">out</a>')
    ['a.png']
    """
    parser = _Resources()
    parser.feed(html)
    parser.close()
    return list(dict.fromkeys(parser.found))

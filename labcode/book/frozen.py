"""Which pages may show what their cells showed at the last render, because nothing behind it has changed.

A render keeps the output of every page (Quarto: ``freeze: auto``) and looks at the page's own text alone. This module
looks at the rest: labcode's source, the data, the results, the settings, the libraries. What may have changed is thrown
away before a render looks, and runs again. Nothing is imported or computed to find out, so that it costs a moment.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from labcode import files, settings
from labcode.results import keys as digests

#: Where Quarto keeps the outputs of pages: those that a render uses, and those that its preview uses.
_QUARTO = ("_freeze", ".quarto/_freeze")
_RECORD = "_freeze/labcode.json"
_PORTABLE = "_freeze/portable"


@dataclass
class Record:
    """What the kept outputs were computed from.

    Attributes
    ----------
    common : str
        Digest of what every page rests on.
    pages : dict of str to str
        A digest for each page, of that and of the modules of `labcode.book` which its cells reach.
    said : list of str
        Lines that told which rows are used.
    complete : bool
        Whether every result was stored.
    results : str
        The text of ``results.json``; empty until it was written.
    """

    common: str = ""
    pages: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    complete: bool = False
    results: str = ""


def read(root: Path) -> Record:
    """The record of the last render; an empty one if there is none, or none that can be read."""
    with suppress(OSError, ValueError, TypeError):
        return Record(**json.loads((root / _RECORD).read_text("utf-8")))
    return Record()


def now(root: Path) -> Record:
    """What a render that starts now would rest on."""
    common = _digest(_common(root))
    return Record(common, {page: _digest([common, *_reached(root, page)]) for page in _pages(root)})


def keep(root: Path, record: Record) -> None:
    """Throw away outputs that rest on anything else, and note what the others, and new ones, rest on."""
    before = read(root).pages
    for freezer in _QUARTO:  # scripts that Quarto kept: taken from there, they would replace those of all pages
        shutil.rmtree(root / freezer / "site_libs", ignore_errors=True)
    for page in _pages(root):
        if before.get(page) != record.pages[page]:
            for freezer in _QUARTO:
                shutil.rmtree(root / freezer / Path(page).with_suffix(""), ignore_errors=True)
            portable_file(root, page).unlink(missing_ok=True)
    files.keep(root / _RECORD, json.dumps(asdict(record), indent=1))


def kept(root: Path, *, portable: bool) -> Iterator[tuple[str, Path]]:
    """Each page, and a file that holds what its cells showed at the last render."""
    for page in _pages(root):
        folder = root / _QUARTO[0] / Path(page).with_suffix("") / "execute-results"
        files = [portable_file(root, page)] if portable else folder.glob("*.json")
        yield from ((page, file) for file in files if file.is_file())


def forget(root: Path) -> None:
    """Throw away all outputs: the next render runs every cell."""
    for folder in _QUARTO:
        shutil.rmtree(root / folder, ignore_errors=True)


def portable_file(root: Path, page: str) -> Path:
    """Where the portable engine keeps the outputs of a page."""
    return root / _PORTABLE / f"{Path(page).stem}.json"


def _pages(root: Path) -> list[str]:
    found = [*root.glob("*.qmd"), *root.glob("chapters/*.qmd")]
    return sorted(path.relative_to(root).as_posix() for path in found if not path.name.startswith("_"))


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _common(root: Path) -> Iterator[str]:
    yield sys.version
    yield from sorted(path.name for path in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))
    yield from sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("LABCODE_"))
    report = root / "labcode/book"
    code = (path for path in (root / "labcode").rglob("*.py") if not path.is_relative_to(report))
    others = (
        root.glob("*.yml"),
        root.glob("lab.toml"),
        root.glob("chapters/_*"),
        root.glob("data/*.toml"),
        root.glob("labcode/book/*.mplstyle"),
    )
    for path in sorted({*code, *(path for found in others for path in found if path.is_file())}):
        yield _content(path)
    results = (settings.store_dir() / "results").rglob("*.json")
    data = (path for folder in settings.data_dirs() for path in folder.rglob("*"))
    for path in sorted({*results, *data}):
        with suppress(OSError):
            yield f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}"


def _content(path: Path) -> str:
    return f"{path} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _reached(root: Path, page: str) -> Iterator[str]:
    """Sources of the modules of ``labcode.book`` that a page names or imports, and that these import in turn."""
    text = (root / page).read_text("utf-8")
    imports = re.findall(r"^(?:from|import) labcode[^\n(]*(?:\([^)]*\))?", text, re.MULTILINE)
    waiting = [*_imports("\n".join(imports), ""), *re.findall(r"labcode(?:\.\w+)+", text)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or not name.startswith("labcode.book"):
            continue
        seen.add(name)
        waiting.append(_parent(name))
        stem = root.joinpath(*name.split("."))
        for file in (stem / "__init__.py", stem.with_suffix(".py")):
            if file.is_file():
                seen.add(_content(file))
                package = name if file.stem == "__init__" else _parent(name)
                waiting += _imports(file.read_text("utf-8"), package)
    yield from sorted(seen)


def _imports(source: str, package: str) -> list[str]:
    try:
        return digests.imports(source, package)
    except SyntaxError:  # it will fail where it is run
        return []


def _parent(name: str) -> str:
    return name.rpartition(".")[0]

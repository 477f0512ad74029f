"""Which pages may show what their cells showed at the last render, because nothing behind it has changed.

A page rests on its text, on the results that it read (by their keys), on the rows, on the source files that its Python
imported or opened, and on the settings of execution. The Python that runs a page notes all this after each cell. Before
a render, outputs of pages that rest on anything else are thrown away, and so are outputs that somebody changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from labcode import files, settings
from labcode.book import edition
from labcode.book.environment import PACKAGES

#: Where Quarto keeps the outputs of pages: those that a render uses, and those that its preview uses.
_QUARTO = ("_freeze", ".quarto/_freeze")
_RECORD = "_freeze/labcode.json"
_PORTABLE = "_freeze/portable"
_NOTES = "_freeze/notes"
_INCLUDE = re.compile(r"\{\{<\s*include\s+(\S+)\s*>\}\}")
#: Folders of a project whose files are made by a render, or are rows.
_MADE = re.compile(r"[._]\w*/|data/raw/")


@dataclass
class Record:
    """What there was before the last render."""

    #: Digest of all from which the rest of the record follows, taken at little cost.
    stamp: str = ""
    #: Key of each result, stored or not; checksum of each data set.
    keys: dict[str, str] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    #: Lines that told which rows are used.
    said: list[str] = field(default_factory=list)
    #: Whether every result was stored.
    complete: bool = False
    #: The text of ``results.json``; empty until it was written.
    results: str = ""
    #: For each page, a digest of the settings and of the files that it includes.
    pages: dict[str, str] = field(default_factory=dict)
    #: Checksum of each page's outputs, by their folder or file.
    sums: dict[str, str] = field(default_factory=dict)


def read(root: Path) -> Record:
    """The record of the last render; an empty one if there is none, or none that is as it was written."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        given = json.loads((root / _RECORD).read_text("utf-8"))
        if given.pop("sum", "") == _digest([json.dumps(given)]):
            return Record(**given)
    return Record()


def write(root: Path, record: Record) -> None:
    """Keep the record."""
    given = asdict(record)
    files.keep(root / _RECORD, json.dumps({**given, "sum": _digest([json.dumps(given)])}, indent=1))


def stamp(root: Path) -> str:
    """Digest of the code, the settings, and the state of the folders of data and results."""
    code = [*(root / "labcode").rglob("*.py"), *root.glob("lab.toml"), *root.glob("data/*.toml")]
    stored = (settings.store_dir() / "results").rglob("*.json")
    rows = (path for folder in settings.data_dirs() for path in folder.rglob("*"))
    states = [f"{path} {_sum(path)}" for path in code]
    for path in (*stored, *rows):
        with suppress(OSError):
            states.append(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}")
    return _digest([*_machine(), *sorted(states)])


def pages(root: Path) -> dict[str, str]:
    """For each page, a digest of the settings of execution and of the files that its text includes."""
    config = edition.settings(root)
    common = [json.dumps([config.get(key) for key in ("execute", "jupyter", "lab")], default=str), *_machine()]
    return {page: _digest([*common, *_included(root, root / page, (root / page,))]) for page in edition.sources(root)}


def _machine() -> list[str]:
    """What shows on a page or in its figures, whatever the page reads."""
    libraries = [f"{name} {version(name)}" for name in PACKAGES]
    return [sys.version, *libraries, *(os.environ.get(f"LABCODE_{name}", "") for name in ("PROFILE", "DEVICE"))]


def _included(root: Path, page: Path, inside: tuple[Path, ...]) -> Iterator[str]:
    """Checksums of the files that a page includes, by names that start from the page's folder, as Quarto has it."""
    for name in _INCLUDE.findall(inside[-1].read_text("utf-8")):
        path = (root / name[1:] if name.startswith("/") else page.parent / name).resolve()
        if path.is_file() and path not in inside:
            yield _sum(path)
            yield from _included(root, page, (*inside, path))


def discard_stale(root: Path, record: Record) -> None:
    """Throw away outputs of pages that rest on other things than there are now, or that somebody changed."""
    before = read(root).sums
    for freezer in _QUARTO:  # scripts that Quarto kept: taken from there, they would replace those of all pages
        shutil.rmtree(root / freezer / "site_libs", ignore_errors=True)
    for page in record.pages:
        note = _note(root, page)  # one that was written after the last render that went well tells of half a run
        fresh = current(root, page, record) and before.get(_name(root, note), "") == _sum(note)
        for path in _outputs(root, page):
            name = _name(root, path)
            if not fresh or (name in before and before[name] != _sum(path)):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                note.unlink(missing_ok=True)


def current(root: Path, page: str, record: Record) -> bool:
    """Whether what a page rested on when it ran is what there is now."""
    note: dict[str, Any] = {"page": read(root).pages.get(page), "results": {}, "rows": {}, "files": {}}
    try:
        if _note(root, page).is_file() or "labcode" in (root / page).read_text("utf-8"):
            note = json.loads(_note(root, page).read_text("utf-8"))
        return bool(
            note["page"] == record.pages.get(page)
            and all(record.keys.get(name) == key for name, key in note["results"].items())
            and all(record.rows.get(name) == rows for name, rows in note["rows"].items())
            and all(_sum(root / name) == digest for name, digest in note["files"].items())
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def seal(root: Path, *, portable: bool) -> None:
    """After a render: note the checksums of all outputs that are kept, and of what the pages that ran rest on."""
    record = read(root)
    for page in edition.sources(root):
        record.sums |= {_name(root, path): _sum(path) for path in _outputs(root, page)}
        if not portable or portable_file(root, page).is_file():  # else its cells failed
            record.sums[_name(root, _note(root, page))] = _sum(_note(root, page))
    write(root, record)


def shown(root: Path, *, portable: bool) -> Iterator[tuple[str, Path]]:
    """Each page, and a file that holds what its cells showed at the last render."""
    for page in edition.sources(root):
        folder = root / _QUARTO[0] / Path(page).with_suffix("") / "execute-results"
        found = [portable_file(root, page)] if portable else folder.glob("*.json")
        yield from ((page, file) for file in found if file.is_file())


def forget(root: Path) -> None:
    """Throw away all outputs: the next render runs every cell."""
    for folder in _QUARTO:
        shutil.rmtree(root / folder, ignore_errors=True)


def portable_file(root: Path, page: str) -> Path:
    """Where the portable engine keeps the outputs of a page."""
    return root / _PORTABLE / Path(page).with_suffix(".json")


def _outputs(root: Path, page: str) -> Iterator[Path]:
    """Folders and files that hold outputs of a page."""
    found = [*(root / freezer / Path(page).with_suffix("") for freezer in _QUARTO), portable_file(root, page)]
    yield from (path for path in found if path.exists())


def _note(root: Path, page: str) -> Path:
    return root / _NOTES / Path(page).with_suffix(".json")


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def note_cells() -> None:
    """In the Python that runs a page: note after each cell what the page rests on; it may be killed before it ends."""
    from IPython import get_ipython

    root, opened, started = Path(os.environ["QUARTO_PROJECT_ROOT"]).resolve(), set[str](), time.time()
    page = Path(root, os.environ.get("QUARTO_DOCUMENT_PATH", ""), os.environ["QUARTO_DOCUMENT_FILE"]).resolve()
    written = set[str]()

    def hear(event: str, told: Any) -> None:
        if event == "open":
            (written if told[2] & (os.O_WRONLY | os.O_RDWR) else opened).add(str(told[0]))

    sys.addaudithook(hear)
    if page.is_relative_to(root) and (shell := get_ipython()):
        name = page.relative_to(root).as_posix()
        shell.events.register("post_run_cell", lambda _: _write_note(root, name, opened - written, started))


def _write_note(root: Path, page: str, opened: set[str], started: float) -> None:
    """Nothing is noted if a file was edited while the page ran: then it runs again."""
    results = dict(getattr(sys.modules.get("labcode.results.run"), "asked", {}))
    listed = getattr(sys.modules.get("labcode.book.listing"), "read", ())
    imported = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    other = (path for path in opened if not path.endswith(".py"))  # keys of results read the source of all experiments
    inside = {name for path in (*other, *listed, *filter(None, imported)) if (name := _inside(root, path))}
    record = read(root)
    if all((root / name).stat().st_mtime < started for name in inside):
        rows = {name: facts for name, facts in record.rows.items() if f"labcode.data.{name}" in sys.modules}
        code = {name: _sum(root / name) for name in sorted(inside)}
        note = {"page": record.pages.get(page), "results": results, "rows": rows, "files": code}
        _replace(_note(root, page), json.dumps(note, indent=1))
    else:
        _note(root, page).unlink(missing_ok=True)


def _replace(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text("utf-8") != text:
        files.keep(path, text)


@cache
def _inside(root: Path, path: str) -> str:
    """The name in the project of a file that somebody writes; empty for any other."""
    file = Path(path).resolve()
    if file.is_relative_to(root) and file.is_file():
        name = file.relative_to(root).as_posix()
        if not _MADE.match(name) and "__pycache__" not in name and not name.startswith("_quarto"):
            return name
    return ""


def _sum(path: Path) -> str:
    """Checksum of a file, or of all files of a folder; empty where there is none."""
    if path.is_dir():
        return _digest(f"{file.relative_to(path)} {_sum(file)}" for file in sorted(path.rglob("*")) if file.is_file())
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

"""How long the report takes: warm against the same book with execution off, one page after an edit, and cold."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.training import take_turns
from labcode.book.render import choose_engine
from labcode.errors import LabcodeError
from labcode.settings import project_root

#: The chapter whose page is rendered again after an edit in its prose.
PAGE = "classification"
#: Modules of the report and what they cannot do without; the rest of their import time is labcode's own.
IMPORTS = (
    "from labcode.lab.classification import figures; from labcode.book import text; "
    "from labcode.book import plots; from labcode.results import catalog"
)
BARE_IMPORTS = "import IPython.display, matplotlib.pyplot, numpy, pandas"


def bench_render(repeats: int = 3, *, cold: bool = True) -> dict[str, float | str]:
    """Render a copy of the book, and time it.

    The results must be stored; the profile and the data are those of the environment.

    Parameters
    ----------
    repeats
        Rounds in which a render with and one without execution take turns.
    cold
        Whether to render once with an empty store as well, which computes everything anew (minutes).

    Returns
    -------
    dict
        ``engine``; ``warm_seconds`` (whole book, HTML, nothing changed) and ``warm_vs_no_execution``;
        ``preview_seconds`` (one page in `labcode preview` after an edit in its prose) and ``preview_vs_no_execution``,
        against the engine rendering that page without running a cell; ``page_vs_no_execution``, the same for the engine
        rendering that page; ``import_seconds``, what importing labcode adds to a chapter; ``cold_seconds``, the whole
        book in both formats with an empty store.

    Raises
    ------
    LabcodeError
        If a render fails.
    """
    quarto, _ = choose_engine("auto")
    with tempfile.TemporaryDirectory(prefix="labcode-bench-") as folder:
        book = _copy(Path(folder) / "book")
        command = _Quarto(book, quarto.path) if quarto else _Portable(book)
        seconds = take_turns(
            {
                "warm": lambda: _again(command.warm),
                "warm_off": lambda: _timed(command.off),
                "preview": lambda: _previewed(book),
                "page": lambda: _timed(lambda: command.page(edit_page(book, PAGE))),
                "page_off": lambda: _timed(lambda: command.page_off(edit_page(book, PAGE))),
                "imports": lambda: _timed(lambda: _python(book, IMPORTS)),
                "bare_imports": lambda: _timed(lambda: _python(book, BARE_IMPORTS)),
            },
            repeats,
        )
        found: dict[str, float | str] = {
            "engine": str(quarto) if quarto else "portable",
            "warm_seconds": seconds["warm"],
            "warm_vs_no_execution": seconds["warm"] / seconds["warm_off"],
            "preview_seconds": seconds["preview"],
            "preview_vs_no_execution": seconds["preview"] / seconds["page_off"],
            "page_vs_no_execution": seconds["page"] / seconds["page_off"],
            "import_seconds": seconds["imports"] - seconds["bare_imports"],
        }
        if cold:
            empty = {"LABCODE_STORE_DIR": str(Path(folder) / "store")}
            found["cold_seconds"] = _timed(lambda: _labcode(book, ["render", "--to", "all"], empty))
    return found


class _Quarto:
    """Quarto's own commands."""

    def __init__(self, book: Path, path: str) -> None:
        self.book, self.path = book, path

    def _run(self, *arguments: str) -> None:
        _run([self.path, "render", *arguments, "--to", "html"], self.book)

    def warm(self) -> None:
        self._run()

    def off(self) -> None:
        self._run("--no-execute")

    def page(self, file: str) -> None:
        self._run(file)

    def page_off(self, file: str) -> None:
        self._run(file, "--no-execute")


class _Portable:
    """The portable engine, in a process of its own each time."""

    def __init__(self, book: Path) -> None:
        self.book = book

    def warm(self) -> None:
        _labcode(self.book, ["render", "--to", "html", "--engine", "portable"])

    def off(self) -> None:
        self._without_execution("")

    def page(self, file: str) -> None:
        _labcode(self.book, ["render", Path(file).stem, "--to", "html", "--engine", "portable"])

    def page_off(self, file: str) -> None:
        self._without_execution(f", chapters=[{file!r}]")

    def _without_execution(self, chosen: str) -> None:
        code = "from pathlib import Path; from labcode.book import portable; "
        _python(self.book, f"{code}portable.render(Path.cwd(), to=['html'], out=Path('_off'), execute=False{chosen})")


def _copy(book: Path) -> Path:
    """The sources of the book, in a folder that the benchmark may write into."""
    root = project_root()
    ignore = shutil.ignore_patterns("raw", "__pycache__")
    for name in ("chapters", "data", "labcode"):
        shutil.copytree(root / name, book / name, ignore=ignore)
    for path in [root / "lab.toml", *root.glob("_quarto*.yml"), *root.glob("*.qmd"), *root.glob("*.bib")]:
        shutil.copy(path, book / path.name)
    return book


def edit_page(book: Path, name: str) -> str:
    """Add a sentence to the prose of a page; the page's path in the book."""
    file = f"chapters/{name}.qmd"
    with (book / file).open("a", encoding="utf-8") as page:
        page.write("\nOne more sentence.\n")
    return file


def _previewed(book: Path) -> float:
    """Seconds from an edit in a page's prose to the new page, in a preview that has shown the page before."""
    code = f"""
        import time
        from pathlib import Path
        from benchmarks.rendering import edit_page
        from labcode.book.portable.preview import Preview
        preview = Preview(Path.cwd(), Path("_site"))
        preview.site.mkdir(exist_ok=True)
        preview.viewed = {PAGE!r}
        preview.update()
        edit_page(Path.cwd(), {PAGE!r})
        started = time.perf_counter()
        preview.update()
        print("seconds:", time.perf_counter() - started)
    """
    return float(_python(book, textwrap.dedent(code)).rpartition("seconds:")[2])


def _again(work: Callable[[], object]) -> float:
    """Seconds of the second of two runs, between which nothing changes."""
    work()
    return _timed(work)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _labcode(book: Path, arguments: list[str], more: dict[str, str] | None = None) -> None:
    _run([sys.executable, "-m", "labcode.cli", *arguments], book, more)


def _python(book: Path, code: str) -> str:
    return _run([sys.executable, "-c", code], book)


def _run(command: list[str], book: Path, more: dict[str, str] | None = None) -> str:
    environment = os.environ | {"PYTHONPATH": str(book), "QUARTO_PYTHON": sys.executable} | (more or {})
    done = subprocess.run(command, cwd=book, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabcodeError(
            f"`{' '.join(command[:4])} …` failed while it was timed: {(done.stderr or done.stdout)[-400:]}"
        )
    return done.stdout

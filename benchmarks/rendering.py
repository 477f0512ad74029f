"""How long the report takes: warm against the same book with execution off, and one page after an edit."""

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
from typing import Any

from benchmarks.training import take_turns
from labcode.book.render import choose_engine
from labcode.errors import LabcodeError
from labcode.settings import project_root

#: The chapter whose page is rendered again after an edit in its prose.
PAGE = "classification"


def bench_render(repeats: int = 3) -> dict[str, Any]:
    """Render a copy of the book, and time it.

    The results must be stored; the profile and the data are those of the environment.

    Parameters
    ----------
    repeats
        Rounds in which a render with and one without execution take turns.

    Returns
    -------
    dict
        ``engine``; ``warm_seconds`` (whole book, HTML, nothing changed) and ``warm_vs_no_execution``;
        ``preview_seconds`` (one page in `labcode preview` after an edit in its prose) and ``preview_vs_no_execution``,
        against the engine rendering that page without running a cell; ``page_vs_no_execution``, the same for the engine
        rendering that page.

    Raises
    ------
    LabcodeError
        If a render fails.
    """
    quarto, _ = choose_engine("auto")
    with tempfile.TemporaryDirectory(prefix="labcode-bench-") as folder:
        book = _copy(Path(folder) / "book")
        render = _by_quarto(book, str(quarto.path)) if quarto else _by_portable(book)
        render(None, True)
        seconds = take_turns(
            {
                "warm": lambda: _timed(lambda: render(None, True)),
                "warm_off": lambda: _timed(lambda: render(None, False)),
                "preview": lambda: _previewed(book),
                "page": lambda: _timed(lambda: render(edit_page(book, PAGE), True)),
                "page_off": lambda: _timed(lambda: render(edit_page(book, PAGE), False)),
            },
            repeats,
        )
    return {
        "engine": str(quarto) if quarto else "portable",
        "warm_seconds": seconds["warm"],
        "warm_vs_no_execution": seconds["warm"] / seconds["warm_off"],
        "preview_seconds": seconds["preview"],
        "preview_vs_no_execution": seconds["preview"] / seconds["page_off"],
        "page_vs_no_execution": seconds["page"] / seconds["page_off"],
    }


def _by_quarto(book: Path, path: str) -> Callable[[str | None, bool], None]:
    """Quarto's own command for the book or a page of it, with or without running cells."""

    def render(file: str | None, execute: bool) -> None:
        _run([path, "render", *([file] if file else []), *([] if execute else ["--no-execute"]), "--to", "html"], book)

    return render


def _by_portable(book: Path) -> Callable[[str | None, bool], None]:
    """The portable engine, in a process of its own each time."""

    def render(file: str | None, execute: bool) -> None:
        if execute:
            names = [Path(file).stem] if file else []
            _run([sys.executable, "-m", "labcode.cli", "render", *names, "--to", "html", "--engine", "portable"], book)
            return
        chosen = f", chapters=[{file!r}]" if file else ""
        code = "from pathlib import Path; from labcode.book import portable; "
        _python(book, f"{code}portable.render(Path.cwd(), to=['html'], out=Path('_off'), execute=False{chosen})")

    return render


def _copy(book: Path) -> Path:
    """The sources of the book, in a folder that the benchmark may write into."""
    root = project_root()
    ignore = shutil.ignore_patterns("raw", "__pycache__")
    for name in ("chapters", "data", "labcode", "benchmarks"):
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


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _python(book: Path, code: str) -> str:
    return _run([sys.executable, "-c", code], book)


def _run(command: list[str], book: Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(book), "QUARTO_PYTHON": sys.executable}
    done = subprocess.run(command, cwd=book, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabcodeError(
            f"`{' '.join(command[:4])} …` failed while it was timed: {(done.stderr or done.stdout)[-400:]}"
        )
    return done.stdout

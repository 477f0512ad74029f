"""What runs before a render: refuse what would fail later, and say which rows are used.

Quarto runs this file as a script (``pre-render`` in _quarto.yml); the portable engine calls its functions.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labcode.book.frozen import Record


def prepare(root: Path, *, everything: bool) -> Record:
    """Make ready for a render: data that can be used, results, and no outputs of cells that may be out of date.

    With `everything`, for a whole book, results that are missing are computed. What the render rests on comes back.

    Raises
    ------
    DataError
        If a file is there but must be refused.
    """
    from labcode.book import frozen

    record = frozen.read(root)
    if record.stamp == frozen.stamp(root) and (record.complete or not everything):
        print(*record.said, sep="\n", flush=True)
    else:
        record = _looked_up(root, everything, record.sums)
    record.pages = frozen.pages(root)
    frozen.discard_stale(root, record)
    frozen.write(root, record)
    return record


def prepare_anew(root: Path) -> Record:
    """The same for a process that outlives edits of the code: where there are some, another Python looks.

    Raises
    ------
    LabcodeError
        If data must be refused, or the code cannot be imported.
    """
    from labcode.book import frozen
    from labcode.errors import LabcodeError

    if frozen.read(root).stamp != frozen.stamp(root):
        done = subprocess.run([sys.executable, __file__], cwd=root, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise LabcodeError(done.stderr.strip().rpartition("\n")[2])
    return prepare(root, everything=False)


def _looked_up(root: Path, everything: bool, sums: dict[str, str]) -> Record:
    """The record after loading the rows, so that a broken file stops the render here and not in a chapter."""
    from labcode.book import frozen
    from labcode.results import run

    if not _has_lab(root):
        return frozen.Record(frozen.stamp(root), complete=everything, sums=sums)
    facts = {name: run.rows(name).provenance for name in run.datasets()}
    said = [f"{each.name}: {each.status}, {each.rows:,} rows" for each in facts.values()]
    print(*said, sep="\n", flush=True)
    if everything:
        compute()
    rows = {name: f"{each.sha256} {each.status}" for name, each in facts.items()}
    return frozen.Record(frozen.stamp(root), run.keys(), rows, said, complete=everything, sums=sums)


def _has_lab(root: Path) -> bool:
    """Whether the book reports on rows and results of a lab; another one may be rendered too."""
    return (root / "lab.toml").is_file()


def compute() -> None:
    """Compute the results that are missing, so that no chapter trains in silence; pages say what the rows lack."""
    from labcode.errors import RowsError
    from labcode.results import run
    from labcode.results.progress import RunDisplay

    if missing := [name for name, result in run.survey().items() if result is None]:
        display = RunDisplay()
        try:
            with display.bar:
                run.run(missing, display)
        except RowsError as error:
            print(f"{error} The pages say so where these results would stand.", file=sys.stderr, flush=True)


def results_text(root: Path) -> str:
    """The text of ``results.json``, remembered as long as nothing that it rests on changes."""
    from labcode.book import environment, frozen

    record = frozen.read(root)
    if not record.results or record.stamp != frozen.stamp(root):
        record.results = environment.results_text() if _has_lab(root) else "{}\n"
        frozen.write(root, record)
    return record.results


def main() -> int:
    """Run as Quarto's pre-render script: a fault is one sentence on stderr and exit code 2."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    try:
        from labcode.book.lint import refuse_what_quarto_drops
        from labcode.errors import LabcodeError

        try:
            refuse_what_quarto_drops(Path.cwd())
            prepare(Path.cwd(), everything=bool(os.environ.get("QUARTO_PROJECT_RENDER_ALL")))
        except LabcodeError as error:
            print(error, file=sys.stderr)
            return 2
    except ImportError as error:
        print(
            f"{error}. This is {sys.executable}; set QUARTO_PYTHON to the Python in .venv, or run `labcode render`.",
            file=sys.stderr,
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

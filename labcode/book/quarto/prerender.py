"""What runs before a render: refuse what would fail later, and say which rows are used.

Quarto runs this file as a script (``pre-render`` in _quarto.yml); the portable engine calls its functions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labcode.book.frozen import Record
    from labcode.results.experiments import Experiment


def prepare(root: Path, *, everything: bool) -> Record:
    """Make ready for a render: data that can be used, results, and no outputs of cells that may be out of date.

    Parameters
    ----------
    root
        The project.
    everything
        Whether results that are missing are computed: for a render of the whole book.

    Returns
    -------
    Record
        What the render rests on.

    Raises
    ------
    DataError
        If a file is there but must be refused.
    """
    from labcode.book import frozen

    last, record = frozen.read(root), frozen.now(root)
    if last.common == record.common and (last.complete or not everything):
        record = replace(last, pages=record.pages)
        print(*last.said, sep="\n", flush=True)
    else:
        said = announce()
        if everything:
            compute()
        record = replace(frozen.now(root), said=said, complete=everything)
    frozen.keep(root, record)
    return record


def confirm(root: Path) -> None:
    """After a render: keep no outputs if code or data were edited meanwhile."""
    from labcode.book import frozen

    if frozen.read(root).pages != frozen.now(root).pages:
        frozen.forget(root)


def results_text(root: Path) -> str:
    """The text of ``results.json``, remembered as long as nothing that it rests on changes."""
    from labcode.book import downloads, frozen

    record = frozen.read(root)
    if not record.results or record.common != frozen.now(root).common:
        record.results = downloads.results_text()
        if record.pages:
            frozen.keep(root, record)
    return record.results


def announce() -> list[str]:
    """Load both data sets and say what they are, so that a broken file stops the render here and not in a chapter.

    Returns
    -------
    list of str
        The lines that were said.

    Raises
    ------
    DataError
        If a file is there but must be refused.
    """
    from labcode.results import run

    facts = [run.rows(name).provenance for name in run.datasets()]
    lines = [f"{each.name}: {each.status}, {each.rows:,} rows" for each in facts]
    print(*lines, sep="\n", flush=True)
    return lines


def compute() -> None:
    """Compute the results that are missing, a line for each, so that no chapter trains in silence."""
    from labcode.results import run

    run.run(reporter=Lines())


class Lines:
    """Says in a line what is computed, and how long it took; nothing of what is stored already."""

    def plan(self, missing: Sequence[Experiment]) -> None:
        """Say how much there is to do."""
        if missing:
            print(f"computing {len(missing)} results, about {sum(each.seconds for each in missing):.0f} s", flush=True)

    def stored(self, experiment: Experiment) -> None:
        """Nothing: it is there."""

    def started(self, experiment: Experiment) -> None:
        """Nothing: the line comes when it is done."""

    def progress(self, experiment: Experiment, share: float) -> None:
        """Nothing: lines only."""

    def computed(self, experiment: Experiment, seconds: float) -> None:
        """Say so."""
        print(f"{experiment.name}: computed in {seconds:.1f} s", flush=True)


def main() -> int:
    """Run as Quarto's pre-render script: a fault is one sentence on stderr and exit code 2."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    try:
        from labcode.errors import LabcodeError

        try:
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

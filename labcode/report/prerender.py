"""What runs before a render: refuse what would fail later, and say which rows are used.

Quarto runs this file as a script (``pre-render`` in _quarto.yml); the portable engine calls its functions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labcode.experiments.catalog import Experiment


def announce() -> None:
    """Load both data sets and say what they are, so that a broken file stops the render here and not in a chapter.

    Raises
    ------
    DataError
        If a file is there but must be refused.
    """
    from labcode.data.maintenance import load_maintenance
    from labcode.data.prices import load_prices

    for dataset in (load_prices(), load_maintenance()):
        facts = dataset.provenance
        print(f"{facts.name}: {facts.status}, {facts.rows:,} rows", flush=True)


def compute() -> None:
    """Compute the results that are missing, a line for each, so that no chapter trains in silence."""
    from labcode.experiments import catalog

    catalog.run(reporter=Lines())


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
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    try:
        from labcode.errors import LabcodeError

        try:
            announce()
            if os.environ.get("QUARTO_PROJECT_RENDER_ALL"):
                compute()
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

"""What runs before a render: refuse what would fail later, and say which rows are used.

Quarto runs this file as a script (``pre-render`` in _quarto.yml); the portable engine calls :func:`announce`.
"""

from __future__ import annotations

import sys
from pathlib import Path


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


def main() -> int:
    """Run as Quarto's pre-render script: a fault is one sentence on stderr and exit code 2."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    try:
        from labcode.errors import LabcodeError

        try:
            announce()
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

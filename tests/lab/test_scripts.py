"""The scripts that are handed in run by themselves, and give the figures of the book."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labcode.data.maintenance import load_maintenance
from labcode.data.prices import load_prices
from labcode.lab import load
from labcode.lab.classification.first_results import AsSubmitted as FirstOfMachines
from labcode.lab.regression.results import AsSubmitted as FirstOfPrices
from labcode.lab.scripts import scripts


@pytest.fixture
def run(tmp_path: Path, quick_store: Path):
    """Run a script on a table, away from the package, and give what it prints."""

    def outside(name: str, table) -> str:
        (tmp_path / "table.csv").write_text(table.to_csv(index=False), "utf-8")
        (tmp_path / "script.py").write_text(scripts()[name], "utf-8")
        command = [sys.executable, "-I", "script.py", "table.csv"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return outside


def printed(lines: list[str]) -> np.ndarray:
    """The rows of a printed frame, without header and index."""
    return np.array([[float(cell) for cell in line.split()[1:]] for line in lines])


def test_the_regressions_losses_are_the_books(run) -> None:
    first = load(FirstOfPrices)
    lines = run("scripts/regression.py", load_prices().frame).splitlines()
    np.testing.assert_allclose(printed(lines[1:-1]), first.curves[0, [*range(0, 50, 10), -1], :2], rtol=1e-3)
    assert float(lines[-1].split()[-1]) == pytest.approx(first.mean_mse.value, rel=1e-3)


def test_the_classifications_figures_are_the_books(run) -> None:
    first = load(FirstOfMachines)
    lines = run("scripts/classification.py", load_maintenance().frame).splitlines()
    history = first.curves[0, [*range(0, 50, 10), -1]]
    np.testing.assert_allclose(printed(lines[1 : len(history) + 1]), history, atol=2e-4)
    matrix = np.array([[int(n) for n in line.strip(" []").split()] for line in lines[-6:]])
    assert np.abs(matrix - first.confusion_plain_test[0]).sum() <= 2, "at most one row differs"


@pytest.mark.parametrize("name", scripts())
def test_a_script_names_nothing_of_this_package_and_is_short(name: str) -> None:
    text = scripts()[name]
    assert "labcode" not in text and len(text.splitlines()) < 110

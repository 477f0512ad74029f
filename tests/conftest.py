"""Shared fixtures: a store of each test's own, small good files, and the real files where they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import torch
from filelock import FileLock

from labcode.book.render import find_quarto
from labcode.data.simulate import simulate_maintenance, simulate_prices
from labcode.results import run
from labcode.settings import project_root

REAL_DATA_DIR = os.environ.get("LABCODE_DATA_DIR")


@pytest.fixture(autouse=True)
def own_store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's store, data or profile."""
    store = tmp_path_factory.mktemp("store")
    monkeypatch.setenv("LABCODE_STORE_DIR", str(store))
    for name in ("LABCODE_DATA_DIR", "LABCODE_PROFILE", "LABCODE_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    return store


@pytest.fixture(scope="session")
def quick_results(book_store: Path) -> Path:
    """A store with every result of the quick profile, computed once; copy it before you change it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LABCODE_DATA_DIR", "LABCODE_DEVICE"):
            patch.delenv(name, raising=False)
        patch.setenv("LABCODE_STORE_DIR", str(book_store))
        patch.setenv("LABCODE_PROFILE", "quick")
        run.run()
    return book_store


@pytest.fixture
def quick_store(quick_results: Path, own_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own copy of the quick results, in the quick profile."""
    shutil.copytree(quick_results, own_store, dirs_exist_ok=True)
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    return own_store


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small networks gain nothing from a second thread, and on a busy machine lose much by waiting for it."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def book_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that all tests of the whole book share, so that its quick results are computed once.

    ``LABCODE_TEST_STORE`` names a folder that keeps them from one run to the next.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return Path(os.environ.get("LABCODE_TEST_STORE") or shared / "book-store").resolve()


@pytest.fixture(scope="session")
def copy_book() -> Callable[[Path], Path]:
    """Copy the book's sources into a folder, where a test may render or spoil them."""

    def copy(folder: Path) -> Path:
        root = project_root()
        for name in ("chapters", "data", "labcode"):
            shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("raw", "__pycache__"))
        for name in (
            "_quarto.yml",
            "_quarto-full.yml",
            "_quarto-handin.yml",
            "lab.toml",
            "index.qmd",
            "references.qmd",
            "references.bib",
        ):
            shutil.copy(root / name, folder / name)
        return folder

    return copy


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder that LABCODE_DATA_DIR names."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("LABCODE_DATA_DIR", str(data))
    return data


@pytest.fixture(scope="session")
def good_prices() -> pd.DataFrame:
    """300 rows of prices in the published layout, dates as text."""
    frame = simulate_prices(n_symbols=12).iloc[:300]
    return frame.assign(date=frame["date"].dt.strftime("%Y-%m-%d"))[
        ["date", "symbol", "open", "close", "low", "high", "volume"]
    ]


@pytest.fixture(scope="session")
def good_maintenance() -> pd.DataFrame:
    """300 rows of maintenance data in Kaggle's layout."""
    return simulate_maintenance(n_rows=300)


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the real files; the test is skipped, with the reason, where there is none."""
    if not REAL_DATA_DIR:
        pytest.skip("needs the real data: set LABCODE_DATA_DIR to their folder")
    monkeypatch.setenv("LABCODE_DATA_DIR", str(Path(REAL_DATA_DIR).resolve()))
    return Path(REAL_DATA_DIR).resolve()


@dataclass
class Site:
    """A rendered book."""

    engine: str
    root: Path

    @property
    def pages(self) -> list[Path]:
        """Its pages."""
        return sorted(self.root.rglob("*.html"))

    def page(self, name: str) -> Path:
        """The page of a chapter."""
        return next(path for path in self.pages if path.stem == name)


@pytest.fixture(scope="session")
def rendered(
    copy_book: Callable[[Path], Path], book_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Site]:
    """Render the whole book with an engine, once; test processes that run side by side share it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def render(engine: str) -> Site:
        if engine == "quarto" and find_quarto() is None:
            pytest.skip("needs Quarto on PATH")
        with FileLock(shared / "rendered-book.lock"):
            out = shared / f"rendered-book-{engine}" / "_book"
            if not (out / "index.html").exists():
                _render(engine, copy_book(out.parent), book_store)
        return Site(engine, out)

    return render


def _render(engine: str, project: Path, store: Path) -> None:
    settings = {"LABCODE_PROFILE": "quick", "LABCODE_STORE_DIR": str(store), "PYTHONPATH": str(project)}
    environment = {key: value for key, value in os.environ.items() if key != "LABCODE_DATA_DIR"} | settings
    command = [sys.executable, "-m", "labcode.cli", "render", "--engine", engine]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

"""Shared fixtures: a store of each test's own, small good files, and the real files where they are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from labcode.data.simulate import simulate_maintenance, simulate_prices
from labcode.experiments import catalog
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
        catalog.run()
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
        for name in ("_quarto.yml", "lab.toml", "index.qmd", "references.qmd", "references.bib"):
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

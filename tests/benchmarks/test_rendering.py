"""The benchmark of the render renders and times what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import rendering as bench


def test_a_real_round_renders_and_times_everything(
    monkeypatch: pytest.MonkeyPatch, book_store: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    monkeypatch.setenv("LABCODE_STORE_DIR", str(book_store))
    monkeypatch.delenv("LABCODE_DATA_DIR", raising=False)
    monkeypatch.setattr(bench, "choose_engine", lambda asked: (None, ""))  # the portable engine: faster, and everywhere
    monkeypatch.setattr(bench, "PAGE", "cards")
    found = bench.bench_render(1)
    assert found["engine"] == "portable"
    assert all(value > 0 for name, value in found.items() if name != "engine")

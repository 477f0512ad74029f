"""The benchmark of the render: its figures are ratios of what they say they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import rendering as bench

TIMES = {
    "warm": 6.0,
    "warm_off": 4.0,
    "preview": 1.0,
    "page": 3.0,
    "page_off": 2.0,
    "imports": 1.25,
    "bare_imports": 1.0,
}


def test_ratios_are_of_the_medians(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "take_turns", lambda contestants, repeats: {name: TIMES[name] for name in contestants})
    monkeypatch.setattr(bench, "_copy", lambda book: tmp_path)
    found = bench.bench_render(3, cold=False)
    assert found.pop("engine")
    assert found == {
        "warm_seconds": 6.0,
        "warm_vs_no_execution": 1.5,
        "preview_seconds": 1.0,
        "preview_vs_no_execution": 0.5,
        "page_vs_no_execution": 1.5,
        "import_seconds": 0.25,
    }


def test_a_real_round_renders_and_times_everything(
    monkeypatch: pytest.MonkeyPatch, book_store: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    monkeypatch.setenv("LABCODE_STORE_DIR", str(book_store))
    monkeypatch.delenv("LABCODE_DATA_DIR", raising=False)
    monkeypatch.setattr(bench, "choose_engine", lambda asked: (None, ""))  # the portable engine: faster, and everywhere
    monkeypatch.setattr(bench, "PAGE", "cards")
    found = bench.bench_render(1, cold=False)
    assert found["engine"] == "portable"
    assert all(value > 0 for name, value in found.items() if name not in ("engine", "import_seconds"))

"""The benchmark of the render renders and times what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import rendering as bench


def small_book(book: Path) -> Path:
    (book / "chapters").mkdir(parents=True)
    config = "project: {type: book}\nbook: {title: Small, chapters: [index.qmd, chapters/sums.qmd]}\n"
    (book / "_quarto.yml").write_text(config, encoding="utf-8")
    (book / "index.qmd").write_text("# One\n\nText.\n", encoding="utf-8")
    (book / "chapters/sums.qmd").write_text("# Sums\n\n```{python}\n1 + 1\n```\n", encoding="utf-8")
    return book


def test_a_real_round_renders_and_times_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "choose_engine", lambda asked: (None, ""))  # the portable engine: faster, and everywhere
    monkeypatch.setattr(bench, "_copy", small_book)
    monkeypatch.setattr(bench, "PAGE", "sums")
    found = bench.bench_render(1)
    assert found["engine"] == "portable"
    assert all(value > 0 for name, value in found.items() if name != "engine")

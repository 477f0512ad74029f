"""The speed table: its keys, and what it divides. Not the speed itself, which is the machine's."""

from __future__ import annotations

import pytest

from benchmarks import searching as bench_tuning_module
from benchmarks.training import bench_training, take_turns


def test_training_table_has_every_promised_figure() -> None:
    table = bench_training(repeats=1, rows=3000)
    ratios = [f"{kind}_{size}" for kind in ("speedup_vs_skorch", "cost_vs_bare") for size in (128, 1024, 4096)]
    for key in (*ratios, "speedup_full_batch", "growth_10x", "peak_mb"):
        assert float(table[key]) > 0.0, key
    expected = float(table["seconds_skorch_128"]) / float(table["seconds_ours_128"])
    assert table["speedup_vs_skorch_128"] == pytest.approx(expected)


def test_tuning_table_has_every_promised_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_tuning_module, "MAINTENANCE_GRID", {"lr": [1e-3, 1e-2], "hidden": [(8,)]})
    monkeypatch.setitem(bench_tuning_module.MAINTENANCE_SETTINGS, "max_epochs", 2)
    table = bench_tuning_module.bench_tuning(repeats=1, rows=600, maintenance_rows=3_000)
    for key in ("speedup_original_grid", "speedup_maintenance_24x5", "cluster_2_vs_1", "cluster_start_seconds"):
        assert float(table[key]) > 0.0, key
    expected = float(table["seconds_maintenance_skorch"]) / float(table["seconds_maintenance_ours"])
    assert table["speedup_maintenance_24x5"] == pytest.approx(expected)
    assert table["max_score_difference"] < 1e-3
    assert table["same_winner"] is True


def test_contestants_take_turns_and_the_median_counts() -> None:
    calls: list[str] = []
    times = {"a": iter([1.0, 9.0, 2.0]), "b": iter([5.0, 4.0, 6.0])}

    def run(name: str) -> float:
        calls.append(name)
        return next(times[name])

    assert take_turns({name: lambda name=name: run(name) for name in "ab"}, repeats=3) == {"a": 2.0, "b": 5.0}  # type: ignore[misc]
    assert calls == ["a", "b"] * 3

"""The speed table: its keys, and what it divides. Not the speed itself, which is the machine's."""

from __future__ import annotations

import pytest

from labcode.bench import bench_training, take_turns


def test_training_table_has_every_promised_figure() -> None:
    table = bench_training(repeats=1, rows=3000)
    ratios = [f"{kind}_{size}" for kind in ("speedup_vs_skorch", "cost_vs_bare") for size in (128, 1024, 4096)]
    for key in (*ratios, "speedup_full_batch", "growth_10x", "peak_mb"):
        assert float(table[key]) > 0.0, key
    expected = float(table["seconds_skorch_128"]) / float(table["seconds_ours_128"])
    assert table["speedup_vs_skorch_128"] == pytest.approx(expected)


def test_contestants_take_turns_and_the_median_counts() -> None:
    calls: list[str] = []
    times = {"a": iter([1.0, 9.0, 2.0]), "b": iter([5.0, 4.0, 6.0])}

    def run(name: str) -> float:
        calls.append(name)
        return next(times[name])

    assert take_turns({name: lambda name=name: run(name) for name in "ab"}, repeats=3) == {"a": 2.0, "b": 5.0}  # type: ignore[misc]
    assert calls == ["a", "b"] * 3

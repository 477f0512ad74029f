"""The tables of speed and errors: their keys, and what they divide. Not the speed itself, which is the machine's."""

from __future__ import annotations

import pytest

from benchmarks import peers, searching
from benchmarks.training import bench_training, take_turns


def test_training_is_timed_beside_skorch_and_the_bare_loop() -> None:
    table = bench_training(repeats=1, rows=3000)
    for kind, better in (("speedup_vs_skorch", "skorch"), ("cost_vs_bare", "bare")):
        one, other = float(table[f"seconds_{better}_128"]), float(table["seconds_ours_128"])
        assert table[f"{kind}_128"] == pytest.approx(one / other if better == "skorch" else other / one)
    assert float(table["speedup_full_batch"]) > 0


def test_searches_are_timed_and_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MACHINES_GRID", {"lr": [1e-3, 1e-2], "hidden": [(8,)]})
    monkeypatch.setitem(searching.MACHINES_SETTINGS, "max_epochs", 2)
    table = searching.bench_tuning(repeats=1, rows=600, machine_rows=3_000)
    assert table["speedup_machines_24x5"] == table["seconds_machines_skorch"] / table["seconds_machines_ours"]
    assert table["speedup_first_grid"] > 0 and table["cluster_2_vs_processes"] > 0
    assert table["max_score_difference"] < 1e-3 and table["same_winner"]


def test_every_peer_answers_better_than_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda name: None)  # RealMLP and TabM take minutes
    monkeypatch.setattr(peers, "EPOCHS", 3)
    table = peers.bench_peers(rows=1000)
    names = {name.removeprefix("seconds: ") for name in table if name.startswith("seconds: ")}
    assert {"ours", "bare loop", "plain skorch", "HistGradientBoosting"} <= names
    assert all(table[f"rmse: {name}"] < table["rmse: the mean"] for name in names)


def test_contestants_take_turns_and_the_median_counts() -> None:
    calls: list[str] = []
    times = {"a": iter([1.0, 9.0, 2.0]), "b": iter([5.0, 4.0, 6.0])}

    def run(name: str) -> float:
        calls.append(name)
        return next(times[name])

    assert take_turns({name: lambda name=name: run(name) for name in "ab"}, repeats=3) == {"a": 2.0, "b": 5.0}  # type: ignore[misc]
    assert calls == ["a", "b"] * 3

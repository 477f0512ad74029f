"""The broadcast in our first version's grid search, in small."""

from __future__ import annotations

import pytest

from labcode.experiments import catalog


def test_the_broadcast_learns_the_mean_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCODE_PROFILE", "quick")
    found = catalog.load("regression/broadcast").scalars
    assert found["errors_broadcast"] == found["rows"] ** 2
    assert abs(found["slope_broadcast"]) < 1e-3
    assert found["mse_broadcast"] == pytest.approx(found["variance"], rel=1e-3)
    assert found["slope_aligned"] == pytest.approx(3, abs=0.1)
    assert found["mse_aligned"] < 0.1 * found["variance"]

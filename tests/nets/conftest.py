"""Rows for all tests of networks, which train on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Arrays = tuple[npt.NDArray[Any], npt.NDArray[Any]]


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCODE_DEVICE", "cpu")


@pytest.fixture(scope="session")
def curve() -> Arrays:
    """A smooth target far from 0 and of a large unit."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    return X, 500 + 80 * np.tanh(X[:, 0]) + 20 * X[:, 1] + rng.normal(size=600)


@pytest.fixture(scope="session")
def rings() -> Arrays:
    """Three classes by distance from the origin, named by strings, the outermost rare."""
    X = np.random.default_rng(1).normal(size=(600, 2))
    radius = np.hypot(X[:, 0], X[:, 1])
    return X, np.select([radius < 0.8, radius < 2.2], ["core", "middle"], default="outside")

"""Results as a chapter loads them, on published rows, the stand-in's, or a quick run's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import pytest

from labcode.results.number import Number, Quantity
from labcode.results.typed import Origin, Results

ORIGINS = {
    "published": Origin({"prices": "file"}, "full"),
    "simulated": Origin({"prices": "simulated"}, "full"),
    "quick": Origin({"prices": "file"}, "quick"),
}


@dataclass(frozen=True, kw_only=True)
class Score(Results):
    rmse: Annotated[Number, Quantity(says="error", unit="USD", decimals=3, least=0, over="dates")]
    skill: Annotated[Number, Quantity(says="skill", unit="%", decimals=1, most=1, over="dates")]


@dataclass(frozen=True, kw_only=True)
class Sound(Score):
    experiment = "fake/sound"
    accuracy: Annotated[Number, Quantity(says="accuracy", unit="%", decimals=1, least=0, most=1, over="rows")]
    gain: Annotated[Number, Quantity(says="gain over least squares", decimals=2, over="dates")]
    rises: Annotated[Number, Quantity(says="steps that rise", decimals=0, least=0)]
    rows: Annotated[Number, Quantity(says="rows", decimals=0, least=0)]
    losses: Annotated[Mapping[int, Number], Quantity(says="loss", least=0, over="seeds")]
    curve: Annotated[np.ndarray, Quantity(says="test loss", least=0)]
    share: float


@dataclass(frozen=True, kw_only=True)
class Base(Results):
    experiment = "fake/baselines"
    ols: Annotated[Score, Quantity(says="least squares")]
    family: Mapping[str, Score]
    winner: str


def score(rmse: float, skill: float) -> Score:
    value = Number(rmse, 0.9 * rmse, 1.1 * rmse)
    return Score(rmse=value, skill=Number(skill, skill - 0.01, skill + 0.01))


def made(origin: Origin) -> dict[str, Any]:
    sound = Sound(
        origin=origin,
        rmse=Number(0.79, 0.70, 0.88),
        skill=Number(0.05, 0.03, 0.07),
        accuracy=Number(0.9, 0.85, 0.95),
        gain=Number(0.02, 0.01, 0.03),
        rises=Number(0),
        rows=Number(120_000),
        losses={0: Number(9.0, 8.0, 10.0), 50: Number(4.0, 3.0, 5.0)},
        curve=np.array([4.0, 2.0, 1.0, 0.5]),
        share=0.3,
    )
    family = {"half odd": score(0.78, 0.06), "plain": score(0.81, 0.02)}
    base = Base(
        origin=origin,
        ols=replace(score(0.80, 0.04), origin=origin),
        family={key: replace(each, origin=origin) for key, each in family.items()},
        winner="half odd",
    )
    return {"sound": sound, "base": base}


@pytest.fixture
def page() -> dict[str, Any]:
    """The variables of a page: ``sound`` and ``base``, of published rows."""
    return made(ORIGINS["published"])


@pytest.fixture
def page_of() -> Callable[[str], dict[str, Any]]:
    """The variables of a page on ``published``, ``simulated`` or ``quick`` rows."""
    return lambda rows: made(ORIGINS[rows])

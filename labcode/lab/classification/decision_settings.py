"""The settings of the experiment on the decision, as lab.toml has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

Count = Annotated[int, Field(ge=1)]
Ratio = Annotated[float, Field(gt=0)]
Points = Annotated[int, Field(ge=2)]
Levels = Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=2)]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Costs, permutations and planes.

    Attributes
    ----------
    ratios
        Lowest and highest cost of a missed failure, in needless stops.
    curve_points
        Ratios of the cost curves, evenly on a logarithmic scale.
    stated
        Ratios for which intervals are stated.
    permutations
        How often an input's values are shuffled among the rows held out.
    points, slice_points
        Grid points along each axis of a plane, and of a slice.
    slow
        Quantile of the speed at which the plane of the temperatures is drawn: fast machines cool themselves.
    wears, speeds
        Tool wear (min) and speed (rpm) that the slices hold still.
    """

    ratios: tuple[Ratio, Ratio]
    curve_points: Points
    stated: Annotated[tuple[Count, ...], Field(min_length=1)]
    permutations: Count
    points: Points
    slow: Annotated[float, Field(ge=0, le=1)]
    wears: Levels
    speeds: Levels
    slice_points: Points

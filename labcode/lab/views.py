"""Views to try out: a search space and the network's borders, for pages with scripts.

A view is HTML that stays hidden until ``views.js`` draws it. So a PDF, a print and a page without scripts show nothing
of it, and the figure beside it says what matters. All texts and numbers of a view are written here, from results.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from labcode.book.plots import DARK, LIGHT
from labcode.data.columns import QUALITIES, QUALITY
from labcode.data.labels import POWER_LIMITS, STRAIN_LIMITS, power
from labcode.lab.classification.classes import CLASSES, NORMAL, SHORT
from labcode.lab.classification.decision import HELD, PLANES, SPEED
from labcode.lab.classification.decision_results import Decided, SlicedPlane
from labcode.lab.tuning import figures
from labcode.lab.tuning.results import Searched
from labcode.results.number import count, decimals

#: How a sensor is called, and its unit.
_SENSORS = {
    "Rotational speed [rpm]": ("speed", "rpm"),
    "Torque [Nm]": ("torque", "Nm"),
    "Tool wear [min]": ("tool wear", "min"),
}
_MARKED = ("Power Failure", "Overstrain Failure", "Tool Wear Failure")
_SPACE = (
    "The same candidates to try out. Move over the lines, or move the slider, to read a candidate's settings. "
    "Choose levels to keep only the candidates that have them: a setting may matter where the best rank falls far "
    "behind without it."
)
_BORDERS = (
    "The same borders, cut elsewhere. Move the slider, and choose the quality: the line of a published rule moves "
    "if the input held still is part of it, and the colours show whether the network's border moves along. Marks "
    "are failures in the data, of the chosen quality and near the slider's value, with which the networks were "
    "trained."
)


def space(searched: Searched) -> Markdown:
    """Parallel coordinates of a search: a candidate can be pointed at, and levels can be kept."""
    candidates = figures.space(searched)
    axes = [{"name": name, "levels": levels} for name, levels in candidates.levels.items()]
    rows = [{"at": at, "words": words} for at, words in zip(candidates.places.tolist(), candidates.words, strict=True)]
    return _view("space", "The search space, to try out", _SPACE, {"axes": axes, "candidates": rows})


def borders(decided: Decided, frame: pd.DataFrame) -> Markdown:
    """The network's answer over two planes, with a slider for the input that is held still.

    Parameters
    ----------
    decided
        What the network calls the points of each plane and slice.
    frame
        The rows whose failures are marked: power, overstrain and tool wear. The temperatures of a plane are at their
        medians, so that heat failures have no region in it, and random ones have none anywhere.
    """
    planes = [plane_data(getattr(decided, name), frame, name) for name in HELD]
    data = {"classes": list(SHORT.values()), "planes": planes}
    return _view("borders", "The network's borders, to try out", _BORDERS, data)


def plane_data(plane: SlicedPlane, frame: pd.DataFrame, name: str) -> dict[str, Any]:
    """What the view of a plane holds: its axes, the levels of the input held still, and a slice for each of these."""
    held, levels = HELD[name], plane.levels
    values = {"x": plane.slice_x, "y": plane.slice_y}
    axes = {
        axis: {"name": "{} ({})".format(*_SENSORS[sensor]), "values": _rounded(values[axis])}
        for axis, sensor in zip("xy", PLANES[name], strict=True)
    }
    slices = {
        quality: [
            _slice(plane, name, (place, level), _near(frame, quality, held, levels, level))
            for level in range(len(levels))
        ]
        for place, quality in enumerate(QUALITIES)
    }
    texts = [f"{count(level)} {_SENSORS[held][1]}" for level in levels]
    return axes | {"held": {"name": _SENSORS[held][0], "levels": texts}, "slices": slices}


def _near(frame: pd.DataFrame, quality: str, held: str, levels: np.ndarray, level: int) -> pd.DataFrame:
    """Failures of a quality whose value of the input held still is nearest to a level."""
    failed = frame[frame["Failure Type"].isin(_MARKED) & (frame[QUALITY] == quality)]
    gaps = np.abs(failed[held].to_numpy(dtype=float)[:, None] - levels)
    near = (gaps.argmin(axis=1) == level) & (gaps.min(axis=1) <= np.diff(levels).max() / 2)
    return pd.DataFrame(failed[near])


def _slice(plane: SlicedPlane, name: str, place: tuple[int, int], failed: pd.DataFrame) -> dict[str, Any]:
    """A slice: its classes as runs, the rules as lines, the rows that failed, and a sentence."""
    classes, axes = plane.slices[place], (plane.slice_x, plane.slice_y)
    rules = rule_lines(name, QUALITIES[place[0]], float(plane.levels[place[1]]), plane.slice_x)
    numbers = np.array([list(CLASSES).index(label) for label in failed["Failure Type"]], dtype=int)
    points = [failed[sensor].to_numpy(dtype=float) for sensor in PLANES[name]]
    columns, rows = (np.abs(values[:, None] - axis).argmin(axis=1) for values, axis in zip(points, axes, strict=True))
    agreed = int((classes[rows, columns] == numbers).sum())
    return {
        "cells": runs(classes),
        "rules": list(rules.values()),
        "failed": [[int(number), *_rounded(point)] for number, *point in zip(numbers, *points, strict=True)],
        "words": f"{_reach(rules, plane.slice_y)} {_marks(len(failed), agreed)}",
    }


def runs(classes: np.ndarray) -> str:
    """Class numbers, row by row, as a letter and a length for each run.

    Examples
    --------
    >>> runs(np.array([[1, 1, 1], [1, 3, 3]]))
    'b4d2'
    """
    return "".join(f"{chr(ord('a') + k)}{len(list(run))}" for k, run in groupby(classes.ravel().tolist()))


def rule_lines(name: str, quality: str, level: float, x: np.ndarray) -> dict[str, float | list[float]]:
    """Torque (Nm) at which each published rule is met: over `x`, or one number where that does not matter.

    A rule that no torque meets, as strain without wear, is left out.
    """
    held = HELD[name]
    speed, wear = (level, x) if held == SPEED else (x, level)
    turns = np.asarray(speed, dtype=float)
    lines: dict[str, float | list[float]] = {}
    for side, watts in zip(("below", "above"), POWER_LIMITS, strict=True):
        lines[side] = _line(np.asarray(watts / power(np.ones_like(turns), turns)))
    with np.errstate(divide="ignore"):
        strain = STRAIN_LIMITS[quality] / np.asarray(wear, dtype=float)
    return lines | ({"strain": _line(np.minimum(strain, 1e4))} if np.isfinite(strain).any() else {})


def _line(torque: np.ndarray) -> float | list[float]:
    return _rounded(torque) if torque.ndim else round(float(torque), 1)


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 1) for value in values]


def _reach(rules: Mapping[str, float | list[float]], torque: np.ndarray) -> str:
    """Where the rules that move with the level lie."""
    low, high, strain = (rules.get(name) for name in ("below", "above", "strain"))
    if isinstance(low, float) and isinstance(high, float):
        return f"By the rules, power fails here below {decimals(low, 1)} and above {decimals(high, 1)} Nm."
    if not isinstance(strain, float) or strain > torque.max():
        return "By the rules, overstrain needs more torque here than any row has."
    return f"By the rules, overstrain begins here at {decimals(strain, 1)} Nm."


def _marks(failed: int, agreed: int) -> str:
    if not failed:
        return "No failure is near."
    near = "1 failure is near" if failed == 1 else f"{count(failed)} failures are near"
    return f"{near}; the network's colour is right for {count(agreed)}."


def _view(kind: str, title: str, words: str, data: Mapping[str, Any]) -> Markdown:
    """A hidden box with what to do and the data, as a raw block that only HTML pages keep."""
    normal = list(CLASSES)[NORMAL]
    light, dark = ({**theme.failures, normal: theme.grid} for theme in (LIGHT, DARK))
    colours = "".join(f"--class-{k}:light-dark({light[name]},{dark[name]});" for k, name in enumerate(CLASSES))
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    box = f'<div class="view" data-view="{kind}" role="group" aria-label="{title}" style="{colours}" hidden>'
    return Markdown(  # type: ignore[no-untyped-call]
        f'````{{=html}}\n{box}\n<p>{words}</p>\n<script type="application/json">{text}</script>\n</div>\n````'
    )

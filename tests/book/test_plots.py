"""A drawing keeps to its theme's colours and is the same each time; the colours can be told apart."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from labcode.book.plots import DARK, LIGHT, MARKERS, Theme, svg


def draw(theme: Theme) -> Figure:
    figure, axes = plt.subplots()
    axes.plot([0, 1], [0, 1], color=theme.ink, marker="o")
    axes.set(xlabel="epoch", title="Loss")
    return figure


def test_a_figure_is_drawn_in_its_themes_colours() -> None:
    light, dark = svg(draw, LIGHT).decode(), svg(draw, DARK).decode()
    assert LIGHT.ink in light
    assert LIGHT.ink not in dark
    assert DARK.ink in dark
    assert DARK.ink not in light


def test_the_same_figure_is_the_same_bytes() -> None:
    assert svg(draw, LIGHT) == svg(draw, LIGHT)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_each_failure_has_a_colour_and_a_marker_of_its_own(theme: object) -> None:
    colours = theme.failures  # type: ignore[attr-defined]
    assert colours.keys() == MARKERS.keys()
    assert len(set(colours.values())) == len(colours)
    assert len(set(MARKERS.values())) == len(MARKERS)


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_colours_stand_out_from_the_paper(theme: object) -> None:
    assert contrast(theme.ink, theme.paper) >= 7  # type: ignore[attr-defined]
    for name in ("blue", "orange", "green", "red", "purple", "sky", "soft"):
        assert contrast(getattr(theme, name), theme.paper) >= 3, name  # type: ignore[attr-defined]

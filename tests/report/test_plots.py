"""Every figure of the book draws in both themes, the same each time, and keeps to its theme's colours."""

from __future__ import annotations

import pytest

from labcode.book.plots import DARK, LIGHT, MARKERS, svg
from labcode.data.simulate import simulate_maintenance, simulate_prices
from labcode.experiments import eda
from labcode.report import eda as figures

PRICES = simulate_prices(n_symbols=12)
ROWS = simulate_maintenance(n_rows=3000)
COUNTS = eda.maintenance_facts(ROWS).counts
DRAWINGS = {
    "price distribution": figures.price_distribution(PRICES),
    "daily moves": figures.daily_moves(PRICES),
    "price and volume": figures.price_and_volume(PRICES),
    "sensor correlation": figures.sensor_correlation(ROWS, (*eda.SENSORS, "Target")),
    "panel": figures.panel_structure(PRICES),
    "class counts": figures.class_counts(COUNTS),
    "sensors": figures.sensors_by_class(ROWS, list(COUNTS)),
    "power": figures.power_plane(ROWS),
    "strain": figures.strain_plane(ROWS),
    "heat": figures.heat_plane(ROWS),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_figure_is_drawn_in_its_themes_colours(name: str) -> None:
    light, dark = svg(DRAWINGS[name], LIGHT).decode(), svg(DRAWINGS[name], DARK).decode()
    assert LIGHT.ink in light
    assert LIGHT.ink not in dark
    assert DARK.ink in dark
    assert DARK.ink not in light
    assert len(light) < 500_000, "a page must stay light"


def test_the_same_figure_is_the_same_bytes() -> None:
    assert svg(DRAWINGS["class counts"], LIGHT) == svg(DRAWINGS["class counts"], LIGHT)


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

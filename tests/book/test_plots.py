"""A figure that a cell draws is shown for the light page and for the dark one, in colours that can be told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields

import IPython.display
import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import seaborn as sns

from labcode.book.plots import DARK, LIGHT, MARKERS, Theme, book_style, in_the_dark, shades, show

COLOURS = [field.name for field in fields(Theme) if field.name != "name"]


@pytest.fixture
def style() -> Iterator[Theme]:
    """The book's style for one test."""
    with mpl.rc_context():
        yield book_style()
    plt.close("all")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pictures that a cell displays."""
    found: list[str] = []
    monkeypatch.setattr(IPython.display, "display", lambda picture: found.append(picture.data))
    return found


def colours(picture: str) -> set[str]:
    return set(re.findall(r"(?:fill|stroke|stop-color): ?(#[0-9a-fA-F]{3,8})", picture))


def test_every_colour_of_the_theme_is_replaced(style: Theme, shown: list[str]) -> None:
    figure, axes = plt.subplots()
    for place, name in enumerate(COLOURS):
        axes.plot([0, 1], [place, place], color=getattr(style, name), label=name)
    axes.set(xlabel="epoch", ylabel="loss", title="Title")
    axes.legend()
    show(figure)
    light, dark = shown
    for name in COLOURS:
        assert getattr(LIGHT, name) in colours(light)
        assert getattr(DARK, name) in colours(dark)
    left = {getattr(LIGHT, name) for name in COLOURS} - {getattr(DARK, name) for name in COLOURS}
    assert not left & colours(dark)
    assert LIGHT.ink not in dark and DARK.ink not in light
    assert not plt.get_fignums(), "a figure that was shown is closed"


def test_a_seaborn_figure_has_no_colour_but_the_themes(style: Theme, shown: list[str]) -> None:
    figure, axes = plt.subplots()
    sns.lineplot(x=[0, 1, 0, 1], y=[0, 1, 2, 3], hue=["a", "a", "b", "b"], ax=axes)
    axes.set(xlabel="epoch", ylabel="loss")
    show(figure)
    light, dark = shown
    assert colours(dark) <= {getattr(DARK, name) for name in COLOURS}
    assert colours(light) <= {getattr(LIGHT, name) for name in COLOURS}


def test_only_colours_differ(style: Theme, shown: list[str]) -> None:
    figure, axes = plt.subplots()
    axes.bar(["a", "b"], [1, 2])
    show(figure)
    light, dark = (re.sub(r"#[0-9a-f]{6}", "#", picture) for picture in shown)
    assert light == dark and shown[0] != shown[1]
    again, axes = plt.subplots()
    axes.bar(["a", "b"], [1, 2])
    show(again)
    assert shown[2:] == shown[:2], "the same figure is the same bytes"


def test_what_is_no_colour_of_the_theme_stays() -> None:
    picture = f'<path style="fill: #123456; stroke: {LIGHT.ink}" d="M 1 2"/><use xlink:href="#m{LIGHT.blue[1:]}"/>'
    assert in_the_dark(picture.encode()).decode() == picture.replace(LIGHT.ink, DARK.ink)


def test_shades_let_the_page_show_through() -> None:
    low, high = shades("#0072b2")(0.0), shades("#0072b2")(1.0)
    assert low[3] == 0.0 and 0.5 < high[3] < 1.0
    assert low[:3] == pytest.approx(high[:3])


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

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

from labcode.book.plots import DARK, LIGHT, Theme, book_style, in_the_dark, shades, show

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


def test_every_colour_of_the_theme_is_replaced_and_nothing_else(style: Theme, shown: list[str]) -> None:
    for _ in range(2):
        figure, axes = plt.subplots()
        for place, name in enumerate(COLOURS):
            axes.plot([0, 1], [place, place], color=getattr(style, name), label=name)
        axes.set(xlabel="epoch", ylabel="loss", title="Title")
        axes.legend()
        show(figure)
    light, dark = shown[:2]
    assert {getattr(LIGHT, name) for name in COLOURS} <= colours(light)
    assert {getattr(DARK, name) for name in COLOURS} <= colours(dark)
    assert not ({getattr(LIGHT, name) for name in COLOURS} - {getattr(DARK, name) for name in COLOURS}) & colours(dark)
    without = [re.sub(r"#[0-9a-f]{6}", "#", picture) for picture in (light, dark)]
    assert without[0] == without[1] and shown[2:] == shown[:2], "the same figure is the same bytes"
    assert not plt.get_fignums(), "a figure that was shown is closed"
    other = f'<path style="fill: #123456; stroke: {LIGHT.ink}" d="M 1 2"/><use xlink:href="#m{LIGHT.blue[1:]}"/>'
    assert in_the_dark(other.encode()).decode() == other.replace(LIGHT.ink, DARK.ink)


def test_a_seaborn_figure_has_no_colour_but_the_themes(style: Theme, shown: list[str]) -> None:
    figure, axes = plt.subplots()
    sns.lineplot(x=[0, 1, 0, 1], y=[0, 1, 2, 3], hue=["a", "a", "b", "b"], ax=axes)
    show(figure)
    for picture, theme in zip(shown, (LIGHT, DARK), strict=True):
        assert colours(picture) <= {getattr(theme, name) for name in COLOURS}


def test_shades_let_the_page_show_through() -> None:
    low, high = shades("#0072b2")(0.0), shades("#0072b2")(1.0)
    assert low[3] == 0.0 and 0.5 < high[3] < 1.0
    assert low[:3] == pytest.approx(high[:3])


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio."""

    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_stand_out_from_the_paper(theme: Theme) -> None:
    assert contrast(theme.ink, theme.paper) >= 7
    for name in ("blue", "orange", "green", "red", "purple", "sky", "soft"):
        assert contrast(getattr(theme, name), theme.paper) >= 3, name

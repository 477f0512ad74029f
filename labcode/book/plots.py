"""How every figure looks, and how a chapter shows one: drawn twice, for the light page and for the dark one.

Colours are Okabe and Ito's colour-blind-safe set. The same thing has the same colour in every figure of the book, and
a marker or a label beside it, since a grey print has no colours.
"""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from PIL import Image

from labcode.settings import SEED

# Coordinates in an SVG, and the digits behind the second decimal: a hundredth of a point is too small to be seen.
_PLACES = re.compile(rb' (?:d|x|y)="[^"]*"')
_DIGITS = re.compile(rb"(\.\d\d)\d+")
_PIXELS = re.compile(rb'(?<=base64,)[^"]+')
_COLOUR = re.compile(rb"#[0-9a-f]{6}")
STYLE = Path(__file__).parent / "book.mplstyle"


@dataclass(frozen=True, kw_only=True)
class Theme:
    """The colours of one rendering of a figure."""

    name: Literal["light", "dark"]
    paper: str
    ink: str
    soft: str
    grid: str
    blue: str
    orange: str
    green: str
    red: str
    purple: str
    sky: str


LIGHT = Theme(
    name="light",
    paper="#ffffff",
    ink="#1f2328",
    soft="#8a919a",
    grid="#dfe3e8",
    blue="#0072b2",
    orange="#c77f00",
    green="#008a64",
    red="#d55e00",
    purple="#b8578f",
    sky="#2f8fc8",
)
DARK = Theme(
    name="dark",
    paper="#15181c",
    ink="#e6e8eb",
    soft="#8d959f",
    grid="#343a42",
    blue="#5db7f0",
    orange="#e69f00",
    green="#2cc79a",
    red="#ff7f2a",
    purple="#e08fbc",
    sky="#8fd0f7",
)


def _colours(theme: Theme) -> dict[str, object]:
    ink = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), theme.ink)
    lines = dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), theme.soft)
    cycle = cycler(color=[theme.blue, theme.orange, theme.green, theme.red, theme.purple, theme.sky])
    return {**ink, **lines, "grid.color": theme.grid, "axes.prop_cycle": cycle, "axes.facecolor": "none"}


def _written(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    plt.close(figure)
    short = _PLACES.sub(lambda place: _DIGITS.sub(rb"\1", place[0]), buffer.getvalue())
    return _PIXELS.sub(lambda pixels: _in_few_colours(pixels[0]), short)


def in_the_dark(light: bytes) -> bytes:
    """A picture drawn in the colours of the light theme, with those of the dark one in their place."""
    colours = {getattr(LIGHT, each.name): getattr(DARK, each.name) for each in fields(Theme) if each.name != "name"}
    return _COLOUR.sub(lambda colour: colours.get(colour[0].decode(), colour[0].decode()).encode(), light)


def book_style() -> Theme:
    """Draw all figures from now on in the book's style and light colours; returns these, to name them in a cell.

    :func:`show` makes the dark picture from the light one, so use the colours of this theme alone. What is drawn at
    random, as the jitter of points, begins with the seed of the settings.
    """
    np.random.seed(SEED)  # seaborn draws from here
    plt.style.use(STYLE)
    mpl.rcParams.update(_colours(LIGHT))  # type: ignore[arg-type]
    return LIGHT


def _in_few_colours(png: bytes) -> bytes:
    """The points of a scatter plot, which are pixels in the SVG, with a palette: fewer bytes, to the eye the same."""
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    buffer = io.BytesIO()
    picture.quantize(128, method=Image.Quantize.FASTOCTREE).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue())


def show(figure: Figure) -> None:
    """Display a figure for both themes; its cell needs the option ``renderings: [light, dark]``.

    Parameters
    ----------
    figure
        Drawn after :func:`book_style` in the colours of its theme. It is closed.
    """
    from IPython.display import SVG, display  # only a rendering chapter needs it

    light = _written(figure)
    for picture in (light, in_the_dark(light)):
        display(SVG(picture.decode()))  # type: ignore[no-untyped-call]


def shades(colour: str) -> LinearSegmentedColormap:
    """From transparent to a colour, so that what lies below shows through on light and on dark pages."""
    return LinearSegmentedColormap.from_list("shades", [to_rgba(colour, 0.0), to_rgba(colour, 0.75)])

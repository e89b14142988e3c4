"""Shapes of a drawing, in pixels from its upper left corner, and two ways to show them.

``to_svg`` writes them as text, which takes a thousandth of a second: so a figure can
follow the finger. ``to_png`` paints the same shapes with matplotlib for the still
picture. Both on a white ground, in dark mode too.
"""

import base64
import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Polygon
from PIL import Image

from course_utils.figures.plots import (
    DARK,
    FONTS,
    PIXELS_PER_INCH,
    house_style,
)

POINTS = 72 / PIXELS_PER_INCH  # of a pixel: matplotlib counts in points
LINE_HEIGHT = 1.25  # of the letters' size
# A browser finds Chinese characters by itself.
_SANS = "DejaVu Sans, Verdana, sans-serif"
_MONO = "DejaVu Sans Mono, Menlo, Consolas, monospace"


@dataclass(frozen=True)
class Rect:
    """A rectangle: its left upper corner, its size, and how round its corners are."""

    x: float
    y: float
    width: float
    height: float
    fill: str = "white"
    edge: str = DARK
    thick: float = 1.2
    radius: float = 0.0
    dashed: bool = False


@dataclass(frozen=True)
class Line:
    """A line through points, with a head at its end if it is an arrow."""

    points: tuple[tuple[float, float], ...]
    colour: str = DARK
    thick: float = 1.4
    dash: tuple[float, ...] = ()
    head: bool = False


@dataclass(frozen=True)
class Dot:
    """A round mark: its middle and its radius."""

    x: float
    y: float
    radius: float
    fill: str = DARK
    edge: str = "none"


@dataclass(frozen=True)
class Words:
    """Text, its lines below each other around ``y``; ``anchor`` is what ``x`` means."""

    x: float
    y: float
    text: str
    size: float = 12.0  # pixels
    colour: str = DARK
    anchor: str = "middle"  # or "start", "end"
    bold: bool = False
    mono: bool = False
    turned: bool = False  # to be read from below upwards

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Where the text lies: (left, top, right, bottom), in DejaVu Sans."""
        lines = self.text.split("\n")
        wide = max(text_width(line, self.size, self.bold, self.mono) for line in lines)
        high = self.size * (1 + LINE_HEIGHT * (len(lines) - 1))
        share = {"start": 0, "middle": 0.5, "end": 1}[self.anchor]
        if self.turned:  # it runs upwards
            bottom = self.y + share * wide
            return self.x - high / 2, bottom - wide, self.x + high / 2, bottom
        left = self.x - share * wide
        return left, self.y - high / 2, left + wide, self.y + high / 2


@dataclass(frozen=True, eq=False)
class Raster:
    """A small picture of coloured points (rows, columns, 3), stretched over a place."""

    x: float
    y: float
    width: float
    height: float
    rgb: np.ndarray

    @cached_property
    def data(self) -> str:
        """The points as PNG in base64."""
        file = io.BytesIO()
        Image.fromarray(self.rgb).save(file, "PNG")
        return base64.b64encode(file.getvalue()).decode("ascii")


Shape = Rect | Line | Dot | Words | Raster


def text_width(line: str, size: float, bold: bool = False, mono: bool = False) -> float:
    """Return how many pixels wide a line of text is in DejaVu Sans."""
    return size * sum(_advance(letter, bold, mono) for letter in line)


@functools.cache
def _advance(letter: str, bold: bool, mono: bool) -> float:
    """Return how far a letter leads on, as a share of the letters' size.

    A letter that the font does not have, such as a Chinese one, counts as a square.
    """
    family = "DejaVu Sans Mono" if mono else "DejaVu Sans"
    weight = "bold" if bold else "normal"
    font = get_font(findfont(FontProperties(family=family, weight=weight)))
    font.set_size(100, 72)
    if not font.get_char_index(ord(letter)):
        return 1.0
    return font.load_char(ord(letter)).linearHoriAdvance / 65_536 / 100


# --- As SVG


def to_svg(shapes, width: float, height: float, alt: str, top: float = 0.0) -> str:
    """Return the shapes as an ``<svg>`` that may stand in a page; ``alt`` describes it.

    It is never wider than the page, and no part of it takes a colour from the page.
    What lies above ``top`` is left out.
    """
    body = "".join(_SVG[type(shape)](shape) for shape in shapes)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-label="{escape(alt)}" '
        f'width="{_n(width)}" height="{_n(height)}" '
        f'viewBox="0 {_n(top)} {_n(width)} {_n(height)}" '
        'style="max-width: 100%; height: auto; background: white">'
        f"{body}</svg>"
    )


def _svg_rect(r: Rect) -> str:
    round_corners = f' rx="{_n(r.radius)}"' if r.radius else ""
    return (
        f'<rect x="{_n(r.x)}" y="{_n(r.y)}" width="{_n(r.width)}" '
        f'height="{_n(r.height)}"{round_corners} fill="{r.fill}" stroke="{r.edge}" '
        f'stroke-width="{_n(r.thick)}"{_dashes((4, 3) if r.dashed else ())}/>'
    )


def _svg_line(line: Line) -> str:
    points = " ".join(f"{_n(x)},{_n(y)}" for x, y in line.points)
    drawn = (
        f'<polyline points="{points}" fill="none" stroke="{line.colour}" '
        f'stroke-width="{_n(line.thick)}" stroke-linejoin="round"{_dashes(line.dash)}/>'
    )
    if line.head:
        corners = " ".join(f"{_n(x)},{_n(y)}" for x, y in arrow_head(line))
        drawn += f'<polygon points="{corners}" fill="{line.colour}"/>'
    return drawn


def _svg_dot(dot: Dot) -> str:
    place = f'cx="{_n(dot.x)}" cy="{_n(dot.y)}" r="{_n(dot.radius)}"'
    return f'<circle {place} fill="{dot.fill}" stroke="{dot.edge}"/>'


def _svg_raster(r: Raster) -> str:
    place = f'x="{_n(r.x)}" y="{_n(r.y)}" width="{_n(r.width)}" height="{_n(r.height)}"'
    return (
        f'<image {place} preserveAspectRatio="none" style="image-rendering: pixelated" '
        f'href="data:image/png;base64,{r.data}"/>'
    )


def _svg_words(words: Words) -> str:
    family = _MONO if words.mono else _SANS
    weight = ' font-weight="bold"' if words.bold else ""
    turn = (
        f' transform="rotate(-90 {_n(words.x)} {_n(words.y)})"' if words.turned else ""
    )
    lines = "".join(
        f'<text x="{_n(x)}" y="{_n(y)}">{escape(line)}</text>'
        for x, y, line in _lines_of(words)
    )
    return (
        f'<g font-family="{family}" font-size="{_n(words.size)}" fill="{words.colour}" '
        f'text-anchor="{words.anchor}" xml:space="preserve"{weight}{turn}>{lines}</g>'
    )


def _dashes(dash: Sequence[float]) -> str:
    return f' stroke-dasharray="{" ".join(map(_n, dash))}"' if dash else ""


def _n(number: float) -> str:
    """Return a number of pixels, to a tenth."""
    return f"{round(float(number), 1) + 0.0:g}"


def _lines_of(words: Words):
    """Yield (x, y of the base line, text) of each line of the words."""
    lines = words.text.split("\n")
    first = words.y - LINE_HEIGHT * words.size * (len(lines) - 1) / 2
    for i, line in enumerate(lines):
        yield words.x, first + LINE_HEIGHT * words.size * i + 0.36 * words.size, line


def arrow_head(line: Line) -> list[tuple[float, float]]:
    """Return the three corners of an arrow's head: its point is the line's end."""
    (x0, y0), (x1, y1) = line.points[-2:]
    length = max(1e-9, ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5)
    along = (x1 - x0) / length, (y1 - y0) / length
    long, wide = 5 + 2 * line.thick, 2.5 + line.thick
    back = x1 - long * along[0], y1 - long * along[1]
    aside = wide * along[1], -wide * along[0]
    return [
        (x1, y1),
        (back[0] + aside[0], back[1] + aside[1]),
        (back[0] - aside[0], back[1] - aside[1]),
    ]


# --- As PNG


@house_style()
def to_figure(shapes: Sequence[Shape], width: float, height: float) -> Figure:
    """Return the shapes as a matplotlib figure of that many pixels."""
    size = width / PIXELS_PER_INCH, height / PIXELS_PER_INCH
    figure = Figure(figsize=size)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    for order, shape in enumerate(shapes):
        _PAINT[type(shape)](axes, shape, order)
    return figure


def _paint_rect(axes, r: Rect, order: int) -> None:
    radius = min(r.radius, r.width / 2, r.height / 2)
    style = f"round,pad=0,rounding_size={radius}" if radius else "square,pad=0"
    look = dict(facecolor=r.fill, edgecolor=r.edge, linewidth=r.thick * POINTS)
    look |= dict(linestyle=(0, (4, 3)) if r.dashed else "-", zorder=order)
    patch = FancyBboxPatch((r.x, r.y), r.width, r.height, boxstyle=style, **look)
    axes.add_patch(patch)


def _paint_line(axes, line: Line, order: int) -> None:
    look = dict(color=line.colour, linewidth=line.thick * POINTS, zorder=order)
    look |= dict(linestyle=(0, line.dash) if line.dash else "-")
    axes.add_line(Line2D(*zip(*line.points, strict=True), **look))
    if line.head:
        head = Polygon(arrow_head(line), facecolor=line.colour, zorder=order)
        axes.add_patch(head)


def _paint_dot(axes, dot: Dot, order: int) -> None:
    across = 2 * dot.radius * POINTS
    look = dict(marker="o", markersize=across, markeredgecolor=dot.edge)
    axes.add_line(
        Line2D([dot.x], [dot.y], markerfacecolor=dot.fill, zorder=order, **look)
    )


def _paint_raster(axes, r: Raster, order: int) -> None:
    place = (r.x, r.x + r.width, r.y + r.height, r.y)
    axes.imshow(r.rgb, extent=place, aspect="auto", zorder=order, interpolation="none")
    axes.set(xlim=axes.viewLim.intervalx, ylim=axes.viewLim.intervaly)


def _paint_words(axes, words: Words, order: int) -> None:
    look = dict(color=words.colour, fontsize=words.size * POINTS, zorder=order)
    look |= dict(weight="bold" if words.bold else "normal")
    look |= dict(rotation=90 if words.turned else 0)
    if words.mono:
        look |= dict(family=["DejaVu Sans Mono", *FONTS])
    if words.turned:
        down = {"start": "bottom", "middle": "center", "end": "top"}[words.anchor]
        axes.text(words.x, words.y, words.text, ha="center", va=down, **look)
        return
    across = {"start": "left", "middle": "center", "end": "right"}[words.anchor]
    for x, y, line in _lines_of(words):
        axes.text(x, y, line, ha=across, va="baseline", **look)


_SVG = {
    Rect: _svg_rect,
    Line: _svg_line,
    Dot: _svg_dot,
    Words: _svg_words,
    Raster: _svg_raster,
}
_PAINT = {
    Rect: _paint_rect,
    Line: _paint_line,
    Dot: _paint_dot,
    Words: _paint_words,
    Raster: _paint_raster,
}

"""A language for drawings: boxes, arrows between them, words and shapes on the arrows.

    drawing = Drawing("A layer", width=320, height=110)
    drawing.box("x", "x", (50, 70))
    drawing.box("layer", "x @ w + b", (160, 70), colour=GREEN)
    drawing.box("y", "y", (270, 70))
    drawing.arrow("x", "layer", "(T, C)")
    drawing.arrow("layer", "y", "(T, D)")
    drawing.picture("A layer turns (T, C) into (T, D).")

A node is named once and arrows join the names, from border to border. Places are
pixels from the upper left corner; ``graph`` finds the places by itself.
One colour, one meaning: blue is data, green what is learnt, vermilion what is looked at
now, purple an operation without weights, grey what is at rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from course_utils.figures.plots import (
    BLUE,
    DARK,
    GREEN,
    PURPLE,
    VERMILION,
    Picture,
    png_of,
)
from course_utils.figures.shapes import (
    Dot,
    Line,
    Rect,
    Shape,
    Words,
    text_width,
    to_figure,
    to_svg,
)

GREY = "#8A8A8A"
PAGE = 672  # pixels: the width of a page's text
TINT = {
    BLUE: "#E3F0F8",
    GREEN: "#DDF3EB",
    VERMILION: "#FBE6D9",
    PURPLE: "#F8EAF2",
    GREY: "#F2F2F2",
    DARK: "#FFFFFF",
}
SIZE = 12  # pixels, of most words


class Place(NamedTuple):
    """Where a node is: its middle and its size."""

    x: float
    y: float
    width: float
    height: float

    def side(self, name: str) -> tuple[float, float]:
        """Return the middle of its left, right, top or bottom side."""
        dx, dy = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}[
            name
        ]
        return self.x + dx * self.width / 2, self.y + dy * self.height / 2

    def border(self, towards: tuple[float, float]) -> tuple[float, float]:
        """Return where the line from the middle to a point leaves the node."""
        dx, dy = towards[0] - self.x, towards[1] - self.y
        shares = [
            half / abs(step)
            for half, step in ((self.width / 2, dx), (self.height / 2, dy))
            if step
        ]
        share = min(1.0, *shares) if shares else 0.0
        return self.x + share * dx, self.y + share * dy


class VectorPicture(Picture):
    """A picture made of shapes: as SVG in a live figure, as PNG where it stands still.

    Its ``png`` is painted when it is first asked for.
    """

    def __init__(self, shapes, width, height, text, alt=None, numbers=""):
        self.shapes, self.width, self.height = list(shapes), width, height
        self.describe(text, alt, numbers)

    @cached_property
    def png(self) -> bytes:
        return png_of(to_figure(self.shapes, self.width, self.height))

    def to_html(self) -> str:
        return to_svg(self.shapes, self.width, self.height, self.alt)


class Drawing:
    """Nodes and arrows on a white ground; ``width`` and ``height`` in pixels.

    Below ``top`` there is room under the title, which is written smaller if it is long.
    """

    def __init__(self, title: str = "", width: float = PAGE, height: float = 300):
        self.title, self.width, self.height = title, width, height
        self.nodes: dict[str, Place] = {}
        self.shapes: list[Shape] = [Rect(0, 0, width, height, edge="none")]
        lines = title.split("\n")
        self.top = 34 + 18.75 * (len(lines) - 1)
        if title:
            wide = max(text_width(line, 15, bold=True) for line in lines)
            size = 15 * min(1.0, (width - 16) / wide)
            at = 8, 16 + 9.4 * (len(lines) - 1)
            self.words(at, title, size, bold=True, anchor="start")

    def picture(self, text: str, alt: str | None = None, numbers: str = ""):
        """Return the drawing as a picture; the arguments are those of ``Picture``."""
        return VectorPicture(self.shapes, self.width, self.height, text, alt, numbers)

    # Nodes

    def box(
        self,
        name: str,
        label: str,
        at: tuple[float, float],
        colour: str = BLUE,
        size: tuple[float, float] | None = None,
        dashed: bool = False,
    ) -> Place:
        """Draw a box with a label around the point ``at``, large enough for the label.

        ``size`` makes it so large. Raises ValueError if the name is taken.
        """
        lines = label.split("\n")
        wide = max(text_width(line, SIZE) for line in lines) + 18
        width, height = size or (wide, 14 + 1.25 * SIZE * len(lines))
        place = self._place(name, Place(*at, width, height))
        corner = place.x - width / 2, place.y - height / 2
        look = dict(fill=TINT[colour], edge=colour, radius=6, dashed=dashed)
        self.shapes.append(Rect(*corner, width, height, **look))
        self.words(at, label)
        return place

    def operation(
        self, name: str, sign: str, at: tuple[float, float], colour: str = PURPLE
    ) -> Place:
        """Draw a circle with a sign in it, such as + or ×."""
        place = self._place(name, Place(*at, 22, 22))
        self.shapes.append(Dot(*at, 11, fill=TINT[colour], edge=colour))
        self.words(at, sign, size=14)
        return place

    def table(
        self,
        name: str,
        numbers: Sequence[Sequence[float | str]],
        at: tuple[float, float],
        colour: str = BLUE,
        cell: tuple[float, float] = (40, 24),
        shades: Sequence[Sequence[float]] | None = None,
        faint: Iterable[tuple[int, int]] = (),
    ) -> Place:
        """Draw a table of numbers around the point ``at``, a row below the other.

        ``shades`` are between 0 and 1: how much of the colour a cell has. The cells
        (row, column) that are ``faint`` are at rest.
        """
        rows, columns, faint = len(numbers), len(numbers[0]), set(faint)
        place = self._place(name, Place(*at, columns * cell[0], rows * cell[1]))
        for row, entries in enumerate(numbers):
            for column, entry in enumerate(entries):
                x = place.x + (column - columns / 2) * cell[0]
                y = place.y + (row - rows / 2) * cell[1]
                share = 0.12 if shades is None else shades[row][column]
                rests = (row, column) in faint
                fill = TINT[GREY] if rests else mixed(colour, share)
                self.shapes.append(Rect(x, y, *cell, fill=fill, edge="white"))
                label = entry if isinstance(entry, str) else number(entry)
                ink = GREY if rests else "white" if share > 0.55 else DARK
                self.words((x + cell[0] / 2, y + cell[1] / 2), label, colour=ink)
        left, top = place.x - place.width / 2, place.y - place.height / 2
        frame = Rect(left, top, place.width, place.height, "none", colour)
        self.shapes.append(frame)
        return place

    def area(self, name: str, at: tuple[float, float], size: tuple[float, float]):
        """Name a part of the drawing, so that arrows can lead to it."""
        return self._place(name, Place(*at, *size))

    def _place(self, name: str, place: Place) -> Place:
        if name in self.nodes:
            raise ValueError(f"name must be a new node's, {name!r} is already drawn")
        self.nodes[name] = place
        return place

    # Between and around them

    def arrow(
        self,
        start: str,
        end: str,
        label: str = "",
        sides: tuple[str, str] | None = None,
        via: Sequence[tuple[float, float]] = (),
        colour: str = DARK,
        dashed: bool = False,
    ) -> None:
        """Draw an arrow between two nodes, with a label on its longest part.

        ``sides`` names where it leaves and arrives ("right", "left", "top", "bottom");
        by default it runs from middle to middle. ``via`` are corners on its way.
        Raises KeyError for a node that is not drawn.
        """
        one, other = self.nodes[start], self.nodes[end]
        if sides:
            first, last = one.side(sides[0]), other.side(sides[1])
        else:
            first = one.border(via[0] if via else (other.x, other.y))
            last = other.border(via[-1] if via else (one.x, one.y))
        points = (first, *via, last)
        dash = (4.0, 3.0) if dashed else ()
        self.shapes.append(Line(points, colour, dash=dash, head=True))
        if label:
            self._label(points, label, colour)

    def _label(self, points, label: str, colour: str) -> None:
        """Write beside the longest part: above a level line, right of an upright one.

        On a sloping line the label has a white ground.
        """
        (x0, y0), (x1, y1) = max(pairwise(points), key=lambda part: _length(*part))
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        size, lines = SIZE - 1, label.split("\n")
        high = 1.25 * size * len(lines)
        if abs(y1 - y0) < 0.05 * abs(x1 - x0):
            self.words((x, y - 3 - high / 2), label, size, colour)
        elif abs(x1 - x0) < 0.05 * abs(y1 - y0):
            self.words((x + 6, y), label, size, colour, anchor="start")
        else:
            wide = max(text_width(line, size) for line in lines) + 6
            ground = Rect(x - wide / 2, y - high / 2, wide, high, edge="none")
            self.shapes.append(ground)
            self.words((x, y), label, size, colour)

    def words(
        self,
        at: tuple[float, float],
        text: str,
        size: float = SIZE,
        colour: str = DARK,
        anchor: str = "middle",
        bold: bool = False,
        mono: bool = False,
    ) -> None:
        """Write a text; ``at`` is the middle of its height."""
        self.shapes.append(Words(*at, text, size, colour, anchor, bold, mono))

    def frame(self, names: Iterable[str], label: str = "", margin: float = 12) -> None:
        """Draw a dashed frame around nodes, with a label above its left corner."""
        places = [self.nodes[name] for name in names]
        left = min(p.x - p.width / 2 for p in places) - margin
        right = max(p.x + p.width / 2 for p in places) + margin
        top = min(p.y - p.height / 2 for p in places) - margin
        bottom = max(p.y + p.height / 2 for p in places) + margin
        look = dict(fill="none", edge=GREY, radius=8, dashed=True)
        rect = Rect(left, top, right - left, bottom - top, **look)
        self.shapes.insert(1, rect)  # behind everything
        if label:
            self.words((left + 2, top - 9), label, SIZE - 1, GREY, anchor="start")


def columns(
    edges: Iterable[tuple[str, str]], width: float, height: float, top: float = 40
) -> tuple[dict[str, tuple[float, float]], dict[tuple, list[tuple[float, float]]]]:
    """Return places for a graph without circles: its nodes, and its edges' corners.

    ``edges`` are (start, end). A node stands one column right of the last one that
    leads to it. An edge over several columns has a corner in each between, so that it
    runs through no node. Raises ValueError for a circle.
    """
    edges = list(edges)
    depth = dict.fromkeys((name for edge in edges for name in edge), 0)
    for _ in depth:
        for start, end in edges:
            depth[end] = max(depth[end], depth[start] + 1)
    if max(depth.values()) >= len(depth):
        raise ValueError("edges must not lead in a circle")
    levels: list[list] = [[] for _ in range(max(depth.values()) + 1)]
    for name, level in depth.items():
        levels[level].append(name)
    for edge in edges:
        for level in range(depth[edge[0]] + 1, depth[edge[1]]):
            levels[level].append((*edge, level))  # a corner
    across, at = width / len(levels), {}
    for level, names in enumerate(levels):
        before = {name: _mean_height(name, edges, at) for name in names}
        for row, name in enumerate(sorted(names, key=before.get)):
            y = top + (height - top) * (row + 0.5) / len(names)
            at[name] = across * (level + 0.5), y
    corners = {
        (start, end): [at[start, end, i] for i in range(depth[start] + 1, depth[end])]
        for start, end in edges
    }
    return {name: at[name] for name in depth}, corners


def _mean_height(name, edges, at) -> float:
    """Return the mean height of what leads to a node or a corner; 0 for a source."""
    if isinstance(name, tuple):
        return at[name[0]][1]
    heights = [at[start][1] for start, end in edges if end == name]
    return sum(heights) / max(1, len(heights))


def graph(
    title: str,
    labels: Mapping[str, str],
    edges: Mapping[tuple[str, str], str],
    colours: Mapping[str, str] | None = None,
    width: float = PAGE,
    height: float = 300,
) -> Drawing:
    """Draw a graph from left to right: nodes by name, and labelled edges between them.

    ``labels`` maps nodes to what their boxes say, ``edges`` maps (start, end) to what
    their arrows say, ``colours`` maps nodes to colours; all others are blue.
    """
    drawing = Drawing(title, width, height)
    places, corners = columns(edges, width, height)
    for name, at in places.items():
        drawing.box(name, labels[name], at, (colours or {}).get(name, BLUE))
    for (start, end), label in edges.items():
        drawing.arrow(start, end, label, via=corners[start, end])
    return drawing


def mixed(colour: str, share: float) -> str:
    """Return a colour mixed with white; ``share`` of the colour is between 0 and 1."""
    channels = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 + share * (c - 255)):02X}" for c in channels)


def number(value: float) -> str:
    """Return a number as a drawing shows it: at most two decimals, a true minus."""
    return f"{round(float(value), 2) + 0.0:g}".replace("-", "−")


def _length(one: tuple[float, float], other: tuple[float, float]) -> float:
    return ((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2) ** 0.5

"""Charts made of shapes: lines, bars and tables on axes, ready in a few milliseconds.

matplotlib lays a figure out anew each time, which takes 0.1 to 1 s: too long for a
figure that follows the finger. Here the places are reckoned once, from the letters'
widths. What stands still on a page is drawn with matplotlib (``plots``), which can do
much more.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from course_utils.figures.drawing import PAGE, Drawing, VectorPicture, mixed
from course_utils.figures.numbers import series
from course_utils.figures.plots import BLUE, DARK
from course_utils.figures.shapes import Dot, Line, Raster, Rect, Words, text_width

GRID = "#DDDDDD"
SMALL = 11  # pixels: numbers on axes, legends
DASHES = {"-": (), "--": (6.0, 3.0), ":": (1.5, 2.5), "-.": (6.0, 3.0, 1.5, 3.0)}


class Axis:
    """A stretch of numbers and the pixels they fall on: ``axis(number)`` is a pixel.

    ``ticks`` maps numbers to what is written there; by default round numbers are
    found; ``strong`` is one that is written bold; ``grid``: whether lines cross the
    panel there. Raises ValueError for an empty
    stretch or a logarithm of what has none.
    """

    def __init__(self, low, high, ticks=None, log=False, strong=None, grid=True):
        if not low < high or (log and low <= 0):
            raise ValueError(f"an axis must rise, above 0 if log, got {low} to {high}")
        self.low, self.high, self.log = low, high, log
        self.strong, self.grid = strong, grid
        if ticks is None:
            ticks = _powers(low, high) if log else round_numbers(low, high)
        if not isinstance(ticks, Mapping):
            ticks = {tick: f"{round(tick, 9):g}".replace("-", "−") for tick in ticks}
        self.ticks = {t: str(label) for t, label in ticks.items() if low <= t <= high}
        self.start, self.end = 0.0, 1.0

    def __call__(self, value: float) -> float:
        low, high, value = self.low, self.high, float(value)
        if self.log:
            low, high, value = (
                math.log(low),
                math.log(high),
                math.log(max(value, 1e-300)),
            )
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def ranks(names: Sequence[str], room: float = 0.0, strong: int | None = None) -> Axis:
    """Return an upright axis on which ``names[i]`` stands at -i, the first on top.

    ``room`` is for more of them below, such as a legend; ``names[strong]`` is bold.
    """
    ticks = {-i: name for i, name in enumerate(names)}
    bold = None if strong is None else -strong
    return Axis(-len(names) + 0.4 - room, 0.6, ticks, strong=bold, grid=False)


def round_numbers(low: float, high: float, n: int = 5) -> list[float]:
    """Return about ``n`` round numbers from low to high, at equal distances."""
    rough = (high - low) / n
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(s for s in (1, 2, 2.5, 5, 10) if s * power >= 0.99 * rough)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Return the powers of ten from low to high; if few, three times them too."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1, 3) if last - first <= 3 else (1,)
    return [f * 10.0**p for p in range(first, last + 1) for f in factors]


class Panel:
    """Axes in a part of a drawing, and what is drawn on them.

    ``box`` is the part's (left, top, width, height), labels included. What is drawn is
    told in ``numbers``, rounded.
    """

    def __init__(
        self,
        drawing: Drawing,
        box: tuple[float, float, float, float],
        x: Axis,
        y: Axis,
        title: str = "",
        x_label: str = "",
        y_label: str = "",
    ):
        self.drawing, self.x, self.y, self.title = drawing, x, y, title
        self.numbers: list[str] = []
        self._legend: list[tuple[str, str, tuple, str]] = []
        left, top, width, height = box
        labels = [text_width(label, SMALL) for label in y.ticks.values()]
        inner_left = left + max([0, *labels]) + 10 + (18 if y_label else 0)
        inner_top = top + (26 if title else 8)
        inner_bottom = top + height - (20 if x.ticks else 4) - (18 if x_label else 0)
        last = text_width([*x.ticks.values()][-1], SMALL) / 2 if x.ticks else 0
        x.start, x.end = inner_left, left + width - max(8, last)
        y.start, y.end = inner_bottom, inner_top
        if title:
            place = Words(left, top + 9, title, 13, DARK, "start", bold=True)
            drawing.shapes.append(place)
        self._draw_axes(left, x_label, y_label, top + height)

    def _draw_axes(self, left, x_label, y_label, bottom) -> None:
        x, y, add = self.x, self.y, self.drawing.shapes.append
        for tick, label in x.ticks.items():
            add(Line(((x(tick), y.start), (x(tick), y.end)), GRID, 0.8))
            add(Words(x(tick), y.start + 11, label, SMALL))
        for tick, label in y.ticks.items():
            if y.grid:
                add(Line(((x.start, y(tick)), (x.end, y(tick))), GRID, 0.8))
            look = dict(anchor="end", bold=tick == y.strong)
            add(Words(x.start - 6, y(tick), label, SMALL, **look))
        add(Line(((x.start, y.end), (x.start, y.start), (x.end, y.start)), DARK, 1.0))
        if x_label:
            add(Words((x.start + x.end) / 2, bottom - 8, x_label, 12))
        if y_label:
            middle = (y.start + y.end) / 2
            add(Words(left + 8, middle, y_label, 12, turned=True))

    # What is drawn

    def line(
        self, xs, ys, label="", colour=BLUE, look="-", thick=2.0, marker=0.0, told=True
    ) -> None:
        """Draw a line through points, cut off at the axes' ends.

        ``look`` is "-", "--", ":" or "-."; ``marker`` the radius of dots on it.
        ``told``: whether it is told among the numbers.
        """
        points = [(float(a), float(b)) for a, b in zip(xs, ys, strict=True)]
        for run in self._clipped(points):
            self.drawing.shapes.append(Line(tuple(run), colour, thick, DASHES[look]))
        if marker:
            self._dots(points, colour, "none", marker)
        if label:
            self._legend.append((label, colour, DASHES[look], "line"))
        if told:
            self.numbers.append(
                series(label or "line", [b for _, b in points], self.y.log)
            )

    def dots(
        self, xs, ys, label="", colour=BLUE, radius=4.5, hollow=False, told=True
    ) -> None:
        """Draw a dot at each point that lies between the axes' ends."""
        points = [(float(a), float(b)) for a, b in zip(xs, ys, strict=True)]
        fill, edge = ("white", colour) if hollow else (colour, "none")
        self._dots(points, fill, edge, radius)
        if label:
            self._legend.append((label, colour, (), "dot"))
        if told:
            name = label or "dots"
            self.numbers += [
                series(name, [b for _, b in points], self.y.log),
                series("at", [a for a, _ in points], self.x.log),
            ]

    def _dots(self, points, fill, edge, radius) -> None:
        for a, b in points:
            if self.x.low <= a <= self.x.high and self.y.low <= b <= self.y.high:
                self.drawing.shapes.append(
                    Dot(self.x(a), self.y(b), radius, fill, edge)
                )

    def bars(
        self, places, heights, width=0.8, label="", colour=BLUE, edge="none"
    ) -> None:
        """Draw upright bars on y = low; ``colour`` may be one for each bar."""
        base = max(self.y.low, 0.0) if not self.y.log else self.y.low
        for i, (place, height) in enumerate(zip(places, heights, strict=True)):
            one, other = self.x(place - width / 2), self.x(place + width / 2)
            ends = sorted([self.y(base), self.y(self._within(self.y, height))])
            fill = colour if isinstance(colour, str) else colour[i]
            outline = edge if isinstance(edge, str) else edge[i]
            rect = Rect(one, ends[0], other - one, ends[1] - ends[0], fill, outline, 1)
            self.drawing.shapes.append(rect)
        outlined = edge if isinstance(edge, str) else edge[0]
        self._name_bars(label, colour, heights, self.y.log, outlined)

    def rows(self, places, lengths, width=0.8, label="", colour=BLUE, ends=()) -> None:
        """Draw lying bars from x = low; ``ends`` is what is written at their ends."""
        for i, (place, length) in enumerate(zip(places, lengths, strict=True)):
            tops = sorted([self.y(place - width / 2), self.y(place + width / 2)])
            right = self.x(self._within(self.x, length))
            high = tops[1] - tops[0]
            rect = Rect(
                self.x.start, tops[0], right - self.x.start, high, colour, "none"
            )
            self.drawing.shapes.append(rect)
            if ends:
                at = right + 4, (tops[0] + tops[1]) / 2
                self._on_white(Words(*at, ends[i], min(SMALL, high), anchor="start"))
        self._name_bars(label, colour, lengths, self.x.log)

    def _name_bars(self, label, colour, values, log, edge="none") -> None:
        if label:
            self._legend.append((label, colour, (), f"bar {edge}"))
        self.numbers.append(series(label or "bars", list(values), log))

    def errors(self, places, values, halves, colour=DARK) -> None:
        """Draw an upright interval, value - half to value + half, at each place."""
        for place, value, half in zip(places, values, halves, strict=True):
            x, ends = self.x(place), (value - half, value + half)
            low, high = (self.y(self._within(self.y, end)) for end in ends)
            caps = [((x - 4, y), (x + 4, y)) for y in (low, high)]
            for ends in (((x, low), (x, high)), *caps):
                self.drawing.shapes.append(Line(ends, colour, 1.4))
        self.numbers.append(series("±", list(halves)))

    def level(self, y: float, label="", colour=DARK, look="--") -> None:
        """Draw a line across the panel at a height."""
        ends = [self.x.low, self.x.high]
        self.line(ends, [y, y], label, colour, look, 1.4, told=False)
        self.numbers.append(series(label or "level", [y], log=True))

    def mark(self, x: float, label="", colour=DARK, look="-") -> None:
        """Draw a line from bottom to top at a place."""
        ends = [self.y.low, self.y.high]
        self.line([x, x], ends, label, colour, look, 1.2, told=False)
        self.numbers.append(series(label or "mark at", [x], log=True))

    def write(self, x: float, y: float, text: str, dx=0.0, dy=0.0, **look) -> None:
        """Write on white beside a point, (dx, dy) pixels away."""
        self._on_white(Words(self.x(x) + dx, self.y(y) + dy, text, SMALL, **look))

    def _on_white(self, words: Words) -> None:
        left, top, right, bottom = words.box
        ground = Rect(left - 1, top, right - left + 2, bottom - top, edge="none")
        self.drawing.shapes += [ground, words]

    def table(self, shares, colour: str = BLUE) -> None:
        """Fill the panel with a table (rows, columns) of shares between 0 and 1."""
        shares = np.asarray(shares, float)
        ground = np.array([int(mixed(colour, 1)[i : i + 2], 16) for i in (1, 3, 5)])
        mix = np.clip(shares, 0, 1)[..., None] ** 0.5
        rgb = np.rint(255 + mix * (ground - 255)).astype(np.uint8)
        box = self.x.start, self.y.end, self.x.end - self.x.start
        self.drawing.shapes.append(Raster(*box, self.y.start - self.y.end, rgb))
        self.numbers.append(series("largest of each row at", shares.argmax(axis=1)))

    def legend(self, left: float | None = None, top: float | None = None) -> None:
        """Write what is what, at the right above or at (left, top) in pixels."""
        wide = max((text_width(name, SMALL) for name, *_ in self._legend), default=0)
        left = self.x.end - wide - 34 if left is None else left
        top = self.y.end + 4 if top is None else top
        add = self.drawing.shapes.append
        ground = (left - 4, top - 2, wide + 36, 16 * len(self._legend) + 4)
        add(Rect(*ground, fill="white", edge="none"))
        for row, (name, colour, dash, kind) in enumerate(self._legend):
            y = top + 8 + 16 * row
            if kind == "line":
                add(Line(((left, y), (left + 22, y)), colour, 2, dash))
            elif kind == "dot":
                add(Dot(left + 11, y, 4, colour))
            else:
                edge = kind.removeprefix("bar ")
                add(Rect(left, y - 5, 22, 10, colour, edge, 1))
            add(Words(left + 28, y, name, SMALL, anchor="start"))

    def _within(self, axis: Axis, value: float) -> float:
        return min(max(float(value), axis.low), axis.high)

    def _clipped(self, points):
        """Yield the parts of a line that lie between the axes' ends, in pixels."""
        run: list[tuple[float, float]] = []
        for one, other in pairwise((self.x(a), self.y(b)) for a, b in points):
            part = _clip(one, other, self._frame())
            if part is None or (run and run[-1] != part[0]):
                if len(run) > 1:
                    yield run
                run = []
            if part:
                run = [*run, part[1]] if run else list(part)
        if len(run) > 1:
            yield run

    def _frame(self):
        return self.x.start, self.y.end, self.x.end, self.y.start


def _clip(one, other, frame):
    """Return the part of a line inside a frame (left, top, right, bottom), or None.

    Liang and Barsky, "A new concept and method for line clipping" (1984).
    """
    (x0, y0), (x1, y1) = one, other
    first, last = 0.0, 1.0
    left, top, right, bottom = frame
    for step, room in (
        (x0 - x1, x0 - left),
        (x1 - x0, right - x0),
        (y0 - y1, y0 - top),
        (y1 - y0, bottom - y0),
    ):
        if not (math.isfinite(step) and math.isfinite(room)):
            return None
        if step == 0:
            if room < 0:
                return None
        elif step < 0:
            first = max(first, room / step)
        else:
            last = min(last, room / step)
    if first > last:
        return None
    at = [(x0 + t * (x1 - x0), y0 + t * (y1 - y0)) for t in (first, last)]
    return (one if first == 0 else at[0]), (other if last == 1 else at[1])


class Chart(Panel):
    """One panel that is a picture by itself, as wide as the page."""

    def __init__(
        self, title, x_label, y_label, x: Axis, y: Axis, height: float = 346, width=PAGE
    ):
        drawing = Drawing(title, width, height)
        box = (8, drawing.top, width - 16, height - drawing.top - 6)
        super().__init__(drawing, box, x, y, "", x_label, y_label)

    def picture(self, text: str, alt: str | None = None) -> VectorPicture:
        """Return the chart as a picture that says ``text`` and its numbers."""
        return self.drawing.picture(text, alt, "; ".join(self.numbers))

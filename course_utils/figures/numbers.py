"""The numbers that a picture draws, read from it and rounded, in a line of text.

A notebook's checker compares texts and no pictures. So the text of a picture ends with
some of its numbers: a curve that is drawn wrongly shows there, and the last digits, in
which two machines differ, do not. Two figures are kept of each number, three if it
begins with a 1; on a linear axis what is below a thousandth of the largest is 0.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure

MOST = 8  # numbers of a series that are told


def rounded(values: Sequence[float], log: bool = False, largest: float = 0) -> str:
    """Return numbers with two figures each: "4.1, 0.32".

    Nought is what is too small to be seen: on a linear axis below a thousandth of
    ``largest`` or of the largest of the values, on a logarithmic one below a billionth.
    """
    sizes = [abs(value) for value in values if math.isfinite(value)]
    least = (1e-9 if log else 1e-3) * max([largest, *sizes])
    return ", ".join(_two_figures(0.0 if abs(v) <= least else v) for v in values)


def _two_figures(value: float) -> str:
    if not value or not math.isfinite(value):
        return f"{value:g}"
    # Rounded twice: 0.125 must not fall to 0.12 here and rise to 0.13 there by its last
    # binary digit. The first rounding also settles to which power the number belongs.
    power = math.floor(math.log10(float(f"{abs(value):.5e}") / 2))
    settled = round(value, 5 - power)
    return f"{round(settled, 1 - power):g}"


def spread(n: int, most: int = MOST) -> list[int]:
    """Return at most ``most`` of the places 0 … n - 1, evenly, with both ends."""
    if n <= most:
        return list(range(n))
    return [i * (n - 1) // (most - 1) for i in range(most)]


def series(name: str, values: Sequence[float], log: bool = False) -> str:
    """Return "name 4.1, 2.3, 1.1": some of a series' numbers, both ends among them."""
    shown = [float(values[i]) for i in spread(len(values))]
    largest = max((abs(float(value)) for value in values), default=0.0)
    return f"{name} {rounded(shown, log, largest)}"


def drawn_numbers(figure: Figure) -> str:
    """Return what a figure draws: its lines, bars, dots and tables, panel by panel.

    Empty for a figure that draws no data.
    """
    told = []
    for axes in figure.axes:
        parts = [*_bars(axes), *_lines(axes), *_dots(axes), *_tables(axes)]
        title = " ".join((axes.get_title("left") or axes.get_title()).split())
        name = f"{title}: " if len(figure.axes) > 1 and title else ""
        told += [name + "; ".join(parts)] if parts else []
    return " | ".join(told)


def _bars(axes: Axes) -> Iterator[str]:
    for container in axes.containers:
        if isinstance(container, BarContainer):
            lies = container.orientation == "horizontal"
            sizes = [(bar.get_height(), bar.get_width()) for bar in container]
            scale = axes.get_xscale() if lies else axes.get_yscale()
            name, lengths = _name(container, "bars"), [size[lies] for size in sizes]
            yield series(name, lengths, log=scale != "linear")


def _lines(axes: Axes) -> Iterator[str]:
    part_of_errors = set()
    for container in axes.containers:
        if isinstance(container, ErrorbarContainer):
            data, caps, bars = container.lines
            part_of_errors |= {data, *caps} - {None}
            if data is not None:  # bars with errors have their own
                yield _points(axes, _name(container, "line"), data.get_xydata())
            ends = np.array(bars[0].get_segments())  # (points, 2 ends, x and y)
            yield series("±", np.ptp(ends, axis=1).max(axis=-1) / 2)
    for line in axes.lines:
        if line not in part_of_errors:
            yield _points(axes, _name(line, "line"), line.get_xydata())


def _dots(axes: Axes) -> Iterator[str]:
    for dots in axes.collections:
        if isinstance(dots, PathCollection):
            yield _points(axes, _name(dots, "dots"), dots.get_offsets())


def _points(axes: Axes, name: str, points) -> str:
    """Return a series of points (n, 2): heights, and the places where they are."""
    points = np.asarray(points, dtype=float)
    if len(points) == 2 and len(set(points[:, 1])) == 1:  # a level across the panel
        return series(name, points[:1, 1])
    if len(points) == 2 and len(set(points[:, 0])) == 1:  # and one from top to bottom
        return series(f"{name} at", points[:1, 0])
    shown = points[spread(len(points))]
    heights = rounded(shown[:, 1], axes.get_yscale() != "linear")
    places = rounded(shown[:, 0], axes.get_xscale() != "linear")
    return f"{name} {heights} at {places}"


def _tables(axes: Axes) -> Iterator[str]:
    for image in axes.images:
        table = np.asarray(image.get_array(), dtype=float)
        rows, columns = (spread(n, most=4) for n in table.shape[:2])
        yield f"table {rounded(table[np.ix_(rows, columns)].ravel())}"


def _name(artist, otherwise: str) -> str:
    label = str(artist.get_label() or "")
    return otherwise if not label or label.startswith("_") else " ".join(label.split())

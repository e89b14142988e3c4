"""The numbers that a picture draws, read from it and rounded, in a line of text.

A notebook's checker compares texts and no pictures. So the text of a picture ends with
some of its numbers: a curve that is drawn wrongly shows there, and the last digits, in
which two machines differ, do not. Two figures are kept: of each number on a logarithmic
axis, of a series' largest one on a linear axis, where a small number is read as no more
than "near 0".
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure

MOST = 8  # numbers of a series that are told


def rounded(values: Sequence[float], each: bool = False) -> str:
    """Return numbers with two figures of the largest, or of ``each``: "4.1, 0.3"."""
    finite = [abs(value) for value in values if math.isfinite(value)]
    largest = max(finite, default=0.0)
    scales = [abs(v) if each and abs(v) > 1e-9 * largest else largest for v in values]
    return ", ".join(map(_two_figures, values, scales))


def _two_figures(value: float, scale: float) -> str:
    """Return a number as text, rounded to two figures of a number of size ``scale``."""
    if not math.isfinite(value):
        return str(value)
    if not scale:
        return "0"
    # Rounded twice: 0.125 must not fall to 0.12 here and rise to 0.13 there by its last
    # binary digit. The first rounding also settles to which power the scale belongs.
    power = math.floor(math.log10(float(f"{scale:.5e}")))
    settled = round(value, 5 - power)
    return f"{round(settled, 1 - power) + 0.0:g}"  # + 0.0: no "-0"


def spread(n: int, most: int = MOST) -> list[int]:
    """Return at most ``most`` of the places 0 … n - 1, evenly, with both ends."""
    if n <= most:
        return list(range(n))
    return [i * (n - 1) // (most - 1) for i in range(most)]


def series(name: str, values: Sequence[float], each: bool = False) -> str:
    """Return "name 4.1, 2.3, 1.1": some of a series' numbers, both ends among them."""
    shown = [float(values[i]) for i in spread(len(values))]
    return f"{name} {rounded(shown, each)}"


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
            yield series(name, lengths, each=scale != "linear")


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
        return series(name, points[:1, 1], each=True)
    if len(points) == 2 and len(set(points[:, 0])) == 1:  # and one from top to bottom
        return series(f"{name} at", points[:1, 0], each=True)
    shown = points[spread(len(points))]
    is_log = axes.get_yscale() != "linear"
    return f"{name} {rounded(shown[:, 1], is_log)} at {rounded(shown[:, 0], each=True)}"


def _tables(axes: Axes) -> Iterator[str]:
    for image in axes.images:
        table = np.asarray(image.get_array(), dtype=float)
        rows, columns = (spread(n, most=4) for n in table.shape[:2])
        yield f"table {rounded(table[np.ix_(rows, columns)].ravel())}"


def _name(artist, otherwise: str) -> str:
    label = str(artist.get_label() or "")
    return otherwise if not label or label.startswith("_") else " ".join(label.split())

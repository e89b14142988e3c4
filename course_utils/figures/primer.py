"""The primer's tables of numbers, and steps down a slope."""

import math
from collections.abc import Callable, Sequence

import torch

from course_utils.figures.charts import Axis, Chart
from course_utils.figures.drawing import Drawing, VectorPicture, number
from course_utils.figures.plots import DARK, VERMILION


def number_tables(title: str, parts: Sequence[tuple], text: str) -> VectorPicture:
    """Draw tables of numbers beside each other, with parts of them strong.

    ``parts`` holds for each table its label, its numbers (rows, columns) and how many
    rows and columns, from the first, are strong; what is beyond them is pale. ``text``
    says what the picture shows.
    """
    cell, gap = 40, 34
    tallest = max(table.shape[0] for _, table, _ in parts)
    drawing = Drawing(title, height=84 + cell * tallest)
    across = sum(cell * table.shape[1] + gap for _, table, _ in parts) - gap
    left = (drawing.width - across) / 2
    for label, table, strong in parts:
        rows, columns = table.shape
        middle = left + cell * columns / 2
        shades = [
            [0.33 if r < strong[0] and c < strong[1] else 0.08 for c in range(columns)]
            for r in range(rows)
        ]
        numbers = [[number(n) for n in row] for row in table]
        at = middle, 70 + cell * rows / 2
        drawing.table(label, numbers, at, cell=(cell, cell), shades=shades)
        drawing.words((middle, 56), label)
        left += cell * columns + gap
    told = [
        f"{label}: {', '.join(f'{float(n):g}' for n in table.flatten())}"
        for label, table, _ in parts
    ]
    return drawing.picture(text, numbers=" | ".join(told))


def broadcast_tables(a: tuple[int, ...], b: tuple[int, ...]) -> VectorPicture:
    """Draw two tensors of the given shapes and their sum; what is repeated is pale.

    The first holds 1, 2, 3 …, the second 10, 20, 30 …. If their shapes do not fit, the
    title says so and no sum is drawn. A shape has one or two dimensions.
    """
    first = torch.arange(1.0, 1 + math.prod(a)).view(a)
    second = 10 * torch.arange(1.0, 1 + math.prod(b)).view(b)
    own = [(1, *shape)[-2:] for shape in (a, b)]  # as tables: rows and columns
    try:
        total = first + second
    except RuntimeError:
        title = f"{a} + {b} does not fit"
        tables = [(f"a {a}", first.view(own[0]), own[0])]
        tables.append((f"b {b}", second.view(own[1]), own[1]))
    else:
        title = f"{a} + {b} gives {tuple(total.shape)}"
        whole = (1, *total.shape)[-2:]
        tables = [(f"a {a}", first.expand(whole), own[0])]
        tables.append((f"b {b}", second.expand(whole), own[1]))
        tables.append(("a + b", total.view(whole), whole))
    return number_tables(title, tables, f"Tables of numbers: {title}.")


def descent(
    title: str, loss: Callable, places: Sequence[float], text: str
) -> VectorPicture:
    """Draw steps down a curve: ``loss`` is its height at x, ``places`` are the steps.

    The curve is drawn from -4 to 6; ``text`` says what the picture shows.
    """
    chart = Chart(title, "x", "loss", Axis(-4, 6), Axis(-1, 26))
    grid = [-4 + i / 20 for i in range(201)]
    chart.line(grid, [loss(x) for x in grid], colour=DARK)
    heights = [loss(float(x)) for x in places]
    chart.line(places, heights, "steps", colour=VERMILION, marker=4)
    return chart.picture(text)

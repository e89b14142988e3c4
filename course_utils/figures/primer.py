"""The primer's tables of numbers."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from course_utils.figures.plots import DARK, MODEL, Picture, house_style, new_axes


@house_style()
def number_tables(title: str, parts: Sequence[tuple], text: str) -> Picture:
    """Draw tables of numbers beside each other, with parts of them strong.

    ``parts`` holds for each table its label, its numbers (rows, columns) and how many
    rows and columns, from the first, are strong; what is beyond them is pale. ``text``
    says what the picture shows.
    """
    tallest = max(table.shape[0] for _, table, _ in parts)
    figure, axes = new_axes(title, "", "", height=1.0 + 0.4 * tallest)
    left = 0
    for label, table, strong in parts:
        rows, columns = table.shape
        axes.text(left + columns / 2, -0.3, label, ha="center", va="bottom")
        for row in range(rows):
            for column in range(columns):
                is_strong = row < strong[0] and column < strong[1]
                _draw_number(axes, left + column, row, table[row, column], is_strong)
        left += columns + 1
    axes.set(xlim=(-0.1, left - 0.9), ylim=(tallest + 0.1, -1), aspect="equal")
    axes.axis("off")
    numbers = [
        f"{label}: {', '.join(f'{float(n):g}' for n in table.flatten())}"
        for label, table, _ in parts
    ]
    return Picture(figure, text, numbers=" | ".join(numbers))


def _draw_number(axes: Axes, x: float, y: float, number, is_strong: bool) -> None:
    colour = MODEL + ("55" if is_strong else "18")
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="white", lw=2))
    axes.text(
        x + 0.5,
        y + 0.5,
        f"{float(number):g}",
        ha="center",
        va="center",
        color=DARK + ("" if is_strong else "B0"),
    )

"""The page on the backward pass: a graph of numbers, and how gradients flow back in it.

A number is any object with a ``value`` and ``made_of``, its parents as pairs (number,
slope): how much it rises when that parent alone rises by 1.
"""

from collections.abc import Mapping, Sequence

from ipywidgets import IntSlider
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from course_utils.figures.interactive import Interactive
from course_utils.figures.plots import (
    DARK,
    MODEL,
    TRUTH,
    WIDTH,
    Picture,
    house_style,
)


def order_of(last, names: Mapping) -> list:
    """Return ``last`` and all behind it that have names, each after its parents."""
    order = []

    def visit(number):
        if number not in order:
            for parent, _ in named_parents(number, names):
                visit(parent)
            order.append(number)

    visit(last)
    return order


def _plain(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # no minus before 0.00


def named_parents(number, names: Mapping) -> list:
    return [pair for pair in number.made_of if pair[0] in names]


def gradients_after(last, names: Mapping, n_done: int) -> tuple[dict, list]:
    """Return what has come to each number when ``n_done`` have handed on, and those."""
    handed = order_of(last, names)[::-1][:n_done]
    gradients = {last: 1.0}
    for number in handed:
        for parent, slope in named_parents(number, names):
            so_far = gradients.get(parent, 0.0)
            gradients[parent] = so_far + slope * gradients[number]
    return gradients, handed


@house_style()
def number_graph(last, names: Mapping, n_done: int | None = None) -> Picture:
    """Draw a graph of numbers from its leaves at the left to ``last`` at the right.

    ``names`` maps numbers to what they are called; constants without a name are left
    out. With ``n_done`` the gradients are
    drawn that have arrived when so many numbers have handed theirs on.
    """
    order, places = order_of(last, names), _places(last, names)
    gradients, handed = {}, []
    if n_done is not None:
        gradients, handed = gradients_after(last, names, n_done)
    figure = Figure(figsize=(WIDTH + 1.5, 3.4), layout="constrained")
    title = _title(names, handed, n_done)
    axes = figure.add_subplot(title=title)
    boxes = {}
    for number in order:
        state = "now" if handed and number is handed[-1] else "waits"
        state = "done" if number in handed[:-1] else state
        words = f"{names[number]}\n{_plain(number.value)}"
        if number in gradients:
            words += f"\ngrad {_plain(gradients[number])}"
        boxes[number] = _box(axes, places[number], words, state, number in gradients)
    for number in order:
        now = bool(handed) and number is handed[-1]
        for parent, slope in named_parents(number, names):
            ends = boxes[parent], boxes[number]
            _arrow(axes, *ends, None if n_done is None else slope, now)
    across = max(x for x, _ in places.values())
    down = max(y for _, y in places.values())
    axes.set(xlim=(-0.5, across + 0.5), ylim=(down + 0.6, -0.6))
    axes.axis("off")
    text = f"Graph of {len(order)} numbers from {names[order[0]]} to {names[last]}"
    facts = "; ".join(
        f"{names[number]} = {_plain(number.value)}"
        + (f", gradient {_plain(gradients[number])}" if number in gradients else "")
        for number in order
    )
    return Picture(figure, f"{text}. {facts}.", f"{title}. {text}: {facts}.")


def _title(names: Mapping, handed: Sequence, n_done: int | None) -> str:
    if n_done is None:
        return "How the loss was made: values flow from left to right"
    if not handed:
        return "The last number's gradient is 1; nothing has been handed on"
    number = handed[-1]
    if not named_parents(number, names):
        return f"{n_done}: {names[number]} is a leaf and keeps its gradient"
    to = " and ".join(
        dict.fromkeys(names[parent] for parent, _ in named_parents(number, names))
    )
    return f"{n_done}: {names[number]} hands its gradient on, times the slope, to {to}"


def _places(last, names: Mapping) -> dict:
    """Put each number right of its parents, those of one column below each other."""
    column = {}
    for number in order_of(last, names):
        behind = [column[parent] for parent, _ in named_parents(number, names)]
        column[number] = 1 + max(behind, default=-1)
    # A leaf stands close to its first use: no arrow crosses the whole graph.
    for number in reversed(order_of(last, names)):
        if not named_parents(number, names):
            uses = [n for n in column if number in dict(named_parents(n, names))]
            column[number] = min(column[use] for use in uses) - 1
    places = {}
    for x in range(max(column.values()) + 1):
        members = [number for number in column if column[number] == x]
        for i, number in enumerate(members):
            heights = [
                places[parent][1] for parent, _ in named_parents(number, names)
            ] or [0.5]
            alone = sum(heights) / len(heights)  # level with what it is made of
            places[number] = x, i if len(members) > 1 else alone
    return places


def _box(axes: Axes, place, words: str, state: str, reached: bool) -> Text:
    """Draw a number: its name, its value, and the gradient that has come to it."""
    edge = {"now": TRUTH, "done": MODEL, "waits": DARK}[state]
    ground = to_rgb(MODEL) if reached else (1, 1, 1)
    pale = [0.8 + 0.2 * part for part in ground]
    box = dict(boxstyle="round,pad=0.35", facecolor=pale, edgecolor=edge, lw=1.5)
    settings = dict(ha="center", va="center", fontsize=9, bbox=box, zorder=4)
    return axes.text(*place, words, **settings)


def _arrow(axes: Axes, start: Text, end: Text, slope: float | None, now: bool) -> None:
    """Draw how a value flows or, given its slope, how a gradient comes back."""
    colour = TRUTH if now else "#777777"
    axes.annotate(
        "",
        xy=end.get_position(),
        xytext=start.get_position(),
        arrowprops=dict(
            arrowstyle="-|>" if slope is None else "<|-",
            patchA=start.get_bbox_patch(),
            patchB=end.get_bbox_patch(),
            shrinkA=2,
            shrinkB=2,
            color=colour,
            lw=2 if now else 1,
        ),
        zorder=1,
    )
    if slope is not None:
        (x, y), (to_x, to_y) = start.get_position(), end.get_position()
        place = (x + to_x) / 2, (y + to_y) / 2 - 0.07
        settings = dict(fontsize=8, ha="center", va="bottom", color=colour)
        axes.text(*place, f"×{slope:.2g}", **settings)


class BackwardSteps(Interactive):
    """Step through a backward pass: one number after the other hands its gradient on.

    ``last`` is the number where it starts, ``names`` what each number is called.
    """

    def __init__(self, last, names: Mapping, n_done: int = 0):
        def draw(n_done: int) -> Picture:
            return number_graph(last, names, n_done)

        slider = IntSlider(n_done, 0, len(names), description="numbers that handed on")
        super().__init__(draw, n_done=slider)

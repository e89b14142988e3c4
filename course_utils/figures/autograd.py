"""The page on the backward pass: a graph of numbers, and how gradients flow back in it.

A number is any object with a ``value`` and ``made_of``, its parents as pairs (number,
slope): how much it rises when that parent alone rises by 1. ``names`` maps numbers to
what they are called; constants have no name and are not drawn.
"""

from collections.abc import Mapping

from ipywidgets import IntSlider

from course_utils.figures.drawing import BLUE, GREY, VERMILION, graph, number
from course_utils.figures.interactive import Interactive
from course_utils.figures.plots import Picture


def parents(made, names: Mapping) -> list[tuple]:
    """Return a number's pairs (parent, slope), without constants."""
    return [pair for pair in made.made_of if pair[0] in names]


def topological_order(last, names: Mapping) -> list:
    """Return ``last`` and all behind it, each after its parents."""
    order = []

    def visit(made):
        if made not in order:
            for parent, _ in parents(made, names):
                visit(parent)
            order.append(made)

    visit(last)
    return order


def gradients_after(last, names: Mapping, n_done: int) -> tuple[dict, list]:
    """Return what has come to each number when ``n_done`` have handed on, and those."""
    handed = topological_order(last, names)[::-1][:n_done]
    gradients = {last: 1.0}
    for made in handed:
        for parent, slope in parents(made, names):
            so_far = gradients.get(parent, 0.0)
            gradients[parent] = so_far + slope * gradients[made]
    return gradients, handed


def number_graph(last, names: Mapping, n_done: int | None = None) -> Picture:
    """Draw how ``last`` was made, its leaves at the left.

    With ``n_done`` the slopes stand on the arrows, and in the boxes the gradients that
    have arrived when so many numbers have handed theirs on, against the arrows.
    """
    order = topological_order(last, names)
    gradients, handed = {}, []
    if n_done is not None:
        gradients, handed = gradients_after(last, names, n_done)
    labels, facts = {}, []
    for made in order:
        labels[names[made]] = f"{names[made]}\n{number(made.value)}"
        facts.append(f"{names[made]} = {number(made.value)}")
        if made in gradients:
            labels[names[made]] += f"\ng = {number(gradients[made])}"
            facts[-1] += f", gradient {number(gradients[made])}"
    edges = {
        (names[parent], names[made]): "" if n_done is None else f"× {number(slope)}"
        for made in order
        for parent, slope in parents(made, names)
    }
    colours = {names[made]: BLUE if made in gradients else GREY for made in order}
    if handed:
        colours[names[handed[-1]]] = VERMILION
    title = _title(names, handed, n_done)
    text = f"Graph of {len(order)} numbers that make {names[last]}"
    alt = f"{title}. {text}: {'; '.join(facts)}."
    drawn = graph(title, labels, edges, colours, height=260)
    return drawn.picture(f"{text}. {'; '.join(facts)}.", alt)


def _title(names: Mapping, handed: list, n_done: int | None) -> str:
    if n_done is None:
        return "How the loss was made: values flow from left to right"
    if not handed:
        return "The last number's gradient is 1; nothing has been handed on"
    made = handed[-1]
    if not parents(made, names):
        return f"{n_done}: {names[made]} is a leaf and keeps its gradient"
    to = " and ".join(names[parent] for parent, _ in parents(made, names))
    return f"{n_done}: {names[made]} hands on to {to}, times the slope"


class BackwardSteps(Interactive):
    """Step through a backward pass: one number after another hands its gradient on."""

    def __init__(self, last, names: Mapping, n_done: int = 0):
        def draw(n_done: int) -> Picture:
            return number_graph(last, names, n_done)

        slider = IntSlider(n_done, 0, len(names), description="numbers that handed on")
        super().__init__(draw, n_done=slider)

"""The graph of numbers: what is drawn at each step of a backward pass."""

import math

import pytest

from course_utils.figures.autograd import BackwardSteps, gradients_after, number_graph


class Number:
    def __init__(self, value, *made_of):
        self.value, self.made_of = value, made_of


@pytest.fixture
def made():
    """loss = log(1 + exp z) - z with z = w · x: z is used at two distances."""
    w, x = Number(0.5), Number(2.0)
    z = Number(1.0, (w, 2.0), (x, 0.5))
    grown = Number(math.e, (z, math.e))
    logarithm = Number(math.log(1 + math.e), (grown, 1 / (1 + math.e)))
    minus = Number(-1.0, (z, -1.0), (Number(-1.0), 1.0))  # a constant: no name
    loss = Number(logarithm.value + minus.value, (logarithm, 1.0), (minus, 1.0))
    names = {w: "w", x: "x", z: "z", grown: "exp z", logarithm: "log"}
    return loss, names | {minus: "−z", loss: "loss"}


def test_each_number_hands_on_once_all_has_come(made):
    loss, names = made
    gradients, handed = gradients_after(loss, names, len(names))
    assert sorted(map(names.get, handed)) == sorted(names.values())
    found = {names[n]: g for n, g in gradients.items()}
    p = 1 / (1 + math.exp(-1.0))
    assert found["z"] == pytest.approx(p - 1)
    assert found["w"] == pytest.approx(2 * (p - 1))
    order = [names[n] for n in handed]
    assert order.index("z") > max(order.index("exp z"), order.index("−z"))


def test_the_text_holds_the_numbers_that_are_drawn(made):
    loss, names = made
    assert "gradient" not in number_graph(loss, names).text
    start = number_graph(loss, names, 0).text
    assert start.startswith("Graph of 7 numbers that make loss.")
    assert "loss = 0.31, gradient 1" in start and start.count("gradient") == 1
    assert "z = 1, gradient −0.27" in number_graph(loss, names, 7).text


def test_the_slider_steps_through_and_the_picture_changes(made):
    figure = BackwardSteps(*made)
    seen = set()
    for n_done in range(8):
        figure.controls["n_done"].value = n_done
        seen.add(figure.frame.value)
        assert "cannot be drawn" not in figure.frame.value
    assert len(seen) == 8
    assert figure.text.startswith("Interactive figure, controls: numbers that handed")

"""The gradient by finite differences: exercise numerical_gradient and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def sum_of_squares(x):
    return (x**2).sum()


def sum_of_cubes(x):
    return (x**3).sum()


def product_of_neighbours(x):
    return (x[:-1] * x[1:]).sum() + (x**2 / 2).sum()


def _slope_cases(rng):
    yield sum_of_squares, tensor(rng, 2), 0.1
    yield sum_of_squares, tensor(rng, 1), 0.5
    yield product_of_neighbours, tensor(rng, 3), 0.1
    yield sum_of_cubes, tensor(rng, 4), 0.25


def numerical_gradient(f, x, step):
    gradient = torch.zeros_like(x)
    for i in range(len(x)):
        nudge = torch.zeros_like(x)
        nudge[i] = step
        gradient[i] = (f(x + nudge) - f(x - nudge)) / (2 * step)
    return gradient


def _slopes(f, x, step, before=1.0, way=2.0):
    """Measure as the misconceptions do: how far before, and over what way."""
    nudges = step * torch.eye(len(x))
    rises = [f(x + nudge) - f(x - before * nudge) for nudge in nudges]
    return torch.stack(rises) / (way * step)


numerical_gradient = Exercise(
    name="primer.numerical_gradient",
    task="(function f of a vector, x (n,), float step) -> (n,): for each entry of x, "
    "how fast f rises when this entry alone moves, measured from one step before it to "
    "one step after it. x itself stays as it is.",
    reference=numerical_gradient,
    cases=_slope_cases,
    hints=(
        "A function of n numbers has n slopes. How often must you call f for each?",
        "A slope is the rise of f over the way gone. From x[i] - step to x[i] + step, "
        "how long is the way?",
        "for each i:\n"
        "    nudge = zeros like x, with step at i\n"
        "    gradient[i] = (f(x + nudge) - f(x - nudge)) / (2 * step)",
    ),
    proves="You can measure a gradient without knowing any rule for derivatives.",
    tolerance=1e-4,
)


@numerical_gradient.wrong
def all_entries_moved_at_once(f, x, step):
    """You move all entries together, so every slope is the same: the sum of them all.
    Move one entry and keep the others."""
    rise = f(x + step) - f(x - step)
    return (rise / (2 * step)).expand_as(x).clone()


@numerical_gradient.wrong
def measured_to_one_side(f, x, step):
    """You measure from x to x + step. That is the slope half a step further on, and its
    error shrinks with the step; from both sides it shrinks with the step's square."""
    return _slopes(f, x, step, before=0.0, way=1.0)


@numerical_gradient.wrong
def divided_by_half_the_way(f, x, step):
    """From x - step to x + step the way is 2 * step. Yours is twice the slope."""
    return _slopes(f, x, step, way=1.0)


@numerical_gradient.wrong
def rise_not_divided(f, x, step):
    """This is by how much f rises. A slope is the rise divided by the way."""
    return _slopes(f, x, step, way=1.0) * step


@numerical_gradient.wrong
def turned_round(f, x, step):
    """The sign is wrong: you take what is after from what is before. A positive slope
    says that f rises when x rises."""
    return -_slopes(f, x, step)


@numerical_gradient.wrong
def entries_of_x_stay_moved(f, x, step):
    """You move an entry of x itself and never put it back: the next slopes are measured
    at another point, and the caller's x has changed. Work on a copy for each."""
    gradient = torch.zeros_like(x)
    for i in range(len(x)):
        x[i] += step
        after = f(x)
        x[i] -= 2 * step
        gradient[i] = (after - f(x)) / (2 * step)
    return gradient


@numerical_gradient.wrong
def entries_of_the_copy_stay_moved(f, x, step):
    """You move an entry of your copy and never put it back: the next slopes belong to
    another point. Take a new copy for each entry."""
    return entries_of_x_stay_moved(f, x.clone(), step)


@numerical_gradient.wrong
def measured_to_the_other_side(f, x, step):
    """You measure from one step before x to x itself. Go on to one step after it: on a
    curve the two sides differ, and their mean is nearer to the slope."""
    nudges = step * torch.eye(len(x))
    return torch.stack([f(x) - f(x - nudge) for nudge in nudges]) / step

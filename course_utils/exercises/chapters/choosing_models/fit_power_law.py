"""The power law: exercise fit_power_law and its mistakes."""

import math

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _law_cases(rng):
    for n in (4, 5, 7, 6):
        start, step = rng.uniform(2, 4), rng.uniform(1.0, 1.8)
        x = torch.exp(start + step * torch.arange(n, dtype=torch.float64))
        floor, a, alpha = (
            rng.uniform(0.4, 0.9),
            rng.uniform(2, 6),
            rng.uniform(0.2, 0.5),
        )
        noise = tensor(rng, n, scale=0.08).double().exp()
        losses = floor + a * x**-alpha * noise
        yield x, losses, floor
    mixed = torch.tensor(rng.sample(range(n), n))  # sizes in no order
    yield x[mixed], losses[mixed], floor


def fit_power_law(x, losses, floor):
    u, v = x.log(), (losses - floor).log()
    slope = ((u - u.mean()) * (v - v.mean())).sum() / (u - u.mean()).square().sum()
    intercept = v.mean() - slope * u.mean()
    return intercept.exp().item(), -slope.item()


def _line(u, v):
    slope = ((u - u.mean()) * (v - v.mean())).sum() / (u - u.mean()).square().sum()
    return slope.item(), (v.mean() - slope * u.mean()).item()


fit_power_law = Exercise(
    name="choosing_models.fit_power_law",
    task="(x (n,), losses (n,), float floor) -> (a, alpha): the law losses ≈ floor + "
    "a · x^-alpha whose straight line, in logarithms of both x and what is above the "
    "floor, has the least sum of squares. alpha is positive where losses fall.",
    reference=fit_power_law,
    cases=_law_cases,
    hints=(
        "Take the logarithm of a · x^-alpha. What are slope and intercept over ln x?",
        "np.polyfit(u, v, 1) gives (slope, intercept) of the line v over u, both (n,).",
        "u = log of x\nv = log of (losses - floor)\n"
        "slope, intercept = line through (u, v)\nreturn exp(intercept), -slope",
    ),
    tolerance=1e-4,
    proves="A law of two numbers, and a straight line to see whether it holds.",
)


@fit_power_law.wrong
def the_floor_left_in(x, losses, floor):
    """You take the logarithm of the losses themselves. They cannot fall below the
    floor, so their line curves, and your alpha is too small. First subtract the
    floor."""
    slope, intercept = _line(x.log(), losses.log())
    return math.exp(intercept), -slope


@fit_power_law.wrong
def logarithms_subtracted(x, losses, floor):
    """You subtract the logarithm of the floor from that of the losses. That divides by
    the floor; the gap is the logarithm of a difference."""
    slope, intercept = _line(x.log(), losses.log() - math.log(floor))
    return math.exp(intercept), -slope


@fit_power_law.wrong
def the_floor_subtracted_after_the_logarithm(x, losses, floor):
    """You take the logarithm first and then subtract the floor. The other way round:
    what falls as a power of x is the loss minus the floor."""
    slope, intercept = _line(x.log(), losses.log() - floor)
    return math.exp(intercept), -slope


@fit_power_law.wrong
def the_slope_as_it_is(x, losses, floor):
    """Your alpha is negative. The line falls, but the law is written x^-alpha: turn the
    sign."""
    slope, intercept = _line(x.log(), (losses - floor).log())
    return math.exp(intercept), slope


@fit_power_law.wrong
def a_left_as_a_logarithm(x, losses, floor):
    """Your a is the intercept, so it is ln a. Take exp of it."""
    slope, intercept = _line(x.log(), (losses - floor).log())
    return intercept, -slope


@fit_power_law.wrong
def log10_undone_with_e(x, losses, floor):
    """Your alpha is right and your a is not: you took log10 and undid it with exp. To
    log10 belongs 10 to the power; the slope does not mind."""
    slope, intercept = _line(x.log10(), (losses - floor).log10())
    return math.exp(intercept), -slope


@fit_power_law.wrong
def x_left_as_it_is(x, losses, floor):
    """You took the logarithm of the gap alone. A straight line there is an exponential;
    for a power, take the logarithm of x as well."""
    slope, intercept = _line(x, (losses - floor).log())
    return math.exp(intercept), -slope


@fit_power_law.wrong
def only_the_loss_left_as_it_is(x, losses, floor):
    """You took the logarithm of x alone. Take that of the gap, too."""
    slope, intercept = _line(x.log(), losses - floor)
    return math.exp(intercept), -slope


@fit_power_law.wrong
def the_first_and_the_last_point(x, losses, floor):
    """You draw the line through the first and the last point. Their errors then count
    in full and the others' not at all: take the line of least squares."""
    slope, intercept = _line(x[[0, -1]].log(), (losses - floor)[[0, -1]].log())
    return math.exp(intercept), -slope


@fit_power_law.wrong
def axes_swapped(x, losses, floor):
    """You fit ln x over the gap's logarithm and turn the line round. Least squares then
    look at errors of x, which has none: the loss goes on the upright axis."""
    slope, intercept = _line((losses - floor).log(), x.log())
    return math.exp(-intercept / slope), -1 / slope


@fit_power_law.wrong
def results_exchanged(x, losses, floor):
    """You return alpha first. The order is (a, alpha)."""
    return fit_power_law.reference(x, losses, floor)[::-1]


@fit_power_law.wrong
def the_floor_added(x, losses, floor):
    """You add the floor to the losses. What lies above the floor is losses - floor."""
    slope, start = _line(x.log(), (losses + floor).log())
    return math.exp(start), -slope

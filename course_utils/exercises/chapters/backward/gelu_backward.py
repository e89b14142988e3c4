"""The slope of GPT-2's GELU: exercise gelu_backward and its mistakes."""

import math

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.forbidden import AUTOGRAD
from course_utils.exercises.engine.inputs import tensor


def _gelu_cases(rng):
    yield torch.tensor([1.0]), torch.tensor([1.0])
    for shape, scale in (((4,), 1.0), ((2, 3), 2.0), ((2, 2, 3), 3.0)):
        yield tensor(rng, *shape, scale=scale), tensor(rng, *shape)


def gelu_backward(x, g):
    root = math.sqrt(2 / math.pi)
    t = torch.tanh(root * (x + 0.044715 * x**3))
    inner = root * (1 + 3 * 0.044715 * x**2)
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * inner)


def _slope(
    x, factor=3.0, power=2, tanh_slope=lambda t: 1 - t**2, first=0.5, second=0.5
):
    """Return GELU's slope, with parts of it changed."""
    root = math.sqrt(2 / math.pi)
    t = torch.tanh(root * (x + 0.044715 * x**3))
    inner = root * (1 + factor * 0.044715 * x**power)
    return first * (1 + t) + second * x * tanh_slope(t) * inner


gelu_backward = Exercise(
    name="backward.gelu_backward",
    task="(x (...), g (...)) -> (...): the gradient of x, where g is the gradient of "
    "GPT-2's GELU, ½ · x · (1 + tanh(u)) with u = √(2/π) · (x + 0.044715 · x³). "
    "Without autograd.",
    reference=gelu_backward,
    without=(AUTOGRAD,),
    cases=_gelu_cases,
    hints=(
        "Two factors hold x: ½ · x and 1 + tanh(u). What does the product rule say?",
        "tanh(u) has the slope 1 - tanh(u)² along u; u has the slope √(2/π) · (1 + 3 · "
        "0.044715 · x²) along x. All entry by entry.",
        "t = tanh(u)\nslope = ½ (1 + t) + ½ x (1 - t²) · slope of u\nreturn g * slope",
    ),
    proves="Product rule and chain rule: there is no more to any activation.",
)


@gelu_backward.wrong
def only_the_first_half_of_the_product_rule(x, g):
    """½ (1 + t) treats 1 + t as a constant. It changes with x: add ½ x times its
    slope."""
    return g * _slope(x, second=0.0)


@gelu_backward.wrong
def only_the_second_half_of_the_product_rule(x, g):
    """½ x is treated as a constant. Its slope is ½, times 1 + t."""
    return g * _slope(x, first=0.0)


@gelu_backward.wrong
def inner_slope_left_out(x, g):
    """The slope of tanh along u is there; that of u along x is missing (chain rule)."""
    root = math.sqrt(2 / math.pi)
    t = torch.tanh(root * (x + 0.044715 * x**3))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t**2))


@gelu_backward.wrong
def the_cube_has_no_slope(x, g):
    """You take u's slope as √(2/π) alone. The cube has a slope as well: 3 x²."""
    return g * _slope(x, factor=0.0)


@gelu_backward.wrong
def factor_3_forgotten(x, g):
    """The slope of x³ is 3 x², not x²."""
    return g * _slope(x, factor=1.0)


@gelu_backward.wrong
def the_cube_stays_a_cube(x, g):
    """You leave x³ in the slope of u. Its slope is 3 x²."""
    return g * _slope(x, factor=3.0, power=3)


@gelu_backward.wrong
def tanh_not_squared(x, g):
    """You take 1 - t for the slope of tanh. It is 1 - t²."""
    return g * _slope(x, tanh_slope=lambda t: 1 - t)


@gelu_backward.wrong
def tanh_as_its_own_slope(x, g):
    """You take t for the slope of tanh. (exp is its own slope.) It is 1 - t²."""
    return g * _slope(x, tanh_slope=lambda t: t)


@gelu_backward.wrong
def slope_of_the_sigmoid(x, g):
    """t · (1 - t) is the sigmoid's slope. tanh has 1 - t²."""
    return g * _slope(x, tanh_slope=lambda t: t * (1 - t))


@gelu_backward.wrong
def half_forgotten_in_the_second_part(x, g):
    """The ½ stands before both parts of the product rule."""
    return g * _slope(x, second=1.0)


@gelu_backward.wrong
def x_forgotten_in_the_second_part(x, g):
    """The second part of the product rule keeps the factor x."""
    root = math.sqrt(2 / math.pi)
    t = torch.tanh(root * (x + 0.044715 * x**3))
    inner = root * (1 + 3 * 0.044715 * x**2)
    return g * (0.5 * (1 + t) + 0.5 * (1 - t**2) * inner)


@gelu_backward.wrong
def g_left_out(x, g):
    """This is GELU's slope alone. Times g it says how the loss rises."""
    return _slope(x)


@gelu_backward.wrong
def g_times_the_value(x, g):
    """You multiply g by GELU itself. Its slope is asked for."""
    return g * torch.nn.functional.gelu(x, approximate="tanh")


@gelu_backward.wrong
def slope_of_the_exact_gelu(x, g):
    """This is the slope of the exact GELU, x · Φ(x). GPT-2's has a tanh."""
    shares = 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    return g * (shares + x * torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi))


@gelu_backward.wrong
def slope_of_relu(x, g):
    """This is ReLU's slope, 0 or 1. GELU has no corner."""
    return g * (x > 0)


@gelu_backward.wrong
def u_in_place_of_its_tanh(x, g):
    """The slope of tanh at u is 1 - tanh(u)², and you wrote 1 - u²."""
    root = math.sqrt(2 / math.pi)
    u = root * (x + 0.044715 * x**3)
    inner = root * (1 + 3 * 0.044715 * x**2)
    return g * (0.5 * (1 + torch.tanh(u)) + 0.5 * x * (1 - u**2) * inner)


@gelu_backward.wrong
def root_left_out_of_the_inner_slope(x, g):
    """The factor √(2/π) is missing in u's slope. It stands before the whole bracket of
    u, so it stays when you differentiate."""
    root = math.sqrt(2 / math.pi)
    return g * _slope(x, tanh_slope=lambda t: (1 - t**2) / root)


@gelu_backward.wrong
def product_of_the_two_slopes(x, g):
    """You multiply the slopes of the two factors. The product rule adds: slope of the
    first times the second, plus the first times the slope of the second."""
    root = math.sqrt(2 / math.pi)
    t = torch.tanh(root * (x + 0.044715 * x**3))
    return g * 0.5 * (1 - t**2) * root * (1 + 3 * 0.044715 * x**2)


@gelu_backward.wrong
def times_x_once_more(x, g):
    """Your slope is right, and multiplied by x once more. The gradient of x is g times
    the slope."""
    return x * g * _slope(x)


@gelu_backward.wrong
def g_times_x(x, g):
    """You multiply g by x. The chain rule takes the *slope* at x: g times the slope."""
    return x * g


@gelu_backward.wrong
def g_goes_in_with_x(x, g):
    """You put x · g into the slope. The slope is taken at x; g multiplies it."""
    return _slope(x * g)


@gelu_backward.wrong
def the_slope_in_half_with_g_added(x, g):
    """You add g to the slope. The chain rule multiplies."""
    return g + _slope(x)

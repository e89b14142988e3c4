"""GELU: exercise gelu and its mistakes."""

import math

import torch
import torch.nn.functional as F

from course_utils import block as component
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _number_cases(rng):
    yield (torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]),)
    yield (tensor(rng, 3, 4, scale=2.0),)
    yield (tensor(rng, 2, 3, 5, scale=30.0),)


_SCALE = math.sqrt(2 / math.pi)


def _gelu(x, outer=0.5, scale=_SCALE, power=3, one=1.0):
    """Compute GELU in one of the wrong ways that the misconceptions below name."""
    return outer * x * (one + torch.tanh(scale * (x + 0.044715 * x**power)))


gelu = Exercise(
    name="block.gelu",
    task="(...) -> (...), number by number: GPT-2's GELU in its tanh form, "
    "½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))).",
    reference=component.gelu,
    cases=_number_cases,
    hints=(
        "What should come out for a large x? And for a very negative one?",
        "Any shape in, the same shape out: torch.tanh works number by number.",
        "inner = sqrt(2 / pi) * (x + 0.044715 * x ** 3)\n"
        "return 0.5 * x * (1 + tanh(inner))",
    ),
    proves="Large numbers pass, very negative ones stop, smoothly between.",
)


@gelu.wrong
def exact_form(x):
    """This is the exact GELU, x·Φ(x) (F.gelu's default). GPT-2 was trained with the
    tanh form. They differ by less than 0.0005, and in every layer again."""
    return F.gelu(x)


@gelu.wrong
def sigmoid_form(x):
    """This is x · sigmoid(1.702 x), a coarser stand-in from the same paper. GPT-2 uses
    the tanh form."""
    return x * torch.sigmoid(1.702 * x)


@gelu.wrong
def SiLU_used(x):
    """This is SiLU, x · sigmoid(x), which newer models use. Around
    0 its slope changes more slowly."""
    return F.silu(x)


@gelu.wrong
def ReLU_used(x):
    """This is ReLU. It has a corner at 0 and no slope left of it; GELU dips below 0."""
    return F.relu(x)


@gelu.wrong
def half_left_out(x):
    """The factor ½ is missing: 1 + tanh runs from 0 to 2."""
    return _gelu(x, outer=1.0)


@gelu.wrong
def one_left_out(x):
    """The 1 is missing: x · tanh is positive on both sides. 1 + tanh shuts the left."""
    return _gelu(x, one=0.0)


@gelu.wrong
def cube_left_out(x):
    """The cubic term 0.044715 · x³ is missing: it is what brings tanh near Φ."""
    return 0.5 * x * (1 + torch.tanh(_SCALE * x))


@gelu.wrong
def square_in_place_of_the_cube(x):
    """You square where the cube belongs. The cube keeps the sign."""
    return _gelu(x, power=2)


@gelu.wrong
def pi_outside_the_root(x):
    """√2/π is not √(2/π): the root covers both."""
    return _gelu(x, scale=math.sqrt(2) / math.pi)


@gelu.wrong
def x_in_place_of_its_cube(x):
    """You add 0.044715 · x. It is the cube: x³."""
    return _gelu(x, power=1)


@gelu.wrong
def ten_times_the_cubic_term(x):
    """Your number before x³ is ten times too large: 0.044715, with a 0 after the
    point."""
    return 0.5 * x * (1 + torch.tanh(_SCALE * (x + 0.44715 * x**3)))


@gelu.wrong
def bracket_closed_too_early(x):
    """√(2/π) multiplies x alone in yours. It multiplies the whole bracket, x + 0.044715
    · x³."""
    return 0.5 * x * (1 + torch.tanh(_SCALE * x + 0.044715 * x**3))


@gelu.wrong
def the_root_upside_down(x):
    """You wrote √(π/2). It is √(2/π)."""
    return _gelu(x, scale=math.sqrt(math.pi / 2))


@gelu.wrong
def two_over_pi_without_the_root(x):
    """You wrote 2/π. It is its root, √(2/π)."""
    return _gelu(x, scale=2 / math.pi)


@gelu.wrong
def the_coefficient_cubed_too(x):
    """You cube 0.044715 with x. Only x is cubed: 0.044715 · x³."""
    return 0.5 * x * (1 + torch.tanh(_SCALE * (x + (0.044715 * x) ** 3)))


@gelu.wrong
def multiplied_by_x_twice(x):
    """You multiply GELU by x once more: x stands in front already."""
    return x * _gelu(x)


@gelu.wrong
def x_left_out_in_front(x):
    """This is the gate alone, a number from 0 to 1. GELU lets so much of x through:
    multiply by x."""
    return 0.5 * (1 + torch.tanh(_SCALE * (x + 0.044715 * x**3)))


@gelu.wrong
def brackets_round_one_plus_tanh_left_out(x):
    """Without brackets ½ · x · 1 + tanh(...) adds the tanh to x/2. The 1 and the tanh
    belong together: ½ · x · (1 + tanh(...))."""
    return 0.5 * x * 1 + torch.tanh(_SCALE * (x + 0.044715 * x**3))


@gelu.wrong
def the_cube_outside_the_bracket(x):
    """You multiply (x + 0.044715) by x³. The coefficient belongs to the cube alone:
    x + 0.044715 · x³."""
    return 0.5 * x * (1 + torch.tanh(_SCALE * (x + 0.044715) * x**3))

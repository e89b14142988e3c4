"""The start: exercise residual_std and its mistakes."""

import math

from course_utils.exercises.engine.definition import Exercise


def _depth_cases(rng):
    yield (1,)
    yield (2,)
    yield (rng.randint(3, 48),)
    yield (rng.randint(49, 9999),)


def residual_std(n_layer):
    branches = 2 * n_layer  # attention and MLP of each layer add to the stream
    return 0.02 / math.sqrt(branches)


residual_std = Exercise(
    name="block.residual_std",
    task="int n_layer -> float: the standard deviation at which the weights start that "
    "write to the stream, two in each layer. All of them together shall add as much "
    "as a single one at 0.02 would, at any depth.",
    reference=residual_std,
    cases=_depth_cases,
    tolerance=1e-9,
    hints=(
        "Add n independent numbers of variance 1. What is the variance of the sum? And "
        "its standard deviation?",
        "One number: 0.02 divided by something that grows with n_layer.",
        "n_sublayers = 2 * n_layer\nreturn 0.02 / sqrt(n_sublayers)",
    ),
    proves="Variances add up: n sublayers, each smaller by √n, add as much as one.",
)


@residual_std.wrong
def one_sublayer_in_a_layer(n_layer):
    """You count one sublayer in a layer. There are two: attention and MLP."""
    return 0.02 / math.sqrt(n_layer)


@residual_std.wrong
def divided_without_the_root(n_layer):
    """You divide by the number of sublayers. Independent numbers add in their
    variances: the standard deviation of a sum grows with the root of their number."""
    return 0.02 / (2 * n_layer)


@residual_std.wrong
def divided_by_the_layers(n_layer):
    """You divide by the number of layers. Each has two sublayers, and independent
    numbers add in their variances: the standard deviation grows with a root."""
    return 0.02 / n_layer


@residual_std.wrong
def not_made_smaller(n_layer):
    """All weights start at 0.02: the deeper the model, the larger its stream."""
    return 0.02


@residual_std.wrong
def made_larger(n_layer):
    """You multiply by the root. The more sublayers there are, the less each may add."""
    return 0.02 * math.sqrt(2 * n_layer)


@residual_std.wrong
def variance_in_place_of_the_deviation(n_layer):
    """This is the variance. The standard deviation is its root."""
    return 0.02**2 / (2 * n_layer)


@residual_std.wrong
def two_outside_the_root(n_layer):
    """You divide by 2 √n_layer. There are 2 · n_layer sublayers, and the root is taken
    of their number: √(2 · n_layer)."""
    return 0.02 / (2 * math.sqrt(n_layer))

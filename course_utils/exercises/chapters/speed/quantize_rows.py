"""Int8: exercise quantize_rows and its mistakes."""

import torch

from course_utils import quantization
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _weight_cases(rng):
    for R, C in ((2, 3), (3, 5), (4, 6), (5, 4)):
        while True:
            weight = tensor(rng, R, C) * (10 ** tensor(rng, R, 1))  # rows far apart
            weight[0, 0] = -1.3 * weight.abs().max()  # the largest is below zero ...
            weight[1, 1] = 1.2 * weight[1].abs().max()  # ... and above, in other rows
            steps = weight / weight.abs().amax(dim=-1, keepdim=True) * 127
            if ((steps % 1) - 0.5).abs().min() > 1e-3:  # nothing lies between two
                break
        if R > 2:
            weight[2] = 0.0
        yield (weight,)


def _in_int8(weight, scale):
    """Divide and round; what is too large for int8 wraps around, on any processor."""
    return (weight / scale).round().to(torch.int32).to(torch.int8)


def _or_one(scale):
    return torch.where(scale > 0, scale, 1.0)


quantize_rows = Exercise(
    name="speed.quantize_rows",
    task="(weight (R, C)) -> (int8 (R, C), scales (R, 1)): each row divided by its own "
    "scale and rounded, so that its entry furthest from 0 becomes 127 or -127. A row "
    "of zeros has the scale 1. Weight is nearly their product.",
    reference=quantization.quantize_rows,
    cases=_weight_cases,
    hints=(
        "A row holds 0.5 and -2. Which number must become -127, and what is then the "
        "size of one step?",
        "The largest magnitude of each row, over dim=-1 with keepdim=True, is (R, 1).",
        "scale = largest magnitude of each row / 127\n"
        "where the scale is 0, make it 1\n"
        "divide, round, then turn into torch.int8",
    ),
    proves="A weight takes one byte, and what is lost is at most half a scale.",
)


@quantize_rows.wrong
def one_scale_for_the_whole_matrix(weight):
    """You use one scale for all rows. The largest row sets the step, and small rows are
    rounded to almost nothing. Take the maximum over dim=-1."""
    scale = _or_one(weight.abs().max() / 127).expand(len(weight), 1)
    return _in_int8(weight, scale), scale


@quantize_rows.wrong
def scales_of_the_columns(weight):
    """Your scales belong to the columns. Only a scale of a row, of one output, can wait
    until after the product: the sum over the columns is then done."""
    scale = _or_one(weight.abs().amax(dim=0, keepdim=True) / 127)
    return _in_int8(weight, scale), scale


@quantize_rows.wrong
def scales_without_their_axis(weight):
    """Your scales are (R,). Beside a matrix (R, C) that would line up with the columns:
    keep the axis, (R, 1)."""
    scale = _or_one(weight.abs().amax(dim=-1, keepdim=True) / 127)
    return _in_int8(weight, scale), scale[:, 0]


@quantize_rows.wrong
def cut_off_in_the_place_of_rounded(weight):
    """You cut the decimals off: .to(torch.int8) goes towards 0. The error is then up to
    a whole step and always in one direction. Round first."""
    scale = _or_one(weight.abs().amax(dim=-1, keepdim=True) / 127)
    return (weight / scale).to(torch.int8), scale


@quantize_rows.wrong
def the_largest_becomes_128(weight):
    """Your largest entries become 128, which int8 does not have: it ends at 127, and
    128 comes out as -128. The most important weights change their sign."""
    scale = _or_one(weight.abs().amax(dim=-1, keepdim=True) / 128)
    return _in_int8(weight, scale), scale


@quantize_rows.wrong
def the_sign_is_forgotten(weight):
    """You take the largest entry, not the one furthest from 0. Where that one is
    negative it does not fit in int8 and wraps around: abs() first."""
    scale = _or_one(weight.amax(dim=-1, keepdim=True) / 127)
    return _in_int8(weight, scale), scale


@quantize_rows.wrong
def a_row_of_zeros_has_scale_0(weight):
    """A row of zeros gets the scale 0, and 0 / 0 is NaN: what int8 makes of that is
    undefined. Give such a row the scale 1."""
    scale = weight.abs().amax(dim=-1, keepdim=True) / 127
    return _in_int8(weight, _or_one(scale)), scale


@quantize_rows.wrong
def still_in_float32(weight):
    """Your numbers are whole, but each still takes four bytes: turn them into
    torch.int8."""
    scale = _or_one(weight.abs().amax(dim=-1, keepdim=True) / 127)
    return (weight / scale).round(), scale


@quantize_rows.wrong
def scales_upside_down(weight):
    """You return 127 / maximum, by which you multiplied. Whoever reads the weights back
    multiplies by the scale: it is maximum / 127."""
    scale = _or_one(weight.abs().amax(dim=-1, keepdim=True) / 127)
    return _in_int8(weight, scale), 1 / scale


@quantize_rows.wrong
def a_scale_of_128_steps_with_a_clamp(weight):
    """You divide by max / 128. int8 ends at 127, so your clamp cuts the largest entries
    off, and every scale is a little too small. Divide by max / 127."""
    scale = _or_one(weight.abs().amax(dim=-1, keepdim=True) / 128)
    return (weight / scale).round().clamp(-128, 127).to(torch.int8), scale

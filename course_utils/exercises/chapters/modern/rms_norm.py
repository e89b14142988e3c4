"""RMSNorm: exercise rms_norm and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _cases(rng):
    for B, T, C in ((1, 1, 3), (1, 2, 4), (2, 3, 3), (2, 4, 5)):
        yield 2 * tensor(rng, B, T, C) + 1, 1 + tensor(rng, C, scale=0.5)
    yield 0.001 * tensor(rng, 2, 2, 4), 1 + tensor(rng, 4, scale=0.5)


def rms_norm(x, gain):
    mean_square = (x * x).mean(dim=-1, keepdim=True)
    return gain * x / torch.sqrt(mean_square + 1e-6)


rms_norm = Exercise(
    name="modern.rms_norm",
    task="(x (B, T, C), gain (C,)) -> (B, T, C): divide each position's channels by "
    "√(mean of their squares + 1e-6), then multiply by the gain. No mean is taken off.",
    reference=rms_norm,
    cases=_cases,
    hints=(
        "LayerNorm does four things. Which two are left?",
        "The mean of squares is (B, T, 1): over the last dimension, which stays.",
        "mean_square = mean of x * x over the channels, kept as a dimension\n"
        "gain * x / √(mean_square + 1e-6)",
    ),
    proves="Your norm sets the size of each position's vector and keeps its direction.",
)


def _scaled(x, gain, mean_square):
    return gain * x / torch.sqrt(mean_square + 1e-6)


@rms_norm.wrong
def mean_taken_off(x, gain):
    """You take the mean off first: that is LayerNorm. RMSNorm leaves it."""
    centred = x - x.mean(dim=-1, keepdim=True)
    return _scaled(centred, gain, (centred * centred).mean(dim=-1, keepdim=True))


@rms_norm.wrong
def divided_by_the_deviation(x, gain):
    """You divide by the standard deviation, which has the mean taken off inside. The
    mean of x² is wanted."""
    return _scaled(x, gain, x.var(dim=-1, unbiased=False, keepdim=True))


@rms_norm.wrong
def sum_of_squares(x, gain):
    """You divide by the vector's length, the root of the *sum* of squares. The mean is
    wanted: with more channels the numbers should not get smaller."""
    return _scaled(x, gain, (x * x).sum(dim=-1, keepdim=True))


@rms_norm.wrong
def root_left_out(x, gain):
    """You divide by the mean square itself. Its root has the size of x."""
    return gain * x / ((x * x).mean(dim=-1, keepdim=True) + 1e-6)


@rms_norm.wrong
def mean_of_absolute_values(x, gain):
    """You divide by the mean of |x|. Root mean square: square, mean, root."""
    return gain * x / (x.abs().mean(dim=-1, keepdim=True) + 1e-6)


@rms_norm.wrong
def one_scale_for_all_positions(x, gain):
    """You take the mean over all positions too. Each has a scale of its own, or the
    future would show in the past."""
    return _scaled(x, gain, (x * x).mean())


@rms_norm.wrong
def over_time(x, gain):
    """You take the mean over the positions (dim 1). It is over the channels, dim -1."""
    return _scaled(x, gain, (x * x).mean(dim=1, keepdim=True))


@rms_norm.wrong
def gain_left_out(x, gain):
    """The gain is missing: the model learns how large each channel should be."""
    return _scaled(x, 1.0, (x * x).mean(dim=-1, keepdim=True))


@rms_norm.wrong
def gain_added(x, gain):
    """You add the gain. It multiplies."""
    return _scaled(x, 1.0, (x * x).mean(dim=-1, keepdim=True)) + gain


@rms_norm.wrong
def gain_before_the_norm(x, gain):
    """You multiply by the gain first, so that it changes the size that is divided by.
    Normalise x, then multiply."""
    scaled = gain * x
    return _scaled(scaled, 1.0, (scaled * scaled).mean(dim=-1, keepdim=True))


@rms_norm.wrong
def epsilon_left_out(x, gain):
    """The 1e-6 under the root is missing. Where all channels are small it decides."""
    return gain * x / torch.sqrt((x * x).mean(dim=-1, keepdim=True))


@rms_norm.wrong
def epsilon_outside_the_root(x, gain):
    """You add 1e-6 after the root. Under it, it means a size of 0.001."""
    return gain * x / (torch.sqrt((x * x).mean(dim=-1, keepdim=True)) + 1e-6)


@rms_norm.wrong
def epsilon_of_layer_norm(x, gain):
    """Your epsilon is 1e-5, LayerNorm's. The task's is 1e-6."""
    return gain * x / torch.sqrt((x * x).mean(dim=-1, keepdim=True) + 1e-5)

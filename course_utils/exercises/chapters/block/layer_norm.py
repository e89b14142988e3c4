"""LayerNorm: exercise layer_norm and its mistakes."""

import torch
import torch.nn.functional as F

from course_utils import block as component
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _norm_cases(rng):
    def case(B, T, C, scale=1.0, shift=0.0):
        x = tensor(rng, B, T, C, scale=scale) + shift
        return x, 1 + tensor(rng, C, scale=0.3), tensor(rng, C, scale=0.3)

    yield case(1, 2, 3)
    yield case(2, 1, 4)
    yield case(2, 3, 5, scale=3.0, shift=2.0)
    yield case(3, 4, 6, scale=3e-3)  # variance as small as epsilon
    yield case(2, 7, 8, scale=20.0)
    x, gain, bias = case(1, 3, 4)
    yield x, -gain, bias  # a learnt gain may be negative


def _norm(x, gain, bias, dim=-1, epsilon=1e-5, unbiased=False):
    """Normalise in one of the wrong ways that the misconceptions below name."""
    mean = x.mean(dim=dim, keepdim=True)
    variance = x.var(dim=dim, keepdim=True, unbiased=unbiased)
    return gain * (x - mean) / torch.sqrt(variance + epsilon) + bias


layer_norm = Exercise(
    name="block.layer_norm",
    task="(x (B, T, C), gain (C,), bias (C,)) -> (B, T, C): at each position, take the "
    "mean of its channels off and divide by √(variance + 1e-5); the variance divides "
    "by C. Then times gain, plus bias.",
    reference=component.layer_norm,
    cases=_norm_cases,
    hints=(
        "Over what do you average: over the text, or over the channels of one place?",
        "mean and variance are (B, T, 1): one of each per position (keepdim=True).",
        "mean over dim=-1, variance over dim=-1 with unbiased=False\n"
        "z = (x - mean) / sqrt(variance + 1e-5)\n"
        "return gain * z + bias",
    ),
    proves="Every position is put on one scale, by itself. GPT-2's LayerNorm is this.",
)


@layer_norm.wrong
def variance_divided_by_C_minus_1(x, gain, bias):
    """You divide the variance by C - 1: torch's var and std do, unless they are told
    unbiased=False. With few channels it shows, with 768 it hides in the third digit."""
    return _norm(x, gain, bias, unbiased=True)


@layer_norm.wrong
def epsilon_outside_the_root(x, gain, bias):
    """Your epsilon is added to the root. It belongs under it: √(variance + 1e-5). The
    two part where the variance is small."""
    deviation = x.std(dim=-1, keepdim=True, unbiased=False)
    return gain * (x - x.mean(dim=-1, keepdim=True)) / (deviation + 1e-5) + bias


@layer_norm.wrong
def epsilon_left_out(x, gain, bias):
    """Epsilon is missing. A position whose channels are all equal would give 0/0."""
    return _norm(x, gain, bias, epsilon=0.0)


@layer_norm.wrong
def normalised_over_time(x, gain, bias):
    """You average over the text (dim=1). The future would leak through that mean.
    LayerNorm looks at the channels of one position: dim=-1."""
    return _norm(x, gain, bias, dim=1)


@layer_norm.wrong
def normalised_over_time_and_channels(x, gain, bias):
    """You average over a whole text, all places and channels together. Each position
    has a mean and a variance of its own."""
    return _norm(x, gain, bias, dim=(1, 2))


@layer_norm.wrong
def normalised_over_the_batch(x, gain, bias):
    """One mean per channel, over all texts and places: this is batch normalisation. A
    text would depend on its neighbours in the batch."""
    return _norm(x, gain, bias, dim=(0, 1))


@layer_norm.wrong
def mean_not_taken_off(x, gain, bias):
    """You divide without taking the mean off. Newer models do (RMSNorm, with the mean
    square), GPT-2 centres first."""
    variance = x.var(dim=-1, keepdim=True, unbiased=False)
    return gain * x / torch.sqrt(variance + 1e-5) + bias


@layer_norm.wrong
def root_of_the_mean_square(x, gain, bias):
    """This is RMSNorm: no mean is taken off, and the mean square stands in the place of
    the variance. Llama uses it; GPT-2 does not."""
    mean_square = x.pow(2).mean(dim=-1, keepdim=True)
    return gain * x / torch.sqrt(mean_square + 1e-5) + bias


@layer_norm.wrong
def only_centred(x, gain, bias):
    """The mean is gone, but nothing is divided: the scale still runs free."""
    return gain * (x - x.mean(dim=-1, keepdim=True)) + bias


@layer_norm.wrong
def divided_by_the_variance(x, gain, bias):
    """You divide by the variance. Divide by its root, the standard deviation."""
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, unbiased=False)
    return gain * (x - mean) / (variance + 1e-5) + bias


@layer_norm.wrong
def gain_and_bias_unused(x, gain, bias):
    """Gain and bias are not used. A new model has gains of 1 and biases of 0, so one
    sees it only with trained weights."""
    return F.layer_norm(x, gain.shape)


@layer_norm.wrong
def gain_unused(x, gain, bias):
    """The gain is not used. A new model has gains of 1: only trained weights show
    it."""
    return F.layer_norm(x, gain.shape, None, bias)


@layer_norm.wrong
def bias_unused(x, gain, bias):
    """The bias is not used. A new model has biases of 0: only trained weights show
    it."""
    return F.layer_norm(x, gain.shape, gain)


@layer_norm.wrong
def bias_added_before_the_gain(x, gain, bias):
    """You add the bias first and multiply after: gain · (z + bias). It is gain · z +
    bias."""
    return gain * (F.layer_norm(x, gain.shape) + bias)

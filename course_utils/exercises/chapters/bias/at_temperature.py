"""Temperature: exercise at_temperature and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor

from .name_biases import _signed, _typical


def _temperature_cases(rng):
    for N, J, temperature in ((2, 5, 0.5), (3, 6, 2.0), (4, 9, 0.3)):
        yield tensor(rng, N, J).softmax(dim=-1), _typical(rng, N, J), temperature


def at_temperature(probabilities, typical, temperature):
    powers = probabilities ** (1 / temperature)
    shares = powers / powers.sum(dim=-1, keepdim=True)
    return torch.where(typical, shares, -shares).sum(dim=-1)


at_temperature = Exercise(
    name="bias.at_temperature",
    task="(probabilities (N, J), typical bool (N, J), float temperature) -> (N,): the "
    "bias at each name if the next word is drawn at this temperature. The rows are "
    "probabilities at temperature 1; the temperature acts on each word.",
    reference=at_temperature,
    cases=_temperature_cases,
    hints=(
        "Logits are log-probabilities, but for a constant. What is exp(log(p) / T)?",
        "(N, J) probabilities -> (N, J) shares at T, each row sums to 1 -> (N,).",
        "raise each probability to the power of 1 / T\n"
        "divide each row by its sum\n"
        "typical jobs plus, the others minus, summed over the jobs",
    ),
    proves="Low temperature makes more of a bias than the data has, by a known amount.",
)


@at_temperature.wrong
def the_power_is_the_temperature(probabilities, typical, temperature):
    """You raise to the power of the temperature: a low one then flattens. Dividing the
    logits by T raises the probabilities to 1 / T."""
    return at_temperature.reference(probabilities, typical, 1 / temperature)


@at_temperature.wrong
def sharpened_but_not_scaled(probabilities, typical, temperature):
    """Your rows no longer sum to 1. Divide each by its sum after the power."""
    return _signed(probabilities ** (1 / temperature), typical)


@at_temperature.wrong
def the_temperature_has_no_effect(probabilities, typical, temperature):
    """Your result is the same at any temperature: what divides all probabilities alike
    is undone when the rows are scaled to 1. It must act as a power."""
    return _signed(probabilities, typical)


@at_temperature.wrong
def the_groups_are_sharpened(probabilities, typical, temperature):
    """You add the words up first and sharpen the two sums. The temperature acts on each
    word by itself: five words of 0.1 are not one of 0.5."""
    plus = torch.where(typical, probabilities, 0.0).sum(dim=-1)
    powers = torch.stack([plus, 1 - plus]) ** (1 / temperature)
    return (powers[0] - powers[1]) / powers.sum(dim=0)


@at_temperature.wrong
def the_bias_divided_by_the_temperature(probabilities, typical, temperature):
    """You divide the bias itself: then it may pass 1, which no share can. The words'
    probabilities are what changes."""
    return _signed(probabilities, typical) / temperature


@at_temperature.wrong
def softmax_of_probabilities(probabilities, typical, temperature):
    """You put probabilities through softmax. Softmax wants logits: take their logarithm
    first, or raise them to the power of 1 / T."""
    return _signed((probabilities / temperature).softmax(dim=-1), typical)


@at_temperature.wrong
def the_others_minus_the_typical(probabilities, typical, temperature):
    """Your sign is turned round. The bias is the typical share minus the others'."""
    powers = probabilities ** (1 / temperature)
    return -_signed(powers / powers.sum(dim=-1, keepdim=True), typical)


@at_temperature.wrong
def scaled_over_the_names(probabilities, typical, temperature):
    """You divide by the sum over the names. Each name's own row sums to 1."""
    powers = probabilities ** (1 / temperature)
    return _signed(powers / powers.sum(dim=0, keepdim=True), typical)

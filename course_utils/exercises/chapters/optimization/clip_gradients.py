"""Clipping: exercise clip_gradients and its mistakes."""

import math

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _clip_cases(rng):
    yield [tensor(rng, 2, scale=3.0) + 2, tensor(rng, 2) - 2], 1.0
    yield [tensor(rng, 2, 3, scale=0.1), tensor(rng, 4, scale=0.05)], 1.5
    yield [tensor(rng, 3, 2, scale=20.0), tensor(rng, 3, scale=0.2)], 2.0
    yield [tensor(rng, 2, 2, scale=0.3), tensor(rng, 3, scale=0.2)], 5.0
    yield [torch.zeros(2), torch.zeros(1)], 1.0


def clip_gradients(gradients, max_norm):
    norm = math.sqrt(sum(g.pow(2).sum().item() for g in gradients))
    factor = max_norm / norm if norm > max_norm else 1.0
    return [g * factor for g in gradients]


def _norm(gradients):
    return math.sqrt(sum(g.pow(2).sum().item() for g in gradients))


def _shorten(gradients, norm, max_norm):
    """Shorten the gradients as if ``norm`` were their length."""
    factor = max_norm / norm if norm > max_norm else 1.0
    return [g * factor for g in gradients]


clip_gradients = Exercise(
    name="optimization.clip_gradients",
    task="(list of tensors gradients, float max_norm) -> list of tensors: if the "
    "gradients, taken together as one long vector, are longer than max_norm, all are "
    "shortened by one factor, so that together they have that length.",
    reference=clip_gradients,
    cases=_clip_cases,
    hints=(
        "The direction of the long vector must not change. What may you multiply by?",
        "The length of two vectors end to end is the root of the sum of their squared "
        "lengths.",
        "norm = root of the sum of all squared entries of all gradients\n"
        "factor = max_norm / norm if norm > max_norm else 1\n"
        "return [g * factor for each g]",
    ),
    proves="The length is limited, the direction stays: one factor for all.",
    tolerance=1e-4,
)


@clip_gradients.wrong
def each_tensor_on_its_own(gradients, max_norm):
    """You limit each tensor by itself. The step then points somewhere else: long parts
    are shortened, short ones are not."""
    return [_shorten([g], g.norm().item(), max_norm)[0] for g in gradients]


@clip_gradients.wrong
def each_entry_on_its_own(gradients, max_norm):
    """You limit each number to ±max_norm. That bends the direction, and the whole may
    still be long."""
    return [g.clamp(-max_norm, max_norm) for g in gradients]


@clip_gradients.wrong
def short_ones_made_longer(gradients, max_norm):
    """You always bring the gradient to max_norm. A short gradient stays as it is: near
    the end of training it is short for a reason."""
    return [g * (max_norm / max(_norm(gradients), 1e-9)) for g in gradients]


@clip_gradients.wrong
def lengths_added_up(gradients, max_norm):
    """You add the lengths of the tensors. Squares add up: take the root of the sum of
    the squared lengths."""
    return _shorten(gradients, sum(g.norm().item() for g in gradients), max_norm)


@clip_gradients.wrong
def the_root_is_missing(gradients, max_norm):
    """Yours is the sum of squares: the root is missing."""
    return _shorten(gradients, _norm(gradients) ** 2, max_norm)


@clip_gradients.wrong
def the_longest_tensor_counts(gradients, max_norm):
    """You measure the longest tensor alone. All together are one vector."""
    return _shorten(gradients, max(g.norm().item() for g in gradients), max_norm)


@clip_gradients.wrong
def long_ones_thrown_away(gradients, max_norm):
    """You set a long gradient to zero: the batch would be wasted. Shorten it."""
    return [g * (_norm(gradients) <= max_norm) for g in gradients]


@clip_gradients.wrong
def never_clipped(gradients, max_norm):
    """Nothing is shortened: the comparison with max_norm never holds."""
    return [g.clone() for g in gradients]


@clip_gradients.wrong
def brought_to_length_1(gradients, max_norm):
    """A long gradient gets the length 1 in your answer. It shall get max_norm."""
    norm = _norm(gradients)
    return [g / norm if norm > max_norm else g.clone() for g in gradients]


@clip_gradients.wrong
def factor_upside_down(gradients, max_norm):
    """You multiply by norm / max_norm: the long gradient gets longer. Turn it round."""
    factor = max(_norm(gradients) / max_norm, 1.0)
    return [g * factor for g in gradients]


@clip_gradients.wrong
def the_largest_entry_counts(gradients, max_norm):
    """You measure the largest single number. The length is the root of the sum of all
    squares."""
    return _shorten(gradients, max(g.abs().max().item() for g in gradients), max_norm)


@clip_gradients.wrong
def absolute_values_added_up(gradients, max_norm):
    """You add up absolute values. The length is the root of the sum of squares."""
    return _shorten(gradients, sum(g.abs().sum().item() for g in gradients), max_norm)


@clip_gradients.wrong
def each_brought_to_the_length(gradients, max_norm):
    """Every tensor gets the length max_norm, short ones too. All are shortened by one
    factor, and only if together they are longer than max_norm."""
    return [g * (max_norm / g.norm()) for g in gradients]

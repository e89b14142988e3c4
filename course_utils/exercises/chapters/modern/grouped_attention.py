"""Shared keys and values: exercise grouped_attention and its mistakes."""

import math

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _cases(rng):
    for B, H, G, T, D in ((1, 2, 1, 2, 3), (1, 4, 2, 3, 4), (2, 6, 2, 4, 5)):
        query = 2 * tensor(rng, B, H, T, D)
        yield query, 2 * tensor(rng, B, G, T, D), tensor(rng, B, G, T, D)


def grouped_attention(query, key, value):
    T, D = query.shape[-2:]
    shared_by = query.shape[1] // key.shape[1]
    key = key.repeat_interleave(shared_by, dim=1)
    value = value.repeat_interleave(shared_by, dim=1)
    scores = query @ key.transpose(-2, -1) / math.sqrt(D)
    hidden = torch.ones(T, T).triu(1).bool()
    return scores.masked_fill(hidden, -torch.inf).softmax(dim=-1) @ value


grouped_attention = Exercise(
    name="modern.grouped_attention",
    task="(query (B, H, T, D), key (B, G, T, D), value (B, G, T, D)) -> (B, H, T, D): "
    "causal attention in which heads 0 to H/G − 1 use key and value 0, the next H/G "
    "use key and value 1, and so on.",
    reference=grouped_attention,
    cases=_cases,
    hints=(
        "Six heads ask, two are asked. Which of the two does head 3 use?",
        "Make key and value (B, H, T, D): each of the G repeated H/G times, side by "
        "side (repeat_interleave). The rest is attention as on page 02.",
        "key, value = each repeated H // G times along dim 1, copies side by side\n"
        "scores = query @ keyᵀ / √D, −∞ above the diagonal\n"
        "softmax(scores) @ value",
    ),
    proves="A group of heads shares one key and one value; the queries stay their own.",
)


def _attend(query, key, value, scale=None, causal=True):
    T, D = query.shape[-2:]
    scores = query @ key.transpose(-2, -1) / (math.sqrt(D) if scale is None else scale)
    if causal:
        scores = scores.masked_fill(torch.ones(T, T).triu(1).bool(), -torch.inf)
    return scores.softmax(dim=-1) @ value


def _side_by_side(query, *shared):
    times = query.shape[1] // shared[0].shape[1]
    return [each.repeat_interleave(times, dim=1) for each in shared]


@grouped_attention.wrong
def heads_dealt_out_in_turn(query, key, value):
    """Your heads take the keys in turn: 0, 1, 0, 1. Neighbours belong to one group:
    0, 0, 1, 1 (repeat_interleave, not repeat)."""
    times = query.shape[1] // key.shape[1]
    return _attend(query, key.repeat(1, times, 1, 1), value.repeat(1, times, 1, 1))


@grouped_attention.wrong
def one_key_for_all(query, key, value):
    """All your heads use key and value 0. There are G of them."""
    return _attend(query, key[:, :1], value[:, :1])


@grouped_attention.wrong
def mean_of_the_keys(query, key, value):
    """You take the mean of all keys and values. Each group has one of its own."""
    return _attend(query, key.mean(1, keepdim=True), value.mean(1, keepdim=True))


@grouped_attention.wrong
def groups_in_reverse(query, key, value):
    """Your first heads use the last key. Groups are in order."""
    return _attend(query, *_side_by_side(query, key.flip(1), value.flip(1)))


@grouped_attention.wrong
def values_dealt_out_in_turn(query, key, value):
    """Your keys are right and your values are dealt out in turn. A head's key and value
    are of the same group."""
    times = query.shape[1] // key.shape[1]
    key = key.repeat_interleave(times, dim=1)
    return _attend(query, key, value.repeat(1, times, 1, 1))


@grouped_attention.wrong
def keys_dealt_out_in_turn(query, key, value):
    """Your values are right and your keys are dealt out in turn. A head's key and value
    are of the same group."""
    times = query.shape[1] // key.shape[1]
    value = value.repeat_interleave(times, dim=1)
    return _attend(query, key.repeat(1, times, 1, 1), value)


@grouped_attention.wrong
def queries_averaged(query, key, value):
    """You average the queries of a group, so that its heads do the same. Only keys and
    values are shared."""
    B, H, T, D = query.shape
    groups = query.view(B, key.shape[1], -1, T, D).mean(2)
    return _attend(*_side_by_side_all(H, groups, key, value))


def _side_by_side_all(H, *shared):
    return [each.repeat_interleave(H // each.shape[1], dim=1) for each in shared]


@grouped_attention.wrong
def only_G_heads(query, key, value):
    """You return G heads: one of each group. All H heads have an output."""
    times = query.shape[1] // key.shape[1]
    return _attend(query[:, ::times], key, value)


@grouped_attention.wrong
def future_seen(query, key, value):
    """Your queries see the future: the causal mask is missing."""
    return _attend(query, *_side_by_side(query, key, value), causal=False)


@grouped_attention.wrong
def not_scaled(query, key, value):
    """The scores are not divided by √D."""
    return _attend(query, *_side_by_side(query, key, value), scale=1.0)


@grouped_attention.wrong
def divided_by_D(query, key, value):
    """You divide the scores by D. Its root keeps their spread at 1."""
    D = query.shape[-1]
    return _attend(query, *_side_by_side(query, key, value), scale=D)


@grouped_attention.wrong
def key_and_value_exchanged(query, key, value):
    """You ask the values and mix the keys. It is the other way round."""
    key, value = _side_by_side(query, key, value)
    return _attend(query, value, key)


@grouped_attention.wrong
def masked_after_the_softmax(query, key, value):
    """You hide the future after the softmax: rows then sum to less than 1."""
    key, value = _side_by_side(query, key, value)
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    return scores.softmax(dim=-1).tril() @ value

"""The mask with a past: exercise mask_with_past and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise


def _past_cases(rng):
    yield 1, 2
    yield 2, 2
    yield 3, 0
    yield 1, 0
    yield rng.randint(2, 5), rng.randint(6, 9)
    yield rng.randint(6, 9), rng.randint(2, 5)
    yield rng.randint(1, 30), rng.randint(1, 30)


def mask_with_past(T, past):
    return torch.ones(T, past + T).tril(past).bool()


mask_with_past = Exercise(
    name="attention.mask_with_past",
    task="(int T, int past) -> bool (T, past + T): the causal mask of T new tokens "
    "that come after `past` old ones, whose keys are kept in a cache.",
    reference=mask_with_past,
    cases=_past_cases,
    hints=(
        "The first new token comes after all old ones. How many keys does it see?",
        "T = 2, past = 2 gives rows T T T F and T T T T.",
        "row t is position past + t:\nTrue where the column is at most past + t",
    ),
    proves="With a cache the new tokens see the old ones, and still not the future.",
)


@mask_with_past.wrong
def the_past_forgotten(T, past):
    """You hide all of the past. It is what the cache is for: the new tokens see it."""
    return torch.cat([torch.zeros(T, past), torch.ones(T, T).tril()], dim=1).bool()


@mask_with_past.wrong
def triangle_at_the_left(T, past):
    """Your triangle starts in the first column, as if the new tokens were the first of
    the text. Row 0 is position `past`: shift the triangle to the right."""
    return torch.ones(T, past + T).tril().bool()


@mask_with_past.wrong
def shifted_by_one_too_few(T, past):
    """Row 0 is position `past` and sees past + 1 keys, itself included. Yours sees one
    less."""
    return torch.ones(T, past + T).tril(past - 1).bool()


@mask_with_past.wrong
def future_open_beside_the_past(T, past):
    """With more than one new token the new ones still must not see each other's
    future."""
    return torch.ones(T, past + T).bool()


@mask_with_past.wrong
def only_one_row(T, past):
    """There is a row for each of the T new tokens, not only for the last one."""
    return torch.ones(1, past + T).bool()


@mask_with_past.wrong
def the_past_at_the_right(T, past):
    """Your columns of the past stand at the right. The cache holds what came first: old
    keys at the left, new ones after them."""
    return torch.ones(T, past + T).tril().bool() | (torch.arange(past + T) >= T)


@mask_with_past.wrong
def only_the_new_keys(T, past):
    """Your mask has no columns for the past: (T, T). The keys in the cache are looked
    at too, so there are past + T columns."""
    return torch.ones(T, T).tril().bool()


@mask_with_past.wrong
def shifted_by_one_too_many(T, past):
    """Row 0 is position `past` and sees past + 1 keys. Yours sees one more: the next
    new token, which is the future."""
    return torch.ones(T, past + T).tril(past + 1).bool()


@mask_with_past.wrong
def rows_for_the_past_too(T, past):
    """You have a row for each of the old tokens as well. They have asked long ago; only
    the T new ones ask now."""
    return torch.ones(past + T, past + T).tril().bool()


@mask_with_past.wrong
def true_where_it_is_hidden(T, past):
    """Your mask says True where a token must not look. True means "may look"."""
    return torch.ones(T, past + T).triu(past + 1).bool()

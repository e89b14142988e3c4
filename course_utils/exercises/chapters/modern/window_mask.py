"""A sliding window: exercise window_mask and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise


def _cases(rng):
    yield from ((1, 1), (3, 2), (4, 1), (5, 3), (4, 9))
    yield rng.randrange(6, 9), rng.randrange(2, 5)


def window_mask(T, window):
    distance = torch.arange(T)[:, None] - torch.arange(T)
    return (distance >= 0) & (distance < window)


window_mask = Exercise(
    name="modern.window_mask",
    task="(int T, int window) -> bool (T, T): True where a query (row) may look at a "
    "key (column): the last `window` positions up to its own, itself included.",
    reference=window_mask,
    cases=_cases,
    hints=(
        "A window of 1: whom does a token see?",
        "distance = row − column, (T, T). Which distances are seen?",
        "distance = positions[:, None] - positions\nTrue where 0 ≤ distance < window",
    ),
    proves="Each token sees `window` tokens, its own the last of them.",
)


def _distance(T):
    return torch.arange(T)[:, None] - torch.arange(T)


@window_mask.wrong
def one_too_wide(T, window):
    """Your window is one too wide: a token itself is one of the `window`."""
    distance = _distance(T)
    return (distance >= 0) & (distance <= window)


@window_mask.wrong
def one_too_narrow(T, window):
    """Your window is one too narrow."""
    distance = _distance(T)
    return (distance >= 0) & (distance < window - 1)


@window_mask.wrong
def itself_left_out(T, window):
    """Your tokens do not see themselves: the distance 0 belongs to the window."""
    distance = _distance(T)
    return (distance > 0) & (distance <= window)


@window_mask.wrong
def window_to_both_sides(T, window):
    """Your window reaches into the future too."""
    return _distance(T).abs() < window


@window_mask.wrong
def into_the_future(T, window):
    """Your window looks ahead: rows are queries, columns are keys."""
    distance = -_distance(T)
    return (distance >= 0) & (distance < window)


@window_mask.wrong
def no_window(T, window):
    """Your mask is the causal one: nothing ends at the window."""
    return _distance(T) >= 0


@window_mask.wrong
def not_causal(T, window):
    """Your mask hides what is too far back, and shows the future."""
    return _distance(T) < window


@window_mask.wrong
def true_where_hidden(T, window):
    """Yours is True where a query may *not* look."""
    distance = _distance(T)
    return (distance < 0) | (distance >= window)


@window_mask.wrong
def blocks(T, window):
    """You cut the text into blocks. A window slides: each token's begins one later."""
    block = torch.arange(T) // window
    return (block[:, None] == block) & (_distance(T) >= 0)


@window_mask.wrong
def the_first_ones(T, window):
    """You show the text's first `window` tokens. The window is the last ones before
    each query."""
    keys = torch.arange(T)
    return (keys < window) & (_distance(T) >= 0)

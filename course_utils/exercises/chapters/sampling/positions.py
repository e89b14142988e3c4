"""Padding: exercise positions and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise


def _padding_cases(rng):
    def padded(lengths):
        T = max(lengths)
        return torch.tensor([[t >= T - n for t in range(T)] for n in lengths])

    yield (padded([4, 2, 1]),)
    yield (padded([3, 5]),)
    for B in (3, 4, 5):
        yield (padded([rng.randint(1, 9) for _ in range(B)] + [10, 1]),)


def positions(padding):
    return (padding.cumsum(dim=1) - 1).clamp(min=0)  # (B, T)


positions = Exercise(
    name="sampling.positions",
    task="(padding bool (B, T)) -> int64 (B, T): where each token stands in its own "
    "text. padding is False where a row was filled up, on the left. The first real "
    "token stands at 0; what fills up gets 0 too.",
    reference=positions,
    cases=_padding_cases,
    hints=(
        "A text of three tokens in a row of five: where does its first token stand?",
        "padding.cumsum(dim=1) is (B, T) and counts the real tokens up to each place.",
        "count the real tokens up to and with each place\ntake 1 off, at least 0",
    ),
    proves="A text in a batch gets the positions that it would have alone.",
)


@positions.wrong
def what_fills_up_counts(padding):
    """You count from the left edge, so a short text begins at a late position. It would
    not write what it writes alone."""
    return torch.arange(padding.shape[1]).expand(padding.shape).clone()


@positions.wrong
def positions_start_at_1(padding):
    """Your first real token stands at 1. GPT-2's first row of positions is row 0."""
    return padding.cumsum(dim=1)


@positions.wrong
def what_fills_up_gets_minus_1(padding):
    """What fills up stands at -1, and the table of positions has no such row (torch
    raises an error). Any row will do, since nobody looks there: take 0."""
    return padding.cumsum(dim=1) - 1


@positions.wrong
def counted_from_the_end(padding):
    """You count backwards. With each new token all positions would change."""
    T = padding.shape[1]
    return torch.arange(T - 1, -1, -1).expand(padding.shape) * padding


@positions.wrong
def the_gap_taken_off_the_wrong_way(padding):
    """You treat the rows as if they were filled up on the right: 0, 1, 2 from the left
    edge, as many as there are real tokens."""
    n = padding.sum(dim=1, keepdim=True)
    places = torch.arange(padding.shape[1])
    return torch.where(places < n, places, 0)


@positions.wrong
def what_fills_up_counts_and_gets_0(padding):
    """What fills up has 0, as asked for, but your real tokens still count it: a short
    text begins at a late position."""
    return torch.arange(padding.shape[1]) * padding


@positions.wrong
def what_fills_up_is_negative(padding):
    """Your real tokens are right, but what fills up stands at negative positions. The
    table has no such rows: take 0 (clamp)."""
    gap = (~padding).sum(dim=1, keepdim=True)
    return torch.arange(padding.shape[1]) - gap


@positions.wrong
def what_fills_up_gets_1(padding):
    """What fills up gets position 1 in yours, as Hugging Face's generate has it. It
    does no harm, as nobody looks there; here 0 is asked for."""
    return (padding.long().cumsum(1) - 1).masked_fill(~padding, 1)


@positions.wrong
def counted_down_the_batch(padding):
    """You count from row to row. Rows are different texts: count along each, over
    dimension 1."""
    return (padding.long().cumsum(0) - 1).clamp(min=0)


@positions.wrong
def the_padding_counted(padding):
    """You count where it was filled up. padding is False there and True at real tokens:
    count these."""
    return (~padding).long().cumsum(1)

"""Heads: exercise split_heads and its mistakes."""

import torch

from course_utils import attention as component
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _split_cases(rng):
    for B, T, H, D in ((1, 2, 2, 3), (2, 1, 3, 2), (2, 4, 2, 4), (3, 5, 4, 2)):
        yield tensor(rng, B, T, H * D), H


split_heads = Exercise(
    name="attention.split_heads",
    task="(x (B, T, C), int n_head) -> (B, H, T, D): head h gets the channels h·D to "
    "(h+1)·D of every position, D = C / H.",
    reference=component.split_heads,
    cases=_split_cases,
    hints=(
        "x[b, t] is one row of C numbers. Where do those of head 1 stand in it?",
        "view as (B, T, H, D) first: that cuts only the last dimension.",
        "x.view(B, T, H, D)\nswap the dimensions T and H",
    ),
    proves="Each head sees all positions and its own share of the channels.",
)


@split_heads.wrong
def viewed_as_B_H_T_D_at_once(x, n_head):
    """The shape is right, the numbers are mixed up: view(B, H, T, D) gives head 0 the
    first positions with all their channels. View as (B, T, H, D), then transpose."""
    B, T, C = x.shape
    return x.reshape(B, n_head, T, C // n_head)


@split_heads.wrong
def channels_dealt_out_in_turn(x, n_head):
    """You deal the channels out like cards: head 0 gets 0, H, 2H, ... In GPT-2 a head
    owns neighbouring channels: (B, T, H, D), not (B, T, D, H)."""
    B, T, C = x.shape
    return x.view(B, T, C // n_head, n_head).permute(0, 3, 1, 2)


@split_heads.wrong
def not_transposed(x, n_head):
    """The dimensions are (B, T, H, D). Attention compares positions, the last but one
    dimension: swap T and H."""
    B, T, C = x.shape
    return x.view(B, T, n_head, C // n_head)


@split_heads.wrong
def positions_and_channels_swapped(x, n_head):
    """The last two dimensions are swapped: (B, H, D, T) in the place of
    (B, H, T, D)."""
    B, T, C = x.shape
    return x.view(B, T, n_head, C // n_head).permute(0, 2, 3, 1)


@split_heads.wrong
def head_size_and_heads_confused(x, n_head):
    """You made n_head channels for each of C / n_head heads: the two are swapped."""
    B, T, C = x.shape
    return x.view(B, T, C // n_head, n_head).transpose(1, 2)


@split_heads.wrong
def the_heads_before_the_batch(x, n_head):
    """Your heads come first: (H, B, T, D). The batch stays in front: (B, H, T, D), as
    torch.stack(..., dim=1) gives it."""
    return torch.stack(x.chunk(n_head, dim=-1))

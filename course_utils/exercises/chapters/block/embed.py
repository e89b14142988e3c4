"""Tokens and positions become vectors: exercise embed and its mistakes."""

import math

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _embedding_cases(rng):
    for B, T, C in ((1, 3, 2), (2, 1, 4), (3, 4, 3), (2, 6, 5), (2, 7, 3)):
        V, longest = rng.randint(5, 9), rng.randint(10, 14)
        longest = T if T == 7 else longest  # as long as the table allows
        ids = [[rng.randrange(V) for _ in range(T)] for _ in range(B)]
        yield torch.tensor(ids), tensor(rng, V, C), tensor(rng, longest, C)


def embed(ids, token_table, position_table):
    T = ids.shape[1]
    return token_table[ids] + position_table[:T]  # (B, T, C) + (T, C)


embed = Exercise(
    name="block.embed",
    task="(ids (B, T), token_table (V, C), position_table (n_positions, C)) -> "
    "(B, T, C): each token's row of one table plus its position's row of the other. "
    "The first position is 0.",
    reference=embed,
    cases=_embedding_cases,
    hints=(
        "Which row belongs to token 7? And to the third place of the text?",
        "token_table[ids] is (B, T, C); the positions' rows are (T, C), for all texts.",
        "rows of token_table at ids\nplus the first T rows of position_table",
    ),
    proves="What a token is and where it stands, in one vector per place.",
)


@embed.wrong
def positions_left_out(ids, token_table, position_table):
    """The positions are missing. Attention treats a text as a bag: without positions,
    one layer gives the last token the same mean, whatever the order before it."""
    return token_table[ids]


@embed.wrong
def tokens_left_out(ids, token_table, position_table):
    """You return the positions alone: every text would read the same."""
    B, T = ids.shape
    return position_table[:T].expand(B, T, -1).clone()


@embed.wrong
def positions_start_at_1(ids, token_table, position_table):
    """Your positions start at 1. Row 0 of the table belongs to the first token; shifted
    by one, GPT-2's trained positions all stand for their neighbours."""
    T = ids.shape[1]
    return token_table[ids] + position_table[1 : T + 1]


@embed.wrong
def the_id_used_as_the_position(ids, token_table, position_table):
    """You look the token's id up in the table of positions. The place counts there: 0,
    1, 2 and so on, whatever the token."""
    return token_table[ids] + position_table[ids]


@embed.wrong
def one_position_for_the_whole_text(ids, token_table, position_table):
    """All places of a text get the same row. Each place has a row of its own: 0 to
    T - 1."""
    return token_table[ids] + position_table[0]


@embed.wrong
def positions_counted_from_the_end(ids, token_table, position_table):
    """You count backwards: the last token would be 0, and every token's position would
    change as soon as another one is appended."""
    T = ids.shape[1]
    return token_table[ids] + position_table[:T].flip(0)


@embed.wrong
def vectors_put_side_by_side(ids, token_table, position_table):
    """You concatenate: 2C channels. GPT-2 adds the two, and has C channels."""
    B, T = ids.shape
    places = position_table[:T].expand(B, T, -1)
    return torch.cat([token_table[ids], places], dim=-1)


@embed.wrong
def multiplied_in_place_of_added(ids, token_table, position_table):
    """You multiply the two vectors. They are added."""
    return token_table[ids] * position_table[: ids.shape[1]]


@embed.wrong
def token_vector_scaled_by_the_root_of_C(ids, token_table, position_table):
    """You multiply the token's vector by √C, as the Transformer of 2017 does. GPT-2
    does not."""
    C = token_table.shape[1]
    return token_table[ids] * math.sqrt(C) + position_table[: ids.shape[1]]


@embed.wrong
def the_text_of_the_batch_as_the_position(ids, token_table, position_table):
    """All tokens of a text get one position, the text's number in the batch. A position
    is the place in the text: count along dimension 1."""
    return token_table[ids] + position_table[: ids.shape[0], None]

"""The mean of the past: exercise mean_of_past and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.forbidden import LOOP
from course_utils.exercises.engine.inputs import tensor


def _sequence_cases(rng):
    yield (tensor(rng, 1, 3, 2),)
    yield (tensor(rng, 2, 1, 4),)
    yield (tensor(rng, 2, 4, 3),)
    yield (tensor(rng, 3, 9, 5, scale=10.0),)


def mean_of_past(x):
    T = x.shape[1]
    weights = torch.ones(T, T).tril()  # row t: 1 where t may look
    weights = weights / weights.sum(dim=1, keepdim=True)
    return weights @ x  # (T, T) @ (B, T, C) -> (B, T, C)


mean_of_past = Exercise(
    name="attention.mean_of_past",
    task="(B, T, C) -> (B, T, C): position t holds the mean of the positions 0 to t. "
    "Without a loop.",
    reference=mean_of_past,
    without=(LOOP,),
    cases=_sequence_cases,
    hints=(
        "Position 2 is a third of each of 0, 1 and 2. Which row of a matrix says that?",
        "weights (T, T) @ x (B, T, C) -> (B, T, C); every row of weights sums to 1.",
        "weights = lower triangle of ones (T, T)\n"
        "divide each row by its sum\n"
        "return weights @ x",
    ),
    proves="A sum over the past is one matrix product. Attention changes the weights.",
)


@mean_of_past.wrong
def columns_divided_in_place_of_rows(x):
    """The sums lack keepdim=True, so (T,) divides the columns. Row t has to sum to 1,
    so each row is divided by its own sum."""
    weights = torch.ones(x.shape[1], x.shape[1]).tril()
    return weights / weights.sum(dim=1) @ x


@mean_of_past.wrong
def mean_over_the_future_too(x):
    """Every position holds the mean of the whole text, the future included."""
    return x.mean(dim=1, keepdim=True).expand_as(x).clone()


@mean_of_past.wrong
def sum_in_place_of_the_mean(x):
    """This is the sum: it grows with t. Each row of the weights has to sum to 1."""
    return x.cumsum(dim=1)


@mean_of_past.wrong
def every_row_divided_by_T(x):
    """You divide by T everywhere, but row t adds up t + 1 positions."""
    return x.cumsum(dim=1) / x.shape[1]


@mean_of_past.wrong
def itself_left_out(x):
    """Position t belongs to its own past: 0 to t, t included."""
    T = x.shape[1]
    weights = torch.ones(T, T).tril(-1)
    return weights / weights.sum(dim=1, keepdim=True).clamp(min=1) @ x


@mean_of_past.wrong
def mean_of_the_future(x):
    """The triangle is the upper one: position t holds the mean of t to the end."""
    T = x.shape[1]
    weights = torch.ones(T, T).triu()
    return weights / weights.sum(dim=1, keepdim=True) @ x


@mean_of_past.wrong
def columns_sum_to_1(x):
    """You divided the columns. Rows are the positions that ask: each row sums to 1."""
    T = x.shape[1]
    weights = torch.ones(T, T).tril()
    return weights / weights.sum(dim=0, keepdim=True) @ x


@mean_of_past.wrong
def mean_along_the_channels(x):
    """You average over channels. The past is along dimension 1, time."""
    C = x.shape[2]
    return x.cumsum(dim=2) / torch.arange(1, C + 1)


@mean_of_past.wrong
def only_the_last_two(x):
    """You take the mean of a position and the one before it. All positions from 0 to t
    belong to it."""
    before = torch.cat([x[:, :1], x[:, :-1]], dim=1)
    return (x + before) / 2


@mean_of_past.wrong
def divided_by_t(x):
    """You divide by t. Positions 0 to t are t + 1 of them: at position 0 yours divides
    by 0."""
    return x.cumsum(dim=1) / torch.arange(x.shape[1])[:, None]


@mean_of_past.wrong
def divided_by_t_and_the_first_by_1(x):
    """You divide by t, and at position 0 by 1. Positions 0 to t are t + 1 of them."""
    return x.cumsum(dim=1) / torch.arange(x.shape[1]).clamp(min=1)[:, None]

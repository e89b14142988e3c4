"""Softmax under a mask: exercise masked_softmax and its mistakes."""

import torch
import torch.nn.functional as F

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _lower(T):
    return torch.ones(T, T).tril().bool()


def _score_cases(rng):
    yield tensor(rng, 3, 3), _lower(3)
    yield tensor(rng, 1, 2, 1, 1), _lower(1)
    yield tensor(rng, 2, 3, 4, 4), _lower(4)
    yield tensor(rng, 2, 5, 5, scale=200.0), _lower(5)  # exp would overflow
    padded = _lower(4) & torch.tensor([False, True, True, True])
    yield tensor(rng, 2, 4, 4), padded  # row 0 may see nothing
    yield tensor(rng, 2, 2, 3, 7), torch.ones(3, 7).tril(4).bool()


def masked_softmax(scores, mask):
    scores = scores.masked_fill(~mask, -torch.inf)
    return F.softmax(scores, dim=-1).masked_fill(~mask, 0.0)  # NaN where all is hidden


masked_softmax = Exercise(
    name="attention.masked_softmax",
    task="(scores (..., T, K), bool mask (T, K)) -> weights (..., T, K): softmax over "
    "the keys that a query may see, 0 at all others. A row that may see nothing is 0.",
    reference=masked_softmax,
    cases=_score_cases,
    hints=(
        "What must a score be, so that its exp is 0?",
        "Every row (the last dimension) sums to 1 over what is visible.",
        "scores = scores with -inf where mask is False\n"
        "weights = softmax of scores over the last dimension\n"
        "put 0 where mask is False (a row of -inf alone gave NaN)",
    ),
    asked=False,  # a step of a larger exercise, for whoever wants more
    proves="The future is hidden before softmax, so that it cannot leak through the "
    "denominator, and a row without keys does no harm.",
)


@masked_softmax.wrong
def mask_after_softmax(scores, mask):
    """The picture is perfectly triangular, but the rows do not sum to 1: the hidden
    scores were in softmax's denominator, so the future leaks. Mask first."""
    return F.softmax(scores, dim=-1).masked_fill(~mask, 0.0)


@masked_softmax.wrong
def zero_in_place_of_minus_infinity(scores, mask):
    """A score of 0 is an ordinary score: exp(0) = 1, so hidden keys still get weight.
    Only -inf becomes 0."""
    return F.softmax(scores.masked_fill(~mask, 0.0), dim=-1)


@masked_softmax.wrong
def softmax_over_the_queries(scores, mask):
    """Your columns sum to 1: softmax ran over the queries (dim=-2). Each query shares
    out its attention over the keys, dim=-1."""
    scores = scores.masked_fill(~mask, -torch.inf)
    return F.softmax(scores, dim=-2).masked_fill(~mask, 0.0)


@masked_softmax.wrong
def mask_read_upside_down(scores, mask):
    """You hid what may be seen, and left what may not: True means "may look"."""
    scores = scores.masked_fill(mask, -torch.inf)
    return F.softmax(scores, dim=-1).masked_fill(mask, 0.0)


@masked_softmax.wrong
def row_of_minus_infinity_gives_NaN(scores, mask):
    """All is right, but for the row that may see nothing: softmax over -inf alone is
    0/0. One NaN spreads over the whole model: put 0 there."""
    return F.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1)


@masked_softmax.wrong
def exp_overflows(scores, mask):
    """exp(200) is infinite in float32, and infinity / infinity is NaN. Take the row's
    largest score off first, or use F.softmax, which does."""
    weights = scores.exp() * mask
    return weights / weights.sum(dim=-1, keepdim=True).clamp(min=1e-30)


@masked_softmax.wrong
def mask_left_out(scores, mask):
    """The mask was not used: every query sees the future."""
    return F.softmax(scores, dim=-1)


@masked_softmax.wrong
def a_large_number_for_infinity(scores, mask):
    """-1e9 does what -inf does, but for the row that may see nothing: there all scores
    are alike, so every hidden key gets weight. Put 0 where mask is False."""
    return F.softmax(scores.masked_fill(~mask, -1e9), dim=-1)


@masked_softmax.wrong
def minus_one_in_place_of_minus_infinity(scores, mask):
    """A score of -1 is an ordinary score: exp(-1) = 0.37, so hidden keys still get
    weight. Only -inf becomes 0."""
    return F.softmax(scores.masked_fill(~mask, -1.0), dim=-1)


@masked_softmax.wrong
def softmax_over_the_whole_table(scores, mask):
    """You shared 1 out over the whole table, all queries together. Each row on its own
    sums to 1: dim=-1."""
    scores = scores.masked_fill(~mask, -torch.inf).flatten(-2)
    return F.softmax(scores, dim=-1).view(*scores.shape[:-1], *mask.shape)

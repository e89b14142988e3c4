"""Scaled dot-product attention: scaled_dot_product_attention and its mistakes."""

import math

import torch
import torch.nn.functional as F

from course_utils import attention as component
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor

from .masked_softmax import _lower


def _attention_cases(rng):
    for B, H, T, D in ((1, 2, 3, 4), (2, 3, 1, 5), (2, 3, 4, 4), (2, 4, 7, 5)):
        query, key, value = (tensor(rng, B, H, T, D, scale=1.5) for _ in range(3))
        yield query, key, value, _lower(T)
    query = tensor(rng, 2, 2, 2, 8)
    key, value = tensor(rng, 2, 2, 6, 8), tensor(rng, 2, 2, 6, 8)
    yield query, key, value, torch.ones(2, 6).tril(4).bool()


def _attend(
    query, key, value, mask, scale=None, dim=-1, hidden=-torch.inf, after=False
):
    """Attend in one of the wrong ways that the misconceptions below name."""
    scale = math.sqrt(query.shape[-1]) if scale is None else scale
    scores = query @ key.transpose(-2, -1) / scale
    if not after:
        scores = scores.masked_fill(~mask, hidden)
    weights = F.softmax(scores, dim=dim)
    if after:
        weights = weights.masked_fill(~mask, 0.0)
    return weights @ value, weights


scaled_dot_product_attention = Exercise(
    name="attention.scaled_dot_product_attention",
    task="(query (B, H, T, D), key and value (B, H, K, D), bool mask (T, K)) -> "
    "(output (B, H, T, D), weights (B, H, T, K)): softmax(QKᵀ/√D) V, each query over "
    "the keys that it may see.",
    reference=component.scaled_dot_product_attention,
    cases=_attention_cases,
    hints=(
        "Which two things does one score compare? How large is it if D is large?",
        "scores (B, H, T, K) = query (B, H, T, D) @ key transposed (B, H, D, K)",
        "scores = query @ key.transpose(-2, -1) / sqrt(D)\n"
        "scores = -inf where mask is False\n"
        "weights = softmax of scores over the keys, dim=-1\n"
        "return weights @ value, weights",
    ),
    proves="This is the formula of the paper, and it equals GPT-2's.",
)


@scaled_dot_product_attention.wrong
def not_scaled(query, key, value, mask):
    """The scores are not divided by √D. Their variance grows with D, softmax saturates
    and its gradient vanishes."""
    return _attend(query, key, value, mask, scale=1.0)


@scaled_dot_product_attention.wrong
def scaled_by_all_channels(query, key, value, mask):
    """You divide by √C, all channels (H · D). A score adds up the D products of one
    head: divide by √D."""
    H, D = query.shape[1], query.shape[-1]
    return _attend(query, key, value, mask, scale=math.sqrt(H * D))


@scaled_dot_product_attention.wrong
def scaled_by_D_without_the_root(query, key, value, mask):
    """You divide by D. The standard deviation of a sum of D products is √D."""
    return _attend(query, key, value, mask, scale=query.shape[-1])


@scaled_dot_product_attention.wrong
def multiplied_by_the_root(query, key, value, mask):
    """You multiply by √D: that makes the scores larger still. Divide."""
    return _attend(query, key, value, mask, scale=query.shape[-1] ** -0.5)


@scaled_dot_product_attention.wrong
def scaled_after_softmax(query, key, value, mask):
    """The scaling comes after softmax: the rows sum to 1/√D and are as sharp as
    without it. Scale the scores."""
    _, weights = _attend(query, key, value, mask, scale=1.0)
    weights = weights / math.sqrt(query.shape[-1])
    return weights @ value, weights


@scaled_dot_product_attention.wrong
def softmax_of_the_columns(query, key, value, mask):
    """The columns of your weights sum to 1, not the rows: softmax over the queries
    (dim=-2). Each query shares out its attention over the keys."""
    return _attend(query, key, value, mask, dim=-2)


@scaled_dot_product_attention.wrong
def keys_used_as_values(query, key, value, mask):
    """You mix the keys. Keys decide how much, values are what is passed on."""
    return _attend(query, key, key, mask)


@scaled_dot_product_attention.wrong
def mask_forgotten(query, key, value, mask):
    """The mask was not used: every position sees the answer that it should guess."""
    return _attend(query, key, value, torch.ones_like(mask))


@scaled_dot_product_attention.wrong
def mask_only_after_softmax(query, key, value, mask):
    """The weights look triangular, yet the rows do not sum to 1: the future stood in
    softmax's denominator. Mask the scores, before softmax."""
    return _attend(query, key, value, mask, after=True)


@scaled_dot_product_attention.wrong
def hidden_scores_set_to_zero(query, key, value, mask):
    """A hidden score of 0 still gets weight, as exp(0) is 1. Set it to -inf."""
    return _attend(query, key, value, mask, hidden=0.0)


@scaled_dot_product_attention.wrong
def mask_used_the_other_way_round(query, key, value, mask):
    """masked_fill(mask, -inf) hides what may be seen. True means "may look": hide
    where it is False, ~mask."""
    return _attend(query, key, value, ~mask)


@scaled_dot_product_attention.wrong
def weights_dropped_at_random(query, key, value, mask):
    """A dropout is left on: the same input gives another output each time. Dropout
    belongs to training only."""
    _, weights = _attend(query, key, value, mask)
    weights = F.dropout(weights, 0.1)
    return weights @ value, weights


@scaled_dot_product_attention.wrong
def scaled_by_the_number_of_positions(query, key, value, mask):
    """You divide by √T. A score is a sum over D channels: it is D that makes it large,
    and √D that takes it back."""
    return _attend(query, key, value, mask, scale=math.sqrt(query.shape[-2]))


@scaled_dot_product_attention.wrong
def scores_on_their_side(query, key, value, mask):
    """Your scores are K Qᵀ, the transpose of Q Kᵀ: keys in the rows, queries in the
    columns. The mask and softmax then work on the wrong one."""
    T, K = mask.shape
    if T != K:
        raise RuntimeError("the size of the mask does not match")
    scores = key @ query.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = F.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1)
    return weights @ value, weights


@scaled_dot_product_attention.wrong
def minus_one_for_hidden_scores(query, key, value, mask):
    """You gave hidden scores -1, an ordinary score: they still get weight. Only -inf
    becomes 0."""
    return _attend(query, key, value, mask, hidden=-1.0)


@scaled_dot_product_attention.wrong
def softmax_over_the_whole_table(query, key, value, mask):
    """You shared 1 out over all queries and keys together. Each query's weights sum to
    1: softmax over the last dimension."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    scores = scores.masked_fill(~mask, -torch.inf)
    weights = F.softmax(scores.flatten(-2), dim=-1).view_as(scores)
    return weights @ value, weights


@scaled_dot_product_attention.wrong
def results_exchanged(query, key, value, mask):
    """You return the weights first. The output comes first, then the weights."""
    output, weights = _attend(query, key, value, mask)
    return weights, output


@scaled_dot_product_attention.wrong
def scores_returned_for_weights(query, key, value, mask):
    """Your second result holds the scores. The weights are what softmax makes of
    them."""
    output, _ = _attend(query, key, value, mask)
    return output, query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])


@scaled_dot_product_attention.wrong
def a_triangle_in_place_of_the_mask(query, key, value, mask):
    """You make a lower triangle of your own. Use the mask that is given: with a cache
    there are more keys than queries, and the triangle lies elsewhere."""
    triangle = torch.ones(query.shape[-2], key.shape[-2]).tril().bool()
    return _attend(query, key, value, triangle)

"""The whole layer: exercise multi_head and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor

from .masked_softmax import _lower
from .merge_heads import merge_heads
from .scaled_dot_product_attention import _attend
from .split_heads import split_heads


def _layer_cases(rng):
    # Every number is random: at the usual initialisation a missing bias is invisible.
    for B, T, H, D in ((1, 3, 2, 4), (2, 1, 3, 2), (2, 5, 3, 4), (2, 12, 4, 5)):
        C = H * D
        yield (
            tensor(rng, B, T, C),
            tensor(rng, C, 3 * C, scale=0.3),
            tensor(rng, 3 * C, scale=0.3),
            tensor(rng, C, C, scale=0.3),
            tensor(rng, C, scale=0.3),
            H,
        )


def multi_head(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    B, T, C = x.shape
    D = C // n_head
    qkv = x @ qkv_weight + qkv_bias  # (B, T, 3C)
    query, key, value = (
        part.view(B, T, n_head, D).transpose(1, 2)  # (B, H, T, D)
        for part in qkv.split(C, dim=-1)
    )
    scores = query @ key.transpose(-2, -1) / D**0.5  # (B, H, T, T)
    mask = torch.ones(T, T).tril().bool()
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    mixed = (weights @ value).transpose(1, 2).reshape(B, T, C)
    return mixed @ out_weight + out_bias


def _parts(x, qkv_weight, qkv_bias, n_head):
    """Return query, key and value, each (B, H, T, D)."""
    parts = (x @ qkv_weight + qkv_bias).chunk(3, dim=-1)
    return [split_heads.reference(part, n_head) for part in parts]


def _joined(query, key, value, out_weight, out_bias, attend=_attend):
    """Return the layer's output from its query, key and value, with a causal mask."""
    output, _ = attend(query, key, value, _lower(query.shape[-2]))
    return merge_heads.reference(output) @ out_weight + out_bias


multi_head = Exercise(
    name="attention.multi_head",
    task="(x (B, T, C), qkv_weight (C, 3C), qkv_bias (3C,), out_weight (C, C), "
    "out_bias (C,), int n_head) -> (B, T, C): causal self-attention with n_head heads. "
    "x @ qkv_weight + qkv_bias holds the queries, then the keys, then the values.",
    reference=multi_head,
    cases=_layer_cases,
    hints=(
        "Which functions that you have written already does this join?",
        "(B, T, C) -> (B, T, 3C) -> three of (B, H, T, D) -> (B, H, T, D) -> (B, T, C)",
        "qkv = x @ qkv_weight + qkv_bias\n"
        "query, key, value = qkv.split(C, dim=-1), each with split_heads\n"
        "output, _ = scaled_dot_product_attention(query, key, value, causal_mask(T))\n"
        "return merge_heads(output) @ out_weight + out_bias",
    ),
    proves="Given GPT-2's weights, this function is GPT-2's attention.",
)


@multi_head.wrong
def heads_cut_with_one_view(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """view(B, H, T, D) right away mixes positions and heads: the mask then hides the
    wrong things. View as (B, T, H, D), then transpose. Training would not tell: the
    loss falls all the same."""
    B, T, C = x.shape
    parts = (x @ qkv_weight + qkv_bias).chunk(3, dim=-1)
    parts = [part.reshape(B, n_head, T, C // n_head) for part in parts]
    return _joined(*parts, out_weight, out_bias)


@multi_head.wrong
def heads_merged_without_transposing(
    x, qkv_weight, qkv_bias, out_weight, out_bias, n_head
):
    """The heads' outputs are reshaped without swapping H and T back: positions mix."""
    output, _ = _attend(*_parts(x, qkv_weight, qkv_bias, n_head), _lower(x.shape[1]))
    return output.reshape(x.shape) @ out_weight + out_bias


@multi_head.wrong
def one_head_only(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """The channels were not split: this is one head of size C. Several heads look at
    several places at once."""
    parts = _parts(x, qkv_weight, qkv_bias, 1)
    return _joined(*parts, out_weight, out_bias)


@multi_head.wrong
def keys_before_queries(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """Queries and keys are swapped: GPT-2 stores queries, keys, values, in this
    order."""
    key, query, value = _parts(x, qkv_weight, qkv_bias, n_head)
    return _joined(query, key, value, out_weight, out_bias)


@multi_head.wrong
def values_first(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """You read values, queries, keys. The order is queries, keys, values."""
    value, query, key = _parts(x, qkv_weight, qkv_bias, n_head)
    return _joined(query, key, value, out_weight, out_bias)


@multi_head.wrong
def three_parts_cut_within_each_head(
    x, qkv_weight, qkv_bias, out_weight, out_bias, n_head
):
    """You cut into heads first and into query, key, value within each head (some other
    models do). GPT-2's 3C columns are all queries, then all keys, then all values."""
    B, T, C = x.shape
    qkv = (x @ qkv_weight + qkv_bias).view(B, T, n_head, 3 * C // n_head)
    parts = qkv.transpose(1, 2).chunk(3, dim=-1)
    return _joined(*parts, out_weight, out_bias)


@multi_head.wrong
def scores_not_scaled(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """The scores are not divided by √D."""
    return _joined(
        *_parts(x, qkv_weight, qkv_bias, n_head),
        out_weight,
        out_bias,
        lambda *parts: _attend(*parts, scale=1.0),
    )


@multi_head.wrong
def scores_scaled_by_the_root_of_C(
    x, qkv_weight, qkv_bias, out_weight, out_bias, n_head
):
    """You divide by √C. Each head has only D = C / H channels: divide by √D."""
    return _joined(
        *_parts(x, qkv_weight, qkv_bias, n_head),
        out_weight,
        out_bias,
        lambda *parts: _attend(*parts, scale=x.shape[-1] ** 0.5),
    )


@multi_head.wrong
def no_causal_mask(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """The future is visible: change a late token and early outputs move. Training would
    look splendid, and generating would fail."""
    query, key, value = _parts(x, qkv_weight, qkv_bias, n_head)
    output, _ = _attend(query, key, value, torch.ones(1, 1).bool())
    return merge_heads.reference(output) @ out_weight + out_bias


@multi_head.wrong
def masked_too_late(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """The mask comes after softmax: the weights look triangular, but the future is in
    their denominator. Mask the scores."""
    return _joined(
        *_parts(x, qkv_weight, qkv_bias, n_head),
        out_weight,
        out_bias,
        lambda *parts: _attend(*parts, after=True),
    )


@multi_head.wrong
def attention_shared_out_over_queries(
    x, qkv_weight, qkv_bias, out_weight, out_bias, n_head
):
    """Softmax ran over the queries, dim=-2. Each query's weights sum to 1: dim=-1."""
    return _joined(
        *_parts(x, qkv_weight, qkv_bias, n_head),
        out_weight,
        out_bias,
        lambda *parts: _attend(*parts, dim=-2),
    )


@multi_head.wrong
def output_projection_forgotten(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """The heads are put side by side and returned. The output projection, out_weight
    and out_bias, mixes what they found."""
    parts = _parts(x, qkv_weight, qkv_bias, n_head)
    return _joined(*parts, torch.eye(x.shape[-1]), 0.0)


@multi_head.wrong
def bias_of_the_projection_in_forgotten(
    x, qkv_weight, qkv_bias, out_weight, out_bias, n_head
):
    """qkv_bias is missing. A new GPT-2 starts with biases of 0, so one sees this only
    with trained weights."""
    parts = _parts(x, qkv_weight, 0.0, n_head)
    return _joined(*parts, out_weight, out_bias)


@multi_head.wrong
def bias_of_the_projection_out_forgotten(
    x, qkv_weight, qkv_bias, out_weight, out_bias, n_head
):
    """out_bias is missing. A new GPT-2 starts with biases of 0, so one sees this only
    with trained weights."""
    parts = _parts(x, qkv_weight, qkv_bias, n_head)
    return _joined(*parts, out_weight, 0.0)


@multi_head.wrong
def output_weight_transposed(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """out_weight is used transposed, as nn.Linear stores it. GPT-2 stores x @ weight;
    being square, it raises no error."""
    parts = _parts(x, qkv_weight, qkv_bias, n_head)
    return _joined(*parts, out_weight.T, out_bias)


@multi_head.wrong
def the_stream_added_inside(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """You add x to the result. That is the residual connection, and it belongs to the
    block: attention returns only what it has to add."""
    parts = _parts(x, qkv_weight, qkv_bias, n_head)
    return x + _joined(*parts, out_weight, out_bias)


@multi_head.wrong
def the_past_hidden(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """Your queries see themselves and what comes after them: the mask is the wrong way
    up. Row t may look at the columns up to t."""
    parts = _parts(x, qkv_weight, qkv_bias, n_head)

    def attend(query, key, value, mask):
        return _attend(query, key, value, mask.T)

    return _joined(*parts, out_weight, out_bias, attend)


@multi_head.wrong
def scores_divided_by_the_head_size(
    x, qkv_weight, qkv_bias, out_weight, out_bias, n_head
):
    """Your scores are divided by D. It is √D: their standard deviation grows with the
    root."""
    parts = _parts(x, qkv_weight, qkv_bias, n_head)

    def attend(query, key, value, mask):
        return _attend(query, key, value, mask, scale=query.shape[-1])

    return _joined(*parts, out_weight, out_bias, attend)


@multi_head.wrong
def scores_scaled_by_the_number_of_heads(
    x, qkv_weight, qkv_bias, out_weight, out_bias, n_head
):
    """Your scores are divided by the root of the number of heads. It is that of a
    head's size, √D with D = C / H."""
    parts = _parts(x, qkv_weight, qkv_bias, n_head)

    def attend(query, key, value, mask):
        return _attend(query, key, value, mask, scale=n_head**0.5)

    return _joined(*parts, out_weight, out_bias, attend)


@multi_head.wrong
def keys_mixed_in_place_of_values(
    x, qkv_weight, qkv_bias, out_weight, out_bias, n_head
):
    """You mix the keys. Keys say where to look; what is mixed are the values."""
    query, key, _ = _parts(x, qkv_weight, qkv_bias, n_head)
    return _joined(query, key, key, out_weight, out_bias)

"""Exercises on attention: averaging the past, the mask, scores, heads.

Notebook 02. Every input has more than one head and sizes that differ from each other:
with one head, or with H = T, some faults cannot be seen.
"""

import math

import torch
import torch.nn.functional as F

from course_utils import attention as component
from course_utils.exercises.engine.clinics import Clinic
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor
from course_utils.exercises.engine.questions import Question

# --- the mean of the past -------------------------------------------------------------


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
    task="(B, T, C) -> (B, T, C): position t holds the mean of the positions 0 to t.",
    reference=mean_of_past,
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


# --- the mask -------------------------------------------------------------------------


def _length_cases(rng):
    yield (2,)
    yield (1,)
    for _ in range(2):
        yield (rng.randint(3, 7),)
    yield (rng.randint(8, 40),)


causal_mask = Exercise(
    name="attention.causal_mask",
    task="int T -> bool (T, T): True where a query (row) may look at a key (column), "
    "that is at itself and at what came before.",
    reference=component.causal_mask,
    cases=_length_cases,
    hints=(
        "What may position 0 look at? And the last one?",
        "T = 3 gives rows T F F, T T F, T T T, of dtype bool.",
        "a (T, T) tensor of ones, as bool\nkeep its lower triangle, diagonal included",
    ),
    proves="Every token sees itself and the past, nothing else.",
)


@causal_mask.wrong
def mask_transposed(T):
    """Your row 0 sees the future, and the last row only itself: the mask is transposed.
    The row is the query, the one who looks."""
    return torch.ones(T, T).triu().bool()


@causal_mask.wrong
def diagonal_hidden(T):
    """Nobody sees itself, and row 0 sees nothing at all: its softmax would be NaN. The
    diagonal belongs to the mask."""
    return torch.ones(T, T).tril(-1).bool()


@causal_mask.wrong
def True_where_it_is_hidden(T):
    """You mark what is hidden. Here True means "may look" (torch's own attention reads
    it so too)."""
    return torch.ones(T, T).triu(1).bool()


@causal_mask.wrong
def one_step_into_the_future(T):
    """Each row sees one position too many: tril(1) in the place of tril(). The next
    token is what the model has to guess."""
    return torch.ones(T, T).tril(1).bool()


@causal_mask.wrong
def everything_visible(T):
    """Nothing is hidden: this is an encoder's mask, as in BERT."""
    return torch.ones(T, T).bool()


# --- the mask with a past -------------------------------------------------------------


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


# --- softmax under a mask -------------------------------------------------------------


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


# --- scaled dot-product attention -----------------------------------------------------


def _attention_cases(rng):
    for B, H, T, D in ((1, 2, 3, 4), (2, 3, 1, 5), (2, 3, 4, 4), (2, 4, 7, 5)):
        query, key, value = (tensor(rng, B, H, T, D, scale=1.5) for _ in range(3))
        yield query, key, value, _lower(T)
    query = tensor(rng, 2, 2, 2, 8)
    key, value = tensor(rng, 2, 2, 6, 8), tensor(rng, 2, 2, 6, 8)
    yield query, key, value, torch.ones(2, 6).tril(4).bool()


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


# --- heads ----------------------------------------------------------------------------


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


def _join_cases(rng):
    for B, H, T, D in ((1, 2, 2, 3), (2, 3, 1, 2), (2, 2, 4, 4), (3, 4, 5, 2)):
        yield (tensor(rng, B, H, T, D),)


merge_heads = Exercise(
    name="attention.merge_heads",
    task="(B, H, T, D) -> (B, T, C): the inverse of split_heads, C = H · D.",
    reference=component.merge_heads,
    cases=_join_cases,
    hints=(
        "Which dimensions have to stand side by side before they can become one?",
        "(B, H, T, D) -> (B, T, H, D) -> (B, T, C)",
        "swap the dimensions H and T\nreshape to (B, T, H * D)",
    ),
    proves="Splitting and merging are exact inverses: no number moves.",
)


@merge_heads.wrong
def reshaped_without_transposing(x):
    """Reshaping alone puts numbers of other positions side by side: the past and the
    future mix. Swap H and T first."""
    B, H, T, D = x.shape
    return x.reshape(B, T, H * D)


@merge_heads.wrong
def view_of_a_transposed_tensor(x):
    """After transpose the numbers do not lie in order in memory, and view refuses that.
    reshape copies them into order (as .contiguous().view would)."""
    B, H, T, D = x.shape
    return x.transpose(1, 2).view(B, T, H * D)


@merge_heads.wrong
def heads_interleaved(x):
    """The channels of the heads alternate. Those of one head stay together: order them
    (B, T, H, D), not (B, T, D, H)."""
    B, H, T, D = x.shape
    return x.permute(0, 2, 3, 1).reshape(B, T, H * D)


@merge_heads.wrong
def heads_averaged(x):
    """You average the heads and lose C - D of the C numbers. Heads are put side by
    side; the output projection mixes them."""
    return x.mean(dim=1)


@merge_heads.wrong
def heads_kept_apart(x):
    """The heads are still a dimension of their own: (B, T, H, D). Join the last two."""
    return x.transpose(1, 2).contiguous()


# --- the whole layer ------------------------------------------------------------------


def _layer_cases(rng):
    # Every number is stirred: at the usual initialisation a missing bias is invisible.
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


def _parts(x, qkv_weight, qkv_bias, n_head):
    """Return query, key and value, each (B, H, T, D)."""
    parts = (x @ qkv_weight + qkv_bias).chunk(3, dim=-1)
    return [split_heads.reference(part, n_head) for part in parts]


def _joined(query, key, value, out_weight, out_bias, attend=_attend):
    """Return the layer's output from its query, key and value, with a causal mask."""
    output, _ = attend(query, key, value, _lower(query.shape[-2]))
    return merge_heads.reference(output) @ out_weight + out_bias


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


# --- bug clinic -----------------------------------------------------------------------


def _leaking(query, key, value, mask):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = F.softmax(scores, dim=-1).masked_fill(~mask, 0.0)
    return weights @ value, weights


leak = Clinic(
    name="attention.leak",
    complaint="A model trains with this attention function; its loss falls. The "
    "picture of its weights is triangular: above the diagonal every weight is exactly "
    "0. But when a late token is changed, early outputs move.",
    patient=_leaking,
    healthy=scaled_dot_product_attention.reference,
    suspects={
        "the mask is transposed": "the picture would be the upper triangle.",
        "the mask hides the diagonal": "row 0 would have no weight at all, and the "
        "diagonal of the picture would be 0.",
        "the mask comes after the softmax": "the rows would not sum to 1.",
        "the scores are not scaled": "early outputs would not move when a late token "
        "is changed, for what is masked stays masked.",
        "keys are used as values": "the weights would be right, their rows would sum "
        "to 1, and the future would stay hidden.",
    },
    fault="the mask comes after the softmax",
    evidence="The rows of its weights do not sum to 1: all but the last sum to less. "
    "The hidden scores are in softmax's denominator, and through it the future leaks "
    "into every weight. A picture of weights cannot show that; the prefix test does.",
)

# --- recall ---------------------------------------------------------------------------

QUESTIONS = (
    Question(
        "Why are the scores divided by √D before softmax?",
        "The variance of a dot product grows with D; unscaled, softmax saturates and "
        "its gradient vanishes.",
        (
            "attention.scaled_dot_product_attention: not scaled",
            "attention.scaled_dot_product_attention: scaled by all channels",
            "attention.multi_head: scores not scaled",
        ),
    ),
    Question(
        "In the causal mask, is the row the one who looks or the one looked at?",
        "The row is the query, the one who looks; the column is the key.",
        (
            "attention.causal_mask: mask transposed",
            "attention.causal_mask: True where it is hidden",
        ),
    ),
    Question(
        "The weights are exactly 0 above the diagonal. Is the future hidden for sure?",
        "No: masked after softmax, it is still in the denominator. Change a late token "
        "and look whether early outputs move.",
        (
            "attention.masked_softmax: mask after softmax",
            "attention.scaled_dot_product_attention: mask only after softmax",
            "attention.multi_head: masked too late",
        ),
    ),
    Question(
        "Why view(B, T, H, D).transpose(1, 2) and not view(B, H, T, D)?",
        "A view keeps the order in memory: (B, H, T, D) at once gives head 0 the first "
        "positions with all their channels.",
        (
            "attention.split_heads: viewed as B H T D at once",
            "attention.multi_head: heads cut with one view",
        ),
    ),
)

"""Exercises on the GPT block, and on the whole model as one function.

Notebook 03. Every parameter of every input is stirred: at GPT-2's own start all gains
are 1 and all biases 0, so a forgotten one could not be seen.
"""

import math

import torch
import torch.nn.functional as F

from course_utils import block as component
from course_utils.exercises import mine
from course_utils.exercises.chapters.attention import multi_head
from course_utils.exercises.engine.clinics import Clinic
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor
from course_utils.exercises.engine.questions import Question

# --- tokens and positions become vectors ----------------------------------------------


def _embedding_cases(rng):
    for B, T, C in ((1, 3, 2), (2, 1, 4), (3, 4, 3), (2, 6, 5)):
        V, longest = rng.randint(5, 9), rng.randint(10, 14)
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


# --- LayerNorm ------------------------------------------------------------------------


def _norm_cases(rng):
    def case(B, T, C, scale=1.0, shift=0.0):
        x = tensor(rng, B, T, C, scale=scale) + shift
        return x, 1 + tensor(rng, C, scale=0.3), tensor(rng, C, scale=0.3)

    yield case(1, 2, 3)
    yield case(2, 1, 4)
    yield case(2, 3, 5, scale=3.0, shift=2.0)
    yield case(3, 4, 6, scale=3e-3)  # variance as small as epsilon
    yield case(2, 7, 8, scale=20.0)


layer_norm = Exercise(
    name="block.layer_norm",
    task="(x (B, T, C), gain (C,), bias (C,)) -> (B, T, C): at each position, take the "
    "mean of its channels off and divide by √(variance + 1e-5); the variance divides "
    "by C. Then times gain, plus bias.",
    reference=component.layer_norm,
    cases=_norm_cases,
    hints=(
        "Over what do you average: over the text, or over the channels of one place?",
        "mean and variance are (B, T, 1): one of each per position (keepdim=True).",
        "mean over dim=-1, variance over dim=-1 with unbiased=False\n"
        "z = (x - mean) / sqrt(variance + 1e-5)\n"
        "return gain * z + bias",
    ),
    proves="Every position is put on one scale, by itself. GPT-2's LayerNorm is this.",
)


def _norm(x, gain, bias, dim=-1, epsilon=1e-5, unbiased=False):
    """Normalise in one of the wrong ways that the misconceptions below name."""
    mean = x.mean(dim=dim, keepdim=True)
    variance = x.var(dim=dim, keepdim=True, unbiased=unbiased)
    return gain * (x - mean) / torch.sqrt(variance + epsilon) + bias


@layer_norm.wrong
def variance_divided_by_C_minus_1(x, gain, bias):
    """You divide the variance by C - 1: torch's var and std do, unless they are told
    unbiased=False. With few channels it shows, with 768 it hides in the third digit."""
    return _norm(x, gain, bias, unbiased=True)


@layer_norm.wrong
def epsilon_outside_the_root(x, gain, bias):
    """Your epsilon is added to the root. It belongs under it: √(variance + 1e-5). The
    two part where the variance is small."""
    deviation = x.std(dim=-1, keepdim=True, unbiased=False)
    return gain * (x - x.mean(dim=-1, keepdim=True)) / (deviation + 1e-5) + bias


@layer_norm.wrong
def epsilon_left_out(x, gain, bias):
    """Epsilon is missing. A position whose channels are all equal would give 0/0."""
    return _norm(x, gain, bias, epsilon=0.0)


@layer_norm.wrong
def normalised_over_time(x, gain, bias):
    """You average over the text (dim=1). The future would leak through that mean.
    LayerNorm looks at the channels of one position: dim=-1."""
    return _norm(x, gain, bias, dim=1)


@layer_norm.wrong
def normalised_over_time_and_channels(x, gain, bias):
    """You average over a whole text, all places and channels together. Each position
    has a mean and a variance of its own."""
    return _norm(x, gain, bias, dim=(1, 2))


@layer_norm.wrong
def normalised_over_the_batch(x, gain, bias):
    """One mean per channel, over all texts and places: this is batch normalisation. A
    text would depend on its neighbours in the batch."""
    return _norm(x, gain, bias, dim=(0, 1))


@layer_norm.wrong
def mean_not_taken_off(x, gain, bias):
    """You divide without taking the mean off. Newer models do (RMSNorm, with the mean
    square), GPT-2 centres first."""
    variance = x.var(dim=-1, keepdim=True, unbiased=False)
    return gain * x / torch.sqrt(variance + 1e-5) + bias


@layer_norm.wrong
def root_of_the_mean_square(x, gain, bias):
    """This is RMSNorm: no mean is taken off, and the mean square stands in the place of
    the variance. Llama uses it; GPT-2 does not."""
    mean_square = x.pow(2).mean(dim=-1, keepdim=True)
    return gain * x / torch.sqrt(mean_square + 1e-5) + bias


@layer_norm.wrong
def only_centred(x, gain, bias):
    """The mean is gone, but nothing is divided: the scale still runs free."""
    return gain * (x - x.mean(dim=-1, keepdim=True)) + bias


@layer_norm.wrong
def divided_by_the_variance(x, gain, bias):
    """You divide by the variance. Divide by its root, the standard deviation."""
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, unbiased=False)
    return gain * (x - mean) / (variance + 1e-5) + bias


@layer_norm.wrong
def gain_and_bias_unused(x, gain, bias):
    """Gain and bias are not used. A new model has gains of 1 and biases of 0, so one
    sees it only with trained weights."""
    return F.layer_norm(x, gain.shape)


@layer_norm.wrong
def gain_unused(x, gain, bias):
    """The gain is not used. A new model has gains of 1: only trained weights show
    it."""
    return F.layer_norm(x, gain.shape, None, bias)


@layer_norm.wrong
def bias_unused(x, gain, bias):
    """The bias is not used. A new model has biases of 0: only trained weights show
    it."""
    return F.layer_norm(x, gain.shape, gain)


@layer_norm.wrong
def bias_added_before_the_gain(x, gain, bias):
    """You add the bias first and multiply after: gain · (z + bias). It is gain · z +
    bias."""
    return gain * (F.layer_norm(x, gain.shape) + bias)


# --- GELU -----------------------------------------------------------------------------


def _number_cases(rng):
    yield (torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]),)
    yield (tensor(rng, 3, 4, scale=2.0),)
    yield (tensor(rng, 2, 3, 5, scale=30.0),)


gelu = Exercise(
    name="block.gelu",
    task="(...) -> (...), number by number: GPT-2's GELU in its tanh form, "
    "½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))).",
    reference=component.gelu,
    cases=_number_cases,
    hints=(
        "What should come out for a large x? And for a very negative one?",
        "Any shape in, the same shape out: torch.tanh works number by number.",
        "inner = sqrt(2 / pi) * (x + 0.044715 * x ** 3)\n"
        "return 0.5 * x * (1 + tanh(inner))",
    ),
    proves="Large numbers pass, very negative ones stop, with a smooth bend between.",
)


_SCALE = math.sqrt(2 / math.pi)


def _gelu(x, outer=0.5, scale=_SCALE, power=3, one=1.0):
    """Bend in one of the wrong ways that the misconceptions below name."""
    return outer * x * (one + torch.tanh(scale * (x + 0.044715 * x**power)))


@gelu.wrong
def exact_form(x):
    """This is the exact GELU, x·Φ(x) (F.gelu's default). GPT-2 was trained with the
    tanh form. They differ by less than 0.0005, and in every layer again."""
    return F.gelu(x)


@gelu.wrong
def sigmoid_form(x):
    """This is x · sigmoid(1.702 x), a coarser stand-in from the same paper. GPT-2 uses
    the tanh form."""
    return x * torch.sigmoid(1.702 * x)


@gelu.wrong
def SiLU_used(x):
    """This is SiLU, x · sigmoid(x), which newer models use. It bends more slowly."""
    return F.silu(x)


@gelu.wrong
def ReLU_used(x):
    """This is ReLU. It has a corner at 0 and no slope left of it; GELU dips below 0."""
    return F.relu(x)


@gelu.wrong
def half_left_out(x):
    """The factor ½ is missing: 1 + tanh runs from 0 to 2."""
    return _gelu(x, outer=1.0)


@gelu.wrong
def one_left_out(x):
    """The 1 is missing: x · tanh is positive on both sides. 1 + tanh shuts the left."""
    return _gelu(x, one=0.0)


@gelu.wrong
def cube_left_out(x):
    """The cubic term 0.044715 · x³ is missing: it is what brings tanh near Φ."""
    return 0.5 * x * (1 + torch.tanh(_SCALE * x))


@gelu.wrong
def square_in_place_of_the_cube(x):
    """You square where the cube belongs. The cube keeps the sign."""
    return _gelu(x, power=2)


@gelu.wrong
def pi_outside_the_root(x):
    """√2/π is not √(2/π): the root covers both."""
    return _gelu(x, scale=math.sqrt(2) / math.pi)


# --- the MLP --------------------------------------------------------------------------


def _mlp_cases(rng):
    for B, T, C in ((1, 2, 2), (2, 1, 3), (2, 4, 5)):
        yield (
            tensor(rng, B, T, C, scale=1.5),
            tensor(rng, C, 4 * C, scale=0.6),
            tensor(rng, 4 * C, scale=0.6),
            tensor(rng, 4 * C, C, scale=0.6),
            tensor(rng, C, scale=0.6),
        )


def mlp(x, expand_weight, expand_bias, contract_weight, contract_bias):
    gelu = mine("block.gelu")
    bent = gelu(x @ expand_weight + expand_bias)  # (B, T, 4C)
    return bent @ contract_weight + contract_bias  # (B, T, C)


mlp = Exercise(
    name="block.mlp",
    task="(x (B, T, C), expand_weight (C, 4C), expand_bias (4C,), contract_weight "
    "(4C, C), contract_bias (C,)) -> (B, T, C): expand to 4C channels, bend with "
    "GPT-2's GELU, contract to C. Weights are used as x @ weight.",
    reference=mlp,
    cases=_mlp_cases,
    hints=(
        "What would two matrix products in a row be, with nothing between them?",
        "(B, T, C) -> (B, T, 4C) -> GELU, the same shape -> (B, T, C)",
        "wide = x @ expand_weight + expand_bias\n"
        "bent = gelu(wide)\n"
        "return bent @ contract_weight + contract_bias",
    ),
    proves="Each position works by itself. Two thirds of a block's numbers are here.",
)


def _mlp(x, w_in, b_in, w_out, b_out, bend=component.gelu):
    """Return the MLP of x with another bend, or with parts left out."""
    return bend(x @ w_in + b_in) @ w_out + b_out


@mlp.wrong
def nothing_bends(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """There is no GELU: two matrix products in a row are one matrix product, and the
    3C extra channels buy nothing."""
    return _mlp(
        x, expand_weight, expand_bias, contract_weight, contract_bias, lambda x: x
    )


@mlp.wrong
def bent_with_ReLU(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """You bend with ReLU, as the Transformer of 2017 does. GPT-2 uses GELU."""
    return _mlp(x, expand_weight, expand_bias, contract_weight, contract_bias, F.relu)


@mlp.wrong
def bent_with_the_exact_GELU(
    x, expand_weight, expand_bias, contract_weight, contract_bias
):
    """F.gelu is the exact form; GPT-2's is F.gelu(x, approximate="tanh")."""
    return _mlp(x, expand_weight, expand_bias, contract_weight, contract_bias, F.gelu)


@mlp.wrong
def bent_at_the_end(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """GELU comes last. It stands between the two products: what is added to the stream
    must be free to be negative."""
    wide = x @ expand_weight + expand_bias
    return component.gelu(wide @ contract_weight + contract_bias)


@mlp.wrong
def bent_twice(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """There is a GELU after the second product too. GPT-2 has one, in the middle."""
    return component.gelu(
        _mlp(x, expand_weight, expand_bias, contract_weight, contract_bias)
    )


@mlp.wrong
def expand_bias_left_out(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """expand_bias is missing. A new GPT-2 has biases of 0: only trained weights show
    it."""
    return _mlp(x, expand_weight, 0.0, contract_weight, contract_bias)


@mlp.wrong
def contract_bias_left_out(
    x, expand_weight, expand_bias, contract_weight, contract_bias
):
    """contract_bias is missing. A new GPT-2 has biases of 0: only trained weights show
    it."""
    return _mlp(x, expand_weight, expand_bias, contract_weight, 0.0)


@mlp.wrong
def stream_added_inside(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """You add x already here. The MLP only returns what is to be added; the block
    adds it, to the stream as it was before the LayerNorm."""
    return x + _mlp(x, expand_weight, expand_bias, contract_weight, contract_bias)


# --- the block ------------------------------------------------------------------------

# The twelve tensors of a block in GPT-2's names, and their shapes in units of C.
_BLOCK_SHAPES = {
    "ln_1.weight": (1,),
    "ln_1.bias": (1,),
    "attn.c_attn.weight": (1, 3),
    "attn.c_attn.bias": (3,),
    "attn.c_proj.weight": (1, 1),
    "attn.c_proj.bias": (1,),
    "ln_2.weight": (1,),
    "ln_2.bias": (1,),
    "mlp.c_fc.weight": (1, 4),
    "mlp.c_fc.bias": (4,),
    "mlp.c_proj.weight": (4, 1),
    "mlp.c_proj.bias": (1,),
}


def _block_weights(rng, C):
    """Return stirred weights of a block: N(0, 0.3), gains 1 + N(0, 0.3)."""
    return {
        name: tensor(rng, *(C * factor for factor in shape), scale=0.3)
        + (name.startswith("ln") and name.endswith("weight"))
        for name, shape in _BLOCK_SHAPES.items()
    }


def _block_cases(rng):
    for B, T, H, D in ((1, 3, 2, 2), (2, 1, 3, 2), (2, 5, 3, 4)):
        yield tensor(rng, B, T, H * D, scale=2.0), _block_weights(rng, H * D), H


def gpt_block(x, weights, n_head):
    layer_norm, mlp = mine("block.layer_norm"), mine("block.mlp")
    multi_head = mine("attention.multi_head")

    def pair(name):
        return weights[f"{name}.weight"], weights[f"{name}.bias"]

    y = layer_norm(x, *pair("ln_1"))
    x = x + multi_head(y, *pair("attn.c_attn"), *pair("attn.c_proj"), n_head)
    y = layer_norm(x, *pair("ln_2"))
    return x + mlp(y, *pair("mlp.c_fc"), *pair("mlp.c_proj"))


gpt_block = Exercise(
    name="block.gpt_block",
    task="(x (B, T, C), dict weights, int n_head) -> (B, T, C): GPT-2's block. "
    "Normalise (ln_1), attend, add to x; normalise (ln_2), MLP, add to x. weights has "
    "GPT-2's names, such as 'ln_1.weight' and 'attn.c_attn.bias'.",
    reference=gpt_block,
    cases=_block_cases,
    hints=(
        "Which x is added to: the one before the LayerNorm, or the one after?",
        "(B, T, C) all the way. layer_norm, multi_head and mlp are yours already.",
        "x = x + multi_head(layer_norm(x, *ln_1), *c_attn, *c_proj, n_head)\n"
        "x = x + mlp(layer_norm(x, *ln_2), *c_fc, *c_proj)\n"
        "where each name is a pair: weight, bias",
    ),
    proves="The stream runs straight through; both halves read a copy and add to it.",
)


def _pair(weights, name):
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _normalise(x, weights, which=1):
    return component.layer_norm(x, *_pair(weights, f"ln_{which}"))


def _attend(x, weights, n_head):
    parts = _pair(weights, "attn.c_attn") + _pair(weights, "attn.c_proj")
    return multi_head.reference(x, *parts, n_head)


def _think(x, weights, bend=component.gelu):
    parts = _pair(weights, "mlp.c_fc") + _pair(weights, "mlp.c_proj")
    return _mlp(x, *parts, bend)


def _block(x, weights, n_head, second_norm=2, bend=component.gelu):
    x = x + _attend(_normalise(x, weights), weights, n_head)
    return x + _think(_normalise(x, weights, second_norm), weights, bend)


@gpt_block.wrong
def normalised_after_adding(x, weights, n_head):
    """This is post-norm, as in the Transformer of 2017 and in BERT: the sum is
    normalised. GPT-2 is pre-norm: a half reads a normalised copy, the stream itself is
    never normalised."""
    x = _normalise(x + _attend(x, weights, n_head), weights)
    return _normalise(x + _think(x, weights), weights, 2)


@gpt_block.wrong
def nothing_is_added(x, weights, n_head):
    """Nothing is added: each half replaces the stream. Deep models of this kind hardly
    learn, as the early layers hear little of the loss."""
    x = _attend(_normalise(x, weights), weights, n_head)
    return _think(_normalise(x, weights, 2), weights)


@gpt_block.wrong
def attention_replaces_the_stream(x, weights, n_head):
    """After attention, x is not added: the token itself is lost, only what it looked at
    is left."""
    x = _attend(_normalise(x, weights), weights, n_head)
    return x + _think(_normalise(x, weights, 2), weights)


@gpt_block.wrong
def MLP_replaces_the_stream(x, weights, n_head):
    """After the MLP, x is not added: the block returns only what the MLP found."""
    x = x + _attend(_normalise(x, weights), weights, n_head)
    return _think(_normalise(x, weights, 2), weights)


@gpt_block.wrong
def added_to_the_normalised_stream(x, weights, n_head):
    """You overwrite x with its normalised copy and add to that. Add to x as it was: the
    stream goes by the LayerNorm, not through it."""
    x = _normalise(x, weights)
    x = x + _attend(x, weights, n_head)
    x = _normalise(x, weights, 2)
    return x + _think(x, weights)


@gpt_block.wrong
def one_LayerNorm_for_both_halves(x, weights, n_head):
    """ln_1 serves both halves, ln_2 is not used. In a new model the two are equal, so
    one sees it only with trained weights."""
    return _block(x, weights, n_head, second_norm=1)


@gpt_block.wrong
def LayerNorms_swapped(x, weights, n_head):
    """ln_1 and ln_2 are swapped: ln_1 comes before attention, ln_2 before the MLP."""
    x = x + _attend(_normalise(x, weights, 2), weights, n_head)
    return x + _think(_normalise(x, weights, 1), weights)


@gpt_block.wrong
def nothing_normalised(x, weights, n_head):
    """There is no LayerNorm: the halves read the stream as it is, and it grows with
    every layer."""
    x = x + _attend(x, weights, n_head)
    return x + _think(x, weights)


@gpt_block.wrong
def attention_reads_the_raw_stream(x, weights, n_head):
    """Attention reads x without ln_1. Only the MLP's half is normalised."""
    x = x + _attend(x, weights, n_head)
    return x + _think(_normalise(x, weights, 2), weights)


@gpt_block.wrong
def MLP_reads_the_raw_stream(x, weights, n_head):
    """The MLP reads x without ln_2. Only attention's half is normalised."""
    x = x + _attend(_normalise(x, weights), weights, n_head)
    return x + _think(x, weights)


@gpt_block.wrong
def both_halves_read_the_same_stream(x, weights, n_head):
    """Attention and MLP both read the x that came in, side by side, as in GPT-J. In
    GPT-2 the MLP reads what attention has added to."""
    attended = _attend(_normalise(x, weights), weights, n_head)
    return x + attended + _think(_normalise(x, weights, 2), weights)


@gpt_block.wrong
def MLP_before_attention(x, weights, n_head):
    """The MLP comes first. In GPT-2 attention gathers, then the MLP works on it."""
    x = x + _think(_normalise(x, weights, 2), weights)
    return x + _attend(_normalise(x, weights), weights, n_head)


@gpt_block.wrong
def exact_GELU_in_the_MLP(x, weights, n_head):
    """All is right but the bend: this is the exact GELU, GPT-2's has the tanh form."""
    return _block(x, weights, n_head, bend=F.gelu)


# --- counting -------------------------------------------------------------------------


def _size_cases(rng):
    yield 10, 4, 1, 2
    yield 11, 5, 3, 4
    for _ in range(3):
        sizes = rng.randint(20, 999), rng.randint(8, 99), rng.randint(2, 9)
        yield *sizes, 4 * rng.randint(2, 30)
    yield 50257, 1024, 12, 768


def count_parameters(vocab_size, n_positions, n_layer, n_embd):
    C = n_embd
    norm = 2 * C  # gain and bias
    attention = (C * 3 * C + 3 * C) + (C * C + C)  # in, out: weight and bias
    mlp = (C * 4 * C + 4 * C) + (4 * C * C + C)
    block = norm + attention + norm + mlp  # 12 C² + 13 C
    return vocab_size * C + n_positions * C + n_layer * block + norm


count_parameters = Exercise(
    name="block.count_parameters",
    task="(int vocab_size, int n_positions, int n_layer, int n_embd) -> int: how many "
    "numbers a GPT-2 of this size learns. The head is tied; every product has a bias.",
    reference=count_parameters,
    cases=_size_cases,
    hints=(
        "Go through the shapes. Do more attention heads need more numbers? Does the "
        "tied head at the end need any of its own?",
        "C = n_embd. A block: two norms of 2C; C × 3C and C × C; C × 4C and 4C × C; "
        "and the biases 3C, C, 4C, C.",
        "a block: 12 * C * C + 13 * C\n"
        "all: both tables + n_layer blocks + the final norm, 2 * C",
    ),
    proves="124,439,808 for the smallest GPT-2: the number that its code gives, too.",
)


def _count(V, n_positions, n_layer, C, block=None):
    block = 12 * C * C + 13 * C if block is None else block
    return V * C + n_positions * C + n_layer * block + 2 * C


@count_parameters.wrong
def tied_head_counted_again(vocab_size, n_positions, n_layer, n_embd):
    """You count V · C twice. The head is tied: it is the table of tokens again. Counted
    twice, the smallest GPT-2 would have 163 million."""
    extra = vocab_size * n_embd
    return _count(vocab_size, n_positions, n_layer, n_embd) + extra


@count_parameters.wrong
def biases_not_counted(vocab_size, n_positions, n_layer, n_embd):
    """The biases of the four products are missing: 3C + C + 4C + C in each block."""
    C = n_embd
    return _count(vocab_size, n_positions, n_layer, C, 12 * C * C + 4 * C)


@count_parameters.wrong
def norms_not_counted(vocab_size, n_positions, n_layer, n_embd):
    """No LayerNorm is counted: 2C each, two in a block and one at the end."""
    C = n_embd
    block = 12 * C * C + 9 * C
    return _count(vocab_size, n_positions, n_layer, C, block) - 2 * C


@count_parameters.wrong
def final_norm_not_counted(vocab_size, n_positions, n_layer, n_embd):
    """The LayerNorm after the last block is missing: 2C."""
    return _count(vocab_size, n_positions, n_layer, n_embd) - 2 * n_embd


@count_parameters.wrong
def one_norm_in_a_block(vocab_size, n_positions, n_layer, n_embd):
    """You count one LayerNorm in a block. There are two, one before each half."""
    C = n_embd
    return _count(vocab_size, n_positions, n_layer, C, 12 * C * C + 11 * C)


@count_parameters.wrong
def positions_not_counted(vocab_size, n_positions, n_layer, n_embd):
    """The table of positions is missing: in GPT-2 it is learnt, n_positions · C."""
    return _count(vocab_size, 0, n_layer, n_embd)


@count_parameters.wrong
def output_projection_not_counted(vocab_size, n_positions, n_layer, n_embd):
    """Attention's output projection is missing: C · C + C in each block."""
    C = n_embd
    return _count(vocab_size, n_positions, n_layer, C, 11 * C * C + 12 * C)


@count_parameters.wrong
def only_one_block(vocab_size, n_positions, n_layer, n_embd):
    """You count one block. There are n_layer of them, each with weights of its own."""
    return _count(vocab_size, n_positions, 1, n_embd)


@count_parameters.wrong
def MLP_not_widened(vocab_size, n_positions, n_layer, n_embd):
    """Your MLP has C channels inside. GPT-2's has 4C, which makes it two thirds of the
    block."""
    C = n_embd
    return _count(vocab_size, n_positions, n_layer, C, 6 * C * C + 10 * C)


# --- the start ------------------------------------------------------------------------


def _depth_cases(rng):
    yield (1,)
    yield (2,)
    yield (rng.randint(3, 48),)
    yield (rng.randint(49, 9999),)


def residual_std(n_layer):
    branches = 2 * n_layer  # attention and MLP of each layer add to the stream
    return 0.02 / math.sqrt(branches)


residual_std = Exercise(
    name="block.residual_std",
    task="int n_layer -> float: the standard deviation at which the weights start that "
    "write to the stream, two in each layer. All writers together shall add as much "
    "as a single one at 0.02 would, at any depth.",
    reference=residual_std,
    cases=_depth_cases,
    tolerance=1e-9,
    hints=(
        "Add n independent numbers of variance 1. What is the variance of the sum? And "
        "its standard deviation?",
        "One number: 0.02 divided by something that grows with n_layer.",
        "writers = 2 * n_layer\nreturn 0.02 / sqrt(writers)",
    ),
    proves="Variances add up: n writers, each smaller by √n, add as much as one.",
)


@residual_std.wrong
def one_writer_in_a_layer(n_layer):
    """You count one writer in a layer. There are two: attention and MLP."""
    return 0.02 / math.sqrt(n_layer)


@residual_std.wrong
def divided_without_the_root(n_layer):
    """You divide by the number of writers. Independent numbers add in their variances,
    so the standard deviation of a sum grows with the root of their number."""
    return 0.02 / (2 * n_layer)


@residual_std.wrong
def divided_by_the_layers(n_layer):
    """You divide by the number of layers. Each has two writers, and independent numbers
    add in their variances: the standard deviation grows with a root."""
    return 0.02 / n_layer


@residual_std.wrong
def not_made_smaller(n_layer):
    """All weights start at 0.02: the deeper the model, the larger its stream."""
    return 0.02


@residual_std.wrong
def made_larger(n_layer):
    """You multiply by the root. The more writers there are, the less each may add."""
    return 0.02 * math.sqrt(2 * n_layer)


@residual_std.wrong
def variance_in_place_of_the_deviation(n_layer):
    """This is the variance. The standard deviation is its root."""
    return 0.02**2 / (2 * n_layer)


# --- your own GPT ---------------------------------------------------------------------


def _gpt_weights(rng, V, n_positions, n_layer, C):
    """Return stirred weights under the names of transformers' GPT-2."""
    tokens = tensor(rng, V, C, scale=0.3)
    weights = {
        "transformer.wte.weight": tokens,
        "transformer.wpe.weight": tensor(rng, n_positions, C, scale=0.3),
    }
    for i in range(n_layer):
        for name, value in _block_weights(rng, C).items():
            weights[f"transformer.h.{i}.{name}"] = value
    weights["transformer.ln_f.weight"] = 1 + tensor(rng, C, scale=0.3)
    weights["transformer.ln_f.bias"] = tensor(rng, C, scale=0.3)
    weights["lm_head.weight"] = tokens  # tied
    return weights


def _gpt_cases(rng):
    # Eleven layers: "h.10" comes before "h.2" where names are sorted as text.
    for B, T, n_layer, H, D in ((1, 4, 1, 2, 3), (2, 5, 3, 3, 2), (2, 1, 2, 2, 4),
                                (1, 6, 11, 2, 2)):  # fmt: skip
        V = rng.randint(12, 17)
        ids = [[rng.randrange(V) for _ in range(T)] for _ in range(B)]
        yield torch.tensor(ids), _gpt_weights(rng, V, 9, n_layer, H * D), H


def my_gpt(ids, weights, n_head):
    embed, gpt_block = mine("block.embed"), mine("block.gpt_block")
    layer_norm = mine("block.layer_norm")

    def part(prefix):  # the weights whose names start so, without that start
        chosen = [name for name in weights if name.startswith(prefix)]
        return {name.removeprefix(prefix): weights[name] for name in chosen}

    tokens = weights["transformer.wte.weight"]
    positions = weights["transformer.wpe.weight"]
    x = embed(ids, tokens, positions)  # (B, T, C)
    layer = 0
    while block_weights := part(f"transformer.h.{layer}."):
        x = gpt_block(x, block_weights, n_head)  # (B, T, C)
        layer += 1
    final = part("transformer.ln_f.")
    x = layer_norm(x, final["weight"], final["bias"])
    return x @ tokens.T  # (B, T, V): the tied head


my_gpt = Exercise(
    name="block.my_gpt",
    task="(ids (B, T), dict weights, int n_head) -> logits (B, T, V): GPT-2. weights "
    "is the state_dict() of transformers' GPT2LMHeadModel; n_layer shows in its names. "
    "Embed, all blocks, the final LayerNorm ln_f, the tied head.",
    reference=my_gpt,
    cases=_gpt_cases,
    tolerance=5e-5,
    seconds=10.0,
    hints=(
        "Which of your functions comes first, which is repeated, which is last? With "
        "what does the head compare a position's vector?",
        "embed -> (B, T, C); gpt_block and layer_norm keep it; (B, T, C) @ (C, V).",
        "x = embed(ids, wte, wpe)\n"
        "for each layer i: take the weights named transformer.h.{i}.…, without that "
        "start\n    x = gpt_block(x, these, n_head)\n"
        "x = layer_norm(x, ln_f.weight, ln_f.bias)\n"
        "return x @ wte.T",
    ),
    proves="A whole GPT-2 of your own: give it OpenAI's weights and it is theirs.",
)


def _layers(weights):
    """Return the weights of each block, in order."""
    n_layer = sum(name.endswith("ln_1.weight") for name in weights)
    return [
        {name: weights[f"transformer.h.{i}.{name}"] for name in _BLOCK_SHAPES}
        for i in range(n_layer)
    ]


def _embedded(ids, weights):
    tables = weights["transformer.wte.weight"], weights["transformer.wpe.weight"]
    return embed.reference(ids, *tables)


def _finish(x, weights):
    x = component.layer_norm(x, *_pair(weights, "transformer.ln_f"))
    return x @ weights["transformer.wte.weight"].T


def _stacked(ids, weights, n_head, layers, block=_block):
    """Return the logits that these layers give, in this order."""
    x = _embedded(ids, weights)
    for layer in layers:
        x = block(x, layer, n_head)
    return _finish(x, weights)


@my_gpt.wrong
def final_norm_left_out(ids, weights, n_head):
    """The final LayerNorm, ln_f, is missing: in a pre-norm model nothing else brings
    the stream to one scale before the head."""
    x = _embedded(ids, weights)
    for layer in _layers(weights):
        x = _block(x, layer, n_head)
    return x @ weights["transformer.wte.weight"].T


@my_gpt.wrong
def probabilities_in_place_of_logits(ids, weights, n_head):
    """You return probabilities. Logits are asked for: the loss and the temperature need
    them, and softmax comes last, outside the model."""
    return _stacked(ids, weights, n_head, _layers(weights)).softmax(dim=-1)


@my_gpt.wrong
def only_the_last_position(ids, weights, n_head):
    """You return the logits after the last token. All positions are asked for:
    training learns from each of them."""
    return _stacked(ids, weights, n_head, _layers(weights))[:, -1]


@my_gpt.wrong
def positions_added_in_every_layer(ids, weights, n_head):
    """The positions are added again before each block. GPT-2 adds them once; the stream
    carries them on."""
    positions = weights["transformer.wpe.weight"][: ids.shape[1]]

    def block(x, layer, n_head):
        return _block(x + positions, layer, n_head)

    layers = _layers(weights)
    x = _block(_embedded(ids, weights), layers[0], n_head)
    for layer in layers[1:]:
        x = block(x, layer, n_head)
    return _finish(x, weights)


@my_gpt.wrong
def the_first_block_again_and_again(ids, weights, n_head):
    """Every layer uses the weights of block 0. Each layer has weights of its own."""
    layers = _layers(weights)
    return _stacked(ids, weights, n_head, layers[:1] * len(layers))


@my_gpt.wrong
def layers_sorted_as_text(ids, weights, n_head):
    """With more than ten layers your order is 0, 1, 10, 2: names sorted as text. Count
    with numbers."""
    layers = _layers(weights)
    order = sorted(range(len(layers)), key=str)
    return _stacked(ids, weights, n_head, [layers[i] for i in order])


@my_gpt.wrong
def layers_from_the_last_to_the_first(ids, weights, n_head):
    """You go through the layers backwards. Block 0 comes first."""
    return _stacked(ids, weights, n_head, _layers(weights)[::-1])


@my_gpt.wrong
def last_block_left_out(ids, weights, n_head):
    """The last block is missing: look at the end of your loop."""
    return _stacked(ids, weights, n_head, _layers(weights)[:-1])


@my_gpt.wrong
def tokens_without_positions(ids, weights, n_head):
    """wpe is not used: no token knows where it stands."""
    x = weights["transformer.wte.weight"][ids]
    for layer in _layers(weights):
        x = _block(x, layer, n_head)
    return _finish(x, weights)


@my_gpt.wrong
def final_norm_after_every_block(ids, weights, n_head):
    """ln_f is applied after each block. It stands once, after the last one."""
    x = _embedded(ids, weights)
    for layer in _layers(weights):
        x = _block(x, layer, n_head)
        x = component.layer_norm(x, *_pair(weights, "transformer.ln_f"))
    return x @ weights["transformer.wte.weight"].T


# --- bug clinic -----------------------------------------------------------------------


def _one_norm_for_two(ids, weights, n_head):
    def block(x, layer, n_head):
        return _block(x, layer, n_head, second_norm=1)

    return _stacked(ids, weights, n_head, _layers(weights), block)


one_for_two = Clinic(
    name="block.one_for_two",
    complaint="This GPT gives the very logits of transformers' GPT-2 when both are "
    "new, and its loss falls. But given trained weights it writes nonsense.",
    patient=_one_norm_for_two,
    healthy=my_gpt.reference,
    suspects={
        "the final LayerNorm is missing": "the logits would differ already when the "
        "model is new, and the first part to differ would be final_norm.",
        "GELU has its exact form": "a new model would show it, by little, and the "
        "first part to differ would be what goes into mlp.contract.",
        "positions start at 1": "a new model would show it, in the very first sum.",
        "ln_1 serves both halves of a block": "the first part to differ would be "
        "norm_2: new LayerNorms are all equal, trained ones are not.",
        "no LayerNorm uses its gain": "a new model could not show it, true; but the "
        "first part to differ would be norm_1 of block 0.",
    },
    fault="ln_1 serves both halves of a block",
    evidence="The first part that differs is blocks.0.norm_2: what went in was right, "
    "what came out was not. A new model has gains of 1 and biases of 0 everywhere, so "
    "there ln_1 and ln_2 are one function. Stir every weight before you compare.",
)

# --- recall ---------------------------------------------------------------------------

QUESTIONS = (
    Question(
        "To what does a GPT-2 block add attention's result: to x, or to the normalised "
        "x?",
        "To x as it was. Each half reads a normalised copy; the stream itself goes by.",
        (
            "block.gpt_block: normalised after adding",
            "block.gpt_block: added to the normalised stream",
            "block.gpt_block: nothing is added",
        ),
    ),
    Question(
        "LayerNorm takes a mean and a variance. Over what?",
        "Over the C channels of one position. Over time, the future would leak.",
        (
            "block.layer_norm: normalised over time",
            "block.layer_norm: normalised over the batch",
            "block.layer_norm: normalised over time and channels",
        ),
    ),
    Question(
        "Your model agrees with GPT-2 at the start, weights N(0, 0.02). What may still "
        "be wrong?",
        "Everything that gains of 1 and biases of 0 hide: a forgotten bias, one "
        "LayerNorm in the place of two. Compare with stirred weights.",
        (
            "block.gpt_block: one LayerNorm for both halves",
            "block.layer_norm: gain and bias unused",
            "block.mlp: expand bias left out",
        ),
    ),
    Question(
        "Why does the tied head add no parameters?",
        "It is the table of token vectors again: a position's score for a token is the "
        "product of their vectors.",
        ("block.count_parameters: tied head counted again",),
    ),
)

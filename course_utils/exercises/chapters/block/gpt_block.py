"""The block: exercise gpt_block and its mistakes."""

import torch.nn.functional as F

from course_utils import block as component
from course_utils.exercises import mine
from course_utils.exercises.chapters.attention.multi_head import multi_head
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor

from .mlp import _mlp

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
    """Return random weights of a block: N(0, 0.3), gains 1 + N(0, 0.3)."""
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


def _pair(weights, name):
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _normalise(x, weights, which=1):
    return component.layer_norm(x, *_pair(weights, f"ln_{which}"))


def _attend(x, weights, n_head):
    parts = _pair(weights, "attn.c_attn") + _pair(weights, "attn.c_proj")
    return multi_head.reference(x, *parts, n_head)


def _think(x, weights, activation=component.gelu):
    parts = _pair(weights, "mlp.c_fc") + _pair(weights, "mlp.c_proj")
    return _mlp(x, *parts, activation)


def _block(x, weights, n_head, second_norm=2, activation=component.gelu):
    x = x + _attend(_normalise(x, weights), weights, n_head)
    return x + _think(_normalise(x, weights, second_norm), weights, activation)


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
    """All is right but the activation: this is the exact GELU, GPT-2's has the tanh
    form."""
    return _block(x, weights, n_head, activation=F.gelu)


@gpt_block.wrong
def attention_not_kept_in_the_end(x, weights, n_head):
    """You add the MLP's result to the x that came in: what attention added is lost. The
    second half goes on from the sum of the first."""
    middle = x + _attend(_normalise(x, weights), weights, n_head)
    return x + _think(_normalise(middle, weights, 2), weights)

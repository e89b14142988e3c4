"""The MLP: exercise mlp and its mistakes."""

import torch.nn.functional as F

from course_utils import block as component
from course_utils.exercises import mine
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


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
    hidden = gelu(x @ expand_weight + expand_bias)  # (B, T, 4C)
    return hidden @ contract_weight + contract_bias  # (B, T, C)


def _mlp(x, w_in, b_in, w_out, b_out, activation=component.gelu):
    """Return the MLP of x with another activation, or with parts left out."""
    return activation(x @ w_in + b_in) @ w_out + b_out


mlp = Exercise(
    name="block.mlp",
    task="(x (B, T, C), expand_weight (C, 4C), expand_bias (4C,), contract_weight "
    "(4C, C), contract_bias (C,)) -> (B, T, C): expand to 4C channels, GPT-2's "
    "GELU, contract to C. Weights are used as x @ weight.",
    reference=mlp,
    cases=_mlp_cases,
    hints=(
        "What would two matrix products in a row be, with nothing between them?",
        "(B, T, C) -> (B, T, 4C) -> GELU, the same shape -> (B, T, C)",
        "wide = x @ expand_weight + expand_bias\n"
        "hidden = gelu(wide)\n"
        "return hidden @ contract_weight + contract_bias",
    ),
    proves="Each position works by itself. Two thirds of a block's numbers are here.",
)


@mlp.wrong
def no_activation(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """There is no GELU: two matrix products in a row are one matrix product, and the
    3C extra channels buy nothing."""
    return _mlp(
        x, expand_weight, expand_bias, contract_weight, contract_bias, lambda x: x
    )


@mlp.wrong
def ReLU_used(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """You use ReLU, as the Transformer of 2017 does. GPT-2 uses GELU."""
    return _mlp(x, expand_weight, expand_bias, contract_weight, contract_bias, F.relu)


@mlp.wrong
def the_exact_GELU(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """F.gelu is the exact form; GPT-2's is F.gelu(x, approximate="tanh")."""
    return _mlp(x, expand_weight, expand_bias, contract_weight, contract_bias, F.gelu)


@mlp.wrong
def GELU_at_the_end(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """GELU comes last. It stands between the two products: what is added to the stream
    must be free to be negative."""
    wide = x @ expand_weight + expand_bias
    return component.gelu(wide @ contract_weight + contract_bias)


@mlp.wrong
def GELU_twice(x, expand_weight, expand_bias, contract_weight, contract_bias):
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


@mlp.wrong
def bias_added_after_GELU(x, w_in, b_in, w_out, b_out):
    """You apply GELU first and add the bias of the expansion after that. The bias
    belongs to the product: add it, then apply GELU."""
    return (component.gelu(x @ w_in) + b_in) @ w_out + b_out


@mlp.wrong
def bent_before_expanding(x, w_in, b_in, w_out, b_out):
    """You bend x itself and expand then. Two products with nothing between them are one
    product: bend between expanding and contracting."""
    return (component.gelu(x) @ w_in + b_in) @ w_out + b_out


@mlp.wrong
def bent_with_tanh(x, w_in, b_in, w_out, b_out):
    """You bend with tanh alone. GELU's formula holds a tanh, but it is more than that:
    take the function of the exercise before."""
    return _mlp(x, w_in, b_in, w_out, b_out, lambda hidden: hidden.tanh())


@mlp.wrong
def bent_with_silu(x, w_in, b_in, w_out, b_out):
    """You bend with SiLU, x · sigmoid(x), as later models do. GPT-2 bends with GELU."""
    return _mlp(x, w_in, b_in, w_out, b_out, F.silu)

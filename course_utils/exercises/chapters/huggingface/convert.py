"""Weights of one in the other: exercise convert and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor

# Our name of a block's weight -> GPT-2's.
_IN_A_BLOCK = {
    "norm_1.gain": "ln_1.weight",
    "norm_1.bias": "ln_1.bias",
    "attention.query_key_value.weight": "attn.c_attn.weight",
    "attention.query_key_value.bias": "attn.c_attn.bias",
    "attention.project.weight": "attn.c_proj.weight",
    "attention.project.bias": "attn.c_proj.bias",
    "norm_2.gain": "ln_2.weight",
    "norm_2.bias": "ln_2.bias",
    "mlp.expand.weight": "mlp.c_fc.weight",
    "mlp.expand.bias": "mlp.c_fc.bias",
    "mlp.contract.weight": "mlp.c_proj.weight",
    "mlp.contract.bias": "mlp.c_proj.bias",
}


_OUTSIDE = {
    "token_embedding.weight": "wte.weight",
    "position_embedding.weight": "wpe.weight",
    "final_norm.gain": "ln_f.weight",
    "final_norm.bias": "ln_f.bias",
}


def _names(n_layer):
    """Return our name -> transformers' for a whole model."""
    blocks = {
        f"blocks.{i}.{ours}": f"h.{i}.{theirs}"
        for i in range(n_layer)
        for ours, theirs in _IN_A_BLOCK.items()
    }
    return {ours: f"transformer.{name}" for ours, name in (_OUTSIDE | blocks).items()}


def _their_weights(rng, V, n_positions, n_layer, C):
    """Return random weights under transformers' names, in its layout."""
    shapes = {
        "c_attn.weight": (C, 3 * C), "c_attn.bias": (3 * C,),
        "c_fc.weight": (C, 4 * C), "c_fc.bias": (4 * C,),
        "attn.c_proj.weight": (C, C), "mlp.c_proj.weight": (4 * C, C),
        "wte.weight": (V, C), "wpe.weight": (n_positions, C),
    }  # fmt: skip
    weights = {}
    for name in _names(n_layer).values():
        shape = next((s for end, s in shapes.items() if name.endswith(end)), (C,))
        weights[name] = tensor(rng, *shape)
    weights["lm_head.weight"] = weights["transformer.wte.weight"]  # tied
    return weights


def _weight_cases(rng):
    # V = C and n_positions = C: tables may be square too.
    for V, n_positions, n_layer, C in ((5, 3, 1, 2), (4, 4, 1, 4), (7, 5, 2, 3)):
        yield _their_weights(rng, V, n_positions, n_layer, C), _names(n_layer)


def convert(weights, names):
    ours = {}
    for our_name, name in names.items():
        part, kind = name.split(".")[-2:]
        is_conv1d = part in ("c_attn", "c_proj", "c_fc") and kind == "weight"
        ours[our_name] = weights[name].T if is_conv1d else weights[name]
    return ours


def _converted(weights, names, is_transposed, turn=torch.t):
    """Return weights under our names, those that ``is_transposed`` names turned."""
    return {
        ours: turn(weights[name]) if is_transposed(name) else weights[name]
        for ours, name in names.items()
    }


def _is_conv1d(name):
    return name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight"))


convert = Exercise(
    name="huggingface.convert",
    task="(dict weights, dict names) -> dict: the weights of transformers' GPT-2 for "
    "our model. names maps each of our names to theirs. Their c_attn, c_proj and c_fc "
    "store a matrix as (in, out), our nn.Linear as (out, in).",
    reference=convert,
    cases=_weight_cases,
    hints=(
        "How many of the twelve weights of a block are matrices? Which tables outside "
        "the blocks must stay as they are?",
        "c_attn.weight (C, 3C) -> (3C, C); c_proj.weight (C, C) -> (C, C), and yet "
        "transposed; biases and wte, wpe unchanged.",
        "for each our_name, name in names:\n"
        "    weight = weights[name]\n"
        "    if name ends in c_attn.weight, c_proj.weight or c_fc.weight:\n"
        "        weight = weight.T\n    store it under our_name",
    ),
    proves="A GPT-2 of Hugging Face's becomes one of ours, number for number.",
)


@convert.wrong
def nothing_transposed(weights, names):
    """You only change the names. Conv1D stores (in, out), Linear (out, in): transpose
    the four matrices of each block."""
    return _converted(weights, names, lambda name: False)


@convert.wrong
def square_matrices_not_transposed(weights, names):
    """You transpose only where the shape does not fit. attn.c_proj is square: it fits
    either way, loads without a word, and is wrong."""
    return _converted(
        weights, names, lambda name: _is_conv1d(name) and "attn.c_proj" not in name
    )


@convert.wrong
def every_matrix_transposed(weights, names):
    """You transpose the tables of tokens and positions too. An embedding is (rows, C)
    in both: only Conv1D is the other way round."""
    return _converted(weights, names, lambda name: weights[name].dim() == 2)


@convert.wrong
def MLP_not_transposed(weights, names):
    """You transpose attention's two matrices and leave the MLP's. c_fc and mlp.c_proj
    are Conv1D as well."""
    return _converted(weights, names, lambda n: _is_conv1d(n) and ".attn." in n)


@convert.wrong
def attention_not_transposed(weights, names):
    """You transpose the MLP's two matrices and leave attention's. c_attn and
    attn.c_proj are Conv1D as well."""
    return _converted(weights, names, lambda n: _is_conv1d(n) and ".mlp." in n)


@convert.wrong
def reshaped_in_place_of_transposed(weights, names):
    """You reshape to (out, in). The shape is right, and the numbers stand in the wrong
    places: .T turns rows into columns, .reshape only cuts the rows anew."""
    return _converted(
        weights, names, _is_conv1d, lambda weight: weight.reshape(weight.shape[::-1])
    )


@convert.wrong
def query_and_key_exchanged(weights, names):
    """c_attn holds query, key and value in this order, side by side. You put the keys
    first."""
    result = _converted(weights, names, _is_conv1d)
    for name in result:
        if "query_key_value" in name:
            query, key, value = result[name].chunk(3)
            result[name] = torch.cat([key, query, value])
    return result


@convert.wrong
def their_names_kept(weights, names):
    """The weights are right and stand under transformers' names: our model would not
    find them. The new dictionary has the keys of names."""
    return {
        names[ours]: weight
        for ours, weight in convert.reference(weights, names).items()
    }


@convert.wrong
def a_head_of_its_own(weights, names):
    """You add the head. It is tied: our head is the table of tokens and has no weights
    of its own. A copy would part from the table in the first step of training."""
    head = {"head.weight": weights["lm_head.weight"]}
    return convert.reference(weights, names) | head


@convert.wrong
def biases_left_out(weights, names):
    """The biases are missing. In GPT-2 every product and every LayerNorm has one."""
    result = convert.reference(weights, names)
    return {name: w for name, w in result.items() if not name.endswith("bias")}


@convert.wrong
def final_norm_left_out(weights, names):
    """The final LayerNorm is missing: ln_f stands outside the blocks."""
    result = convert.reference(weights, names)
    return {name: w for name, w in result.items() if not name.startswith("final")}


@convert.wrong
def projections_not_transposed(weights, names):
    """Every c_proj is left as it was, in attention and MLP. All three of GPT-2's Conv1D
    matrices in a block's halves are stored (in, out): c_attn, c_proj and c_fc."""
    return _converted(
        weights, names, lambda name: _is_conv1d(name) and "c_proj" not in name
    )

"""Your own GPT: exercise my_gpt and its mistakes."""

import torch

from course_utils import block as component
from course_utils.exercises import mine
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor

from .embed import embed
from .gpt_block import _BLOCK_SHAPES, _block, _block_weights, _pair


def _gpt_weights(rng, V, n_positions, n_layer, C):
    """Return random weights under the names of transformers' GPT-2."""
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


@my_gpt.wrong
def only_the_first_block(ids, weights, n_head):
    """One block ran. All of them do, one after the other: n_layer shows in the names,
    h.0 to h.(n_layer - 1)."""
    return _stacked(ids, weights, n_head, _layers(weights)[:1])


@my_gpt.wrong
def the_head_left_out(ids, weights, n_head):
    """You return the states, C numbers at each position. The head makes V scores of
    them: times the table of tokens, transposed."""
    x = _embedded(ids, weights)
    for layer in _layers(weights):
        x = _block(x, layer, n_head)
    return component.layer_norm(x, *_pair(weights, "transformer.ln_f"))


@my_gpt.wrong
def positions_from_1(ids, weights, n_head):
    """Your first token stands at position 1. Positions start at 0."""
    x = weights["transformer.wte.weight"][ids]
    x = x + weights["transformer.wpe.weight"][1 : ids.shape[1] + 1]
    for layer in _layers(weights):
        x = _block(x, layer, n_head)
    return _finish(x, weights)

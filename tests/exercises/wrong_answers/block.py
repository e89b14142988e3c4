"""Wrong answers to the exercises on the GPT block."""

import math

import torch
import torch.nn.functional as F

from .collection import to


@to("block.embed", "positions start at 1")
def _(ids, token_table, position_table):
    """Positions from 1."""
    T = ids.shape[1]
    return token_table[ids] + position_table[torch.arange(1, T + 1)]


@to("block.embed", "positions left out")
def _(ids, token_table, position_table):
    """The tokens' rows alone."""
    return token_table[ids]


@to("block.embed", "one position for the whole text")
def _(ids, token_table, position_table):
    """Position 0 everywhere."""
    return token_table[ids] + position_table[0]


@to("block.embed", "the id used as the position")
def _(ids, token_table, position_table):
    """Looks the ids up in the table of positions too."""
    return token_table[ids] + position_table[ids % len(position_table)]


@to("block.embed", "vectors put side by side")
def _(ids, token_table, position_table):
    """Side by side (2C channels), not added."""
    positions = position_table[: ids.shape[1]].expand(ids.shape[0], -1, -1)
    return torch.cat([token_table[ids], positions], dim=-1)


@to("block.embed", "the text of the batch as the position")
def _(ids, token_table, position_table):
    """The row number of the batch in the place of the position."""
    B = ids.shape[0]
    return token_table[ids] + position_table[torch.arange(B)][:, None]


@to("block.embed", "multiplied in place of added")
def _(ids, token_table, position_table):
    """Times, not plus."""
    return token_table[ids] * position_table[: ids.shape[1]]


def _norm(x, gain, bias, dim=-1, unbiased=False, epsilon=1e-5):
    mean = x.mean(dim, keepdim=True)
    variance = x.var(dim, keepdim=True, unbiased=unbiased)
    return (x - mean) / torch.sqrt(variance + epsilon) * gain + bias


@to("block.layer_norm", "variance divided by C minus 1")
def _(x, gain, bias):
    """The variance divides by C - 1, as torch's var does."""
    return _norm(x, gain, bias, unbiased=True)


@to("block.layer_norm", "normalised over time")
def _(x, gain, bias):
    """Over the positions, not the channels."""
    return _norm(x, gain, bias, dim=1)


@to("block.layer_norm", "epsilon outside the root")
def _(x, gain, bias):
    """epsilon outside the root."""
    mean = x.mean(-1, keepdim=True)
    std = x.var(-1, keepdim=True, unbiased=False).sqrt()
    return (x - mean) / (std + 1e-5) * gain + bias


@to("block.layer_norm", "divided by the variance")
def _(x, gain, bias):
    """Divides by the variance, no root."""
    mean = x.mean(-1, keepdim=True)
    variance = x.var(-1, keepdim=True, unbiased=False)
    return (x - mean) / (variance + 1e-5) * gain + bias


@to("block.layer_norm", "root of the mean square")
def _(x, gain, bias):
    """The mean is not taken off (RMSNorm)."""
    return x / torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-5) * gain + bias


@to("block.layer_norm", "gain and bias unused")
def _(x, gain, bias):
    """Gain and bias are forgotten."""
    return _norm(x, 1, 0)


@to("block.layer_norm", "epsilon left out")
def _(x, gain, bias):
    """No epsilon."""
    return _norm(x, gain, bias, epsilon=0)


@to("block.layer_norm", "normalised over time and channels")
def _(x, gain, bias):
    """Over positions and channels together."""
    return _norm(x, gain, bias, dim=(1, 2))


@to("block.layer_norm", "bias added before the gain")
def _(x, gain, bias):
    """The bias before the gain: gain · (n + bias)."""
    return (_norm(x, 1, 0) + bias) * gain


@to("block.layer_norm")
def _(x, gain, bias):
    """keepdim forgotten: the shapes do not fit."""
    return (x - x.mean(-1)) / (x.var(-1) + 1e-5).sqrt() * gain + bias


@to("block.gelu", "exact form")
def _(x):
    """The exact GELU, with erf."""
    return F.gelu(x)


@to("block.gelu", "ReLU used")
def _(x):
    """ReLU."""
    return torch.relu(x)


@to("block.gelu", "x in place of its cube")
def _(x):
    """The cube is forgotten: x + 0.044715 · x."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x)))


@to("block.gelu", "bracket closed too early")
def _(x):
    """The bracket ends early: the root multiplies x alone."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * x + 0.044715 * x**3))


@to("block.gelu", "sigmoid form")
def _(x):
    """x · sigmoid(1.702 x), a rougher formula."""
    return x * torch.sigmoid(1.702 * x)


@to("block.gelu", "the root upside down")
def _(x):
    """√(π/2) for √(2/π)."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(math.pi / 2) * (x + 0.044715 * x**3)))


@to("block.gelu", "half left out")
def _(x):
    """The half is forgotten."""
    return x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@to("block.gelu", "two over pi without the root")
def _(x):
    """No root: 2/π."""
    return 0.5 * x * (1 + torch.tanh(2 / math.pi * (x + 0.044715 * x**3)))


@to("block.gelu", "ten times the cubic term")
def _(x):
    """0.44715 for 0.044715."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.44715 * x**3)))


def _gelu(x):
    return F.gelu(x, approximate="tanh")


@to("block.mlp", "no activation")
def _(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """No activation in between."""
    return (x @ expand_weight + expand_bias) @ contract_weight + contract_bias


@to("block.mlp", "ReLU used")
def _(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """ReLU for GELU."""
    hidden = torch.relu(x @ expand_weight + expand_bias)
    return hidden @ contract_weight + contract_bias


@to("block.mlp", "the exact GELU")
def _(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """The exact GELU."""
    hidden = F.gelu(x @ expand_weight + expand_bias)
    return hidden @ contract_weight + contract_bias


@to("block.mlp", "contract bias left out")
def _(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """The second product's bias is forgotten."""
    return _gelu(x @ expand_weight + expand_bias) @ contract_weight


@to("block.mlp", "stream added inside")
def _(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """A residual, which is the block's."""
    hidden = _gelu(x @ expand_weight + expand_bias)
    return x + hidden @ contract_weight + contract_bias


@to("block.mlp", "GELU twice")
def _(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """GELU at the end as well."""
    hidden = _gelu(x @ expand_weight + expand_bias)
    return _gelu(hidden @ contract_weight + contract_bias)


@to("block.mlp")
def _(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """Weights transposed, as nn.functional.linear takes them."""
    return F.linear(_gelu(F.linear(x, expand_weight, expand_bias)), contract_weight)


@to("block.mlp", "bias added after GELU")
def _(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """GELU before the bias is added."""
    hidden = _gelu(x @ expand_weight) + expand_bias
    return hidden @ contract_weight + contract_bias


def _attend(x, w, n_head):
    B, T, C = x.shape
    qkv = x @ w["attn.c_attn.weight"] + w["attn.c_attn.bias"]
    q, k, v = (
        part.view(B, T, n_head, -1).transpose(1, 2) for part in qkv.split(C, dim=-1)
    )
    merged = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    merged = merged.transpose(1, 2).reshape(B, T, C)
    return merged @ w["attn.c_proj.weight"] + w["attn.c_proj.bias"]


def _bend(x, w):
    hidden = _gelu(x @ w["mlp.c_fc.weight"] + w["mlp.c_fc.bias"])
    return hidden @ w["mlp.c_proj.weight"] + w["mlp.c_proj.bias"]


def _ln(x, w, which):
    return F.layer_norm(
        x, x.shape[-1:], w[f"{which}.weight"], w[f"{which}.bias"], eps=1e-5
    )


@to("block.gpt_block", "normalised after adding")
def _(x, weights, n_head):
    """Post-norm: normalises after adding."""
    x = _ln(x + _attend(x, weights, n_head), weights, "ln_1")
    return _ln(x + _bend(x, weights), weights, "ln_2")


@to("block.gpt_block", "nothing is added")
def _(x, weights, n_head):
    """No residual connections."""
    x = _attend(_ln(x, weights, "ln_1"), weights, n_head)
    return _bend(_ln(x, weights, "ln_2"), weights)


@to("block.gpt_block", "added to the normalised stream")
def _(x, weights, n_head):
    """Added to the normalised stream, not to x."""
    x = _ln(x, weights, "ln_1")
    x = x + _attend(x, weights, n_head)
    x = _ln(x, weights, "ln_2")
    return x + _bend(x, weights)


@to("block.gpt_block", "MLP before attention")
def _(x, weights, n_head):
    """The MLP first, then attention."""
    x = x + _bend(_ln(x, weights, "ln_2"), weights)
    return x + _attend(_ln(x, weights, "ln_1"), weights, n_head)


@to("block.gpt_block", "both halves read the same stream")
def _(x, weights, n_head):
    """Both halves read the old x (in parallel)."""
    attended = _attend(_ln(x, weights, "ln_1"), weights, n_head)
    return x + attended + _bend(_ln(x, weights, "ln_2"), weights)


@to("block.gpt_block", "one LayerNorm for both halves")
def _(x, weights, n_head):
    """ln_1 twice."""
    x = x + _attend(_ln(x, weights, "ln_1"), weights, n_head)
    return x + _bend(_ln(x, weights, "ln_1"), weights)


@to("block.gpt_block", "MLP replaces the stream")
def _(x, weights, n_head):
    """The second residual is forgotten."""
    x = x + _attend(_ln(x, weights, "ln_1"), weights, n_head)
    return _bend(_ln(x, weights, "ln_2"), weights)


@to("block.gpt_block", "nothing normalised")
def _(x, weights, n_head):
    """No LayerNorm at all."""
    x = x + _attend(x, weights, n_head)
    return x + _bend(x, weights)


@to("block.count_parameters", "tied head counted again")
def _(vocab_size, n_positions, n_layer, n_embd):
    """The head counts again."""
    C = n_embd
    block = 12 * C * C + 13 * C
    return 2 * vocab_size * C + n_positions * C + n_layer * block + 2 * C


@to("block.count_parameters", "final norm not counted")
def _(vocab_size, n_positions, n_layer, n_embd):
    """The final LayerNorm is forgotten."""
    C = n_embd
    return vocab_size * C + n_positions * C + n_layer * (12 * C * C + 13 * C)


@to("block.count_parameters", "biases not counted")
def _(vocab_size, n_positions, n_layer, n_embd):
    """No biases."""
    C = n_embd
    return (vocab_size + n_positions) * C + n_layer * (12 * C * C + 4 * C) + 2 * C


@to("block.count_parameters", "positions not counted")
def _(vocab_size, n_positions, n_layer, n_embd):
    """The positions are forgotten."""
    C = n_embd
    return vocab_size * C + n_layer * (12 * C * C + 13 * C) + 2 * C


@to("block.count_parameters", "norms without a bias")
def _(vocab_size, n_positions, n_layer, n_embd):
    """LayerNorm has only a gain."""
    C = n_embd
    return (vocab_size + n_positions) * C + n_layer * (12 * C * C + 11 * C) + C


@to("block.count_parameters", "matrices and tables alone")
def _(vocab_size, n_positions, n_layer, n_embd):
    """12 · n_layer · C² and the tables: matrices alone."""
    return 12 * n_layer * n_embd**2 + (vocab_size + n_positions) * n_embd


@to("block.count_parameters", "only one block")
def _(vocab_size, n_positions, n_layer, n_embd):
    """One block, whatever n_layer says."""
    C = n_embd
    return (vocab_size + n_positions) * C + 12 * C * C + 13 * C + 2 * C


@to("block.residual_std", "one sublayer in a layer")
def _(n_layer):
    """One sublayer a layer: √n_layer."""
    return 0.02 / math.sqrt(n_layer)


@to("block.residual_std", "divided without the root")
def _(n_layer):
    """Divides by the number of sublayers, no root."""
    return 0.02 / (2 * n_layer)


@to("block.residual_std", "made larger")
def _(n_layer):
    """Grows with depth: times the root."""
    return 0.02 * math.sqrt(2 * n_layer)


@to("block.residual_std", "not made smaller")
def _(n_layer):
    """0.02 at any depth."""
    return 0.02


@to("block.residual_std", "variance in place of the deviation")
def _(n_layer):
    """The variance in the place of the standard deviation."""
    return 0.02**2 / (2 * n_layer)


@to("block.residual_std", "two outside the root")
def _(n_layer):
    """The 2 stands outside the root."""
    return 0.02 / (2 * math.sqrt(n_layer))


def _gpt(ids, weights, n_head, positions=0, final=True, blocks=None, head=True):
    w = {name.removeprefix("transformer."): t for name, t in weights.items()}
    x = w["wte.weight"][ids]
    if positions is not None:
        start = positions
        x = x + w["wpe.weight"][start : start + ids.shape[1]]
    n_layer = 1 + max(int(n.split(".")[1]) for n in w if n.startswith("h."))
    for i in blocks(n_layer) if blocks else range(n_layer):
        own = {n.removeprefix(f"h.{i}."): t for n, t in w.items() if f"h.{i}." in n[:6]}
        x = x + _attend(_ln(x, own, "ln_1"), own, n_head)
        x = x + _bend(_ln(x, own, "ln_2"), own)
    if final:
        x = _ln(x, w, "ln_f")
    return x @ w["wte.weight"].T if head else x


@to("block.my_gpt", "final norm left out")
def _(ids, weights, n_head):
    """The final LayerNorm is forgotten."""
    return _gpt(ids, weights, n_head, final=False)


@to("block.my_gpt", "tokens without positions")
def _(ids, weights, n_head):
    """No positions."""
    return _gpt(ids, weights, n_head, positions=None)


@to("block.my_gpt", "only the first block")
def _(ids, weights, n_head):
    """Only the first block runs."""
    return _gpt(ids, weights, n_head, blocks=lambda n: [0])


@to("block.my_gpt", "the head left out")
def _(ids, weights, n_head):
    """The head is forgotten: (B, T, C) comes."""
    return _gpt(ids, weights, n_head, head=False)


@to("block.my_gpt", "probabilities in place of logits")
def _(ids, weights, n_head):
    """Softmax at the end: probabilities, no logits."""
    return torch.softmax(_gpt(ids, weights, n_head), dim=-1)


@to("block.my_gpt", "layers from the last to the first")
def _(ids, weights, n_head):
    """The blocks from last to first."""
    return _gpt(ids, weights, n_head, blocks=lambda n: reversed(range(n)))


@to("block.my_gpt", "only the last position")
def _(ids, weights, n_head):
    """The last position's logits alone."""
    return _gpt(ids, weights, n_head)[:, -1]


@to("block.my_gpt", "positions from 1")
def _(ids, weights, n_head):
    """Positions from 1."""
    return _gpt(ids, weights, n_head, positions=1)


@to("block.my_gpt", "last block left out")
def _(ids, weights, n_head):
    """range(n_layer - 1): the last block is left out."""
    return _gpt(ids, weights, n_head, blocks=lambda n: range(n - 1))

"""A second set of wrong answers: block."""

import math

import torch
import torch.nn.functional as F

from course_utils.exercises.course import CATALOGUE

from ..collection import to_second as to


def mine(name):
    return CATALOGUE.find(name).reference


@to("block.embed", "positions start at 1")
def _(ids, token_table, position_table):
    """Positions counted from 1."""
    T = ids.shape[1]
    positions = torch.arange(1, T + 1)
    return token_table[ids] + position_table[positions]


@to("block.embed", "vectors put side by side")
def _(ids, token_table, position_table):
    """Concatenates in place of adding."""
    tokens = token_table[ids]
    positions = position_table[: ids.shape[1]].expand_as(tokens)
    return torch.cat([tokens, positions], dim=-1)


@to("block.embed", "the id used as the position")
def _(ids, token_table, position_table):
    """Looks the position up by the token id."""
    return token_table[ids] + position_table[ids]


@to("block.layer_norm", "variance divided by C minus 1")
def _(x, gain, bias):
    """Unbiased variance (torch.var's default)."""
    mu = x.mean(-1, keepdim=True)
    var = x.var(-1, keepdim=True)
    return gain * (x - mu) / torch.sqrt(var + 1e-5) + bias


@to("block.layer_norm", "epsilon outside the root")
def _(x, gain, bias):
    """Epsilon outside of the root."""
    mu = x.mean(dim=-1, keepdim=True)
    centred = x - mu
    std = (centred**2).mean(dim=-1, keepdim=True).sqrt()
    return centred / (std + 1e-5) * gain + bias


@to("block.layer_norm", "normalised over time")
def _(x, gain, bias):
    """Normalises over positions (dim 1)."""
    mean = x.mean(dim=1, keepdim=True)
    variance = x.var(dim=1, unbiased=False, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt() * gain + bias


@to("block.gelu", "exact form")
def _(x):
    """Exact GELU with erf."""
    return F.gelu(x)


@to("block.gelu", "the coefficient cubed too")
def _(x):
    """0.044715 cubed together with x."""
    inner = math.sqrt(2 / math.pi) * (x + (0.044715 * x) ** 3)
    return 0.5 * x * (1 + torch.tanh(inner))


@to("block.gelu", "pi outside the root")
def _(x):
    """Root of 2 over pi: sqrt(2)/pi."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2) / math.pi * (x + 0.044715 * x**3)))


@to("block.mlp", "no activation")
def _(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """No activation."""
    h = x @ expand_weight + expand_bias
    return h @ contract_weight + contract_bias


@to("block.mlp", "the exact GELU")
def _(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """Exact GELU."""
    hidden = F.gelu(x @ expand_weight + expand_bias)
    return hidden @ contract_weight + contract_bias


@to("block.mlp", "GELU twice")
def _(x, expand_weight, expand_bias, contract_weight, contract_bias):
    """Activation also after the contraction."""
    x = F.gelu(x @ expand_weight + expand_bias, approximate="tanh")
    x = F.gelu(x @ contract_weight + contract_bias, approximate="tanh")
    return x


@to("block.gpt_block", "normalised after adding")
def _(x, weights, n_head):
    """Post-norm: normalises the sum."""
    w = weights
    attention = mine("attention.multi_head")
    norm, feed = mine("block.layer_norm"), mine("block.mlp")
    a = attention(
        x,
        w["attn.c_attn.weight"],
        w["attn.c_attn.bias"],
        w["attn.c_proj.weight"],
        w["attn.c_proj.bias"],
        n_head,
    )
    x = norm(x + a, w["ln_1.weight"], w["ln_1.bias"])
    m = feed(
        x,
        w["mlp.c_fc.weight"],
        w["mlp.c_fc.bias"],
        w["mlp.c_proj.weight"],
        w["mlp.c_proj.bias"],
    )
    return norm(x + m, w["ln_2.weight"], w["ln_2.bias"])


@to("block.gpt_block", "added to the normalised stream")
def _(x, weights, n_head):
    """Residual adds the normalised copy, not the stream."""
    w = weights
    C = x.shape[-1]
    x = F.layer_norm(x, (C,), w["ln_1.weight"], w["ln_1.bias"])
    x = x + mine("attention.multi_head")(
        x,
        w["attn.c_attn.weight"],
        w["attn.c_attn.bias"],
        w["attn.c_proj.weight"],
        w["attn.c_proj.bias"],
        n_head,
    )
    x = F.layer_norm(x, (C,), w["ln_2.weight"], w["ln_2.bias"])
    x = x + mine("block.mlp")(
        x,
        w["mlp.c_fc.weight"],
        w["mlp.c_fc.bias"],
        w["mlp.c_proj.weight"],
        w["mlp.c_proj.bias"],
    )
    return x


@to("block.gpt_block", "both halves read the same stream")
def _(x, weights, n_head):
    """MLP and attention read the same input, in parallel (GPT-J style)."""
    w = weights
    h = mine("block.layer_norm")(x, w["ln_1.weight"], w["ln_1.bias"])
    attended = mine("attention.multi_head")(
        h,
        w["attn.c_attn.weight"],
        w["attn.c_attn.bias"],
        w["attn.c_proj.weight"],
        w["attn.c_proj.bias"],
        n_head,
    )
    g = mine("block.layer_norm")(x, w["ln_2.weight"], w["ln_2.bias"])
    fed = mine("block.mlp")(
        g,
        w["mlp.c_fc.weight"],
        w["mlp.c_fc.bias"],
        w["mlp.c_proj.weight"],
        w["mlp.c_proj.bias"],
    )
    return x + attended + fed


@to("block.count_parameters", "tied head counted again")
def _(vocab_size, n_positions, n_layer, n_embd):
    """Counts the head again although it is tied."""
    C = n_embd
    block = (
        2 * 2 * C + C * 3 * C + 3 * C + C * C + C + C * 4 * C + 4 * C + 4 * C * C + C
    )
    return vocab_size * C + n_positions * C + n_layer * block + 2 * C + C * vocab_size


@to("block.count_parameters", "final norm not counted")
def _(vocab_size, n_positions, n_layer, n_embd):
    """Forgets the final LayerNorm."""
    attention = 4 * n_embd**2 + 4 * n_embd
    feed_forward = 8 * n_embd**2 + 5 * n_embd
    norms = 4 * n_embd
    return (vocab_size + n_positions) * n_embd + n_layer * (
        attention + feed_forward + norms
    )


@to("block.count_parameters", "norms without a bias")
def _(vocab_size, n_positions, n_layer, n_embd):
    """The LayerNorms have gains but no biases."""
    C = n_embd
    total = vocab_size * C + n_positions * C
    for _ in range(n_layer):
        total += C  # ln_1
        total += C * 3 * C + 3 * C
        total += C * C + C
        total += C  # ln_2
        total += C * 4 * C + 4 * C
        total += 4 * C * C + C
    return total + C


@to("block.residual_std", "one sublayer in a layer")
def _(n_layer):
    """Divides by root of n_layer: forgets that a layer writes twice."""
    return 0.02 / math.sqrt(n_layer)


@to("block.residual_std", "divided without the root", "divided by the layers")
def _(n_layer):
    """Divides by 2 n_layer, no root."""
    return 0.02 / (2 * n_layer)


@to("block.residual_std", "two outside the root")
def _(n_layer):
    """The 2 stays outside of the root."""
    return 0.02 / 2 / n_layer**0.5


@to("block.my_gpt", "final norm left out")
def _(ids, weights, n_head):
    """Forgets the final LayerNorm."""
    n_layer = 1 + max(
        int(k.split(".")[2]) for k in weights if k.startswith("transformer.h.")
    )
    wte, wpe = weights["transformer.wte.weight"], weights["transformer.wpe.weight"]
    x = mine("block.embed")(ids, wte, wpe)
    for i in range(n_layer):
        prefix = f"transformer.h.{i}."
        w = {
            k.removeprefix(prefix): v
            for k, v in weights.items()
            if k.startswith(prefix)
        }
        x = mine("block.gpt_block")(x, w, n_head)
    return x @ wte.T


@to("block.my_gpt", "the first block again and again")
def _(ids, weights, n_head):
    """Uses only the first block's weights in every layer."""
    n_layer = 1 + max(
        int(k.split(".")[2]) for k in weights if k.startswith("transformer.h.")
    )
    wte, wpe = weights["transformer.wte.weight"], weights["transformer.wpe.weight"]
    x = mine("block.embed")(ids, wte, wpe)
    for i in range(n_layer):
        prefix = "transformer.h.0."
        w = {
            k.removeprefix(prefix): v
            for k, v in weights.items()
            if k.startswith(prefix)
        }
        x = mine("block.gpt_block")(x, w, n_head)
    x = mine("block.layer_norm")(
        x, weights["transformer.ln_f.weight"], weights["transformer.ln_f.bias"]
    )
    return x @ wte.T


@to("block.my_gpt", "probabilities in place of logits")
def _(ids, weights, n_head):
    """Gives probabilities, not logits."""
    n_layer = 1 + max(
        int(k.split(".")[2]) for k in weights if k.startswith("transformer.h.")
    )
    wte, wpe = weights["transformer.wte.weight"], weights["transformer.wpe.weight"]
    x = mine("block.embed")(ids, wte, wpe)
    for i in range(n_layer):
        prefix = f"transformer.h.{i}."
        w = {
            k.removeprefix(prefix): v
            for k, v in weights.items()
            if k.startswith(prefix)
        }
        x = mine("block.gpt_block")(x, w, n_head)
    x = mine("block.layer_norm")(
        x, weights["transformer.ln_f.weight"], weights["transformer.ln_f.bias"]
    )
    return F.softmax(x @ wte.T, dim=-1)

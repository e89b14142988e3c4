"""Wrong answers to the exercises on parts since GPT-2, by who wrote their mistakes."""

import math

import torch
import torch.nn.functional as F

from .collection import to


@to("modern.rms_norm", "mean taken off")
def _(x, gain):
    """LayerNorm without its bias."""
    return F.layer_norm(x, x.shape[-1:], gain, eps=1e-6)


@to("modern.rms_norm", "sum of squares")
def _(x, gain):
    """The length of the vector in place of the root mean square."""
    return gain * x / (x.norm(dim=-1, keepdim=True) + 1e-6)


@to("modern.rms_norm", "root left out")
def _(x, gain):
    """No root."""
    return gain * x / (x.pow(2).mean(-1, keepdim=True) + 1e-6)


@to("modern.rms_norm", "divided by the deviation")
def _(x, gain):
    """The spread, by torch's std."""
    return gain * x / torch.sqrt(x.var(-1, keepdim=True, correction=0) + 1e-6)


@to("modern.rms_norm")
def _(x, gain):
    """The largest channel in place of the root mean square."""
    return gain * x / x.abs().amax(-1, keepdim=True)


@to("modern.rms_norm", "epsilon of layer norm")
def _(x, gain):
    """An epsilon of 1e-5, as LayerNorm has it."""
    return gain * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)


def _two_angles(x, positions, base):
    D = x.shape[-1]
    return positions[:, None] * base ** (-2 * torch.arange(D // 2) / D)


@to("modern.rotate", "neighbours paired")
def _(x, positions, base):
    """Complex numbers of neighbours, as Meta's code has it."""
    angles = _two_angles(x, positions, base)
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    turned = pairs * torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(turned).flatten(-2)


@to("modern.rotate", "turned the other way")
def _(x, positions, base):
    """The signs of the sines are exchanged."""
    angles = _two_angles(x, positions, base)
    a, b = x.chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos + b * sin, b * cos - a * sin], -1)


@to("modern.rotate", "exponent halved")
def _(x, positions, base):
    """The exponent without its 2."""
    D = x.shape[-1]
    angles = positions[:, None] / base ** (torch.arange(D // 2) / D)
    a, b = x.chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


@to("modern.rotate", "places in place of positions")
def _(x, positions, base):
    """Counts from 0 whatever positions say."""
    angles = _two_angles(x, torch.arange(x.shape[-2]), base)
    a, b = x.chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


@to("modern.rotate", "sine and cosine exchanged")
def _(x, positions, base):
    """Sine and cosine exchanged."""
    angles = _two_angles(x, positions, base)
    a, b = x.chunk(2, -1)
    sin, cos = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


@to("modern.rotate")
def _(x, positions, base):
    """Multiplies by cosines only."""
    angles = _two_angles(x, positions, base)
    return x * torch.cat([angles.cos(), angles.cos()], -1)


def _causal(scores):
    T = scores.shape[-1]
    return scores.masked_fill(torch.ones(T, T).triu(1).bool(), -torch.inf)


@to("modern.grouped_attention", "heads dealt out in turn")
def _(query, key, value):
    """repeat in place of repeat_interleave, along the heads."""
    n = query.shape[1] // key.shape[1]
    key, value = key.repeat(1, n, 1, 1), value.repeat(1, n, 1, 1)
    return F.scaled_dot_product_attention(query, key, value, is_causal=True)


@to("modern.grouped_attention", "future seen")
def _(query, key, value):
    """torch's own with grouped heads, not causal."""
    return F.scaled_dot_product_attention(query, key, value, enable_gqa=True)


@to("modern.grouped_attention", "one key for all")
def _(query, key, value):
    """Broadcasts the first key."""
    scores = query @ key[:, 0:1].transpose(-1, -2) / math.sqrt(query.shape[-1])
    return _causal(scores).softmax(-1) @ value[:, 0:1]


@to("modern.grouped_attention")
def _(query, key, value):
    """Scaled by the root of H."""
    n = query.shape[1] // key.shape[1]
    key, value = (w.repeat_interleave(n, 1) for w in (key, value))
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[1])
    return _causal(scores).softmax(-1) @ value


@to("modern.grouped_attention", "masked after the softmax")
def _(query, key, value):
    """Masks after the softmax, without scaling again."""
    n = query.shape[1] // key.shape[1]
    key, value = (w.repeat_interleave(n, 1) for w in (key, value))
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    return scores.softmax(-1).tril() @ value


@to("modern.grouped_attention", "only G heads", "type")
def _(query, key, value):
    """The first G queries only."""
    query = query[:, : key.shape[1]]
    return F.scaled_dot_product_attention(query, key, value, is_causal=True)


@to("modern.window_mask", "one too wide")
def _(T, window):
    """Itself and `window` more."""
    ones = torch.ones(T, T)
    return ones.tril().bool() & ones.triu(-window).bool()


@to("modern.window_mask", "true where hidden")
def _(T, window):
    """True where a query may not look."""
    seen = torch.ones(T, T).tril().triu(1 - window).bool()
    return ~seen


@to("modern.window_mask", "into the future")
def _(T, window):
    """Rows and columns exchanged."""
    return torch.ones(T, T).tril().triu(1 - window).bool().T


@to("modern.window_mask", "dtype")
def _(T, window):
    """Ones and zeros in place of True and False."""
    return torch.ones(T, T).tril().triu(1 - window)


@to("modern.window_mask", "no window")
def _(T, window):
    """The window is forgotten."""
    return torch.ones(T, T).tril().bool()


@to("modern.window_mask", "window to both sides")
def _(T, window):
    """As wide to the right."""
    places = torch.arange(T)
    return (places[:, None] - places).abs() < window


@to("modern.swiglu", "silu of both")
def _(x, gate_weight, expand_weight, contract_weight):
    """silu on both projections."""
    return (F.silu(x @ gate_weight) * F.silu(x @ expand_weight)) @ contract_weight


@to("modern.swiglu", "gate and expand exchanged")
def _(x, gate_weight, expand_weight, contract_weight):
    """silu on the wrong one."""
    return ((x @ gate_weight) * F.silu(x @ expand_weight)) @ contract_weight


@to("modern.swiglu", "sigmoid alone")
def _(x, gate_weight, expand_weight, contract_weight):
    """A sigmoid gate."""
    return ((x @ gate_weight).sigmoid() * (x @ expand_weight)) @ contract_weight


@to("modern.swiglu", "gelu tanh gate")
def _(x, gate_weight, expand_weight, contract_weight):
    """GPT-2's GELU as the gate."""
    gate = F.gelu(x @ gate_weight, approximate="tanh")
    return (gate * (x @ expand_weight)) @ contract_weight


@to("modern.swiglu", "added")
def _(x, gate_weight, expand_weight, contract_weight):
    """A sum in place of a product."""
    return (F.silu(x @ gate_weight) + (x @ expand_weight)) @ contract_weight


@to("modern.swiglu", "silu of the input")
def _(x, gate_weight, expand_weight, contract_weight):
    """The gate's silu is taken of x."""
    return ((F.silu(x) @ gate_weight) * (x @ expand_weight)) @ contract_weight


@to("modern.route", "shares not scaled")
def _(scores, k):
    """The shares are those among all."""
    values, places = torch.softmax(scores, -1).topk(k)
    return places, values


@to("modern.route", "softmax twice")
def _(scores, k):
    """softmax once more over the chosen."""
    values, places = torch.softmax(scores, -1).topk(k)
    return places, torch.softmax(values, -1)


@to("modern.route", "results exchanged")
def _(scores, k):
    """Shares before experts, as topk gives them."""
    values, places = torch.softmax(scores, -1).topk(k)
    return values / values.sum(-1, keepdim=True), places


@to("modern.route", "sigmoid shares")
def _(scores, k):
    """sigmoid in place of softmax."""
    values, places = torch.sigmoid(scores).topk(k)
    return places, values / values.sum(-1, keepdim=True)


@to("modern.route", "the worst experts")
def _(scores, k):
    """The smallest probabilities."""
    places = scores.topk(k, largest=False).indices
    chosen = torch.softmax(scores, -1).gather(-1, places)
    return places, chosen / chosen.sum(-1, keepdim=True)


@to("modern.route")
def _(scores, k):
    """Scaled by the largest, not by the sum."""
    values, places = torch.softmax(scores, -1).topk(k)
    return places, values / values.amax(-1, keepdim=True)

"""A second set of wrong answers: modern."""

import torch
import torch.nn.functional as F

from ..collection import to_second as to


@to("modern.rms_norm", "mean taken off")
def _(x, gain):
    """Takes the mean off, as LayerNorm does."""
    x = x - x.mean(-1, keepdim=True)
    return gain * x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()


@to("modern.rms_norm", "sum of squares")
def _(x, gain):
    """Divides by the length: sum and not mean of the squares."""
    size = torch.sqrt((x * x).sum(dim=-1, keepdim=True) + 1e-6)
    return x / size * gain


@to("modern.rms_norm")
def _(x, gain):
    """Square of the mean and not mean of the squares."""
    ms = x.mean(dim=-1, keepdim=True) ** 2
    return gain * x * torch.rsqrt(ms + 1e-6)


@to("modern.rotate", "neighbours paired")
def _(x, positions, base):
    """Neighbours make a pair."""
    D = x.shape[-1]
    i = torch.arange(D // 2)
    angles = positions[:, None] * base ** (-2 * i / D)
    a, b = x[..., 0::2], x[..., 1::2]
    first = a * angles.cos() - b * angles.sin()
    second = b * angles.cos() + a * angles.sin()
    return torch.stack([first, second], dim=-1).flatten(-2)


@to("modern.rotate", "turned the other way")
def _(x, positions, base):
    """Turns the other way."""
    D = x.shape[-1]
    angles = positions[:, None] * base ** (-2 * torch.arange(D // 2) / D)
    cos, sin = angles.cos(), angles.sin()
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos + b * sin, b * cos - a * sin], dim=-1)


@to("modern.rotate", "exponent halved")
def _(x, positions, base):
    """Exponent -i/D, the 2 is missing."""
    half = x.shape[-1] // 2
    frequency = base ** (-torch.arange(half) / (2 * half))
    angles = torch.outer(positions.float(), frequency)
    a, b = x[..., :half], x[..., half:]
    return torch.cat(
        [a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], -1
    )


@to("modern.grouped_attention", "heads dealt out in turn")
def _(query, key, value):
    """Repeat in place of repeat_interleave: heads 0, G, 2G share."""
    n = query.shape[1] // key.shape[1]
    key, value = key.repeat(1, n, 1, 1), value.repeat(1, n, 1, 1)
    return F.scaled_dot_product_attention(query, key, value, is_causal=True)


@to("modern.grouped_attention", "future seen")
def _(query, key, value):
    """No causal mask."""
    H, G = query.shape[1], key.shape[1]
    key = key.repeat_interleave(H // G, dim=1)
    value = value.repeat_interleave(H // G, dim=1)
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    return scores.softmax(dim=-1) @ value


@to("modern.grouped_attention", "not scaled")
def _(query, key, value):
    """No scaling."""
    B, H, T, D = query.shape
    group = [h * key.shape[1] // H for h in range(H)]
    k, v = key[:, group], value[:, group]
    scores = query @ k.mT
    future = torch.ones(T, T).triu(1).bool()
    return torch.softmax(scores.masked_fill(future, -torch.inf), -1) @ v


@to("modern.window_mask", "one too wide")
def _(T, window):
    """One too many: the window does not count the position itself."""
    q, k = torch.arange(T)[:, None], torch.arange(T)
    return (k <= q) & (k >= q - window)


@to("modern.window_mask", "window to both sides", "not causal")
def _(T, window):
    """Sees forward too."""
    i = torch.arange(T)
    return (i[:, None] - i[None, :]).abs() < window


@to("modern.window_mask")
def _(T, window):
    """Hides the window and shows what lies further back."""
    ones = torch.ones(T, T, dtype=torch.bool)
    return ones.tril(-window)


@to("modern.swiglu", "sigmoid alone")
def _(x, gate_weight, expand_weight, contract_weight):
    """Sigmoid as the gate, not silu (GLU)."""
    gate = torch.sigmoid(x @ gate_weight)
    return (gate * (x @ expand_weight)) @ contract_weight


@to("modern.swiglu", "gate and expand exchanged")
def _(x, gate_weight, expand_weight, contract_weight):
    """Silu on the expanding projection, not on the gate."""
    return (F.silu(x @ expand_weight) * (x @ gate_weight)) @ contract_weight


@to("modern.swiglu", "added")
def _(x, gate_weight, expand_weight, contract_weight):
    """Adds the two."""
    z = x @ gate_weight
    return (z * torch.sigmoid(z) + x @ expand_weight) @ contract_weight


@to("modern.route", "shares not scaled")
def _(scores, k):
    """Shares are not scaled to 1."""
    shares, chosen = scores.softmax(dim=-1).topk(k, dim=-1)
    return chosen, shares


@to("modern.route", "results exchanged")
def _(scores, k):
    """Returns shares first."""
    best, chosen = scores.topk(k, dim=-1)
    return best.softmax(dim=-1), chosen


@to("modern.route", "scores as shares")
def _(scores, k):
    """Scales the raw scores, no softmax."""
    best, chosen = torch.topk(scores, k, dim=-1)
    return chosen, best / best.sum(dim=-1, keepdim=True)

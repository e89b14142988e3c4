"""A second set of wrong answers: attention."""

import math

import torch
import torch.nn.functional as F

from ..collection import to_second as to


@to("attention.mean_of_past", "sum in place of the mean")
def _(x):
    """Sum of the past, never divided."""
    T = x.shape[1]
    return torch.ones(T, T).tril() @ x


@to("attention.mean_of_past", "every row divided by T")
def _(x):
    """Divides all positions by T."""
    B, T, C = x.shape
    weights = torch.tril(torch.ones(T, T)) / T
    return weights @ x


@to("attention.mean_of_past", "divided by t")
def _(x):
    """Divides by t, so position 0 divides by zero."""
    T = x.shape[1]
    total = x.cumsum(dim=1)
    return total / torch.arange(T)[None, :, None]


@to("attention.causal_mask", "mask transposed")
def _(T):
    """True above the diagonal: the future is seen."""
    return torch.ones(T, T, dtype=torch.bool).triu()


@to("attention.causal_mask", "diagonal hidden")
def _(T):
    """Leaves out the diagonal."""
    i = torch.arange(T)
    return i[:, None] > i[None, :]


@to("attention.causal_mask", "dtype")
def _(T):
    """0/-inf additive mask and not bool."""
    mask = torch.full((T, T), float("-inf"))
    return torch.triu(mask, diagonal=1)


@to("attention.scaled_dot_product_attention", "scaled by D without the root")
def _(query, key, value, mask):
    """Scales by D, not its root."""
    D = query.shape[-1]
    scores = query @ key.transpose(-2, -1) / D
    scores = scores.masked_fill(~mask, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights


@to("attention.scaled_dot_product_attention", "hidden scores set to zero")
def _(query, key, value, mask):
    """Masks with 0 before the softmax."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    scores = torch.where(mask, scores, 0.0)
    weights = F.softmax(scores, dim=-1)
    return weights @ value, weights


@to("attention.scaled_dot_product_attention", "mask used the other way round")
def _(query, key, value, mask):
    """Masks what may be seen."""
    d = query.size(-1)
    att = torch.einsum("bhtd,bhkd->bhtk", query, key) / d**0.5
    att = att.masked_fill(mask, -1e9)
    att = att.softmax(-1)
    return torch.einsum("bhtk,bhkd->bhtd", att, value), att


@to("attention.split_heads", "viewed as B H T D at once")
def _(x, n_head):
    """View straight to (B, H, T, D) without a transpose."""
    B, T, C = x.shape
    return x.view(B, n_head, T, C // n_head)


@to("attention.split_heads", "not transposed")
def _(x, n_head):
    """Forgets to move the heads in front of time."""
    B, T, C = x.shape
    return x.reshape(B, T, n_head, C // n_head)


@to("attention.split_heads", "channels dealt out in turn")
def _(x, n_head):
    """Interleaves: head h takes channels h, h+H, h+2H."""
    B, T, C = x.shape
    D = C // n_head
    return x.reshape(B, T, D, n_head).permute(0, 3, 1, 2)


@to("attention.multi_head", "no causal mask")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """No causal mask."""
    B, T, C = x.shape
    q, k, v = (x @ qkv_weight + qkv_bias).chunk(3, dim=-1)
    q, k, v = (t.view(B, T, n_head, C // n_head).transpose(1, 2) for t in (q, k, v))
    weights = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(C // n_head), dim=-1)
    out = (weights @ v).transpose(1, 2).reshape(B, T, C)
    return out @ out_weight + out_bias


@to("attention.multi_head", "scores scaled by the root of C")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """Scales by the root of C, not of D = C/H."""
    B, T, C = x.shape
    q, k, v = (x @ qkv_weight + qkv_bias).split(C, dim=2)
    split = lambda t: t.reshape(B, T, n_head, -1).transpose(1, 2)
    q, k, v = split(q), split(k), split(v)
    scores = q @ k.transpose(-2, -1) / C**0.5
    mask = torch.tril(torch.ones(T, T, dtype=torch.bool))
    scores = scores.masked_fill(~mask, float("-inf"))
    y = scores.softmax(dim=-1) @ v
    return y.transpose(1, 2).reshape(B, T, C) @ out_weight + out_bias


@to("attention.multi_head", "heads merged without transposing")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """Merges heads without transposing back."""
    B, T, C = x.shape
    qkv = x @ qkv_weight + qkv_bias
    q, k, v = qkv[..., :C], qkv[..., C : 2 * C], qkv[..., 2 * C :]
    q = q.view(B, T, n_head, C // n_head).transpose(1, 2)
    k = k.view(B, T, n_head, C // n_head).transpose(1, 2)
    v = v.view(B, T, n_head, C // n_head).transpose(1, 2)
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return out.contiguous().view(B, T, C) @ out_weight + out_bias


@to("attention.mask_with_past", "the past forgotten", "triangle at the left")
def _(T, past):
    """Plain tril of the wide table: as if the queries were the first rows."""
    return torch.ones(T, past + T, dtype=torch.bool).tril()


@to("attention.mask_with_past", "shifted by one too few")
def _(T, past):
    """Off by one, does not see itself."""
    q = torch.arange(T)[:, None] + past
    k = torch.arange(past + T)[None, :]
    return k < q


@to("attention.mask_with_past", "the past at the right")
def _(T, past):
    """The past goes after the new ones in the columns."""
    new = torch.tril(torch.ones(T, T, dtype=torch.bool))
    old = torch.ones(T, past, dtype=torch.bool)
    return torch.cat([new, old], dim=1)

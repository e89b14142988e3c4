"""Wrong answers to the exercises on attention."""

import math

import torch

from .collection import to


@to("attention.mean_of_past", "mean over the future too")
def _(x):
    """The mean of all positions, the future too."""
    return x.mean(dim=1, keepdim=True).expand_as(x)


@to("attention.mean_of_past", "sum in place of the mean")
def _(x):
    """The sum of the past, never divided."""
    return x.cumsum(dim=1)


@to("attention.mean_of_past", "every row divided by T")
def _(x):
    """Divides by T at every position."""
    return x.cumsum(dim=1) / x.shape[1]


@to("attention.mean_of_past", "itself left out")
def _(x):
    """Leaves the position itself out."""
    result = torch.zeros_like(x)
    for t in range(1, x.shape[1]):
        result[:, t] = x[:, :t].mean(dim=1)
    return result


@to("attention.mean_of_past", "mean along the channels")
def _(x):
    """Runs over the channels, not over the positions."""
    C = x.shape[2]
    return x.cumsum(dim=2) / torch.arange(1, C + 1)


@to("attention.mean_of_past", "divided by t")
def _(x):
    """Divides by t: from 0, so position 0 is infinite."""
    T = x.shape[1]
    return x.cumsum(dim=1) / torch.arange(T)[:, None]


@to("attention.mean_of_past", "only the last two")
def _(x):
    """The mean of position t and the one before it only."""
    result = x.clone()
    result[:, 1:] = (x[:, 1:] + x[:, :-1]) / 2
    return result


@to("attention.causal_mask", "mask transposed")
def _(T):
    """Transposed: the future is seen."""
    return torch.ones(T, T).triu().bool()


@to("attention.causal_mask", "diagonal hidden")
def _(T):
    """The diagonal is hidden."""
    return torch.ones(T, T).tril(-1).bool()


@to("attention.causal_mask", "True where it is hidden")
def _(T):
    """True where it must not look."""
    return torch.ones(T, T).triu(1).bool()


@to("attention.causal_mask", "dtype")
def _(T):
    """Floats, not booleans."""
    return torch.tril(torch.ones(T, T))


@to("attention.causal_mask", "one step into the future")
def _(T):
    """One step into the future is allowed."""
    return torch.ones(T, T).tril(1).bool()


@to("attention.causal_mask", "dtype")
def _(T):
    """0 and -inf, to be added to the scores."""
    return torch.full((T, T), -math.inf).triu(1)


@to("attention.causal_mask", "everything visible")
def _(T):
    """Everything may be seen."""
    return torch.ones(T, T, dtype=torch.bool)


@to("attention.mask_with_past", "the past at the right")
def _(T, past):
    """The past's columns stand at the end."""
    new = torch.ones(T, T).tril().bool()
    return torch.cat([new, torch.ones(T, past).bool()], dim=1)


@to("attention.mask_with_past", "triangle at the left")
def _(T, past):
    """A triangle from the left: the past counts as if it began with the new tokens."""
    return torch.ones(T, past + T).tril().bool()


@to("attention.mask_with_past", "only the new keys")
def _(T, past):
    """The new tokens alone: (T, T)."""
    return torch.ones(T, T).tril().bool()


@to("attention.mask_with_past", "the past forgotten")
def _(T, past):
    """The past is hidden."""
    return torch.cat([torch.zeros(T, past), torch.ones(T, T).tril()], dim=1).bool()


@to("attention.mask_with_past", "shifted by one too many")
def _(T, past):
    """Shifted one too far: the next new token is seen."""
    return torch.ones(T, past + T).tril(past + 1).bool()


@to("attention.mask_with_past", "shifted by one too few")
def _(T, past):
    """Shifted one too little: no new token sees itself."""
    return torch.ones(T, past + T).tril(past - 1).bool()


@to("attention.mask_with_past", "rows for the past too")
def _(T, past):
    """All rows, those of the old tokens too."""
    return torch.ones(past + T, past + T).tril().bool()


@to("attention.masked_softmax", "zero in place of minus infinity")
def _(scores, mask):
    """0 in the place of -inf before softmax."""
    return torch.softmax(scores * mask, dim=-1)


@to("attention.masked_softmax", "mask after softmax")
def _(scores, mask):
    """Masks after softmax: rows no longer sum to 1."""
    return torch.softmax(scores, dim=-1) * mask


@to("attention.masked_softmax", "row of minus infinity gives NaN")
def _(scores, mask):
    """A row that may see nothing becomes NaN."""
    return torch.softmax(scores.masked_fill(~mask, -math.inf), dim=-1)


@to("attention.masked_softmax", "mask read upside down")
def _(scores, mask):
    """Fills where it is allowed."""
    return torch.softmax(scores.masked_fill(mask, -math.inf), dim=-1).nan_to_num()


@to("attention.masked_softmax", "softmax over the queries")
def _(scores, mask):
    """Softmax over the queries."""
    return torch.softmax(scores.masked_fill(~mask, -math.inf), dim=-2).nan_to_num()


@to("attention.masked_softmax", "a large number for infinity")
def _(scores, mask):
    """-1e9: a row that may see nothing becomes even."""
    return torch.softmax(scores.masked_fill(~mask, -1e9), dim=-1)


@to("attention.masked_softmax", "exp overflows")
def _(scores, mask):
    """exp without the maximum taken off overflows."""
    e = scores.exp() * mask
    total = e.sum(dim=-1, keepdim=True)
    return torch.where(total > 0, e / total, torch.zeros_like(e))


@to("attention.masked_softmax", "minus one in place of minus infinity")
def _(scores, mask):
    """-1 in the place of -inf."""
    return torch.softmax(scores.masked_fill(~mask, -1.0), dim=-1)


def _weights(scores, mask, dim=-1):
    return torch.softmax(scores.masked_fill(~mask, -math.inf), dim=dim)


@to("attention.scaled_dot_product_attention", "not scaled")
def _(query, key, value, mask):
    """No scaling."""
    weights = _weights(query @ key.transpose(-2, -1), mask)
    return weights @ value, weights


@to("attention.scaled_dot_product_attention", "scaled by D without the root")
def _(query, key, value, mask):
    """Divides by D, not by its root."""
    D = query.shape[-1]
    weights = _weights(query @ key.transpose(-2, -1) / D, mask)
    return weights @ value, weights


@to("attention.scaled_dot_product_attention", "scaled by the number of positions")
def _(query, key, value, mask):
    """Scales by the root of T."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-2])
    weights = _weights(scores, mask)
    return weights @ value, weights


@to("attention.scaled_dot_product_attention", "keys used as values")
def _(query, key, value, mask):
    """The keys weighed in the place of the values."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = _weights(scores, mask)
    return weights @ key, weights


@to("attention.scaled_dot_product_attention", "mask forgotten")
def _(query, key, value, mask):
    """The mask is forgotten."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights


@to("attention.scaled_dot_product_attention", "mask used the other way round")
def _(query, key, value, mask):
    """The mask hides what may be seen."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = torch.softmax(scores.masked_fill(mask, -math.inf), dim=-1)
    return weights @ value, weights


@to("attention.scaled_dot_product_attention", "scaled after softmax")
def _(query, key, value, mask):
    """Scaled after softmax."""
    weights = _weights(query @ key.transpose(-2, -1), mask)
    weights = weights / math.sqrt(query.shape[-1])
    return weights @ value, weights


@to("attention.scaled_dot_product_attention", "type")
def _(query, key, value, mask):
    """The output alone, without the weights."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    return _weights(scores, mask) @ value


@to("attention.scaled_dot_product_attention", "multiplied by the root")
def _(query, key, value, mask):
    """Multiplies by the root."""
    scores = query @ key.transpose(-2, -1) * math.sqrt(query.shape[-1])
    weights = _weights(scores, mask)
    return weights @ value, weights


@to("attention.scaled_dot_product_attention", "scores returned for weights")
def _(query, key, value, mask):
    """The scores in the place of the weights are returned."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    return _weights(scores, mask) @ value, scores


@to("attention.scaled_dot_product_attention", "results exchanged")
def _(query, key, value, mask):
    """(weights, output): the wrong order."""
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    weights = _weights(scores, mask)
    return weights, weights @ value


@to("attention.split_heads", "viewed as B H T D at once")
def _(x, n_head):
    """view straight to (B, H, T, D): heads get pieces of time."""
    B, T, C = x.shape
    return x.view(B, n_head, T, C // n_head)


@to("attention.split_heads", "not transposed")
def _(x, n_head):
    """No transpose: (B, T, H, D)."""
    B, T, C = x.shape
    return x.view(B, T, n_head, C // n_head)


@to("attention.split_heads", "channels dealt out in turn")
def _(x, n_head):
    """Interleaved: head h gets channels h, h + H, ..."""
    B, T, C = x.shape
    return x.view(B, T, C // n_head, n_head).permute(0, 3, 1, 2)


@to("attention.split_heads", "head size and heads confused")
def _(x, n_head):
    """H and D exchanged: n_head channels in each of C / n_head heads."""
    B, T, C = x.shape
    return x.view(B, T, C // n_head, n_head).transpose(1, 2)


@to("attention.split_heads", "type")
def _(x, n_head):
    """A list of heads (tuple of chunks), not one tensor."""
    return x.chunk(n_head, dim=-1)


@to("attention.split_heads", "the heads before the batch")
def _(x, n_head):
    """chunk and stack in front: (H, B, T, D)."""
    return torch.stack(x.chunk(n_head, dim=-1))


@to("attention.split_heads", "positions and channels swapped")
def _(x, n_head):
    """Time last: (B, H, D, T)."""
    B, T, C = x.shape
    return x.view(B, T, n_head, C // n_head).permute(0, 2, 3, 1)


@to("attention.merge_heads", "reshaped without transposing")
def _(x):
    """reshape without transposing back."""
    B, H, T, D = x.shape
    return x.reshape(B, T, H * D)


@to("attention.merge_heads", "view of a transposed tensor")
def _(x):
    """view after transpose: not contiguous, an error."""
    B, H, T, D = x.shape
    return x.transpose(1, 2).view(B, T, H * D)


@to("attention.merge_heads", "heads interleaved")
def _(x):
    """Heads interleaved: D before H."""
    B, H, T, D = x.shape
    return x.permute(0, 2, 3, 1).reshape(B, T, H * D)


@to("attention.merge_heads", "heads averaged")
def _(x):
    """The mean of the heads."""
    return x.mean(dim=1)


@to("attention.merge_heads", "heads added")
def _(x):
    """The sum of the heads."""
    return x.sum(dim=1)


@to("attention.merge_heads", "positions and channels swapped")
def _(x):
    """transpose(2, 3) in the place of (1, 2)."""
    B, H, T, D = x.shape
    return x.transpose(2, 3).reshape(B, T, H * D)


def _multi_head(
    x, qkv_weight, qkv_bias, out_weight, out_bias, n_head, order=(0, 1, 2), **change
):
    B, T, C = x.shape
    D = C // n_head
    parts = (x @ qkv_weight + qkv_bias).split(C, dim=-1)
    q, k, v = (parts[i].view(B, T, n_head, D).transpose(1, 2) for i in order)
    scores = q @ k.transpose(-2, -1) / change.get("scale", math.sqrt(D))
    if change.get("causal", True):
        scores = scores.masked_fill(~torch.ones(T, T).tril().bool(), -math.inf)
    merged = torch.softmax(scores, dim=change.get("dim", -1)) @ v
    if change.get("transpose", True):
        merged = merged.transpose(1, 2)
    return merged.reshape(B, T, C)


@to("attention.multi_head", "output projection forgotten")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """The projection at the end is forgotten."""
    return _multi_head(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head)


@to("attention.multi_head", "scores scaled by the root of C")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """Scales by the root of C, not of the head's size."""
    root = math.sqrt(x.shape[-1])
    merged = _multi_head(
        x, qkv_weight, qkv_bias, out_weight, out_bias, n_head, scale=root
    )
    return merged @ out_weight + out_bias


@to("attention.multi_head", "keys before queries")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """Keys first, then queries."""
    merged = _multi_head(
        x, qkv_weight, qkv_bias, out_weight, out_bias, n_head, order=(1, 0, 2)
    )
    return merged @ out_weight + out_bias


@to("attention.multi_head", "the stream added inside")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """Adds the residual, which is the block's."""
    merged = _multi_head(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head)
    return x + merged @ out_weight + out_bias


@to("attention.multi_head", "no causal mask")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """The mask is forgotten."""
    merged = _multi_head(
        x, qkv_weight, qkv_bias, out_weight, out_bias, n_head, causal=False
    )
    return merged @ out_weight + out_bias


@to("attention.multi_head", "heads merged without transposing")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """Heads merged without the transpose."""
    merged = _multi_head(
        x, qkv_weight, qkv_bias, out_weight, out_bias, n_head, transpose=False
    )
    return merged @ out_weight + out_bias


@to("attention.multi_head", "output weight transposed")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """out_weight transposed, as nn.Linear would store it."""
    merged = _multi_head(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head)
    return merged @ out_weight.T + out_bias


@to("attention.multi_head", "bias of the projection out forgotten")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """The output's bias is forgotten."""
    merged = _multi_head(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head)
    return merged @ out_weight


@to("attention.multi_head", "bias of the projection in forgotten")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """The input's bias is forgotten."""
    merged = _multi_head(x, qkv_weight, 0, out_weight, out_bias, n_head)
    return merged @ out_weight + out_bias


@to("attention.multi_head", "one head only")
def _(x, qkv_weight, qkv_bias, out_weight, out_bias, n_head):
    """One head whatever n_head says."""
    merged = _multi_head(x, qkv_weight, qkv_bias, out_weight, out_bias, 1)
    return merged @ out_weight + out_bias

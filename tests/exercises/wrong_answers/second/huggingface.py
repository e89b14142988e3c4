"""A second set of wrong answers: huggingface."""

import torch

from ..collection import to_second as to


@to("huggingface.new_tokens", "the shortest prompt taken")
def _(lengths, max_length, n_positions):
    """Uses the shortest prompt."""
    return max(0, min(max_length, n_positions) - min(lengths))


@to("huggingface.new_tokens", "max length taken for the new tokens")
def _(lengths, max_length, n_positions):
    """Max_length counts new tokens only."""
    longest = max(lengths)
    return max(0, min(max_length, n_positions - longest))


@to("huggingface.new_tokens", "less than nothing")
def _(lengths, max_length, n_positions):
    """May be negative."""
    return min(max_length, n_positions) - max(lengths)


@to("huggingface.convert", "every matrix transposed")
def _(weights, names):
    """Transposes every matrix, the embeddings too."""
    out = {}
    for ours, theirs in names.items():
        w = weights[theirs]
        out[ours] = w.T if w.ndim == 2 else w
    return out


@to("huggingface.convert", "square matrices not transposed")
def _(weights, names):
    """Transposes only the matrices that are not square."""
    layers = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    out = {}
    for ours, theirs in names.items():
        w = weights[theirs]
        if theirs.endswith(layers) and w.shape[0] != w.shape[1]:
            w = w.T
        out[ours] = w
    return out


@to("huggingface.convert", "projections not transposed")
def _(weights, names):
    """Leaves out mlp.c_proj and attn.c_proj (forgot c_proj)."""
    out = {}
    for ours, theirs in names.items():
        w = weights[theirs]
        if theirs.endswith(".c_attn.weight") or theirs.endswith(".c_fc.weight"):
            w = w.t()
        out[ours] = w
    return out


@to("huggingface.learnt_numbers", "all that is listed")
def _(weights):
    """Counts every entry."""
    return sum(w.numel() for w in weights.values())


@to("huggingface.learnt_numbers", "masks counted")
def _(weights):
    """Masks are counted."""
    seen = {}
    for name, w in weights.items():
        seen[w.data_ptr()] = w.numel()
    return sum(seen.values())


@to("huggingface.learnt_numbers", "the head never counted")
def _(weights):
    """Leaves out what is named lm_head, tied or not."""
    total = 0
    for name, w in weights.items():
        if name == "lm_head.weight" or w.dtype == torch.bool:
            continue
        total += w.numel()
    return total


@to("huggingface.batch", "filled up on the right")
def _(prompts, end):
    """Fills up on the right."""
    longest = max(len(p) for p in prompts)
    ids = [p + [end] * (longest - len(p)) for p in prompts]
    mask = [[1] * len(p) + [0] * (longest - len(p)) for p in prompts]
    return torch.tensor(ids), torch.tensor(mask)


@to("huggingface.batch", "mask made from the ids")
def _(prompts, end):
    """Mask by comparing with end: a prompt's own end is masked."""
    T = max(map(len, prompts))
    ids = torch.full((len(prompts), T), end)
    for row, p in zip(ids, prompts):
        row[T - len(p) :] = torch.tensor(p)
    return ids, (ids != end).long()


@to("huggingface.batch", "dtype")
def _(prompts, end):
    """Bool mask."""
    T = max(len(p) for p in prompts)
    ids = torch.tensor([[end] * (T - len(p)) + list(p) for p in prompts])
    mask = torch.tensor([[False] * (T - len(p)) + [True] * len(p) for p in prompts])
    return ids, mask


@to("huggingface.labels", "every pad id left out")
def _(ids, attention_mask, pad):
    """Every pad id is -100, the end of text too."""
    out = ids.clone()
    out[ids == pad] = -100
    return out


@to("huggingface.labels", "shifted by hand and filled up")
def _(ids, attention_mask, pad):
    """Shifts by itself."""
    out = torch.where(attention_mask == 1, ids, -100)
    last = torch.full_like(out[:, :1], -100)
    return torch.cat([out[:, 1:], last], dim=1)


@to("huggingface.labels", "changes its input")
def _(ids, attention_mask, pad):
    """Writes into ids."""
    ids[attention_mask == 0] = -100
    return ids


@to("huggingface.logit_lens", "the last one normalised twice")
def _(states, gain, bias, table):
    """Norms the last state twice."""
    x = torch.stack(states)
    x = torch.nn.functional.layer_norm(x, gain.shape, gain, bias)
    return x @ table.T


@to("huggingface.logit_lens", "final norm missing")
def _(states, gain, bias, table):
    """No norm at all."""
    return torch.stack([state @ table.T for state in states])


@to("huggingface.logit_lens", "normalised without gain and bias")
def _(states, gain, bias, table):
    """Mean and variance without gain and bias."""
    out = []
    for x in states[:-1]:
        x = x - x.mean(-1, keepdim=True)
        x = x / (x.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        out.append(x @ table.T)
    out.append(states[-1] @ table.T)
    return torch.stack(out)

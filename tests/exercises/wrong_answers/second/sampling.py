"""A second set of wrong answers: sampling."""

import torch

from ..collection import to_second as to


@to("sampling.greedy", "the end is left out")
@torch.no_grad()
def _(model, ids, n, end):
    """Leaves end out of the result."""
    written = []
    for _ in range(n):
        token = model(torch.tensor([ids + written]))[0, -1].argmax().item()
        if token == end:
            break
        written.append(token)
    return written


@to("sampling.greedy", "the prompt is returned too")
def _(model, ids, n, end):
    """Returns the prompt along with the new tokens."""
    ids = list(ids)
    for _ in range(n):
        with torch.no_grad():
            logits = model(torch.tensor(ids)[None])
        ids.append(int(logits[0, -1].argmax()))
        if ids[-1] == end:
            break
    return ids


@to("sampling.greedy", "changes its input")
def _(model, ids, n, end):
    """Appends to the caller's list."""
    new = []
    while len(new) < n:
        scores = model(torch.tensor([ids]))[0, -1]
        token = scores.argmax(dim=-1).item()
        ids.append(token)
        new.append(token)
        if token == end:
            return new
    return new


@to("sampling.penalize_repetition", "negative scores divided")
def _(logits, ids, penalty):
    """Divides negative scores too."""
    out = logits.clone()
    for b in range(len(ids)):
        seen = ids[b].unique()
        out[b, seen] = out[b, seen] / penalty
    return out


@to("sampling.penalize_repetition", "penalized once for each occurrence")
def _(logits, ids, penalty):
    """Penalises once for every occurrence."""
    out = logits.clone()
    for b, row in enumerate(ids.tolist()):
        for token in row:
            if out[b, token] > 0:
                out[b, token] /= penalty
            else:
                out[b, token] *= penalty
    return out


@to("sampling.penalize_repetition", "tokens of other rows penalized")
def _(logits, ids, penalty):
    """One row's tokens are penalised in all rows."""
    out = logits.clone()
    seen = ids.flatten().unique()
    scores = out[:, seen]
    out[:, seen] = torch.where(scores > 0, scores / penalty, scores * penalty)
    return out


@to("sampling.temperature", "multiplied by the temperature")
def _(logits, temperature):
    """Multiplies by the temperature."""
    return torch.softmax(logits * temperature, dim=-1)


@to("sampling.temperature", "probabilities divided", "temperature without effect")
def _(logits, temperature):
    """Divides the probabilities after softmax."""
    p = logits.softmax(dim=-1) / temperature
    return p / p.sum(dim=-1, keepdim=True)


@to("sampling.temperature", "softmax over the batch")
def _(logits, temperature):
    """Softmax over the batch."""
    e = torch.exp(logits / temperature)
    return e / e.sum(dim=0)


@to("sampling.top_k", "cut scores set to 0")
def _(logits, k):
    """Others get 0 as a score before softmax."""
    values, places = logits.topk(k, dim=-1)
    kept = torch.zeros_like(logits).scatter(-1, places, values)
    return kept.softmax(dim=-1)


@to("sampling.top_k", "not scaled again")
def _(logits, k):
    """Not renormalised."""
    p = logits.softmax(-1)
    out = torch.zeros_like(p)
    values, places = p.topk(k, dim=-1)
    return out.scatter_(-1, places, values)


@to("sampling.top_k", "one token too few kept")
def _(logits, k):
    """Strictly above the k-th highest: only k - 1 stay."""
    border = logits.topk(k).values[:, -1:]
    masked = logits.masked_fill(logits <= border, float("-inf"))
    return torch.softmax(masked, dim=-1)


@to("sampling.top_p", "the token that crosses p is dropped")
def _(probabilities, p):
    """The token that crosses p is thrown away."""
    ordered, places = probabilities.sort(dim=-1, descending=True)
    keep = ordered.cumsum(-1) <= p
    kept = torch.zeros_like(probabilities).scatter(-1, places, ordered * keep)
    return kept / kept.sum(-1, keepdim=True)


@to("sampling.top_p", "p itself as a bar")
def _(probabilities, p):
    """Keeps each token of a probability of at least p (a threshold)."""
    kept = torch.where(probabilities >= p, probabilities, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


@to("sampling.top_p", "left in sorted order")
def _(probabilities, p):
    """Leaves it in sorted order."""
    ordered, _ = probabilities.sort(dim=-1, descending=True)
    before = ordered.cumsum(-1) - ordered
    ordered = ordered.masked_fill(before >= p, 0.0)
    return ordered / ordered.sum(dim=-1, keepdim=True)


@to("sampling.beam_step", "the past added too late", "the past is forgotten")
def _(totals, log_probs):
    """Ignores the totals so far when it picks."""
    n, V = log_probs.shape
    best, places = log_probs.flatten().topk(n)
    parents = places // V
    return parents, places % V, totals[parents] + best


@to(
    "sampling.beam_step",
    "each text goes on by its best",
    "each beam keeps its own best",
)
def _(totals, log_probs):
    """Each beam extends itself by its best token."""
    best, tokens = log_probs.max(dim=-1)
    sums, order = (totals + best).sort(descending=True)
    return order, tokens[order], sums


@to("sampling.beam_step", "the table laid out by columns")
def _(totals, log_probs):
    """Flattens the sums column by column and divides by V all the same."""
    n, V = log_probs.shape
    every = (totals.unsqueeze(1) + log_probs).T.reshape(-1)
    best, places = every.topk(n)
    return places // V, places % V, best


@to("sampling.positions", "what fills up counts")
def _(padding):
    """The padding's places count: plain arange."""
    B, T = padding.shape
    return torch.arange(T).expand(B, T)


@to("sampling.positions", "positions start at 1")
def _(padding):
    """First real token stands at 1."""
    return padding.long().cumsum(dim=1) * padding


@to("sampling.positions", "what fills up gets minus 1")
def _(padding):
    """What fills up gets -1."""
    return torch.cumsum(padding.long(), dim=-1) - 1


@to("sampling.acceptance", "not capped at 1")
def _(p, q):
    """Keep may be above 1: no min."""
    keep = p / q
    rest = (p - q).clamp(min=0)
    return keep, rest / rest.sum(-1, keepdim=True)


@to("sampling.acceptance", "replaced from p")
def _(p, q):
    """Draws again from p itself."""
    keep = torch.minimum(torch.ones_like(p), p / q)
    return keep, p


@to("sampling.acceptance", "q over p")
def _(p, q):
    """The ratio upside down."""
    keep = (q / p).clamp(max=1)
    rest = torch.relu(p - q)
    rest = rest / rest.sum(dim=-1, keepdim=True)
    return keep, rest

"""Wrong answers to the exercises on sampling."""

import math

import torch

from .collection import to


def _greedy(model, ids, n, end, pick, keep_end=True, with_prompt=False):
    ids, new = list(ids), []
    for _ in range(n):
        token = pick(model(torch.tensor([ids + new])))
        if token == end and not keep_end:
            break
        new.append(token)
        if token == end:
            break
    return ids + new if with_prompt else new


@to("sampling.greedy", "the prompt is returned too")
def _(model, ids, n, end):
    """The prompt comes back as well."""
    return _greedy(
        model, ids, n, end, lambda z: z[0, -1].argmax().item(), with_prompt=True
    )


@to("sampling.greedy", "the end is left out")
def _(model, ids, n, end):
    """end is left out."""
    return _greedy(
        model, ids, n, end, lambda z: z[0, -1].argmax().item(), keep_end=False
    )


@to("sampling.greedy", "drawn in place of the highest")
def _(model, ids, n, end):
    """Draws at random."""

    def draw(logits):
        return torch.multinomial(torch.softmax(logits[0, -1], -1), 1).item()

    return _greedy(model, ids, n, end, draw)


@to("sampling.greedy", "the end does not stop it")
def _(model, ids, n, end):
    """Does not stop at end."""
    return _greedy(model, ids, n, None, lambda z: z[0, -1].argmax().item())


@to("sampling.greedy", "scores read at the first position")
def _(model, ids, n, end):
    """Reads the first row, not the last."""
    return _greedy(model, ids, n, end, lambda z: z[0, 0].argmax().item())


@to("sampling.greedy", "type")
def _(model, ids, n, end):
    """Tensors of no dimension in the list, no ints."""
    return _greedy(model, ids, n, end, lambda z: z[0, -1].argmax())


@to("sampling.greedy", "the text is never extended")
def _(model, ids, n, end):
    """Never shows the model what it wrote."""
    new = []
    for _ in range(n):
        token = model(torch.tensor([ids]))[0, -1].argmax().item()
        new.append(token)
        if token == end:
            break
    return new


@to("sampling.greedy", "changes its input")
def _(model, ids, n, end):
    """Changes the list that was given."""
    for _ in range(n):
        ids.append(model(torch.tensor([ids]))[0, -1].argmax().item())
        if ids[-1] == end:
            break
    return ids


@to("sampling.greedy", "the prompt counted")
def _(model, ids, n, end):
    """n tokens in all, the prompt counted."""
    new = []
    while len(ids) + len(new) < n:
        token = model(torch.tensor([ids + new]))[0, -1].argmax().item()
        new.append(token)
        if token == end:
            break
    return new


@to("sampling.temperature", "multiplied by the temperature")
def _(logits, temperature):
    """Multiplies."""
    return torch.softmax(logits * temperature, dim=-1)


@to("sampling.temperature", "probabilities divided")
def _(logits, temperature):
    """After softmax: rows no longer sum to 1."""
    return torch.softmax(logits, dim=-1) / temperature


@to("sampling.temperature", "softmax over the batch")
def _(logits, temperature):
    """Over the batch."""
    return torch.softmax(logits / temperature, dim=0)


@to("sampling.temperature", "still scores")
def _(logits, temperature):
    """Only the logits, divided."""
    return logits / temperature


@to("sampling.temperature", "temperature without effect")
def _(logits, temperature):
    """Temperature plays no part."""
    return torch.softmax(logits, dim=-1)


@to(
    "sampling.temperature",
    "probabilities raised to a power",
    "multiplied by the temperature",
)
def _(logits, temperature):
    """p to the power of the temperature, scaled: the inverse."""
    p = torch.softmax(logits, dim=-1) ** temperature
    return p / p.sum(-1, keepdim=True)


@to("sampling.temperature", "a power that is not scaled")
def _(logits, temperature):
    """p to the power of 1 / temperature, not scaled."""
    return torch.softmax(logits, dim=-1) ** (1 / temperature)


@to("sampling.temperature", "exp overflows")
def _(logits, temperature):
    """exp without the maximum taken off: overflows."""
    e = (logits / temperature).exp()
    return e / e.sum(-1, keepdim=True)


@to("sampling.top_k", "not scaled again")
def _(logits, k):
    """Not scaled: softmax first, the others to 0."""
    p = torch.softmax(logits, -1)
    least = p.topk(k, dim=-1).values[:, -1:]
    return torch.where(p >= least, p, 0.0)


@to("sampling.top_k", "one token too many kept")
def _(logits, k):
    """One too many."""
    top = logits.topk(min(k + 1, logits.shape[-1]), dim=-1)
    kept = torch.full_like(logits, -math.inf).scatter(-1, top.indices, top.values)
    return torch.softmax(kept, -1)


@to("sampling.top_k", "the lowest kept")
def _(logits, k):
    """The k lowest."""
    low = logits.topk(k, dim=-1, largest=False)
    kept = torch.full_like(logits, -math.inf).scatter(-1, low.indices, low.values)
    return torch.softmax(kept, -1)


@to("sampling.top_k", "cut scores set to 0")
def _(logits, k):
    """0 in the place of -inf."""
    top = logits.topk(k, dim=-1)
    kept = torch.zeros_like(logits).scatter(-1, top.indices, top.values)
    return torch.softmax(kept, -1)


@to("sampling.top_k", "only the kept returned")
def _(logits, k):
    """The k highest alone: (B, k), sorted."""
    return torch.softmax(logits.topk(k, dim=-1).values, -1)


@to("sampling.top_k", "the bar of the first row")
def _(logits, k):
    """The border of the first row for all rows."""
    least = logits[0].topk(k).values[-1]
    return torch.softmax(logits.masked_fill(logits < least, -math.inf), -1)


@to("sampling.top_k", "one token too few kept")
def _(logits, k):
    """> in the place of >=: one too few."""
    least = logits.topk(k, dim=-1).values[:, -1:]
    return torch.softmax(logits.masked_fill(logits <= least, -math.inf), -1)


@to("sampling.top_k", "an equal share for each")
def _(logits, k):
    """All k get the same."""
    top = logits.topk(k, dim=-1).indices
    return torch.zeros_like(logits).scatter(-1, top, 1 / k)


@to("sampling.top_k", "still scores")
def _(logits, k):
    """The logits themselves, -inf elsewhere."""
    least = logits.topk(k, dim=-1).values[:, -1:]
    return logits.masked_fill(logits < least, -math.inf)


def _top_p(probabilities, p, drop, scale=True):
    ordered, where = probabilities.sort(dim=-1, descending=True)
    ordered = ordered.masked_fill(drop(ordered.cumsum(-1), ordered, p), 0.0)
    kept = torch.zeros_like(probabilities).scatter(-1, where, ordered)
    return kept / kept.sum(-1, keepdim=True) if scale else kept


@to("sampling.top_p", "the token that crosses p is dropped")
def _(probabilities, p):
    """The token that crosses p is left out."""
    return _top_p(probabilities, p, lambda total, one, p: total > p)


@to("sampling.top_p", "one more at the border")
def _(probabilities, p):
    """One more at an exact border."""
    return _top_p(probabilities, p, lambda total, one, p: total - one > p)


@to("sampling.top_p", "kept but not scaled")
def _(probabilities, p):
    """Not scaled."""
    return _top_p(probabilities, p, lambda total, one, p: total - one >= p, scale=False)


@to("sampling.top_p", "not sorted")
def _(probabilities, p):
    """In the order of the vocabulary, never sorted."""
    total = probabilities.cumsum(-1)
    kept = probabilities.masked_fill(total - probabilities >= p, 0.0)
    return kept / kept.sum(-1, keepdim=True)


@to("sampling.top_p", "left in sorted order")
def _(probabilities, p):
    """The result stays sorted."""
    ordered = probabilities.sort(dim=-1, descending=True).values
    ordered = ordered.masked_fill(ordered.cumsum(-1) - ordered >= p, 0.0)
    return ordered / ordered.sum(-1, keepdim=True)


@to("sampling.top_p", "p as a bar for each token", "p itself as a bar")
def _(probabilities, p):
    """All tokens of at least p (min-p)."""
    kept = probabilities.masked_fill(probabilities < p, 0.0)
    return kept / kept.sum(-1, keepdim=True)


@to("sampling.top_p", "the unlikely kept")
def _(probabilities, p):
    """Sorted upwards: the unlikely ones stay."""
    ordered, where = probabilities.sort(dim=-1)
    ordered = ordered.masked_fill(ordered.cumsum(-1) - ordered >= p, 0.0)
    kept = torch.zeros_like(probabilities).scatter(-1, where, ordered)
    return kept / kept.sum(-1, keepdim=True)


@to("sampling.top_p", "softmax once more")
def _(probabilities, p):
    """Softmax of what is left, over probabilities."""
    ordered, where = probabilities.sort(dim=-1, descending=True)
    ordered = ordered.masked_fill(ordered.cumsum(-1) - ordered >= p, -math.inf)
    kept = torch.full_like(probabilities, -math.inf).scatter(-1, where, ordered)
    return torch.softmax(kept, -1)


@to("sampling.top_p", "the mask left in sorted order")
def _(probabilities, p):
    """The mask of the sorted order on the unsorted row."""
    ordered = probabilities.sort(dim=-1, descending=True).values
    kept = probabilities.masked_fill(ordered.cumsum(-1) - ordered >= p, 0.0)
    return kept / kept.sum(-1, keepdim=True)


@to("sampling.penalize_repetition", "negative scores divided")
def _(logits, ids, penalty):
    """Divides always: negative scores rise."""
    result = logits.clone()
    for b, row in enumerate(ids):
        for token in set(row.tolist()):
            result[b, token] /= penalty
    return result


@to("sampling.penalize_repetition", "penalized once for each occurrence")
def _(logits, ids, penalty):
    """As often as it stands there."""
    result = logits.clone()
    for b, row in enumerate(ids):
        for token in row.tolist():
            x = result[b, token]
            result[b, token] = x / penalty if x > 0 else x * penalty
    return result


@to("sampling.penalize_repetition", "penalty subtracted")
def _(logits, ids, penalty):
    """Subtracts the penalty."""
    result = logits.clone()
    for b, row in enumerate(ids):
        for token in set(row.tolist()):
            result[b, token] -= penalty
    return result


@to("sampling.penalize_repetition", "tokens of other rows penalized")
def _(logits, ids, penalty):
    """In every row what stands in any row."""
    seen = torch.zeros(logits.shape[1], dtype=torch.bool)
    seen[ids.flatten()] = True
    changed = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, changed, logits)


@to("sampling.penalize_repetition", "every token penalized")
def _(logits, ids, penalty):
    """All tokens, repeated or not."""
    return torch.where(logits > 0, logits / penalty, logits * penalty)


@to("sampling.penalize_repetition", "changes its input")
def _(logits, ids, penalty):
    """In place."""
    for b, row in enumerate(ids):
        for token in set(row.tolist()):
            x = logits[b, token].item()
            logits[b, token] = x / penalty if x > 0 else x * penalty
    return logits


@to("sampling.penalize_repetition", "repetition rewarded")
def _(logits, ids, penalty):
    """The wrong way round: multiplied where positive."""
    result = logits.clone()
    for b, row in enumerate(ids):
        for token in set(row.tolist()):
            x = logits[b, token]
            result[b, token] = x * penalty if x > 0 else x / penalty
    return result


@to("sampling.penalize_repetition", "only the last token penalized")
def _(logits, ids, penalty):
    """The last token alone."""
    result = logits.clone()
    for b, row in enumerate(ids):
        x = logits[b, row[-1]]
        result[b, row[-1]] = x / penalty if x > 0 else x * penalty
    return result


@to("sampling.beam_step", "each text goes on by its best")
def _(totals, log_probs):
    """Each text's best, no choice among all."""
    best = log_probs.max(dim=1)
    return torch.arange(len(totals)), best.indices, totals + best.values


@to("sampling.beam_step", "the past is forgotten")
def _(totals, log_probs):
    """What was gathered before is forgotten."""
    V = log_probs.shape[1]
    best = log_probs.flatten().topk(len(totals))
    return best.indices // V, best.indices % V, best.values


@to("sampling.beam_step", "parents and tokens swapped")
def _(totals, log_probs):
    """Parent and token exchanged."""
    V = log_probs.shape[1]
    best = (totals[:, None] + log_probs).flatten().topk(len(totals))
    return best.indices % V, best.indices // V, best.values


@to("sampling.beam_step", "divided by n in place of V")
def _(totals, log_probs):
    """Divides by n in the place of V."""
    n = len(totals)
    best = (totals[:, None] + log_probs).flatten().topk(n)
    return best.indices // n, best.indices % n, best.values


@to("sampling.beam_step", "the table laid out by columns")
def _(totals, log_probs):
    """Transposes to add the totals, and reads places as if it had not."""
    V = log_probs.shape[1]
    best = (totals + log_probs.T).flatten().topk(len(totals))
    return best.indices // V, best.indices % V, best.values


@to("sampling.beam_step", "multiplied in place of added")
def _(totals, log_probs):
    """Log-probabilities are multiplied."""
    V = log_probs.shape[1]
    best = (totals[:, None] * log_probs).flatten().topk(len(totals))
    return best.indices // V, best.indices % V, best.values


@to("sampling.beam_step", "the worst of the best first")
def _(totals, log_probs):
    """Worst first."""
    V = log_probs.shape[1]
    best = (totals[:, None] + log_probs).flatten().topk(len(totals))
    where, values = best.indices.flip(0), best.values.flip(0)
    return where // V, where % V, values


@to("sampling.beam_step", "the new token alone as total")
def _(totals, log_probs):
    """The new token's log-probability alone is returned as total."""
    V = log_probs.shape[1]
    best = (totals[:, None] + log_probs).flatten().topk(len(totals))
    parents, tokens = best.indices // V, best.indices % V
    return parents, tokens, log_probs[parents, tokens]


@to("sampling.positions", "what fills up counts")
def _(padding):
    """Columns, whatever is filled up."""
    return torch.arange(padding.shape[1]).expand(padding.shape)


@to("sampling.positions", "positions start at 1")
def _(padding):
    """From 1."""
    return padding.long().cumsum(1)


@to("sampling.positions", "what fills up gets minus 1")
def _(padding):
    """-1 where it is filled up."""
    return padding.long().cumsum(1) - 1


@to("sampling.positions", "what fills up gets 1")
def _(padding):
    """1 where it is filled up, as Hugging Face's."""
    return (padding.long().cumsum(1) - 1).masked_fill(~padding, 1)


@to("sampling.positions", "the padding counted")
def _(padding):
    """Counts the padding."""
    return (~padding).long().cumsum(1)


@to("sampling.positions", "counted down the batch")
def _(padding):
    """Down the batch, not along the row."""
    return (padding.long().cumsum(0) - 1).clamp(min=0)


@to("sampling.positions", "dtype")
def _(padding):
    """Floats."""
    return (padding.float().cumsum(1) - 1).clamp(min=0)


@to("sampling.acceptance", "kept with the smaller of the two")
def _(p, q):
    """keep is min(p, q)."""
    rest = (p - q).clamp(min=0)
    return torch.minimum(p, q), rest / rest.sum(-1, keepdim=True)


@to("sampling.acceptance", "not capped at 1")
def _(p, q):
    """p / q, not limited to 1."""
    rest = (p - q).clamp(min=0)
    return p / q, rest / rest.sum(-1, keepdim=True)


@to("sampling.acceptance", "the rest not scaled")
def _(p, q):
    """rest is not scaled."""
    return (p / q).clamp(max=1), (p - q).clamp(min=0)


@to("sampling.acceptance", "replaced from p")
def _(p, q):
    """rest is p itself."""
    return (p / q).clamp(max=1), p


@to("sampling.acceptance", "q over p")
def _(p, q):
    """q / p."""
    rest = (p - q).clamp(min=0)
    return (q / p).clamp(max=1), rest / rest.sum(-1, keepdim=True)


@to("sampling.acceptance", "the distance in place of what is missing")
def _(p, q):
    """The difference's amount in the place of what p has more."""
    rest = (p - q).abs()
    return (p / q).clamp(max=1), rest / rest.sum(-1, keepdim=True)


@to("sampling.acceptance", "what the draft has too much of")
def _(p, q):
    """q - p."""
    rest = (q - p).clamp(min=0)
    return (p / q).clamp(max=1), rest / rest.sum(-1, keepdim=True)


@to("sampling.acceptance", "softmax of what is missing")
def _(p, q):
    """Softmax of the difference."""
    return (p / q).clamp(max=1), torch.softmax((p - q).clamp(min=0), -1)


@to("sampling.acceptance", "scaled over the batch")
def _(p, q):
    """rest scaled over the whole batch."""
    rest = (p - q).clamp(min=0)
    return (p / q).clamp(max=1), rest / rest.sum()

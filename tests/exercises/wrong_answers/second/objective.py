"""A second set of wrong answers: objective."""

import math

import torch

from ..collection import to_second as to


@to("objective.text_log_prob", "mean over the tokens")
def _(log_probs, ids):
    """Mean over the tokens, not sum."""
    T = len(ids)
    return log_probs[torch.arange(T), ids].mean()


@to("objective.text_log_prob", "logarithm of the logarithm")
def _(log_probs, ids):
    """Takes the log of what is logarithm already."""
    picked = log_probs.gather(1, ids[:, None])
    return picked.log().sum()


@to("objective.text_log_prob", "shifted by one")
def _(log_probs, ids):
    """Shifts by one: row t for ids[t+1]."""
    total = torch.tensor(0.0)
    for t in range(len(ids) - 1):
        total = total + log_probs[t, ids[t + 1]]
    return total


@to("objective.inputs_and_targets", "first token of the answer not counted")
def _(ids, n_prompt, n_tokens):
    """Masks one target too many: the first answer token does not count."""
    inputs, targets = ids[:, :-1], ids[:, 1:].clone()
    place = torch.arange(targets.shape[1])
    targets[place < n_prompt[:, None]] = -100
    targets[place >= n_tokens[:, None] - 1] = -100
    return inputs, targets


@to("objective.inputs_and_targets", "padding counted")
def _(ids, n_prompt, n_tokens):
    """Forgets the padding."""
    inputs = ids[:, :-1]
    targets = ids[:, 1:].clone()
    for b in range(len(ids)):
        targets[b, : n_prompt[b] - 1] = -100
    return inputs, targets


@to("objective.inputs_and_targets", "changes its input")
def _(ids, n_prompt, n_tokens):
    """Targets is a view of ids, so writing -100 damages ids (and the inputs)."""
    inputs = ids[:, :-1]
    targets = ids[:, 1:]
    for b in range(ids.shape[0]):
        targets[b, : n_prompt[b] - 1] = -100
        targets[b, n_tokens[b] - 1 :] = -100
    return inputs, targets


@to("objective.log_softmax", "exponentials of large logits")
def _(logits):
    """Naive exp overflows."""
    return logits - logits.exp().sum(dim=-1, keepdim=True).log()


@to(
    "objective.log_softmax",
    "logarithm of the overflowing softmax",
    "logarithm of the finished softmax",
)
def _(logits):
    """Log of softmax."""
    return torch.log(torch.softmax(logits, dim=-1))


@to("objective.log_softmax", "maximum not put back")
def _(logits):
    """Subtracts the maximum for the sum but forgets to add it back."""
    top = logits.max(dim=-1, keepdim=True).values
    return logits - (logits - top).exp().sum(-1, keepdim=True).log()


@to("objective.cross_entropy", "divided by all positions")
def _(logits, targets):
    """Masked positions count as zeros in the mean."""
    counts = targets != -100
    log_probs = logits.log_softmax(-1)
    picked = log_probs.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return -(picked * counts).mean()


@to("objective.cross_entropy", "sign forgotten")
def _(logits, targets):
    """No minus."""
    keep = targets != -100
    log_probs = torch.log_softmax(logits, dim=-1)[keep]
    return log_probs[torch.arange(len(log_probs)), targets[keep]].mean()


@to("objective.cross_entropy", "mean of the texts means")
def _(logits, targets):
    """Mean of each row's mean: rows with few targets weigh as much."""
    losses = []
    for row, wanted in zip(logits, targets):
        keep = wanted != -100
        lp = torch.log_softmax(row[keep], dim=-1)
        losses.append(-lp.gather(1, wanted[keep][:, None]).mean())
    return torch.stack(losses).mean()


@to("objective.loss_gradient", "number of positions forgotten")
def _(logits, targets):
    """Forgets to divide by N."""
    p = logits.softmax(-1)
    p[torch.arange(len(targets)), targets] -= 1
    return p


@to("objective.loss_gradient", "direction turned round")
def _(logits, targets):
    """Truth minus model, the wrong sign."""
    N, V = logits.shape
    truth = torch.zeros(N, V)
    truth[range(N), targets] = 1.0
    return (truth - torch.softmax(logits, dim=1)) / N


@to("objective.loss_gradient", "only the targets logit moves")
def _(logits, targets):
    """Only the target's own logit has a slope."""
    N = logits.shape[0]
    p = torch.softmax(logits, dim=-1)
    gradient = torch.zeros_like(logits)
    for n in range(N):
        gradient[n, targets[n]] = p[n, targets[n]] - 1
    return gradient / N


@to("objective.text_perplexity", "two in place of e")
def _(losses):
    """2 to the power of nats."""
    return (2 ** losses.mean()).item()


@to("objective.text_perplexity", "mean of the exponentials")
def _(losses):
    """Mean of the exponentials."""
    return losses.exp().mean().item()


@to("objective.text_perplexity", "exponential of the sum")
def _(losses):
    """Exp of the sum."""
    return math.exp(losses.sum().item())


@to("objective.bigram_table", "columns in place of rows")
def _(ids, vocab_size, alpha):
    """Normalises columns."""
    counts = torch.full((vocab_size, vocab_size), float(alpha))
    for a, b in zip(ids[:-1].tolist(), ids[1:].tolist()):
        counts[a, b] += 1
    return counts / counts.sum(dim=0, keepdim=True)


@to("objective.bigram_table", "each pair counted once")
def _(ids, vocab_size, alpha):
    """+= with index pairs counts a repeated pair once."""
    counts = torch.zeros(vocab_size, vocab_size) + alpha
    counts[ids[:-1], ids[1:]] += 1
    return counts / counts.sum(1, keepdim=True)


@to("objective.bigram_table", "alpha not in the sum")
def _(ids, vocab_size, alpha):
    """Divides by the counts without alpha, so rows do not sum to 1."""
    counts = torch.zeros(vocab_size, vocab_size)
    for t in range(len(ids) - 1):
        counts[ids[t], ids[t + 1]] += 1
    total = counts.sum(dim=1, keepdim=True).clamp(min=1)
    return (counts + alpha) / total


@to("objective.text_bits_per_byte", "characters counted")
def _(loss, n_tokens, text):
    """Counts characters, not bytes."""
    return loss * n_tokens / math.log(2) / len(text)


@to("objective.text_bits_per_byte", "nats per byte")
def _(loss, n_tokens, text):
    """Leaves it in nats."""
    n_bytes = len(text.encode("utf-8"))
    return loss * n_tokens / n_bytes


@to("objective.text_bits_per_byte", "times ln 2")
def _(loss, n_tokens, text):
    """Multiplies by ln 2."""
    bits = loss * math.log(2)
    return bits * n_tokens / len(text.encode())


@to("objective.divergence", "directions exchanged")
def _(p, q):
    """The other direction."""
    return (q * (q / p).log()).sum()


@to("objective.divergence", "zeros not left out")
def _(p, q):
    """0 times log 0 gives nan."""
    return (p * (p.log() - q.log())).sum()


@to("objective.divergence", "the entropy not taken off")
def _(p, q):
    """Cross-entropy, the truth's own entropy is not taken off."""
    return -(p * torch.log(q)).sum()

"""Wrong answers to the exercises on the objective."""

import itertools
import math

import torch
import torch.nn.functional as F

from .collection import to


@to("objective.text_log_prob")
def _(log_probs, ids):
    """The logarithm once more."""
    return log_probs[torch.arange(len(ids)), ids].log().sum()


@to("objective.text_log_prob")
def _(log_probs, ids):
    """The mean, not the sum."""
    return log_probs[torch.arange(len(ids)), ids].mean()


@to("objective.text_log_prob")
def _(log_probs, ids):
    """Shifted: row t for the token after it."""
    return log_probs[torch.arange(len(ids) - 1), ids[1:]].sum()


@to("objective.text_log_prob")
def _(log_probs, ids):
    """log_probs[:, ids]: whole columns are summed."""
    return log_probs[:, ids].sum()


@to("objective.text_log_prob")
def _(log_probs, ids):
    """The likeliest token of each row, whatever the text says."""
    return log_probs.max(dim=1).values.sum()


@to("objective.text_log_prob")
def _(log_probs, ids):
    """A minus: the surprise."""
    return -log_probs[torch.arange(len(ids)), ids].sum()


@to("objective.text_log_prob")
def _(log_probs, ids):
    """Multiplies the logarithms."""
    return log_probs[torch.arange(len(ids)), ids].prod()


@to("objective.text_log_prob")
def _(log_probs, ids):
    """The probability, not its logarithm."""
    return log_probs[torch.arange(len(ids)), ids].sum().exp()


def _targets(ids, n_prompt, n_tokens, hides_prompt, hides_padding):
    targets = ids[:, 1:].clone()
    where = torch.arange(1, ids.shape[1])
    targets[hides_prompt(where, n_prompt[:, None])] = -100
    targets[hides_padding(where, n_tokens[:, None])] = -100
    return ids[:, :-1], targets


@to("objective.inputs_and_targets")
def _(ids, n_prompt, n_tokens):
    """Targets are the inputs themselves: nothing is shifted."""
    targets = ids[:, :-1].clone()
    where = torch.arange(targets.shape[1])
    targets[where < n_prompt[:, None]] = -100
    targets[where >= n_tokens[:, None]] = -100
    return ids[:, :-1], targets


@to("objective.inputs_and_targets")
def _(ids, n_prompt, n_tokens):
    """One target of the prompt counts."""
    return _targets(
        ids, n_prompt, n_tokens, lambda w, n: w < n - 1, lambda w, n: w >= n
    )


@to("objective.inputs_and_targets")
def _(ids, n_prompt, n_tokens):
    """The answer's first token is hidden too."""
    return _targets(ids, n_prompt, n_tokens, lambda w, n: w <= n, lambda w, n: w >= n)


@to("objective.inputs_and_targets")
def _(ids, n_prompt, n_tokens):
    """The first sign of padding counts."""
    return _targets(ids, n_prompt, n_tokens, lambda w, n: w < n, lambda w, n: w > n)


@to("objective.inputs_and_targets")
def _(ids, n_prompt, n_tokens):
    """Padding counts."""
    return _targets(ids, n_prompt, n_tokens, lambda w, n: w < n, lambda w, n: w < 0 * n)


@to("objective.inputs_and_targets")
def _(ids, n_prompt, n_tokens):
    """The prompt counts."""
    return _targets(
        ids, n_prompt, n_tokens, lambda w, n: w < 0 * n, lambda w, n: w >= n
    )


@to("objective.inputs_and_targets")
def _(ids, n_prompt, n_tokens):
    """Padding is taken to be every 0."""
    targets = ids[:, 1:].clone()
    where = torch.arange(1, ids.shape[1])
    targets[where < n_prompt[:, None]] = -100
    targets[targets == 0] = -100
    return ids[:, :-1], targets


@to("objective.inputs_and_targets")
def _(ids, n_prompt, n_tokens):
    """The wrong way: the target is the token before."""
    inputs, targets = ids[:, 1:], ids[:, :-1].clone()
    where = torch.arange(targets.shape[1])
    targets[where < n_prompt[:, None]] = -100
    targets[where >= n_tokens[:, None]] = -100
    return inputs, targets


@to("objective.log_softmax")
def _(logits):
    """log of softmax as written: overflows at 1000."""
    return (logits.exp() / logits.exp().sum(-1, keepdim=True)).log()


@to("objective.log_softmax")
def _(logits):
    """log of torch's softmax: -inf at 300 apart."""
    return torch.softmax(logits, dim=-1).log()


@to("objective.log_softmax")
def _(logits):
    """Over the first dimension."""
    return torch.log_softmax(logits, dim=0)


@to("objective.log_softmax")
def _(logits):
    """The maximum of all the tensor is taken off."""
    shifted = logits - logits.max()
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


@to("objective.log_softmax")
def _(logits):
    """The maximum is taken off and added again at the end."""
    top = logits.max(dim=-1, keepdim=True).values
    shifted = logits - top
    return shifted - shifted.exp().sum(-1, keepdim=True).log() + top


@to("objective.log_softmax")
def _(logits):
    """The maximum is taken off under the sum alone."""
    top = logits.max(dim=-1, keepdim=True).values
    return logits - (logits - top).exp().sum(-1, keepdim=True).log()


@to("objective.log_softmax")
def _(logits):
    """log2."""
    return torch.log_softmax(logits, dim=-1) / math.log(2)


@to("objective.log_softmax")
def _(logits):
    """Softmax, no logarithm."""
    return torch.softmax(logits, dim=-1)


@to("objective.log_softmax")
def _(logits):
    """A small number in the logarithm against -inf."""
    return torch.log(torch.softmax(logits, dim=-1) + 1e-9)


@to("objective.cross_entropy")
def _(logits, targets):
    """-100 counts as position -100 (clamped to 0)."""
    log_probs = torch.log_softmax(logits, dim=-1)
    picked = log_probs.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return -picked.mean()


@to("objective.cross_entropy")
def _(logits, targets):
    """Divides by all positions, not by those that count."""
    log_probs = torch.log_softmax(logits, dim=-1)
    picked = log_probs.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return -(picked * (targets != -100)).sum() / targets.numel()


@to("objective.cross_entropy")
def _(logits, targets):
    """The mean of the rows' means."""
    losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    counts = targets != -100
    return (losses.sum(1) / counts.sum(1)).mean()


@to("objective.cross_entropy")
def _(logits, targets):
    """Softmax first, then torch's cross-entropy."""
    probabilities = torch.softmax(logits, dim=-1)
    return F.cross_entropy(probabilities.flatten(0, 1), targets.flatten())


@to("objective.cross_entropy")
def _(logits, targets):
    """The sum."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")


@to("objective.cross_entropy")
def _(logits, targets):
    """Targets above 0 count: token 0 is lost."""
    log_probs = torch.log_softmax(logits, dim=-1)
    counts = targets > 0
    picked = log_probs.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return -picked[counts].mean()


@to("objective.cross_entropy")
def _(logits, targets):
    """Softmax over the positions."""
    log_probs = torch.log_softmax(logits, dim=1)
    counts = targets != -100
    picked = log_probs.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return -picked[counts].mean()


@to("objective.cross_entropy")
def _(logits, targets):
    """The sign is forgotten."""
    return -F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@to("objective.cross_entropy")
def _(logits, targets):
    """Shifts once more inside."""
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), targets[:, 1:].flatten())


@to("objective.loss_gradient")
def _(logits, targets):
    """Not divided by N."""
    return torch.softmax(logits, -1) - F.one_hot(targets, logits.shape[-1])


@to("objective.loss_gradient")
def _(logits, targets):
    """The sign: target minus probability."""
    wanted = F.one_hot(targets, logits.shape[-1])
    return (wanted - torch.softmax(logits, -1)) / len(targets)


@to("objective.loss_gradient")
def _(logits, targets):
    """The one at the target is not taken off."""
    return torch.softmax(logits, -1) / len(targets)


@to("objective.loss_gradient")
def _(logits, targets):
    """Only the target's logit has a slope."""
    p = torch.softmax(logits, -1)
    wanted = F.one_hot(targets, logits.shape[-1])
    return (p - 1) * wanted / len(targets)


@to("objective.loss_gradient")
def _(logits, targets):
    """The logits, not their softmax."""
    return (logits - F.one_hot(targets, logits.shape[-1])) / len(targets)


@to("objective.loss_gradient")
def _(logits, targets):
    """Divides by N · V."""
    p = torch.softmax(logits, -1)
    return (p - F.one_hot(targets, logits.shape[-1])) / logits.numel()


@to("objective.loss_gradient")
def _(logits, targets):
    """grad[:, targets] -= 1: the columns of all targets, in every row."""
    grad = torch.softmax(logits, -1)
    grad[:, targets] -= 1
    return grad / len(targets)


@to("objective.text_perplexity")
def _(losses):
    """2 to the power of nats."""
    return float(2 ** losses.mean())


@to("objective.text_perplexity")
def _(losses):
    """The mean of the perplexities."""
    return losses.exp().mean().item()


@to("objective.text_perplexity")
def _(losses):
    """exp of the sum."""
    return losses.sum().exp().item()


@to("objective.text_perplexity")
def _(losses):
    """The loss itself."""
    return losses.mean().item()


@to("objective.text_perplexity")
def _(losses):
    """exp of minus the mean: a probability."""
    return math.exp(-losses.mean())


@to("objective.text_perplexity")
def _(losses):
    """One for each token."""
    return losses.exp()


@to("objective.text_bits_per_byte")
def _(loss, n_tokens, text):
    """Characters, not bytes."""
    return loss * n_tokens / math.log(2) / len(text)


@to("objective.text_bits_per_byte")
def _(loss, n_tokens, text):
    """Nats, not bits."""
    return loss * n_tokens / len(text.encode())


@to("objective.text_bits_per_byte")
def _(loss, n_tokens, text):
    """Times ln 2 in the place of divided."""
    return loss * n_tokens * math.log(2) / len(text.encode())


@to("objective.text_bits_per_byte")
def _(loss, n_tokens, text):
    """Bits per token: bytes do not come in."""
    return loss / math.log(2)


@to("objective.text_bits_per_byte")
def _(loss, n_tokens, text):
    """Upside down: bytes per token."""
    return loss / math.log(2) * len(text.encode()) / n_tokens


@to("objective.text_bits_per_byte")
def _(loss, n_tokens, text):
    """The tokens are forgotten: loss over bytes."""
    return loss / math.log(2) / len(text.encode())


@to("objective.text_bits_per_byte")
def _(loss, n_tokens, text):
    """Eight bits a byte are divided out too."""
    return loss * n_tokens / math.log(2) / (8 * len(text.encode()))


def _table(ids, vocab_size):
    counts = torch.zeros(vocab_size, vocab_size)
    for a, b in itertools.pairwise(ids):
        counts[a, b] += 1
    return counts


@to("objective.bigram_table")
def _(ids, vocab_size, alpha):
    """Columns sum to 1."""
    counts = _table(ids, vocab_size) + alpha
    return counts / counts.sum(0, keepdim=True)


@to("objective.bigram_table")
def _(ids, vocab_size, alpha):
    """alpha is added after dividing."""
    counts = _table(ids, vocab_size)
    return counts / counts.sum(1, keepdim=True).clamp(min=1) + alpha


@to("objective.bigram_table")
def _(ids, vocab_size, alpha):
    """Transposed: row b, column a."""
    counts = _table(ids, vocab_size).T + alpha
    return counts / counts.sum(1, keepdim=True)


@to("objective.bigram_table")
def _(ids, vocab_size, alpha):
    """alpha is forgotten: rows never met are NaN."""
    counts = _table(ids, vocab_size)
    return counts / counts.sum(1, keepdim=True)


@to("objective.bigram_table")
def _(ids, vocab_size, alpha):
    """counts[a, b] += 1 on tensors of indices: repeats count once."""
    counts = torch.full((vocab_size, vocab_size), float(alpha))
    counts[ids[:-1], ids[1:]] += 1
    return counts / counts.sum(1, keepdim=True)


@to("objective.bigram_table")
def _(ids, vocab_size, alpha):
    """Divides by all pairs."""
    counts = _table(ids, vocab_size) + alpha
    return counts / counts.sum()


@to("objective.bigram_table")
def _(ids, vocab_size, alpha):
    """The counts, not divided."""
    return _table(ids, vocab_size) + alpha


@to("objective.bigram_table")
def _(ids, vocab_size, alpha):
    """The row's sum without what alpha added."""
    counts = _table(ids, vocab_size)
    return (counts + alpha) / counts.sum(1, keepdim=True).clamp(min=1)


@to("objective.divergence")
def _(p, q):
    """The other way round."""
    return (q * (q / p).log()).sum()


@to("objective.divergence")
def _(p, q):
    """A zero in p gives NaN."""
    return (p * (p / q).log()).sum()


@to("objective.divergence")
def _(p, q):
    """The cross-entropy alone."""
    return -(p * q.log()).sum()


@to("objective.divergence")
def _(p, q):
    """log2."""
    return torch.xlogy(p, p / q).sum() / math.log(2)


@to("objective.divergence")
def _(p, q):
    """F.kl_div with the arguments as probabilities."""
    return F.kl_div(q, p, reduction="sum")


@to("objective.divergence")
def _(p, q):
    """The sign is wrong."""
    return torch.xlogy(p, q).sum() - torch.xlogy(p, p).sum()


@to("objective.divergence")
def _(p, q):
    """The mean over tokens, not the sum."""
    return torch.xlogy(p, p / q).mean()


@to("objective.divergence")
def _(p, q):
    """A small number in p and q against the zero."""
    return (p * ((p + 1e-3) / (q + 1e-3)).log()).sum()

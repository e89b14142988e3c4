"""Wrong answers to the exercises on the objective."""

import itertools
import math

import torch
import torch.nn.functional as F

from .collection import to


@to("objective.text_log_prob", "logarithm of the logarithm")
def _(log_probs, ids):
    """The logarithm once more."""
    return log_probs[torch.arange(len(ids)), ids].log().sum()


@to("objective.text_log_prob", "mean over the tokens")
def _(log_probs, ids):
    """The mean, not the sum."""
    return log_probs[torch.arange(len(ids)), ids].mean()


@to("objective.text_log_prob", "shifted by one")
def _(log_probs, ids):
    """Shifted: row t for the token after it."""
    return log_probs[torch.arange(len(ids) - 1), ids[1:]].sum()


@to("objective.text_log_prob", "every token in every row")
def _(log_probs, ids):
    """log_probs[:, ids]: whole columns are summed."""
    return log_probs[:, ids].sum()


@to("objective.text_log_prob", "the likeliest token in place of the one that came")
def _(log_probs, ids):
    """The likeliest token of each row, whatever the text says."""
    return log_probs.max(dim=1).values.sum()


@to("objective.text_log_prob", "sign turned")
def _(log_probs, ids):
    """A minus: the surprise."""
    return -log_probs[torch.arange(len(ids)), ids].sum()


@to("objective.text_log_prob", "product of the logarithms")
def _(log_probs, ids):
    """Multiplies the logarithms."""
    return log_probs[torch.arange(len(ids)), ids].prod()


@to("objective.text_log_prob", "probability in place of its logarithm")
def _(log_probs, ids):
    """The probability, not its logarithm."""
    return log_probs[torch.arange(len(ids)), ids].sum().exp()


def _targets(ids, n_prompt, n_tokens, hides_prompt, hides_padding):
    targets = ids[:, 1:].clone()
    where = torch.arange(1, ids.shape[1])
    targets[hides_prompt(where, n_prompt[:, None])] = -100
    targets[hides_padding(where, n_tokens[:, None])] = -100
    return ids[:, :-1], targets


@to("objective.inputs_and_targets", "targets not shifted")
def _(ids, n_prompt, n_tokens):
    """Targets are the inputs themselves: nothing is shifted."""
    targets = ids[:, :-1].clone()
    where = torch.arange(targets.shape[1])
    targets[where < n_prompt[:, None]] = -100
    targets[where >= n_tokens[:, None]] = -100
    return ids[:, :-1], targets


@to("objective.inputs_and_targets", "last token of the prompt counted")
def _(ids, n_prompt, n_tokens):
    """One target of the prompt counts."""
    return _targets(
        ids, n_prompt, n_tokens, lambda w, n: w < n - 1, lambda w, n: w >= n
    )


@to("objective.inputs_and_targets", "first token of the answer not counted")
def _(ids, n_prompt, n_tokens):
    """The answer's first token is hidden too."""
    return _targets(ids, n_prompt, n_tokens, lambda w, n: w <= n, lambda w, n: w >= n)


@to("objective.inputs_and_targets", "first padding counted")
def _(ids, n_prompt, n_tokens):
    """The first token of padding counts."""
    return _targets(ids, n_prompt, n_tokens, lambda w, n: w < n, lambda w, n: w > n)


@to("objective.inputs_and_targets", "padding counted")
def _(ids, n_prompt, n_tokens):
    """Padding counts."""
    return _targets(ids, n_prompt, n_tokens, lambda w, n: w < n, lambda w, n: w < 0 * n)


@to("objective.inputs_and_targets", "prompt counted")
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


@to(
    "objective.inputs_and_targets",
    "shifted the wrong way",
    "shifted the wrong way with its mask",
)
def _(ids, n_prompt, n_tokens):
    """The wrong way: the target is the token before."""
    inputs, targets = ids[:, 1:], ids[:, :-1].clone()
    where = torch.arange(targets.shape[1])
    targets[where < n_prompt[:, None]] = -100
    targets[where >= n_tokens[:, None]] = -100
    return inputs, targets


@to("objective.log_softmax", "logarithm of the overflowing softmax")
def _(logits):
    """log of softmax as written: overflows at 1000."""
    return (logits.exp() / logits.exp().sum(-1, keepdim=True)).log()


@to("objective.log_softmax", "logarithm of the finished softmax")
def _(logits):
    """log of torch's softmax: -inf at 300 apart."""
    return torch.softmax(logits, dim=-1).log()


@to("objective.log_softmax", "the wrong dimension")
def _(logits):
    """Over the first dimension."""
    return torch.log_softmax(logits, dim=0)


@to("objective.log_softmax", "one maximum for all rows")
def _(logits):
    """The maximum of all the tensor is taken off."""
    shifted = logits - logits.max()
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


@to("objective.log_softmax", "maximum not put back")
def _(logits):
    """The maximum is taken off and added again at the end."""
    top = logits.max(dim=-1, keepdim=True).values
    shifted = logits - top
    return shifted - shifted.exp().sum(-1, keepdim=True).log() + top


@to("objective.log_softmax", "maximum not put back")
def _(logits):
    """The maximum is taken off under the sum alone."""
    top = logits.max(dim=-1, keepdim=True).values
    return logits - (logits - top).exp().sum(-1, keepdim=True).log()


@to("objective.log_softmax", "logarithm of base 2")
def _(logits):
    """log2."""
    return torch.log_softmax(logits, dim=-1) / math.log(2)


@to("objective.log_softmax", "softmax without logarithm")
def _(logits):
    """Softmax, no logarithm."""
    return torch.softmax(logits, dim=-1)


@to("objective.log_softmax", "a small number added before the logarithm")
def _(logits):
    """A small number in the logarithm against -inf."""
    return torch.log(torch.softmax(logits, dim=-1) + 1e-9)


@to("objective.cross_entropy", "ignored positions counted as token 0")
def _(logits, targets):
    """-100 counts as position -100 (clamped to 0)."""
    log_probs = torch.log_softmax(logits, dim=-1)
    picked = log_probs.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return -picked.mean()


@to("objective.cross_entropy", "divided by all positions")
def _(logits, targets):
    """Divides by all positions, not by those that count."""
    log_probs = torch.log_softmax(logits, dim=-1)
    picked = log_probs.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return -(picked * (targets != -100)).sum() / targets.numel()


@to("objective.cross_entropy", "mean of the texts means")
def _(logits, targets):
    """The mean of the rows' means."""
    losses = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    counts = targets != -100
    return (losses.sum(1) / counts.sum(1)).mean()


@to("objective.cross_entropy", "softmax twice")
def _(logits, targets):
    """Softmax first, then torch's cross-entropy."""
    probabilities = torch.softmax(logits, dim=-1)
    return F.cross_entropy(probabilities.flatten(0, 1), targets.flatten())


@to("objective.cross_entropy", "sum in place of the mean")
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


@to("objective.cross_entropy", "softmax down the positions")
def _(logits, targets):
    """Softmax over the positions."""
    log_probs = torch.log_softmax(logits, dim=1)
    counts = targets != -100
    picked = log_probs.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return -picked[counts].mean()


@to("objective.cross_entropy", "sign forgotten")
def _(logits, targets):
    """The sign is forgotten."""
    return -F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@to("objective.cross_entropy", "targets shifted once more")
def _(logits, targets):
    """Shifts once more inside."""
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), targets[:, 1:].flatten())


@to("objective.loss_gradient", "number of positions forgotten")
def _(logits, targets):
    """Not divided by N."""
    return torch.softmax(logits, -1) - F.one_hot(targets, logits.shape[-1])


@to("objective.loss_gradient", "direction turned round")
def _(logits, targets):
    """The sign: target minus probability."""
    wanted = F.one_hot(targets, logits.shape[-1])
    return (wanted - torch.softmax(logits, -1)) / len(targets)


@to("objective.loss_gradient", "softmax alone")
def _(logits, targets):
    """The one at the target is not taken off."""
    return torch.softmax(logits, -1) / len(targets)


@to("objective.loss_gradient", "only the targets logit moves")
def _(logits, targets):
    """Only the target's logit has a slope."""
    p = torch.softmax(logits, -1)
    wanted = F.one_hot(targets, logits.shape[-1])
    return (p - 1) * wanted / len(targets)


@to("objective.loss_gradient", "logits minus one hot")
def _(logits, targets):
    """The logits, not their softmax."""
    return (logits - F.one_hot(targets, logits.shape[-1])) / len(targets)


@to("objective.loss_gradient", "divided by all numbers")
def _(logits, targets):
    """Divides by N · V."""
    p = torch.softmax(logits, -1)
    return (p - F.one_hot(targets, logits.shape[-1])) / logits.numel()


@to("objective.loss_gradient", "one taken off in every row")
def _(logits, targets):
    """grad[:, targets] -= 1: the columns of all targets, in every row."""
    grad = torch.softmax(logits, -1)
    grad[:, targets] -= 1
    return grad / len(targets)


@to("objective.text_perplexity", "two in place of e")
def _(losses):
    """2 to the power of nats."""
    return float(2 ** losses.mean())


@to("objective.text_perplexity", "mean of the exponentials")
def _(losses):
    """The mean of the perplexities."""
    return losses.exp().mean().item()


@to("objective.text_perplexity", "exponential of the sum")
def _(losses):
    """exp of the sum."""
    return losses.sum().exp().item()


@to("objective.text_perplexity", "the mean loss itself")
def _(losses):
    """The loss itself."""
    return losses.mean().item()


@to("objective.text_perplexity", "one over the perplexity")
def _(losses):
    """exp of minus the mean: a probability."""
    return math.exp(-losses.mean())


@to("objective.text_perplexity", "one for each token")
def _(losses):
    """One for each token."""
    return losses.exp()


@to("objective.text_bits_per_byte", "characters counted")
def _(loss, n_tokens, text):
    """Characters, not bytes."""
    return loss * n_tokens / math.log(2) / len(text)


@to("objective.text_bits_per_byte", "nats per byte")
def _(loss, n_tokens, text):
    """Nats, not bits."""
    return loss * n_tokens / len(text.encode())


@to("objective.text_bits_per_byte", "times ln 2")
def _(loss, n_tokens, text):
    """Times ln 2 in the place of divided."""
    return loss * n_tokens * math.log(2) / len(text.encode())


@to("objective.text_bits_per_byte", "bits per token")
def _(loss, n_tokens, text):
    """Bits per token: bytes do not come in."""
    return loss / math.log(2)


@to("objective.text_bits_per_byte", "bytes per token the wrong way")
def _(loss, n_tokens, text):
    """Upside down: bytes per token."""
    return loss / math.log(2) * len(text.encode()) / n_tokens


@to("objective.text_bits_per_byte", "number of tokens forgotten")
def _(loss, n_tokens, text):
    """The tokens are forgotten: loss over bytes."""
    return loss / math.log(2) / len(text.encode())


@to("objective.text_bits_per_byte", "divided by eight bits a byte")
def _(loss, n_tokens, text):
    """Eight bits a byte are divided out too."""
    return loss * n_tokens / math.log(2) / (8 * len(text.encode()))


def _table(ids, vocab_size):
    counts = torch.zeros(vocab_size, vocab_size)
    for a, b in itertools.pairwise(ids):
        counts[a, b] += 1
    return counts


@to("objective.bigram_table", "columns in place of rows")
def _(ids, vocab_size, alpha):
    """Columns sum to 1."""
    counts = _table(ids, vocab_size) + alpha
    return counts / counts.sum(0, keepdim=True)


@to("objective.bigram_table", "alpha added after dividing")
def _(ids, vocab_size, alpha):
    """alpha is added after dividing."""
    counts = _table(ids, vocab_size)
    return counts / counts.sum(1, keepdim=True).clamp(min=1) + alpha


@to("objective.bigram_table", "rows and columns exchanged")
def _(ids, vocab_size, alpha):
    """Transposed: row b, column a."""
    counts = _table(ids, vocab_size).T + alpha
    return counts / counts.sum(1, keepdim=True)


@to("objective.bigram_table", "a row without counts divided by 0")
def _(ids, vocab_size, alpha):
    """alpha is forgotten: rows never met are NaN."""
    counts = _table(ids, vocab_size)
    return counts / counts.sum(1, keepdim=True)


@to("objective.bigram_table", "each pair counted once")
def _(ids, vocab_size, alpha):
    """counts[a, b] += 1 on tensors of indices: repeats count once."""
    counts = torch.full((vocab_size, vocab_size), float(alpha))
    counts[ids[:-1], ids[1:]] += 1
    return counts / counts.sum(1, keepdim=True)


@to("objective.bigram_table", "the whole table sums to 1")
def _(ids, vocab_size, alpha):
    """Divides by all pairs."""
    counts = _table(ids, vocab_size) + alpha
    return counts / counts.sum()


@to("objective.bigram_table", "counts not divided")
def _(ids, vocab_size, alpha):
    """The counts, not divided."""
    return _table(ids, vocab_size) + alpha


@to("objective.bigram_table", "alpha not in the sum")
def _(ids, vocab_size, alpha):
    """The row's sum without what alpha added."""
    counts = _table(ids, vocab_size)
    return (counts + alpha) / counts.sum(1, keepdim=True).clamp(min=1)


@to("objective.divergence", "directions exchanged")
def _(p, q):
    """The other way round."""
    return (q * (q / p).log()).sum()


@to("objective.divergence", "zeros not left out")
def _(p, q):
    """A zero in p gives NaN."""
    return (p * (p / q).log()).sum()


@to("objective.divergence", "the entropy not taken off")
def _(p, q):
    """The cross-entropy alone."""
    return -(p * q.log()).sum()


@to("objective.divergence", "bits in place of nats")
def _(p, q):
    """log2."""
    return torch.xlogy(p, p / q).sum() / math.log(2)


@to("objective.divergence", "the model without its logarithm")
def _(p, q):
    """F.kl_div with the arguments as probabilities."""
    return F.kl_div(q, p, reduction="sum")


@to("objective.divergence", "sign turned round")
def _(p, q):
    """The sign is wrong."""
    return torch.xlogy(p, q).sum() - torch.xlogy(p, p).sum()


@to("objective.divergence", "mean over the vocabulary")
def _(p, q):
    """The mean over tokens, not the sum."""
    return torch.xlogy(p, p / q).mean()


@to("objective.divergence", "a small number added")
def _(p, q):
    """A small number in p and q against the zero."""
    return (p * ((p + 1e-3) / (q + 1e-3)).log()).sum()

"""Wrong answers to the exercises on a model's inside, by who wrote the mistakes."""

import numpy as np
import torch
import torch.nn.functional as F

from .collection import to


@to("inside.copy_state", "every place in every row")
def _(clean, corrupted, places):
    """Assigns to a slice of all rows at all places."""
    patched = corrupted.clone()
    patched[:, places, :] = clean[:, places, :]
    return patched


@to("inside.copy_state", "changes its input")
def _(clean, corrupted, places):
    """Writes into the corrupted states themselves."""
    rows = torch.arange(corrupted.shape[0])
    corrupted[rows, places] = clean[rows, places]
    return corrupted


@to("inside.copy_state", "nothing copied")
def _(clean, corrupted, places):
    """Chained indexing: writes into a copy that nobody keeps."""
    patched, rows = corrupted.clone(), torch.arange(corrupted.shape[0])
    patched[rows][:, 0] = clean[rows, places]
    return patched


@to("inside.copy_state", "copied the other way")
def _(clean, corrupted, places):
    """Starts from the clean run."""
    patched = clean.clone()
    for row, place in enumerate(places):
        patched[row, place] = corrupted[row, place]
    return patched


@to("inside.copy_state", "everything up to the place")
def _(clean, corrupted, places):
    """A slice in place of an index."""
    patched = corrupted.clone()
    for row, place in enumerate(places.tolist()):
        patched[row, : place + 1] = clean[row, : place + 1]
    return patched


@to("inside.copy_state")
def _(clean, corrupted, places):
    """Only half of the channels."""
    patched, rows = corrupted.clone(), torch.arange(len(places))
    half = (clean.shape[-1] + 1) // 2
    patched[rows, places, :half] = clean[rows, places, :half]
    return patched


@to("inside.restored", "not normalised")
def _(clean, corrupted, patched):
    """How far the logits moved."""
    return torch.mean(patched - corrupted)


@to("inside.restored", "ratio of means")
def _(clean, corrupted, patched):
    """Sums before the division."""
    return (patched - corrupted).sum() / (clean - corrupted).sum()


@to("inside.restored", "what is left")
def _(clean, corrupted, patched):
    """One minus the share."""
    return 1 - ((patched - corrupted) / (clean - corrupted)).mean()


@to("inside.restored", "one share for each pair")
def _(clean, corrupted, patched):
    """The mean is forgotten."""
    return torch.div(patched - corrupted, clean - corrupted)


@to("inside.restored")
def _(clean, corrupted, patched):
    """The median in place of the mean."""
    return ((patched - corrupted) / (clean - corrupted)).median()


@to("inside.restored", "cut off at 0 and 1")
def _(clean, corrupted, patched):
    """Nothing below 0, nothing above 1."""
    share = (patched - corrupted) / (clean - corrupted)
    return torch.clip(share, min=0.0, max=1.0).mean()


@to("inside.rank_correlation", "correlation of the values")
def _(a, b):
    """torch's corrcoef of the values."""
    return torch.corrcoef(torch.stack([a, b]))[0, 1]


@to("inside.rank_correlation", "argsort taken for ranks")
def _(a, b):
    """argsort once."""
    pair = torch.stack([a.argsort(), b.argsort()]).float()
    return torch.corrcoef(pair)[0, 1]


@to("inside.rank_correlation")
def _(a, b):
    """The short formula with n² in place of n² - 1."""
    d = (a.argsort().argsort() - b.argsort().argsort()).float()
    n = len(a)
    return 1 - 6 * (d**2).sum() / n**3


@to("inside.rank_correlation", "one ranked from the top")
def _(a, b):
    """Ranks of b are counted from the largest."""
    first = a.argsort().argsort().float()
    second = b.argsort(descending=True).argsort().float()
    return torch.corrcoef(torch.stack([first, second]))[0, 1]


@to("inside.rank_correlation", "means not taken off")
def _(a, b):
    """The cosine of the ranks."""
    first, second = a.argsort().argsort().float(), b.argsort().argsort().float()
    return F.cosine_similarity(first, second, dim=0)


@to("inside.rank_correlation", "n and n minus 1 mixed")
def _(a, b):
    """A mean of products over torch's deviations."""
    first, second = a.argsort().argsort().float(), b.argsort().argsort().float()
    product = ((first - first.mean()) * (second - second.mean())).mean()
    return product / (first.std() * second.std())


@to("inside.selectivity", "the other way round")
def _(logits, labels, control_logits, control_labels):
    """Control minus probe."""
    ours = (logits.argmax(1) == labels).sum() / len(labels)
    control = (control_logits.argmax(1) == control_labels).sum() / len(labels)
    return control - ours


@to("inside.selectivity", "the control forgotten")
def _(logits, labels, control_logits, control_labels):
    """The accuracy alone."""
    return (logits.max(-1).indices == labels).float().mean()


@to("inside.selectivity", "chance in place of the control")
def _(logits, labels, control_logits, control_labels):
    """One over the number of labels is taken off."""
    K = logits.size(-1)
    return (logits.argmax(-1) == labels).float().mean() - 1.0 / K


@to("inside.selectivity", "right guesses counted")
def _(logits, labels, control_logits, control_labels):
    """Counts."""
    ours = (logits.argmax(-1) == labels).sum()
    return ours - (control_logits.argmax(-1) == control_labels).sum()


@to("inside.selectivity", "the same labels for both")
def _(logits, labels, control_logits, control_labels):
    """Both against the real labels."""
    both = [(x.argmax(-1) == labels).float().mean() for x in (logits, control_logits)]
    return both[0] - both[1]


@to("inside.selectivity")
def _(logits, labels, control_logits, control_labels):
    """A difference of losses."""
    control = F.cross_entropy(control_logits, control_labels)
    return control - F.cross_entropy(logits, labels)


@to("inside.sparse_features", "centre left in")
def _(x, directions, bias, centre, k):
    """A linear layer on x itself."""
    a = F.relu(F.linear(x, directions, bias))
    values, which = torch.topk(a, k)
    return torch.zeros_like(a).scatter_(1, which, values)


@to("inside.sparse_features", "all kept")
def _(x, directions, bias, centre, k):
    """No choice."""
    return F.relu(F.linear(x - centre, directions, bias))


@to("inside.sparse_features", "relu left out")
def _(x, directions, bias, centre, k):
    """topk without relu."""
    a = F.linear(x - centre, directions, bias)
    values, which = torch.topk(a, k)
    return torch.zeros_like(a).scatter_(1, which, values)


@to("inside.sparse_features", "only the k values")
def _(x, directions, bias, centre, k):
    """The values of topk."""
    return F.relu(F.linear(x - centre, directions, bias)).topk(k)[0]


@to("inside.sparse_features")
def _(x, directions, bias, centre, k):
    """softmax in place of relu."""
    a = F.linear(x - centre, directions, bias).softmax(-1)
    values, which = torch.topk(a, k)
    return torch.zeros_like(a).scatter_(1, which, values)


@to("inside.sparse_features", "bias left out")
def _(x, directions, bias, centre, k):
    """No bias."""
    a = F.relu((x - centre) @ directions.t())
    values, which = torch.topk(a, k)
    return torch.zeros_like(a).scatter_(1, which, values)


@to("inside.precision_recall", "the two exchanged")
def _(active, fact):
    """Denominators the other way round."""
    both = (active & fact.unsqueeze(1)).sum(0)
    return both / fact.sum(), both / active.sum(0).clamp(min=1)


@to("inside.precision_recall", "nothing over nothing")
def _(active, fact):
    """Divides by what can be 0."""
    both = (active * fact[:, None]).sum(0)
    return both / active.sum(0), both / fact.sum()


@to("inside.precision_recall", "accuracy in place of precision")
def _(active, fact):
    """Agreement in place of precision."""
    same = (active == fact[:, None]).float().mean(dim=0)
    return same, (active & fact[:, None]).sum(0) / fact.sum()


@to("inside.precision_recall", "divided by all states")
def _(active, fact):
    """Shares of all states."""
    both = (active & fact[:, None]).float().mean(0)
    return both, both


@to("inside.precision_recall", "type")
def _(active, fact):
    """numpy's arrays."""
    active, fact = active.numpy(), fact.numpy()
    both = (active & fact[:, None]).sum(0)
    return both / np.maximum(active.sum(0), 1), both / fact.sum()


@to("inside.precision_recall", "counts in place of shares")
def _(active, fact):
    """Counts of both."""
    both = (active & fact[:, None]).sum(0).float()
    return both, both

"""Wrong answers to the exercises on bias."""

import math
import re

import torch

from .collection import to


@to("bias.name_biases", "all other words count too")
def _(log_probs, typical):
    """Probabilities as they are, other words' mass not taken out."""
    p = log_probs.exp()
    return (p * typical).sum(1) - (p * ~typical).sum(1)


@to("bias.name_biases", "the share of typical jobs alone")
def _(log_probs, typical):
    """The typical share alone."""
    return (torch.softmax(log_probs, 1) * typical).sum(1)


@to("bias.name_biases", "the other way round")
def _(log_probs, typical):
    """Others minus typical."""
    p = torch.softmax(log_probs, 1)
    return (p * ~typical).sum(1) - (p * typical).sum(1)


@to("bias.name_biases", "softmax over the names")
def _(log_probs, typical):
    """Shares over the names."""
    p = torch.softmax(log_probs, 0)
    return (p * typical).sum(1) - (p * ~typical).sum(1)


@to("bias.name_biases", "log probabilities added")
def _(log_probs, typical):
    """Log-probabilities are summed."""
    return (log_probs * typical).sum(1) - (log_probs * ~typical).sum(1)


@to("bias.name_biases", "a mean over each group")
def _(log_probs, typical):
    """Means, not sums: the number of words comes in."""
    p = torch.softmax(log_probs, 1)
    few = (p * typical).sum(1) / typical.sum(1)
    return few - (p * ~typical).sum(1) / (~typical).sum(1)


@to("bias.name_biases", "one number for all names")
def _(log_probs, typical):
    """One number: the mean over the names."""
    p = torch.softmax(log_probs, 1)
    return ((p * typical).sum(1) - (p * ~typical).sum(1)).mean()


@to("bias.name_biases", "the likeliest job decides")
def _(log_probs, typical):
    """The likeliest word alone: +1 or -1."""
    best = log_probs.argmax(1, keepdim=True)
    return typical.gather(1, best)[:, 0].float() * 2 - 1


def _bias(p, typical):
    return (p * typical).sum(1) - (p * ~typical).sum(1)


@to("bias.at_temperature", "softmax of probabilities")
def _(probabilities, typical, temperature):
    """Softmax of the probabilities, as if they were logits."""
    return _bias(torch.softmax(probabilities / temperature, 1), typical)


@to("bias.at_temperature", "the bias divided by the temperature")
def _(probabilities, typical, temperature):
    """The bias itself is divided by the temperature."""
    return _bias(probabilities, typical) / temperature


@to("bias.at_temperature", "the power is the temperature")
def _(probabilities, typical, temperature):
    """p to the power T in the place of 1 / T."""
    p = probabilities**temperature
    return _bias(p / p.sum(1, keepdim=True), typical)


@to("bias.at_temperature", "sharpened but not scaled")
def _(probabilities, typical, temperature):
    """Not scaled to sum to 1."""
    return _bias(probabilities ** (1 / temperature), typical)


@to("bias.at_temperature", "the groups are sharpened")
def _(probabilities, typical, temperature):
    """The temperature on the two groups, not on each word."""
    few = (probabilities * typical).sum(1)
    both = torch.stack([few, 1 - few], 1) ** (1 / temperature)
    both = both / both.sum(1, keepdim=True)
    return both[:, 0] - both[:, 1]


@to("bias.at_temperature", "the temperature has no effect")
def _(probabilities, typical, temperature):
    """The temperature plays no part."""
    return _bias(probabilities, typical)


@to("bias.at_temperature", "scaled over the names")
def _(probabilities, typical, temperature):
    """Scaled over the names."""
    p = probabilities ** (1 / temperature)
    return _bias(p / p.sum(0, keepdim=True), typical)


@to("bias.at_temperature", "the others minus the typical")
def _(probabilities, typical, temperature):
    """The sign is wrong."""
    p = probabilities ** (1 / temperature)
    return -_bias(p / p.sum(1, keepdim=True), typical)


def _swap(text, pairs, nouns, **change):
    table = {}
    for a, b in pairs:
        table[a.lower()] = b.lower()
        if change.get("both", True):
            table[b.lower()] = a.lower()
    words = re.findall(r"\w+|\W+", text)
    for i, word in enumerate(words):
        low, new = word.lower(), None
        if low in ("his", "him"):
            new = "her"
        elif low == "her":
            following = words[i + 2].lower() if i + 2 < len(words) else ""
            is_noun = following in nouns and words[i + 1] == " "
            new = "his" if change.get("his", is_noun) else "him"
        elif low in table:
            new = table[low]
        if new:
            capital = word[0].isupper() and change.get("capital", True)
            words[i] = new.capitalize() if capital else new
    return "".join(words)


@to("bias.swap", "her is always his")
def _(text, pairs, nouns):
    """her becomes his, always."""
    return _swap(text, pairs, nouns, his=True)


@to("bias.swap", "her is always him")
def _(text, pairs, nouns):
    """her becomes him, always."""
    return _swap(text, pairs, nouns, his=False)


@to("bias.swap", "only women become men")
def _(text, pairs, nouns):
    """From the first to the second only."""
    return _swap(text, pairs, nouns, both=False)


@to("bias.swap", "everything in small letters")
def _(text, pairs, nouns):
    """Everything it changes is small."""
    return _swap(text, pairs, nouns, capital=False)


@to(
    "bias.swap",
    "one replacement after the other",
    "each pair there and back inside words",
)
def _(text, pairs, nouns):
    """str.replace one after the other: the second undoes the first."""
    for a, b in pairs:
        text = text.replace(a, b).replace(b, a)
    return text


@to("bias.swap", "only the pairs and inside words")
def _(text, pairs, nouns):
    """Inside of words: "the" holds "he"."""
    table = {a: b for a, b in pairs} | {b: a for a, b in pairs}
    pattern = "|".join(map(re.escape, table))
    return re.sub(pattern, lambda m: table[m.group()], text)


@to("bias.swap", "the pronouns stay")
def _(text, pairs, nouns):
    """his, him and her stay."""
    table = {a: b for a, b in pairs} | {b: a for a, b in pairs}
    words = re.findall(r"\w+|\W+", text)
    out = []
    for word in words:
        new = table.get(word) or table.get(word.lower())
        out.append(new.capitalize() if new and word[0].isupper() else new or word)
    return "".join(out)


@to("bias.swap", "words beside punctuation are missed")
def _(text, pairs, nouns):
    """text.split(): a word before a comma or full stop is not found."""
    table = {a: b for a, b in pairs} | {b: a for a, b in pairs}
    table |= {"his": "her", "him": "her"}
    words = text.split(" ")
    out = []
    for i, word in enumerate(words):
        following = words[i + 1] if i + 1 < len(words) else ""
        if word.lower() == "her":
            new = "his" if following in nouns else "him"
        else:
            new = table.get(word) or table.get(word.lower())
        out.append(new.capitalize() if new and word[0].isupper() else new or word)
    return " ".join(out)


@to("bias.independence_weights", "the weighted counts returned")
def _(counts):
    """The product of the sums over all: what is expected, not its weight."""
    return counts.sum(1, keepdim=True) * counts.sum(0) / counts.sum()


@to("bias.independence_weights", "upside down")
def _(counts):
    """Upside down: counted over expected."""
    return counts * counts.sum() / (counts.sum(1, keepdim=True) * counts.sum(0))


@to("bias.independence_weights", "infinite for what never occurs")
def _(counts):
    """A pair that never occurs divides by 0."""
    return counts.sum(1, keepdim=True) * counts.sum(0) / counts.sum() / counts


@to("bias.independence_weights", "one over the count")
def _(counts):
    """1 / count: all pairs weigh alike."""
    return torch.where(counts > 0, 1 / counts, 0.0)


@to("bias.independence_weights", "not divided by the sum of all")
def _(counts):
    """The sum of all is forgotten."""
    w = counts.sum(1, keepdim=True) * counts.sum(0) / counts
    return torch.where(counts > 0, w, 0.0)


@to(
    "bias.independence_weights",
    "the genders share of the job",
    "every pair as frequent as any other",
)
def _(counts):
    """Genders alike within each job: column sum over G."""
    w = counts.sum(0) / len(counts) / counts
    return torch.where(counts > 0, w, 0.0)


@to("bias.independence_weights", "one added to every count")
def _(counts):
    """One added to every count."""
    more = counts + 1
    return more.sum(1, keepdim=True) * more.sum(0) / more.sum() / more


@to("bias.exposure", "the place read in place of the rank")
def _(log_probs, secret):
    """The place of the secret in argsort is read the wrong way."""
    rank = torch.argsort(log_probs, descending=True)[secret].item() + 1
    return math.log2(len(log_probs)) - math.log2(rank)


@to("bias.exposure", "natural logarithms")
def _(log_probs, secret):
    """Natural logarithms."""
    rank = (log_probs > log_probs[secret]).sum().item() + 1
    return math.log(len(log_probs)) - math.log(rank)


@to("bias.exposure", "the likeliest has rank 0")
def _(log_probs, secret):
    """Rank from 0."""
    rank = (log_probs > log_probs[secret]).sum().item()
    return math.log2(len(log_probs)) - math.log2(rank)


@to("bias.exposure", "ranked from the unlikely end")
def _(log_probs, secret):
    """The unlikeliest has rank 1."""
    rank = (log_probs < log_probs[secret]).sum().item() + 1
    return math.log2(len(log_probs)) - math.log2(rank)


@to("bias.exposure", "the logarithm of the rank")
def _(log_probs, secret):
    """The rank alone, as bits."""
    rank = (log_probs > log_probs[secret]).sum().item() + 1
    return math.log2(rank)


@to("bias.exposure", "the surprise of the secret")
def _(log_probs, secret):
    """The secret's surprise in bits."""
    return -log_probs[secret].item() / math.log(2)


@to("bias.exposure", "without a logarithm")
def _(log_probs, secret):
    """The share in the place of its logarithm: R / rank."""
    rank = (log_probs > log_probs[secret]).sum().item() + 1
    return len(log_probs) / rank

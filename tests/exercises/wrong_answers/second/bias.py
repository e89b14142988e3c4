"""A second set of wrong answers: bias."""

import math

import regex
import torch

from ..collection import to_second as to


@to("bias.name_biases", "all other words count too")
def _(log_probs, typical):
    """Does not scale to the J job words alone."""
    p = log_probs.exp()
    return (p * typical).sum(-1) - (p * ~typical).sum(-1)


@to("bias.name_biases", "logarithms shared out")
def _(log_probs, typical):
    """Works on the logarithms."""
    shares = log_probs / log_probs.sum(dim=-1, keepdim=True)
    return torch.where(typical, shares, -shares).sum(dim=-1)


@to("bias.name_biases", "the share of typical jobs alone")
def _(log_probs, typical):
    """Only the typical share."""
    shares = torch.softmax(log_probs, dim=-1)
    return (shares * typical.float()).sum(dim=1)


@to("bias.at_temperature", "the power is the temperature")
def _(probabilities, typical, temperature):
    """Raises to the power tau, not 1/tau."""
    p = probabilities**temperature
    p = p / p.sum(-1, keepdim=True)
    return (p * typical).sum(-1) - (p * ~typical).sum(-1)


@to("bias.at_temperature", "sharpened but not scaled")
def _(probabilities, typical, temperature):
    """Forgets to scale again."""
    p = probabilities ** (1 / temperature)
    sign = typical.float() * 2 - 1
    return (p * sign).sum(dim=1)


@to("bias.at_temperature", "the groups are sharpened")
def _(probabilities, typical, temperature):
    """Applies it to the group sums, not to each word."""
    a = (probabilities * typical).sum(-1) ** (1 / temperature)
    b = (probabilities * ~typical).sum(-1) ** (1 / temperature)
    return (a - b) / (a + b)


@to("bias.swap", "each pair there and back", "one replacement after the other")
def _(text, pairs, nouns):
    """One pair after the other, which changes back."""
    for a, b in pairs:
        text = regex.sub(rf"\b{a}\b", b, text)
        text = regex.sub(rf"\b{b}\b", a, text)
    return text


@to("bias.swap", "capitals are lost", "words with a capital are missed")
def _(text, pairs, nouns):
    """Forgets capitals at the start of a sentence."""
    other = {}
    for a, b in pairs:
        other[a], other[b] = b, a
    other["his"] = other["him"] = "her"
    words = regex.split(r"(\W+)", text)
    out = []
    for i, word in enumerate(words):
        if word == "her":
            follows = words[i + 2] if i + 2 < len(words) else ""
            out.append("his" if follows in nouns else "him")
        else:
            out.append(other.get(word, word))
    return "".join(out)


@to("bias.swap", "her is always his")
def _(text, pairs, nouns):
    """Her is always his."""
    other = {"his": "her", "him": "her", "her": "his"}
    for a, b in pairs:
        other[a.lower()] = b
        other[b.lower()] = a

    def change(match):
        word = match.group()
        new = other.get(word.lower(), word)
        return new[0].upper() + new[1:] if word[0].isupper() else new

    return regex.sub(r"\w+", change, text)


@to("bias.independence_weights", "upside down")
def _(counts):
    """The ratio upside down."""
    total = counts.sum()
    expected = counts.sum(1, keepdim=True) * counts.sum(0, keepdim=True) / total
    return torch.where(counts > 0, counts / expected, 0.0)


@to("bias.independence_weights", "infinite for what never occurs")
def _(counts):
    """0 / 0 gives nan or inf at pairs that never occur."""
    rows = counts.sum(dim=1, keepdim=True)
    columns = counts.sum(dim=0, keepdim=True)
    return rows * columns / counts.sum() / counts


@to("bias.independence_weights", "not divided by the sum of all")
def _(counts):
    """Forgets to divide by the total."""
    g = counts.sum(1)
    j = counts.sum(0)
    expected = torch.outer(g, j)
    weights = expected / counts.clamp(min=1)
    return weights * (counts > 0)


@to("bias.exposure", "the likeliest has rank 0")
def _(log_probs, secret):
    """Rank counted from 0."""
    rank = (log_probs > log_probs[secret]).sum().item()
    return math.log2(len(log_probs)) - math.log2(max(rank, 1))


@to("bias.exposure", "ranked from the unlikely end")
def _(log_probs, secret):
    """Ranks the least likely first."""
    order = log_probs.argsort()
    rank = (order == secret).nonzero().item() + 1
    return math.log2(len(log_probs) / rank)


@to("bias.exposure", "natural logarithms")
def _(log_probs, secret):
    """Natural logarithms."""
    order = log_probs.argsort(descending=True).tolist()
    rank = order.index(secret) + 1
    return math.log(len(order)) - math.log(rank)

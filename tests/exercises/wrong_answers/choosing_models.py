"""Wrong answers to the exercises on choosing a model."""

import math

import numpy as np
import torch

from .collection import to


def _front(costs, beats):
    n = len(costs)
    return torch.tensor(
        [
            not any(beats(costs[j], costs[i]) for j in range(n) if j != i)
            for i in range(n)
        ]
    )


@to("choosing_models.pareto_front", "beaten only if worse everywhere")
def _(costs):
    """Better in every column is needed to beat."""
    return _front(costs, lambda a, b: bool((a < b).all()))


@to("choosing_models.pareto_front", "equals beat each other")
def _(costs):
    """No worse is enough: equal ones beat each other."""
    return _front(costs, lambda a, b: bool((a <= b).all()))


@to("choosing_models.pareto_front", "beaten by one better column")
def _(costs):
    """One better column is enough."""
    return _front(costs, lambda a, b: bool((a < b).any()))


@to("choosing_models.pareto_front", "higher taken for better")
def _(costs):
    """The higher the better."""
    return _front(costs, lambda a, b: bool((a >= b).all() and (a > b).any()))


@to("choosing_models.pareto_front", "the beaten returned")
def _(costs):
    """True for those that are beaten."""
    return ~_front(costs, lambda a, b: bool((a <= b).all() and (a < b).any()))


@to("choosing_models.pareto_front", "only the best of each column")
def _(costs):
    """The best of each column only."""
    return (costs == costs.min(dim=0).values).any(dim=1)


@to("choosing_models.pareto_front", "places in place of marks")
def _(costs):
    """The indices."""
    front = _front(costs, lambda a, b: bool((a <= b).all() and (a < b).any()))
    return front.nonzero()[:, 0]


@to("choosing_models.pareto_front", "two columns only")
def _(costs):
    """The first two columns alone."""
    return _front(
        costs, lambda a, b: bool((a[:2] <= b[:2]).all() and (a[:2] < b[:2]).any())
    )


@to("choosing_models.training_flops", "the head forgotten")
def _(n_layer, n_embd, vocab_size, n_texts, T):
    """The head is forgotten."""
    return 6.0 * 12 * n_layer * n_embd**2 * n_texts * T


@to("choosing_models.training_flops", "the forward pass only")
def _(n_layer, n_embd, vocab_size, n_texts, T):
    """Forward alone: 2 N D."""
    return 2.0 * (12 * n_layer * n_embd**2 + vocab_size * n_embd) * n_texts * T


@to("choosing_models.training_flops", "texts taken for tokens")
def _(n_layer, n_embd, vocab_size, n_texts, T):
    """Texts in the place of tokens."""
    return 6.0 * (12 * n_layer * n_embd**2 + vocab_size * n_embd) * n_texts


@to("choosing_models.training_flops", "the mlp forgotten")
def _(n_layer, n_embd, vocab_size, n_texts, T):
    """Four matrices of C x C in each block."""
    return 6.0 * (4 * n_layer * n_embd**2 + vocab_size * n_embd) * n_texts * T


@to("choosing_models.training_flops", "positions counted too")
def _(n_layer, n_embd, vocab_size, n_texts, T):
    """The table of positions counts as well."""
    N = 12 * n_layer * n_embd**2 + (vocab_size + T) * n_embd
    return 6.0 * N * n_texts * T


@to("choosing_models.training_flops", "biases and gains counted")
def _(n_layer, n_embd, vocab_size, n_texts, T):
    """Biases and gains count as well."""
    N = n_layer * (12 * n_embd**2 + 13 * n_embd) + vocab_size * n_embd
    return 6.0 * N * n_texts * T


@to("choosing_models.training_flops", "the look up counted")
def _(n_layer, n_embd, vocab_size, n_texts, T):
    """Embedding and head both count: the table twice."""
    return 6.0 * (12 * n_layer * n_embd**2 + 2 * vocab_size * n_embd) * n_texts * T


@to("choosing_models.training_flops", "additions forgotten")
def _(n_layer, n_embd, vocab_size, n_texts, T):
    """3 N D: a multiplication and its addition counted as one."""
    return 3.0 * (12 * n_layer * n_embd**2 + vocab_size * n_embd) * n_texts * T


@to("choosing_models.fit_power_law", "the floor left in")
def _(x, losses, floor):
    """The floor is not taken off."""
    slope, start = np.polyfit(np.log(x), np.log(losses), 1)
    return float(np.exp(start)), float(-slope)


@to("choosing_models.fit_power_law", "the slope as it is")
def _(x, losses, floor):
    """alpha is negative."""
    slope, start = np.polyfit(np.log(x), np.log(losses - floor), 1)
    return float(np.exp(start)), float(slope)


@to("choosing_models.fit_power_law", "a left as a logarithm")
def _(x, losses, floor):
    """The logarithm of a."""
    slope, start = np.polyfit(np.log(x), np.log(losses - floor), 1)
    return float(start), float(-slope)


@to("choosing_models.fit_power_law", "results exchanged")
def _(x, losses, floor):
    """(alpha, a)."""
    slope, start = np.polyfit(np.log(x), np.log(losses - floor), 1)
    return float(-slope), float(np.exp(start))


@to("choosing_models.fit_power_law", "x left as it is")
def _(x, losses, floor):
    """x is no logarithm: an exponential."""
    slope, start = np.polyfit(np.array(x), np.log(losses - floor), 1)
    return float(np.exp(start)), float(-slope)


@to("choosing_models.fit_power_law", "log10 undone with e")
def _(x, losses, floor):
    """log10 undone with e."""
    slope, start = np.polyfit(np.log10(x), np.log10(losses - floor), 1)
    return float(np.exp(start)), float(-slope)


@to("choosing_models.fit_power_law", "the first and the last point")
def _(x, losses, floor):
    """The line through the first and the last point."""
    y = (losses - floor).log()
    alpha = float(-(y[-1] - y[0]) / (x[-1].log() - x[0].log()))
    return float((losses[0] - floor) * x[0] ** alpha), alpha


@to("choosing_models.fit_power_law", "the floor added")
def _(x, losses, floor):
    """The floor is added."""
    slope, start = np.polyfit(np.log(x), np.log(losses + floor), 1)
    return float(np.exp(start)), float(-slope)


def _best(flops, A, B, alpha, beta):
    ratio = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N = ratio * (flops / 6) ** (beta / (alpha + beta))
    return N, flops / 6 / N


@to("choosing_models.best_split", "the factor 6 forgotten")
def _(flops, A, B, alpha, beta):
    """The 6 is forgotten."""
    return _best(flops * 6, A, B, alpha, beta)


@to("choosing_models.best_split", "N and D swapped")
def _(flops, A, B, alpha, beta):
    """(D, N)."""
    return _best(flops, A, B, alpha, beta)[::-1]


@to("choosing_models.best_split", "as many tokens as parameters")
def _(flops, A, B, alpha, beta):
    """Half and half: N = D."""
    return math.sqrt(flops / 6), math.sqrt(flops / 6)


@to("choosing_models.best_split", "twenty tokens a parameter")
def _(flops, A, B, alpha, beta):
    """20 tokens a parameter, the rule of thumb."""
    N = math.sqrt(flops / 6 / 20)
    return N, 20 * N


@to("choosing_models.best_split", "alpha and beta exchanged")
def _(flops, A, B, alpha, beta):
    """alpha and beta exchanged."""
    return _best(flops, A, B, beta, alpha)


@to("choosing_models.best_split", "both terms made equal")
def _(flops, A, B, alpha, beta):
    """Both parts of the loss equal, not their slopes."""
    N = ((A / B) * (flops / 6) ** beta) ** (1 / (alpha + beta))
    return N, flops / 6 / N


@to("choosing_models.best_split", "A and B exchanged")
def _(flops, A, B, alpha, beta):
    """A and B exchanged."""
    return _best(flops, B, A, alpha, beta)


@to("choosing_models.best_split", "a search too rough")
def _(flops, A, B, alpha, beta):
    """A search of whole powers of ten: too rough."""
    sizes = [10.0**k for k in range(2, 16)]
    N = min(sizes, key=lambda N: A / N**alpha + B / (flops / 6 / N) ** beta)
    return N, flops / 6 / N

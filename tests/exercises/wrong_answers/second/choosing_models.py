"""A second set of wrong answers: choosing models."""

import torch

from ..collection import to_second as to


@to("choosing_models.pareto_front", "beaten only if worse everywhere")
def _(costs):
    """Beaten only if another is better in every column."""
    better = (costs[:, None] < costs[None, :]).all(-1)
    return ~better.any(0)


@to("choosing_models.pareto_front", "equals beat each other")
def _(costs):
    """No worse in all is enough: a model beats itself and its equals."""
    n = len(costs)
    stays = torch.ones(n, dtype=torch.bool)
    for i in range(n):
        for j in range(n):
            if i != j and (costs[j] <= costs[i]).all():
                stays[i] = False
    return stays


@to("choosing_models.pareto_front", "higher taken for better")
def _(costs):
    """Takes higher as better."""
    a, b = costs[:, None, :], costs[None, :, :]
    beats = (a >= b).all(dim=-1) & (a > b).any(dim=-1)
    return ~beats.any(dim=0)


@to("choosing_models.training_flops", "the forward pass only")
def _(n_layer, n_embd, vocab_size, n_texts, T):
    """Forward only: 2 N D."""
    N = n_layer * 12 * n_embd**2 + vocab_size * n_embd
    return 2.0 * N * n_texts * T


@to("choosing_models.training_flops", "the head forgotten")
def _(n_layer, n_embd, vocab_size, n_texts, T):
    """Leaves the head out."""
    N = 12 * n_layer * n_embd * n_embd
    D = n_texts * T
    return float(6 * N * D)


@to("choosing_models.training_flops", "positions counted too")
def _(n_layer, n_embd, vocab_size, n_texts, T):
    """Counts the position table as well."""
    matrices = n_layer * (3 + 1 + 4 + 4) * n_embd**2
    N = matrices + vocab_size * n_embd + T * n_embd
    return 6.0 * N * n_texts * T


@to("choosing_models.fit_power_law", "the floor left in")
def _(x, losses, floor):
    """Does not take the floor off."""
    lx, ly = x.log(), losses.log()
    slope = ((lx - lx.mean()) * (ly - ly.mean())).sum() / ((lx - lx.mean()) ** 2).sum()
    a = (ly.mean() - slope * lx.mean()).exp()
    return a.item(), -slope.item()


@to("choosing_models.fit_power_law", "the slope as it is")
def _(x, losses, floor):
    """Alpha with the wrong sign."""
    lx, ly = torch.log(x), torch.log(losses - floor)
    A = torch.stack([torch.ones_like(lx), lx], dim=1)
    solution = torch.linalg.lstsq(A, ly[:, None]).solution[:, 0]
    return solution[0].exp().item(), solution[1].item()


@to("choosing_models.fit_power_law", "a left as a logarithm")
def _(x, losses, floor):
    """Gives ln a, forgets exp."""
    lx, ly = torch.log(x), torch.log(losses - floor)
    dx = lx - lx.mean()
    slope = (dx * (ly - ly.mean())).sum() / (dx * dx).sum()
    intercept = ly.mean() - slope * lx.mean()
    return intercept.item(), -slope.item()


@to("choosing_models.best_split", "as many tokens as parameters")
def _(flops, A, B, alpha, beta):
    """Splits evenly, N = D."""
    n = (flops / 6) ** 0.5
    return n, n


@to("choosing_models.best_split", "the factor 6 forgotten")
def _(flops, A, B, alpha, beta):
    """Forgets the 6."""
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N = G * flops ** (beta / (alpha + beta))
    return N, flops / N


@to("choosing_models.best_split", "exponents swapped")
def _(flops, A, B, alpha, beta):
    """Exponents alpha and beta exchanged."""
    product = flops / 6
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N = G * product ** (alpha / (alpha + beta))
    D = product / N
    return N, D

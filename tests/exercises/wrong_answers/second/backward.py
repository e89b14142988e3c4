"""A second set of wrong answers: backward."""

import math

import torch
import torch.nn.functional as F

from ..collection import to_second as to


@to("backward.slopes", "overwritten in place of added")
def _(made_of, last):
    """Overwrites the gradient of a number that is used twice."""
    gradient = {last: 1.0}
    todo = [last]
    while todo:
        name = todo.pop(0)
        for parent, slope in made_of[name]:
            gradient[parent] = gradient[name] * slope
            todo.append(parent)
    return gradient


@to(
    "backward.slopes",
    "handed on again from a stack",
    "passed on at every visit",
    "handed on again in full",
)
def _(made_of, last):
    """Hands on before all has come (depth first, passes the accumulated total
    again)."""
    gradient = {last: 1.0}
    stack = [last]
    while stack:
        name = stack.pop()
        for parent, slope in made_of[name]:
            gradient[parent] = gradient.get(parent, 0.0) + gradient[name] * slope
            stack.append(parent)
    return gradient


@to("backward.slopes", "what last does not rest on too")
def _(made_of, last):
    """Holds all names of the dict, also those not behind last."""
    order, seen = [], set()

    def visit(name):
        if name in seen:
            return
        seen.add(name)
        for parent, _ in made_of[name]:
            visit(parent)
        order.append(name)

    visit(last)
    gradient = {name: 0.0 for name in made_of}
    gradient[last] = 1.0
    for name in reversed(order):
        for parent, slope in made_of[name]:
            gradient[parent] += slope * gradient[name]
    return gradient


@to("backward.unbroadcast", "only new dimensions summed")
def _(g, shape):
    """Sums only the dimensions in front."""
    while g.ndim > len(shape):
        g = g.sum(0)
    return g


@to("backward.unbroadcast", "mean in place of the sum")
def _(g, shape):
    """Mean, not sum."""
    while g.ndim > len(shape):
        g = g.mean(0)
    for d, n in enumerate(shape):
        if n == 1:
            g = g.mean(d, keepdim=True)
    return g


@to("backward.unbroadcast", "length 1 dropped")
def _(g, shape):
    """Sums without keepdim, so later dimensions shift."""
    while g.ndim > len(shape):
        g = g.sum(dim=0)
    for d in range(len(shape)):
        if shape[d] == 1:
            g = g.sum(dim=d)
    return g


@to("backward.matmul_backward", "not summed over the batch")
def _(a, b, g):
    """The gradient of b stays apart per text."""
    return g @ b.T, a.transpose(1, 2) @ g


@to("backward.matmul_backward", "mean over the batch")
def _(a, b, g):
    """Averages over the batch."""
    grad_a = g @ b.T
    grad_b = (a.transpose(-2, -1) @ g).mean(dim=0)
    return grad_a, grad_b


@to("backward.matmul_backward", "gradients exchanged")
def _(a, b, g):
    """Returns them in the wrong order."""
    of_b = torch.einsum("btk,btm->km", a, g)
    of_a = torch.einsum("btm,km->btk", g, b)
    return of_b, of_a


@to("backward.softmax_backward", "diagonal only")
def _(p, g):
    """Only the diagonal of the Jacobian."""
    return g * p * (1 - p)


@to("backward.softmax_backward", "sum without the shares")
def _(p, g):
    """Takes off the plain sum of g, not the one weighted by p."""
    return p * (g - g.sum(dim=-1, keepdim=True))


@to("backward.softmax_backward", "the mean without its share")
def _(p, g):
    """Subtracts the sum of p*g without p in front of it."""
    pg = p * g
    return pg - pg.sum(-1, keepdim=True)


@to("backward.layer_norm_backward", "mean and variance forgotten")
def _(x, gain, g):
    """Treats mean and variance as constants."""
    mean = x.mean(-1, keepdim=True)
    sigma = (x.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    n = (x - mean) / sigma
    return g * gain / sigma, (g * n).sum((0, 1)), g.sum((0, 1))


@to("backward.layer_norm_backward", "gain left out")
def _(x, gain, g):
    """Uses g and not h = g * gain in the rule."""
    mean = x.mean(-1, keepdim=True)
    sigma = (x.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    n = (x - mean) / sigma
    of_x = (g - g.mean(-1, keepdim=True) - n * (g * n).mean(-1, keepdim=True)) / sigma
    return of_x, (g * n).sum((0, 1)), g.sum((0, 1))


@to("backward.layer_norm_backward", "gain and bias averaged")
def _(x, gain, g):
    """Gain's and bias's gradients are averaged over B and T."""
    mean = x.mean(-1, keepdim=True)
    sigma = (x.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    n = (x - mean) / sigma
    h = g * gain
    of_x = (h - h.mean(-1, keepdim=True) - n * (h * n).mean(-1, keepdim=True)) / sigma
    return of_x, (g * n).mean(dim=(0, 1)), g.mean(dim=(0, 1))


@to("backward.gelu_backward", "only the first half of the product rule")
def _(x, g):
    """Forgets the second factor of the product rule."""
    u = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return g * 0.5 * (1 + torch.tanh(u))


@to("backward.gelu_backward", "inner slope left out")
def _(x, g):
    """Forgets the inner slope du/dx."""
    u = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    t = u.tanh()
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t**2))


@to("backward.gelu_backward", "factor 3 forgotten")
def _(x, g):
    """The slope of x**3 written as x**2, without the 3."""
    c = (2 / math.pi) ** 0.5
    t = torch.tanh(c * (x + 0.044715 * x**3))
    du = c * (1 + 0.044715 * x**2)
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * du)


@to("backward.embedding_backward", "set in place of added")
def _(ids, g, V):
    """Table[ids] += g."""
    table = torch.zeros(V, g.shape[-1])
    table[ids] += g
    return table


@to("backward.embedding_backward", "averaged over the uses")
def _(ids, g, V):
    """Divides by how often the token came."""
    one_hot = F.one_hot(ids.flatten(), V).to(g.dtype)
    counts = one_hot.sum(0).clamp(min=1)
    return one_hot.T @ g.flatten(0, 1) / counts[:, None]


@to("backward.embedding_backward", "as many rows as the largest id needs")
def _(ids, g, V):
    """Only as many rows as the largest id needs."""
    out = torch.zeros(int(ids.max()) + 1, g.shape[-1])
    return out.index_add(0, ids.reshape(-1), g.reshape(-1, g.shape[-1]))


@to("backward.attention_backward", "scale forgotten in the backward pass")
def _(query, key, value, g):
    """Forgets the scale in the backward pass."""
    T, D = query.shape[-2:]
    scores = query @ key.transpose(-2, -1) / math.sqrt(D)
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    p = scores.masked_fill(future, float("-inf")).softmax(-1)
    of_value = p.transpose(-2, -1) @ g
    of_p = g @ value.transpose(-2, -1)
    of_scores = p * (of_p - (p * of_p).sum(-1, keepdim=True))
    return of_scores @ key, of_scores.transpose(-2, -1) @ query, of_value


@to("backward.attention_backward", "weights not transposed for the value")
def _(query, key, value, g):
    """No transpose of P in the gradient of value."""
    T, D = query.shape[-2:]
    scores = query @ key.transpose(-2, -1) / math.sqrt(D)
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    p = scores.masked_fill(future, float("-inf")).softmax(-1)
    of_value = p @ g
    of_p = g @ value.transpose(-2, -1)
    of_scores = p * (of_p - (p * of_p).sum(-1, keepdim=True)) / math.sqrt(D)
    return of_scores @ key, of_scores.transpose(-2, -1) @ query, of_value


@to("backward.attention_backward", "mask forgotten")
def _(query, key, value, g):
    """No causal mask in the forward part."""
    T, D = query.shape[-2:]
    scores = query @ key.transpose(-2, -1) / math.sqrt(D)
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    p = scores.softmax(-1)
    of_value = p.transpose(-2, -1) @ g
    of_p = g @ value.transpose(-2, -1)
    of_scores = p * (of_p - (p * of_p).sum(-1, keepdim=True)) / math.sqrt(D)
    return of_scores @ key, of_scores.transpose(-2, -1) @ query, of_value

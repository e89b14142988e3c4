"""Wrong answers to the exercises on the backward pass."""

import math

import torch

from .collection import to


def _order(made_of, last):
    seen, order = set(), []

    def visit(name):
        if name not in seen:
            seen.add(name)
            for parent, _ in made_of[name]:
                visit(parent)
            order.append(name)

    visit(last)
    return order


@to("backward.slopes", "overwritten in place of added")
def _(made_of, last):
    """Overwrites: a number used twice keeps the last way only."""
    slopes = {name: 0.0 for name in _order(made_of, last)}
    slopes[last] = 1.0
    for name in reversed(_order(made_of, last)):
        for parent, slope in made_of[name]:
            slopes[parent] = slopes[name] * slope
    return slopes


@to("backward.slopes", "gradient of the user left out")
def _(made_of, last):
    """The local slopes alone, not multiplied along the way."""
    slopes = {name: 0.0 for name in _order(made_of, last)}
    slopes[last] = 1.0
    for name in reversed(_order(made_of, last)):
        for parent, slope in made_of[name]:
            slopes[parent] += slope
    return slopes


@to("backward.slopes", "last itself left out")
def _(made_of, last):
    """last itself is left out."""
    slopes = {name: 0.0 for name in _order(made_of, last)}
    slopes[last] = 1.0
    for name in reversed(_order(made_of, last)):
        for parent, slope in made_of[name]:
            slopes[parent] += slopes[name] * slope
    del slopes[last]
    return slopes


@to("backward.slopes", "what last does not rest on too")
def _(made_of, last):
    """All names of the dict, those that last does not rest on with 0."""
    slopes = {name: 0.0 for name in made_of}
    slopes[last] = 1.0
    for name in reversed(_order(made_of, last)):
        for parent, slope in made_of[name]:
            slopes[parent] += slopes[name] * slope
    return slopes


@to("backward.slopes", "passed on at every visit")
def _(made_of, last):
    """Depth first: passes on before all ways have come together."""
    slopes = {last: 1.0}

    def visit(name):
        for parent, slope in made_of[name]:
            slopes[parent] = slopes.get(parent, 0.0) + slopes[name] * slope
            visit(parent)

    visit(last)
    return slopes


@to("backward.slopes", "in the order of the dict")
def _(made_of, last):
    """In the dict's own order, backwards."""
    slopes = {last: 1.0}
    for name in reversed(list(made_of)):
        for parent, slope in made_of[name]:
            slopes[parent] = slopes.get(parent, 0.0) + slopes.get(name, 0.0) * slope
    return slopes


@to("backward.slopes", "slopes added along a path")
def _(made_of, last):
    """Adds along the way in the place of multiplying."""
    slopes = {name: 0.0 for name in _order(made_of, last)}
    slopes[last] = 1.0
    for name in reversed(_order(made_of, last)):
        for parent, slope in made_of[name]:
            slopes[parent] += slopes[name] + slope
    return slopes


@to("backward.slopes", "last starts at zero")
def _(made_of, last):
    """The start is 0, so everything is."""
    slopes = {name: 0.0 for name in _order(made_of, last)}
    for name in reversed(_order(made_of, last)):
        for parent, slope in made_of[name]:
            slopes[parent] += slopes[name] * slope
    return slopes


@to("backward.unbroadcast", "only new dimensions summed")
def _(g, shape):
    """Dimensions in front alone; those of length 1 stay as they are."""
    while g.ndim > len(shape):
        g = g.sum(0)
    return g


@to("backward.unbroadcast", "lengths of 1 counted from the left")
def _(g, shape):
    """Dimensions of length 1 alone."""
    for i, n in enumerate(shape):
        if n == 1:
            g = g.sum(i, keepdim=True)
    return g


@to("backward.unbroadcast", "mean in place of the sum")
def _(g, shape):
    """The mean in the place of the sum."""
    while g.ndim > len(shape):
        g = g.mean(0)
    for i, n in enumerate(shape):
        if n == 1:
            g = g.mean(i, keepdim=True)
    return g


@to("backward.unbroadcast", "length 1 dropped")
def _(g, shape):
    """keepdim is forgotten."""
    while g.ndim > len(shape):
        g = g.sum(0)
    for i, n in reversed(list(enumerate(shape))):
        if n == 1:
            g = g.sum(i)
    return g


@to("backward.unbroadcast", "aligned from the left")
def _(g, shape):
    """Sums the last dimensions away, not the first."""
    while g.ndim > len(shape):
        g = g.sum(-1)
    for i, n in enumerate(shape):
        if n == 1:
            g = g.sum(i, keepdim=True)
    return g


@to("backward.unbroadcast", "the first in place of the sum")
def _(g, shape):
    """Takes the first of each, sums nothing."""
    while g.ndim > len(shape):
        g = g[0]
    for i, n in enumerate(shape):
        if n == 1:
            g = g.narrow(i, 0, 1)
    return g


@to("backward.unbroadcast", "reshaped")
def _(g, shape):
    """Reshapes: fails when there are more numbers than room."""
    return g.reshape(shape)


@to("backward.matmul_backward", "b not transposed")
def _(a, b, g):
    """b is not transposed."""
    return g @ b, (a.transpose(-2, -1) @ g).sum(0)


@to("backward.matmul_backward", "not summed over the batch")
def _(a, b, g):
    """b's gradient keeps one for every text."""
    return g @ b.T, a.transpose(-2, -1) @ g


@to("backward.matmul_backward", "mean over the batch")
def _(a, b, g):
    """The mean over the texts."""
    return g @ b.T, (a.transpose(-2, -1) @ g).mean(0)


@to("backward.matmul_backward", "gradient of b on its side")
def _(a, b, g):
    """b's gradient is transposed."""
    return g @ b.T, (g.transpose(-2, -1) @ a).sum(0)


@to("backward.matmul_backward", "gradients exchanged")
def _(a, b, g):
    """The two gradients are exchanged."""
    return (a.transpose(-2, -1) @ g).sum(0), g @ b.T


@to("backward.matmul_backward", "only the first text")
def _(a, b, g):
    """The first text's alone."""
    return g @ b.T, a[0].T @ g[0]


@to("backward.softmax_backward", "diagonal only")
def _(p, g):
    """The diagonal alone: p (1 - p) g."""
    return p * (1 - p) * g


@to("backward.softmax_backward", "others left out")
def _(p, g):
    """p · g: nothing is taken off."""
    return p * g


@to("backward.softmax_backward", "sum without the shares")
def _(p, g):
    """The sum of g, not weighted by p."""
    return p * (g - g.sum(-1, keepdim=True))


@to("backward.softmax_backward", "summed over everything")
def _(p, g):
    """Sums over all dimensions."""
    return p * (g - (p * g).sum())


@to("backward.softmax_backward", "p left out in front")
def _(p, g):
    """The outer p is forgotten."""
    return g - (p * g).sum(-1, keepdim=True)


@to("backward.softmax_backward", "sign turned round")
def _(p, g):
    """The sign is wrong."""
    return p * ((p * g).sum(-1, keepdim=True) - g)


@to("backward.softmax_backward", "keepdim forgotten")
def _(p, g):
    """keepdim is forgotten."""
    return p * (g - (p * g).sum(-1))


@to("backward.softmax_backward", "softmax taken again")
def _(p, g):
    """Takes softmax of p again."""
    p = torch.softmax(p, dim=-1)
    return p * (g - (p * g).sum(-1, keepdim=True))


def _normalised(x):
    root = torch.sqrt(x.var(-1, keepdim=True, unbiased=False) + 1e-5)
    return (x - x.mean(-1, keepdim=True)) / root, root


@to("backward.layer_norm_backward", "mean and variance forgotten")
def _(x, gain, g):
    """Mean and variance are taken for constants."""
    n, root = _normalised(x)
    return g * gain / root, (g * n).sum((0, 1)), g.sum((0, 1))


@to("backward.layer_norm_backward", "gain left out")
def _(x, gain, g):
    """The gain is left out of x's gradient."""
    n, root = _normalised(x)
    dx = (g - g.mean(-1, keepdim=True) - n * (g * n).mean(-1, keepdim=True)) / root
    return dx, (g * n).sum((0, 1)), g.sum((0, 1))


@to("backward.layer_norm_backward", "variance forgotten")
def _(x, gain, g):
    """The variance's part is forgotten."""
    n, root = _normalised(x)
    d = g * gain
    return (d - d.mean(-1, keepdim=True)) / root, (g * n).sum((0, 1)), g.sum((0, 1))


@to("backward.layer_norm_backward", "mean forgotten")
def _(x, gain, g):
    """The mean's part is forgotten."""
    n, root = _normalised(x)
    d = g * gain
    dx = (d - n * (d * n).mean(-1, keepdim=True)) / root
    return dx, (g * n).sum((0, 1)), g.sum((0, 1))


@to("backward.layer_norm_backward", "raw x for the gain")
def _(x, gain, g):
    """gain's gradient with x in the place of n."""
    n, root = _normalised(x)
    d = g * gain
    dx = (d - d.mean(-1, keepdim=True) - n * (d * n).mean(-1, keepdim=True)) / root
    return dx, (g * x).sum((0, 1)), g.sum((0, 1))


@to("backward.layer_norm_backward", "gain and bias not summed")
def _(x, gain, g):
    """gain and bias: one gradient for each position, not summed."""
    n, root = _normalised(x)
    d = g * gain
    dx = (d - d.mean(-1, keepdim=True) - n * (d * n).mean(-1, keepdim=True)) / root
    return dx, g * n, g


@to("backward.layer_norm_backward", "multiplied by the deviation")
def _(x, gain, g):
    """Multiplied by the root in the place of divided."""
    n, root = _normalised(x)
    d = g * gain
    dx = (d - d.mean(-1, keepdim=True) - n * (d * n).mean(-1, keepdim=True)) * root
    return dx, (g * n).sum((0, 1)), g.sum((0, 1))


@to("backward.layer_norm_backward", "gain and bias exchanged")
def _(x, gain, g):
    """bias before gain in the result."""
    n, root = _normalised(x)
    d = g * gain
    dx = (d - d.mean(-1, keepdim=True) - n * (d * n).mean(-1, keepdim=True)) / root
    return dx, g.sum((0, 1)), (g * n).sum((0, 1))


ROOT = math.sqrt(2 / math.pi)


@to("backward.gelu_backward", "only the first half of the product rule")
def _(x, g):
    """The product rule's second half is forgotten."""
    return g * 0.5 * (1 + torch.tanh(ROOT * (x + 0.044715 * x**3)))


@to("backward.gelu_backward", "inner slope left out")
def _(x, g):
    """The slope of u is forgotten."""
    t = torch.tanh(ROOT * (x + 0.044715 * x**3))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t**2))


@to("backward.gelu_backward", "factor 3 forgotten")
def _(x, g):
    """3 in the cube's slope is forgotten."""
    t = torch.tanh(ROOT * (x + 0.044715 * x**3))
    du = ROOT * (1 + 0.044715 * x**2)
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * du)


@to("backward.gelu_backward", "tanh not squared")
def _(x, g):
    """1 - t in the place of 1 - t²."""
    t = torch.tanh(ROOT * (x + 0.044715 * x**3))
    du = ROOT * (1 + 3 * 0.044715 * x**2)
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t) * du)


@to("backward.gelu_backward", "g left out")
def _(x, g):
    """g is forgotten."""
    t = torch.tanh(ROOT * (x + 0.044715 * x**3))
    du = ROOT * (1 + 3 * 0.044715 * x**2)
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * du


@to("backward.gelu_backward", "slope of the exact gelu")
def _(x, g):
    """The exact GELU's slope."""
    density = torch.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return g * (0.5 * (1 + torch.erf(x / math.sqrt(2))) + x * density)


@to("backward.gelu_backward", "g times the value")
def _(x, g):
    """GELU itself times g."""
    return g * 0.5 * x * (1 + torch.tanh(ROOT * (x + 0.044715 * x**3)))


@to("backward.gelu_backward", "u in place of its tanh")
def _(x, g):
    """Sech² with u in the place of tanh u."""
    u = ROOT * (x + 0.044715 * x**3)
    du = ROOT * (1 + 3 * 0.044715 * x**2)
    return g * (0.5 * (1 + torch.tanh(u)) + 0.5 * x * (1 - u**2) * du)


@to("backward.embedding_backward", "set in place of added")
def _(ids, g, V):
    """Assigns: of a token that comes twice the last one stays."""
    table = torch.zeros(V, g.shape[-1])
    table[ids] = g
    return table


@to("backward.embedding_backward", "set in place of added")
def _(ids, g, V):
    """table[ids] += g adds once for a token that comes twice."""
    table = torch.zeros(V, g.shape[-1])
    table[ids] += g
    return table


@to("backward.embedding_backward", "put where it was read from")
def _(ids, g, V):
    """g[ids]: reads in the place of scattering."""
    return g.flatten(0, 1)[ids.flatten() % g.shape[1]]


@to("backward.embedding_backward", "averaged over the uses")
def _(ids, g, V):
    """The mean over a token's places."""
    table, n = torch.zeros(V, g.shape[-1]), torch.zeros(V, 1)
    table.index_add_(0, ids.flatten(), g.flatten(0, 1))
    n.index_add_(0, ids.flatten(), torch.ones(ids.numel(), 1))
    return table / n.clamp(min=1)


@to("backward.embedding_backward", "only the first text")
def _(ids, g, V):
    """One row too few of the batch: the first text's alone."""
    table = torch.zeros(V, g.shape[-1])
    for token, row in zip(ids[0], g[0], strict=True):
        table[token] += row
    return table


@to("backward.embedding_backward", "as many rows as the largest id needs")
def _(ids, g, V):
    """Only as many rows as the largest id needs."""
    table = torch.zeros(int(ids.max()) + 1, g.shape[-1])
    return table.index_add_(0, ids.flatten(), g.flatten(0, 1))


@to("backward.embedding_backward", "table on its side")
def _(ids, g, V):
    """Transposed: (C, V)."""
    table = torch.zeros(V, g.shape[-1])
    return table.index_add_(0, ids.flatten(), g.flatten(0, 1)).T


def _attention_backward(query, key, value, g, causal=True, scale=None, softmax=True):
    T, D = query.shape[-2:]
    scale = scale or 1 / math.sqrt(D)
    scores = query @ key.transpose(-2, -1) * scale
    if causal:
        scores = scores.masked_fill(~torch.ones(T, T).tril().bool(), -math.inf)
    p = torch.softmax(scores, -1)
    dv = p.transpose(-2, -1) @ g
    dp = g @ value.transpose(-2, -1)
    ds = p * (dp - (p * dp).sum(-1, keepdim=True)) if softmax else p * dp
    return ds, dv, p


@to("backward.attention_backward", "scale forgotten in the backward pass")
def _(query, key, value, g):
    """The scale is forgotten in the backward pass."""
    ds, dv, _ = _attention_backward(query, key, value, g)
    return ds @ key, ds.transpose(-2, -1) @ query, dv


@to("backward.attention_backward", "mask forgotten")
def _(query, key, value, g):
    """No mask."""
    ds, dv, _ = _attention_backward(query, key, value, g, causal=False)
    ds = ds / math.sqrt(query.shape[-1])
    return ds @ key, ds.transpose(-2, -1) @ query, dv


@to("backward.attention_backward", "scores not transposed for the key")
def _(query, key, value, g):
    """The key's gradient is not transposed."""
    ds, dv, _ = _attention_backward(query, key, value, g)
    ds = ds / math.sqrt(query.shape[-1])
    return ds @ key, ds @ query, dv


@to("backward.attention_backward", "nothing taken off in the softmax")
def _(query, key, value, g):
    """Softmax is taken for p · g: nothing is taken off."""
    ds, dv, _ = _attention_backward(query, key, value, g, softmax=False)
    ds = ds / math.sqrt(query.shape[-1])
    return ds @ key, ds.transpose(-2, -1) @ query, dv


@to("backward.attention_backward", "weights not transposed for the value")
def _(query, key, value, g):
    """The value's gradient with the weights not transposed."""
    ds, _, p = _attention_backward(query, key, value, g)
    ds = ds / math.sqrt(query.shape[-1])
    return ds @ key, ds.transpose(-2, -1) @ query, p @ g


@to("backward.attention_backward", "never scaled")
def _(query, key, value, g):
    """No scale at all, forward and backward."""
    ds, dv, _ = _attention_backward(query, key, value, g, scale=1.0)
    return ds @ key, ds.transpose(-2, -1) @ query, dv


@to("backward.attention_backward", "query and key exchanged")
def _(query, key, value, g):
    """Query's and key's gradients are exchanged."""
    ds, dv, _ = _attention_backward(query, key, value, g)
    ds = ds / math.sqrt(query.shape[-1])
    return ds.transpose(-2, -1) @ query, ds @ key, dv


@to("backward.attention_backward", "scale of d in place of its root")
def _(query, key, value, g):
    """Scaled twice: by 1 / D."""
    ds, dv, _ = _attention_backward(query, key, value, g)
    ds = ds / query.shape[-1]
    return ds @ key, ds.transpose(-2, -1) @ query, dv

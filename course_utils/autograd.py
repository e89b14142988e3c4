"""Autograd: a tensor that remembers how it was made, so that slopes flow back.

Each result keeps the tensors that it was made of, its parents, and for each a *rule*:
how the result's gradient g becomes the parent's. ``backward`` follows the rules from
the last result to the first. torch does the arithmetic; its own autograd rests.

Uses nothing of the course; ``gradients`` adds GPT-2's parts. Source: Baydin et al.,
"Automatic differentiation in machine learning: a survey" (2018), section 3.2.
"""

from contextlib import contextmanager

import torch


def result(data, *parents: tuple) -> "Tensor":
    """Wrap what was computed; keep those pairs (parent, rule) that need a gradient."""
    own = [pair for pair in parents if isinstance(pair[0], Tensor) and Tensor.recording]
    kept = tuple((parent, rule) for parent, rule in own if parent.requires_grad)
    return Tensor(data, requires_grad=bool(kept), parents=kept)


def raw(x):
    """Return the torch tensor in a Tensor; a number or torch's tensor as it is."""
    return x.data if isinstance(x, Tensor) else x


class Arithmetic:
    """Operations that work entry by entry; ``sum_to`` takes back what broadcasts."""

    def __add__(a, b):
        return result(raw(a) + raw(b), (a, lambda g: g), (b, lambda g: g))

    def __mul__(a, b):
        x, y = raw(a), raw(b)
        return result(x * y, (a, lambda g: g * y), (b, lambda g: g * x))

    def __pow__(a, n):  # n is a constant; for 0 the slope is 0 everywhere
        return result(a.data**n, (a, lambda g: g * n * a.data ** (n - (n != 0))))

    def exp(a):
        y = a.data.exp()
        return result(y, (a, lambda g: g * y))

    def log(a):
        return result(a.data.log(), (a, lambda g: g / a.data))

    def __sub__(a, b):
        return a + b * -1

    def __truediv__(a, b):
        return a * b**-1.0

    __radd__, __rmul__ = __add__, __mul__
    __rsub__, __rtruediv__ = lambda a, b: a * -1 + b, lambda a, b: a**-1.0 * b


class Shapes:
    """Operations that add entries up, move them or choose some of them."""

    def __matmul__(a, b):  # (..., n, k) @ (..., k, m) -> (..., n, m)
        x, y = raw(a), raw(b)
        if min(x.ndim, y.ndim) < 2:
            raise ValueError(f"@ needs matrices, got {x.ndim} and {y.ndim} dimensions")
        return result(x @ y, (a, lambda g: g @ y.mT), (b, lambda g: x.mT @ g))

    def sum(a, dim=None, keepdim: bool = False):
        kept = a.data.sum(dim, keepdim=True)
        data = kept if keepdim else a.data.sum(dim)
        return result(data, (a, lambda g: g.reshape(kept.shape).expand(a.shape)))

    def reshape(a, *shape):
        return result(a.data.reshape(*shape), (a, lambda g: g.reshape(a.shape)))

    def transpose(a, i: int, j: int):
        return result(a.data.transpose(i, j), (a, lambda g: g.transpose(i, j)))

    def __getitem__(a, index):
        def rule(g):  # an entry that was taken twice gets both gradients
            places = torch.arange(a.data.numel(), device=g.device).reshape(a.shape)
            entries = g.new_zeros(a.data.numel())
            entries.index_add_(0, places[index].flatten(), g.flatten())
            return entries.reshape(a.shape)

        return result(a.data[index], (a, rule))


class Tensor(Arithmetic, Shapes):
    """Numbers, how they were made, and in a leaf the gradient that arrived there.

    ``data``: a torch tensor (shared, not copied) or what makes one. Raises ValueError
    if it ``requires_grad`` and is not floating point.
    """

    recording = True  # off inside no_grad

    def __init__(self, data, requires_grad: bool = False, parents: tuple = ()):
        self.data = torch.as_tensor(data).detach()
        self.requires_grad, self.parents, self.grad = requires_grad, parents, None
        self.shape = self.data.shape
        if requires_grad and not self.data.is_floating_point():
            raise ValueError(f"data must be floating point, got {self.data.dtype}")

    def backward(self, gradient: torch.Tensor | None = None) -> None:
        """Add to ``grad`` of each leaf; ``gradient`` is self's (1 for one number)."""
        if not self.requires_grad or (gradient is None and self.data.numel() != 1):
            got = f"shape {tuple(self.shape)}, requires_grad={self.requires_grad}"
            raise ValueError(f"backward starts at one number that was made; {got}")
        waiting = {self: torch.ones_like(self.data) if gradient is None else gradient}
        for tensor in reversed(topological_order(self)):
            g = waiting.pop(tensor)  # complete: all that used the tensor came before
            if not tensor.parents:
                tensor.grad = g.clone() if tensor.grad is None else tensor.grad + g
            for parent, rule in tensor.parents:
                share = sum_to(rule(g), parent.shape).to(parent.data.dtype)
                other = waiting.get(parent)  # from another use of the same tensor
                waiting[parent] = share if other is None else other + share


def sum_to(gradient: torch.Tensor, shape: tuple) -> torch.Tensor:
    """Add up what broadcasting repeated: a gradient of any shape -> ``shape``."""
    new = gradient.ndim - len(shape)  # dimensions that broadcasting put in front
    repeated = [i for i, n in enumerate(shape, new) if n == 1 != gradient.shape[i]]
    if new or repeated:
        gradient = gradient.sum(dim=[*range(new), *repeated], keepdim=True)
    return gradient.reshape(shape)


def topological_order(last: Tensor) -> list[Tensor]:
    """Return ``last`` and all behind it, each after everything it was made of."""
    order, seen, stack = [], set(), [(last, False)]
    while stack:  # a graph may be deeper than Python lets functions call themselves
        tensor, parents_done = stack.pop()
        if parents_done:
            order.append(tensor)
        elif tensor not in seen:
            seen.add(tensor)
            stack.append((tensor, True))
            stack.extend((parent, False) for parent, _ in tensor.parents)
    return order


@contextmanager
def no_grad():
    """Note nothing: what is computed in here has no parents and keeps no memory."""
    before, Tensor.recording = Tensor.recording, False
    try:
        yield
    finally:
        Tensor.recording = before

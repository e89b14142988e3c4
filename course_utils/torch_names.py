"""Torch's names on the course's own tensor, so that code written for torch runs on it.

``torch.exp(x)``, ``F.softmax(x, dim=-1)`` or ``x.view(2, 3)`` of a ``Tensor`` call the
operation of that name: torch asks an argument for ``__torch_function__``. A name that
is missing is a NotImplementedError that says so. Three kinds stand here: what moves
entries (all with one rule), what is made of other operations (no rule needed), and a
few with a rule of their own.

Floors: built on ``autograd``; ``gradients`` adds GPT-2's parts.
Source: the PyTorch documentation, "Extending PyTorch", on ``__torch_function__``.
"""

from collections.abc import Callable
from itertools import accumulate

import torch

from course_utils.autograd import Tensor, raw, result


def operation(function: Callable) -> Callable:
    """Make ``function`` a method, and what torch's function of this name calls."""
    setattr(Tensor, function.__name__, function)
    return function


def call_own(cls, function, types, args=(), kwargs=None):
    """Do what torch's function does, with the operation of its name."""
    own = getattr(cls, function.__name__, None)
    if own is None:
        raise NotImplementedError(f"Tensor has no operation {function.__name__} yet")
    given = {name: value for name, value in (kwargs or {}).items() if value is not None}
    given.pop("_stacklevel", None)  # where torch's own warnings would point to
    return own(*args, **given)


Tensor.__torch_function__ = classmethod(call_own)
Tensor.add, Tensor.sub = Tensor.__add__, Tensor.__sub__
Tensor.mul, Tensor.div = Tensor.__mul__, Tensor.__truediv__
Tensor.pow, Tensor.view = Tensor.__pow__, Tensor.reshape
Tensor.neg = Tensor.__neg__ = lambda a: a * -1
Tensor.__rmatmul__ = lambda a, b: Tensor.__matmul__(b, a)

# What a tensor is asked about itself.
Tensor.dtype = property(lambda a: a.data.dtype)
Tensor.device = property(lambda a: a.data.device)
Tensor.ndim = property(lambda a: a.data.ndim)
Tensor.T = Tensor.mT = property(lambda a: a.transpose(-2, -1))
Tensor.__len__ = lambda a: len(a.data)
Tensor.dim = lambda a: a.data.ndim
Tensor.size = lambda a, i=None: a.shape if i is None else a.shape[i]
Tensor.numel = lambda a: a.data.numel()
Tensor.item = lambda a: a.data.item()
Tensor.detach = lambda a: Tensor(a.data)


# --- What moves or repeats entries


def moves(name: str) -> None:
    """Add torch's method ``name``: each entry gathers the gradients of its places."""
    move = getattr(torch.Tensor, name)

    def moved(a, *arguments, **settings):
        def rule(g):
            places = torch.arange(a.data.numel(), device=g.device).reshape(a.shape)
            places = move(places, *arguments, **settings).flatten()
            entries = g.new_zeros(a.data.numel()).index_add(0, places, g.flatten())
            return entries.reshape(a.shape)

        return result(move(a.data, *arguments, **settings), (a, rule))

    setattr(Tensor, name, moved)


for _name in (
    *("contiguous", "expand", "flatten", "flip", "gather", "index_select", "movedim"),
    *("narrow", "permute", "repeat", "roll", "select", "squeeze", "swapaxes"),
    *("take_along_dim", "unflatten", "unsqueeze"),
):
    moves(_name)


@operation
def split(a, sizes, dim: int = 0) -> tuple:
    """Cut a dimension into parts of these sizes, or of one size and a rest."""
    n = a.shape[dim]
    if isinstance(sizes, int):
        sizes = [min(sizes, n - start) for start in range(0, n, sizes)]
    starts = accumulate(sizes, initial=0)
    return tuple(
        a.narrow(dim, start, size) for start, size in zip(starts, sizes, strict=False)
    )


@operation
def chunk(a, chunks: int, dim: int = 0) -> tuple:
    return a.split(-(-a.shape[dim] // chunks), dim)


@operation
def unbind(a, dim: int = 0) -> tuple:
    return tuple(a.select(dim, i) for i in range(a.shape[dim]))


@operation
def cat(tensors, dim: int = 0) -> Tensor:
    """Join tensors: each gets its own part of the gradient."""
    parts = [raw(x) for x in tensors]
    sizes = [part.shape[dim] for part in parts]
    rules = [
        lambda g, start=start, size=size: g.narrow(dim, start, size)
        for start, size in zip(accumulate(sizes, initial=0), sizes, strict=False)
    ]
    return result(torch.cat(parts, dim), *zip(tensors, rules, strict=True))


@operation
def stack(tensors, dim: int = 0) -> Tensor:
    return cat([x.unsqueeze(dim) for x in tensors], dim)


# --- What is made of other operations


@operation
def sqrt(a):
    return a**0.5


@operation
def square(a):
    return a**2


@operation
def mean(a, dim=None, keepdim: bool = False):
    total = a.sum(dim, keepdim)
    return total * (total.numel() / a.numel())


@operation
def var(a, dim=None, unbiased=True, correction=1, keepdim: bool = False):
    """The variance; ``unbiased=False`` and ``correction=0`` divide by the count."""
    total = ((a - a.mean(dim, keepdim=True)) ** 2).sum(dim, keepdim)
    count = a.numel() / total.numel()
    return total * (1 / (count - (correction if unbiased else 0)))


@operation
def matmul(a, b):
    """The matrix product; a vector takes part as a matrix with one row or column."""
    if len(b.shape) == 1:
        return matmul(a, b.reshape(-1, 1)).squeeze(-1)
    if len(a.shape) == 1:
        return matmul(a.reshape(1, -1), b).squeeze(-2)
    return Tensor.__matmul__(a, b)


# --- Rules of their own


@operation
def to(a, dtype: torch.dtype):
    """Another precision; the gradient comes back in the old one."""
    return result(a.data.to(dtype), (a, lambda g: g))


Tensor.float = lambda a: a.to(torch.float32)
Tensor.double = lambda a: a.to(torch.float64)


@operation
def tanh(a):
    y = a.data.tanh()
    return result(y, (a, lambda g: g * (1 - y**2)))


@operation
def amax(a, dim=(), keepdim: bool = False):
    """The largest entries; where several are, each gets an equal part."""
    kept = a.data.amax(dim, keepdim=True)

    def rule(g):
        largest = a.data == kept
        return g.reshape(kept.shape) * largest / largest.sum(dim, keepdim=True)

    return result(kept if keepdim else a.data.amax(dim), (a, rule))


@operation
def where(condition, a, b):
    """torch.where(condition, a, b), or the method a.where(condition, b)."""
    if raw(condition).dtype != torch.bool:
        condition, a = a, condition
    chosen, x, y = raw(condition), raw(a), raw(b)
    rules = lambda g: torch.where(chosen, g, 0), lambda g: torch.where(chosen, 0, g)
    return result(torch.where(chosen, x, y), (a, rules[0]), (b, rules[1]))


@operation
def masked_fill(a, mask, value):
    return where(mask, value, a)

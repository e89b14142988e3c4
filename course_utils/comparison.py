"""Are two results the same, and if not, where do two models part?

Needs nothing of the course; ``huggingface`` stands on it. Floating point numbers that
are computed in another order differ in their last digits. So "the same" always means:
within a tolerance, which is printed beside the verdict.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode


def difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Return the largest difference between two tensors; infinite if one has NaN."""
    apart = (ours.detach().double() - theirs.detach().double()).abs()
    return apart.nan_to_num(nan=math.inf).max().item()


def agree(ours, theirs, tolerance: float) -> bool:
    """Return whether two results are the same.

    Two tensors are if they have one shape and no two numbers are further apart than the
    tolerance; NaN never is. Anything else has to be equal.
    """
    if isinstance(ours, torch.Tensor) and isinstance(theirs, torch.Tensor):
        return ours.shape == theirs.shape and difference(ours, theirs) <= tolerance
    return bool(ours == theirs)


def compare(results: Mapping[str, tuple]) -> None:
    """Print one line for each name -> (ours, theirs, tolerance): the same or not.

    See ``agree``; a tolerance of 0 asks for equality. The table holds verdicts and no
    differences, so it reads the same on every machine.
    """
    rows = [("compared", "within", "same?")]
    for name, (ours, theirs, tolerance) in results.items():
        verdict = "yes" if agree(ours, theirs, tolerance) else "NO"
        rows.append((name, f"{tolerance:g}" if tolerance else "exact", verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def relative(ours: Iterable, theirs: Iterable, tolerance: float) -> tuple:
    """Return a row for ``compare``: each tensor divided by their largest number.

    For lists of tensors whose numbers differ in size, such as the layers of a model or
    the gradients of its weights. Raises ValueError if lengths or shapes differ.
    """
    pairs = [(a.detach(), b.detach()) for a, b in zip(ours, theirs, strict=True)]
    for a, b in pairs:
        if a.shape != b.shape:
            raise ValueError(f"shapes must agree, got {a.shape} and {b.shape}")
    sizes = [b.abs().max().item() or 1.0 for _, b in pairs]
    left, right = (
        torch.cat([p[side].flatten() / n for p, n in zip(pairs, sizes, strict=True)])
        for side in (0, 1)
    )
    return left, right, tolerance


class Divergence(NamedTuple):
    """The first part of a model whose result differs, and by how much at most."""

    module: str
    difference: float


def first_divergence(
    ours: nn.Module,
    theirs: nn.Module,
    ids: torch.Tensor,
    translate: Callable[[str], str] = str,
    tolerance: float = 1e-5,
) -> Divergence | None:
    """Run two GPTs on ids (B, T) and name the first part whose result differs.

    That is the innermost module of ours that got the same input as its counterpart in
    theirs and gave another result, such as "blocks.2.attention"; or, where no module is
    at fault, the method of ``GPT`` ("embed", "hidden" or "head"). A module that ours
    never uses is infinitely different. None if all is the same.

    ``translate`` turns our name of a module into theirs. A difference below
    ``tolerance``, times the largest number there if that is over 1, is rounding.
    """
    modules = {name for name, _ in theirs.named_modules()}
    names = {name for name, _ in ours.named_modules() if translate(name) in modules}
    found = defaultdict(list)
    for event, value in record(ours, {name: name for name in names}, ids):
        found[event].append(value)
    before = "embed"  # the method that feeds the modules not inside another
    for event, right in record(theirs, {translate(name): name for name in names}, ids):
        name, side = event
        if not found[event]:
            return Divergence(name, math.inf)
        apart = gap(found[event].pop(0), right)
        if apart > tolerance * max(1.0, right.abs().max().item()):
            around = name.rpartition(".")[0]
            outside = before if around in ("", "blocks") else around
            return Divergence(name if side == "out" else outside, apart)
        if name.startswith("blocks"):
            before = "hidden"
    return None


def first_missing(
    function: Callable[[torch.Tensor], torch.Tensor],
    theirs: nn.Module,
    ids: torch.Tensor,
    names: Mapping[str, str],
    tolerance: float = 1e-5,
) -> Divergence | None:
    """Name the first part of a GPT that a function of ids (B, T) does not compute.

    A function has no modules to look into. So all tensors that come up inside it are
    searched for the parts' results, however it computes them: the first part after the
    last that was found is returned, such as "blocks.0.norm_2" or "the input of
    blocks.0.mlp.contract"; "the return value" if all parts are there and the function
    gives back something else. None if its logits are right.

    ``names`` maps the names of modules of ``theirs`` to the names to report.
    ``tolerance`` is as in ``first_divergence``.
    """
    events = record(theirs, names, ids)
    computed = _Computed({part.numel() for _, part in events})
    with torch.no_grad(), computed:
        result = function(ids)
    logits = events[-1][1]

    def apart(left, right) -> float:
        return gap(left, right) / max(1.0, right.abs().max().item())

    if result.shape == logits.shape and apart(result, logits) <= tolerance:
        return None
    nearest = [
        min(
            (apart(t, part.flatten()) for t in computed[part.numel()]), default=math.inf
        )
        for _, part in events
    ]
    found = [i for i, distance in enumerate(nearest) if distance <= tolerance]
    missing = found[-1] + 1 if found else 0
    if missing == len(events):
        return Divergence("the return value", gap(result, logits))
    (name, side), _ = events[missing]
    return Divergence(
        name if side == "out" else f"the input of {name}", nearest[missing]
    )


class _Computed(TorchDispatchMode):
    """Keeps a flat copy of each tensor of one of these sizes that torch computes."""

    def __init__(self, sizes: set[int]):
        super().__init__()
        self.kept = {size: [] for size in sizes}

    def __getitem__(self, size: int) -> list[torch.Tensor]:
        return self.kept[size]

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, tuple | list) else [result]:
            wanted = isinstance(value, torch.Tensor) and value.numel() in self.kept
            if wanted and value.is_floating_point():
                self.kept[value.numel()].append(value.flatten().clone())
        return result


def gap(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Like ``difference``, and infinite between shapes that do not fit."""
    try:
        return difference(ours, theirs)
    except RuntimeError:
        return math.inf


@torch.no_grad()
def record(model: nn.Module, names: Mapping[str, str], ids) -> list[tuple]:
    """Run a model and return ((name, "in" or "out"), tensor) in the order of events.

    ``names`` maps the model's names of the modules to watch to the names to report.
    """
    events, hooks = [], []

    def watch(module: nn.Module, name: str):
        def before(module, args, kwargs):
            events.append(((name, "in"), first_tensor((*args, *kwargs.values()))))

        def after(module, args, output):
            events.append(((name, "out"), first_tensor(output)))

        if not isinstance(module, nn.Embedding):  # ids and positions are no results
            hooks.append(module.register_forward_pre_hook(before, with_kwargs=True))
        hooks.append(module.register_forward_hook(after))

    for name, module in model.named_modules():
        if name in names and name and not isinstance(module, nn.Dropout):
            watch(module, names[name])
    try:
        with evaluating(model):
            output = model(ids)
    finally:
        for hook in hooks:
            hook.remove()
    return [*events, (("head", "out"), getattr(output, "logits", output))]


def first_tensor(value) -> torch.Tensor:
    """Return the first tensor in what a module was given or gave back."""
    if isinstance(value, torch.Tensor):
        return value
    return next(item for item in value if isinstance(item, torch.Tensor))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Switch dropout off for a while."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)

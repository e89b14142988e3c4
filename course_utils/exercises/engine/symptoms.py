"""Say by what a wrong result differs where no known mistake fits: its symptom.

Results of all inputs are laid side by side. A symptom is said only if it holds on every
one of them: all turned in sign, off by one factor or one number, transposed, reversed,
moved by one place, right but for the first or the last, right but in another order.
"""

from collections.abc import Sequence
from numbers import Real

import torch

from .outcomes import number_text

Pair = tuple[torch.Tensor, torch.Tensor]  # expected, got


def symptom(expected: Sequence, got: Sequence, tolerance: float) -> str:
    """Return how the results ``got`` differ from the expected, "" if in no known way.

    Only results that are one tensor, one number or a list of numbers are looked at.
    """
    pairs = [
        (_as_tensor(one), _as_tensor(other))
        for one, other in zip(expected, got, strict=True)
    ]
    if not pairs or any(one is None or other is None for one, other in pairs):
        return ""
    telling = [pair for pair in pairs if not _close(*pair, tolerance)]
    if not telling:
        return ""
    same_shape = all(one.shape == other.shape for one, other in pairs)
    if not same_shape:
        turned = all(
            one.ndim >= 2 and _close(one.mT, other, tolerance) for one, other in pairs
        )
        return "It is transposed: rows stand for columns." if turned else ""
    for words, change in CHANGES.items():
        if all(_close(change(one), other, tolerance) for one, other in pairs):
            return words
    return _scale(pairs, tolerance) or _places(telling, tolerance)


CHANGES = {
    "Every number has the wrong sign.": torch.neg,
    "It is transposed: rows stand for columns.": lambda x: x.mT if x.ndim > 1 else x,
    "It is in reverse order along the last dimension.": lambda x: (
        x.flip(-1) if x.ndim else x
    ),
    "It is in reverse order along the first dimension.": lambda x: (
        x.flip(0) if x.ndim else x
    ),
}


def _as_tensor(value) -> torch.Tensor | None:
    """Return a result as float64, None if it is not made of numbers alone."""
    if isinstance(value, torch.Tensor):
        return value.detach().double()
    if isinstance(value, list) and not all(isinstance(item, Real) for item in value):
        return None
    if isinstance(value, list | Real):
        return torch.tensor(value, dtype=torch.float64)
    return None


def _close(one: torch.Tensor, other: torch.Tensor, tolerance: float) -> bool:
    return one.shape == other.shape and torch.allclose(
        one, other, rtol=tolerance, atol=tolerance
    )


def _scale(pairs: Sequence[Pair], tolerance: float) -> str:
    """Return a factor or a number by which all are off."""
    factors = [_factor(one, other, tolerance) for one, other in pairs]
    if all(factors):
        least, most = min(factors), max(factors)
        if most - least <= 1e-4 * abs(most):
            return f"Everything is {number_text(factors[0])} times what it should be."
        shown = ", ".join(number_text(factor) for factor in factors[:3])
        return (
            "Each result is off by one factor, which changes with the input "
            f"({shown}, ...). Does it go with a size, such as the number of rows?"
        )
    offsets = torch.cat([(other - one).flatten() for one, other in pairs])
    if len(offsets) > 2 and offsets.isfinite().all() and offsets.std() <= tolerance:
        return f"Everything is too large by {number_text(offsets[0].item())}.".replace(
            "too large by -", "too small by "
        )
    return ""


def _factor(one: torch.Tensor, other: torch.Tensor, tolerance: float) -> float | None:
    """Return f with other = f · one, None if there is no one f but 0."""
    weight = one.square().sum()
    if not (weight > 0 and one.isfinite().all() and other.isfinite().all()):
        return None
    factor = ((one * other).sum() / weight).item()
    found = abs(factor) > 1e-3 and _close(factor * one, other, tolerance)
    return factor if found else None


def _places(pairs: Sequence[Pair], tolerance: float) -> str:
    """Return at which places alone numbers are wrong, or stand."""
    if all(one.ndim and len(one) > 2 for one, other in pairs):
        if all(_close(one[:-1], other[1:], tolerance) for one, other in pairs):
            return "Everything stands one place too late along the first dimension."
        if all(_close(one[1:], other[:-1], tolerance) for one, other in pairs):
            return "Everything stands one place too early along the first dimension."
        if all(_close(one[:-1], other[:-1], tolerance) for one, other in pairs):
            return "Only the last is wrong along the first dimension."
        if all(_close(one[1:], other[1:], tolerance) for one, other in pairs):
            return "Only the first is wrong along the first dimension."
    if all(
        one.numel() > 2
        and _close(one.flatten().sort()[0], other.flatten().sort()[0], tolerance)
        for one, other in pairs
    ):
        return "The numbers are right, and they stand in wrong places."
    return ""

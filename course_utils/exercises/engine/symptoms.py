"""Say by what a wrong result differs where no known mistake fits: its symptom.

Results of all inputs are laid side by side. A symptom is said only if it holds on every
one of them: all turned in sign, off by one factor or one number, transposed, reversed,
moved by one place, right but for the first or the last, right but in another order; of
several results, which one is wrong; of a text or a list, what is missing.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real

import torch

from .outcomes import difference, number_text

Pair = tuple[torch.Tensor, torch.Tensor]  # expected, got
Sizes = Sequence[Mapping[str, float]]  # for each input: its sizes, by name
PLACES = ("first", "second", "third", "fourth")


def symptom(
    expected: Sequence, got: Sequence, tolerance: float, sizes: Sizes = ()
) -> str:
    """Return how the results ``got`` differ from the expected, "" if in no known way.

    ``sizes`` are those of each input, by which a factor may go.
    """
    return (
        _of_numbers(expected, got, tolerance, sizes)
        or _of_parts(expected, got, tolerance, sizes)
        or _of_items(expected, got)
    )


def _of_numbers(expected, got, tolerance, sizes) -> str:
    """Look at results that are one tensor, one number or a list of numbers."""
    pairs = [
        (as_tensor(one), as_tensor(other))
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
    truths = all(getattr(one, "dtype", None) is torch.bool for one in expected)
    changes = {"True and False are exchanged.": lambda x: 1 - x} if truths else {}
    for words, change in (changes | CHANGES).items():
        if all(_close(change(one), other, tolerance) for one, other in pairs):
            return words
    return _scale(pairs, tolerance, sizes) or _places(telling, tolerance)


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


def as_tensor(value) -> torch.Tensor | None:
    """Return a result as float64, None if it is not made of numbers alone."""
    if isinstance(value, torch.Tensor):
        return value.detach().double()
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, bool) or not isinstance(item, Real) for item in items):
        return None
    return torch.tensor(value, dtype=torch.float64)


def _close(one: torch.Tensor, other: torch.Tensor, tolerance: float) -> bool:
    return one.shape == other.shape and torch.allclose(
        one, other, rtol=tolerance, atol=tolerance
    )


def _scale(pairs: Sequence[Pair], tolerance: float, sizes: Sizes) -> str:
    """Return a factor or a number by which all are off."""
    factors = [_factor(one, other, tolerance) for one, other in pairs]
    if all(factors):
        least, most = min(factors), max(factors)
        if most - least <= 1e-4 * abs(most):
            return f"Everything is {number_text(factors[0])} times what it should be."
        size = _size_of(factors, sizes)
        if size:
            return size
        if all(one.numel() == 1 for one, other in pairs):
            return ""  # between two numbers there is always a factor
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


def _size_of(factors: Sequence[float], sizes: Sizes) -> str:
    """Return by which size of the input the factors go, "" if by none."""
    for name in sizes[0] if sizes else ():
        for words, power in POWERS.items():
            if all(
                size.get(name, 0) > 0
                and math.isclose(factor, size[name] ** power, rel_tol=1e-3)
                for factor, size in zip(factors, sizes, strict=True)
            ):
                return words.format(name)
    return ""


POWERS = {
    "Everything is {0} times too large: not divided by it, or multiplied by it once "
    "too often.": 1,
    "Everything is {0} times too small: divided by it once too often, or not "
    "multiplied by it.": -1,
    "Everything is √{0} times too large: not divided by it, or multiplied by it once "
    "too often.": 0.5,
    "Everything is √{0} times too small: divided by it once too often, or not "
    "multiplied by it.": -0.5,
}


def sizes(reference: Callable, case: tuple) -> dict[str, float]:
    """Return the sizes of an input by the names that its arguments have.

    Those of tensors are counted from the last dimension: the ones in front vary.
    """
    found = {}
    for name, value in zip(inspect.signature(reference).parameters, case, strict=False):
        if isinstance(value, torch.Tensor):
            for i in range(1, value.ndim + 1):
                found[f"{name}.shape[-{i}]"] = value.shape[-i]
            found[f"{name}.numel()"] = value.numel()
        elif isinstance(value, list | str):
            found[f"len({name})"] = len(value)
        elif isinstance(value, int):
            found[name] = value
    return found


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


# --- several results, texts and lists -------------------------------------------------


def _of_parts(expected, got, tolerance, sizes) -> str:
    """Return which of several results is wrong, and how, if the others are right."""
    keys = _keys(expected[0]) if expected else None
    if keys is None or not all(_keys(value) == keys for value in (*expected, *got)):
        return ""
    wrong = [
        key
        for key in keys
        if any(
            difference(one[key], other[key], tolerance)
            for one, other in zip(expected, got, strict=True)
        )
    ]
    if len(wrong) != 1 or len(keys) == 1:
        return ""
    (key,) = wrong
    parts = [value[key] for value in expected], [value[key] for value in got]
    of_it = symptom(*parts, tolerance, sizes)
    name = f"the {PLACES[key]}" if isinstance(key, int) else repr(key)
    only = f"Of the {len(keys)} parts of the result only {name} is wrong"
    return f"{only}: {of_it[0].lower()}{of_it[1:]}" if of_it else f"{only}."


def _keys(value) -> list | None:
    """Return by what the parts of a result are reached, None if it is none of these."""
    if isinstance(value, Mapping):
        return (
            sorted(value, key=str) if all(isinstance(k, str) for k in value) else None
        )
    if isinstance(value, tuple) and 1 < len(value) <= len(PLACES):
        return list(range(len(value)))
    return None


def _of_items(expected, got) -> str:
    """Return what is missing in texts or lists, or there too often."""
    kind = str if expected and isinstance(expected[0], str) else list
    if not all(isinstance(x, kind) and is_plain(x) for x in (*expected, *got)):
        return ""
    pairs = zip(expected, got, strict=True)
    telling = [(one, other) for one, other in pairs if one != other]
    for words, holds in ITEMS.items():
        if telling and all(holds(one, other) for one, other in telling):
            return words.format("text" if kind is str else "list")
    return ""


def is_plain(value) -> bool:
    """Return whether a value is made of texts and numbers: == says True or False."""
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    return value is None or isinstance(value, str | bytes | int | float)


def _starts_with(whole, part) -> bool:
    return len(part) < len(whole) and whole[: len(part)] == part


def _ends_with(whole, part) -> bool:
    return len(part) < len(whole) and whole[len(whole) - len(part) :] == part


def _is_within(part, whole) -> bool:
    """Return whether all items of ``part`` stand in ``whole`` in this order."""
    rest = iter(whole)
    return len(part) < len(whole) and all(item in rest for item in part)


ITEMS: Mapping[str, Callable] = {
    "There is nothing in it: the {0} is empty.": lambda one, other: one and not other,
    "It begins right and stops too early: the end of the {0} is missing.": _starts_with,
    "Its beginning is missing; the rest of the {0} is right.": _ends_with,
    "It is all there, and something that does not belong follows it.": (
        lambda one, other: _starts_with(other, one)
    ),
    "It is all there, and something that does not belong stands before it.": (
        lambda one, other: _ends_with(other, one)
    ),
    "Something is left out; what stands there is right and in its order.": (
        lambda one, other: _is_within(other, one)
    ),
    "It is all there in its order, and something that does not belong is among it.": (
        lambda one, other: _is_within(one, other)
    ),
    "It is in reverse order.": lambda one, other: one[::-1] == other,
    "All that belongs there is there, in another order.": (
        lambda one, other: sorted(map(repr, one)) == sorted(map(repr, other))
    ),
}

"""Say what holds of the right results and not of a wrong one's: its broken property.

Where neither a mistake's name nor the shape of the difference fits, this says *what*
breaks: rows that must sum to 1, a list that must never fall, an end that must be 0, a
result that must not see later tokens or the other texts of its batch. A property is
said only if the reference has it on all inputs. What has none of these is described by
how much of it is wrong, and where.
"""

from collections.abc import Callable, Mapping, Sequence

import torch

from .outcomes import FIRST, Outcome, counted, difference, number_text, run
from .symptoms import as_tensor, is_plain

# --- of the results alone -------------------------------------------------------------


def broken_property(expected: Sequence, got: Sequence, tolerance: float) -> str:
    """Return what holds of all expected results and not of those that came, or ""."""
    rights, theirs = _all_numbers(expected), _all_numbers(got)
    shapes = [[x.shape for x in results] for results in (rights, theirs)]
    if len(rights) < 2 or shapes[0] != shapes[1]:
        return ""
    for holds, words in PROPERTIES:
        if all(holds(x, tolerance) for x in rights) and any(map(_tells, rights)):
            for x in theirs:
                if not holds(x, tolerance):
                    return words(x, tolerance) if callable(words) else words
    return _ends(rights, theirs, tolerance)


def _all_numbers(values: Sequence) -> list[torch.Tensor]:
    """Return the results as float64 tensors, [] if one is none."""
    found = [as_tensor(value) for value in values]
    return [] if any(x is None for x in found) else found


def _tells(x: torch.Tensor) -> bool:
    return x.ndim > 0 and x.numel() > 2


def _sums(x: torch.Tensor, total: float, tolerance: float) -> bool:
    if x.ndim == 0 or x.shape[-1] < 2:
        return True
    return bool(((x.sum(-1) - total).abs() <= 10 * tolerance).all())


def _sums_words(total: int) -> Callable:
    def words(x, tolerance):
        sums = x.sum(-1).flatten()
        wrong = sums[(sums - total).abs() > 10 * tolerance]
        what = "it sums" if x.ndim == 1 else "one sums"
        rows = "The numbers" if x.ndim == 1 else "The numbers of each row (dim=-1)"
        return f"{rows} must sum to {total}: {what} to {number_text(wrong[0].item())}."

    return words


def _symmetric(x, tolerance) -> bool:
    square = x.ndim >= 2 and x.shape[-1] == x.shape[-2]
    return square and torch.allclose(x, x.mT, rtol=0, atol=tolerance)


def _lower(x, tolerance) -> bool:
    square = x.ndim >= 2 and x.shape[-1] == x.shape[-2]
    return square and bool((x.triu(1) == 0).all())


def _rises(x, tolerance) -> bool:
    return x.ndim == 1 and bool((x.diff() >= -tolerance).all())


def _falls(x, tolerance) -> bool:
    return x.ndim == 1 and bool((x.diff() <= tolerance).all())


PROPERTIES = (
    (
        lambda x, tolerance: bool(x.isfinite().all()),
        "No number may be infinite. Is there a division by 0, or a log of 0?",
    ),
    (lambda x, tolerance: _sums(x, 1, tolerance), _sums_words(1)),
    (lambda x, tolerance: _sums(x, 0, tolerance), _sums_words(0)),
    (
        lambda x, tolerance: bool((x >= 0).all()),
        "No number may be negative, and one is.",
    ),
    (
        _lower,
        "All above the diagonal must be 0 (False): a row would see what is later.",
    ),
    (_symmetric, "It must be symmetric: entry (i, j) the same as (j, i)."),
    (
        lambda x, tolerance: bool((x <= 1 + tolerance).all()),
        lambda x, tolerance: (
            f"No number may be above 1: one is {number_text(x.max().item())}."
        ),
    ),
    (
        _rises,
        "The numbers must never fall from one to the next, and somewhere they do.",
    ),
    (
        _falls,
        "The numbers must never rise from one to the next, and somewhere they do.",
    ),
)


def _ends(rights, theirs, tolerance) -> str:
    """Return at what all results must start or end, if they do and these do not."""
    if not all(x.ndim == 1 and len(x) for x in rights):
        return ""
    for place, verb in ((0, "start"), (-1, "end")):
        firsts = torch.stack([x[place] for x in rights])
        if len(firsts) > 1 and (firsts == firsts[0]).all():
            for x in theirs:
                if abs(x[place] - firsts[0]) > tolerance:
                    right, came = (number_text(v.item()) for v in (firsts[0], x[place]))
                    return f"It must {verb} at {right}: yours {verb}s at {came}."
    return ""


# --- of the function: the same input, changed -----------------------------------------


def broken_under_change(
    observe: Callable,
    reference: Callable,
    function: Callable,
    cases: Sequence[tuple],
    tolerance: float,
) -> str:
    """Return which change of an input must leave a result alone, and does not, or "".

    Tried are: a later token changed, another text of the batch left out, one number
    added to all.
    """
    for words, probe in PROBES.items():
        for case in cases:
            if probe(observe, reference, case, tolerance) is True and (
                probe(observe, function, case, tolerance) is False
            ):
                return words
    return ""


def _result(observe, function, case) -> torch.Tensor | None:
    """Return the result (the first, if there are several) as a tensor, or None."""
    value = run(observe, function, case, FIRST).value
    value = value[0] if isinstance(value, tuple) and value else value
    return value if isinstance(value, torch.Tensor) else None


def _keeps(before, after, tolerance) -> bool | None:
    if before is None or after is None:
        return None
    return difference(before, after, 10 * tolerance) is None


def _later_token(observe, function, case, tolerance) -> bool | None:
    """Return whether earlier places stay when all that stands last is changed."""
    T = max((x.shape[-2] for x in case if _is_sequence(x)), default=0)
    result = _result(observe, function, case) if T > 1 else None
    if result is None or result.ndim < 3 or result.shape[-2] != T:
        return None
    changed = [_last_changed(x) if _is_sequence(x) else x for x in case]
    after = _result(observe, function, tuple(changed))
    if after is None or after.shape != result.shape:
        return None
    return _keeps(result[..., :-1, :], after[..., :-1, :], tolerance)


def _is_sequence(x) -> bool:
    return isinstance(x, torch.Tensor) and x.ndim >= 3 and x.is_floating_point()


def _last_changed(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x[..., :-1, :], x[..., -1:, :].flip(-1) + 1], dim=-2)


def _text_alone(observe, function, case, tolerance) -> bool | None:
    """Return whether a text gives the same without the others of its batch."""
    B = next((len(x) for x in case if isinstance(x, torch.Tensor) and x.ndim), 0)
    result = _result(observe, function, case) if B > 1 else None
    if result is None or result.ndim < 2 or len(result) != B:
        return None
    alone = tuple(
        x[:1] if isinstance(x, torch.Tensor) and x.ndim and len(x) == B else x
        for x in case
    )
    return _keeps(result[:1], _result(observe, function, alone), tolerance)


def _one_added(observe, function, case, tolerance) -> bool | None:
    """Return whether a number added to all of the first argument changes nothing."""
    x = case[0]
    if not isinstance(x, torch.Tensor) or not x.is_floating_point() or x.ndim == 0:
        return None
    after = _result(observe, function, (x + 1, *case[1:]))
    return _keeps(_result(observe, function, case), after, tolerance)


PROBES = {
    "The future is seen: when the last token changes, what stands before it must stay, "
    "and yours changes.": _later_token,
    "What comes for a text must not depend on the others of its batch, and yours does: "
    "alone, the first gives something else. Which dimension is worked along?": (
        _text_alone
    ),
    "A number added to all of the first argument must change nothing, and yours "
    "changes.": _one_added,
}


# --- how much, and where --------------------------------------------------------------


def extent(expected: Sequence[Outcome], got: Sequence[Outcome], tolerance) -> str:
    """Return on how many inputs results are wrong, and of the first how much, where."""
    wrong = [
        (one.value, other.value)
        for one, other in zip(expected, got, strict=True)
        if other.error is None and difference(one.value, other.value, tolerance)
    ]
    if not wrong:
        return ""
    n, (one, other) = len(expected), wrong[0]
    on = "On all inputs" if len(wrong) == n else f"On {len(wrong)} of {n} inputs"
    parts = _wrong_parts(one, other, tolerance) or _wrong_entries(one, other)
    if parts:
        return f"{on} the result is wrong; in the first of these, {parts}."
    one, other = as_tensor(one), as_tensor(other)
    if one is None or other is None or one.shape != other.shape:
        return f"{on} the result is wrong; here is the first of these."
    bad = ~torch.isclose(other, one, rtol=tolerance, atol=tolerance, equal_nan=True)
    truths = getattr(wrong[0][0], "dtype", None) is torch.bool
    how = _direction(other[bad] - one[bad], *(TRUTHS if truths else DIRECTIONS))
    if bad.numel() == 1:
        first = f"; the first is{how[1:]}" if how else ""
        return f"{on} the number is wrong{first}."
    n_bad = int(bad.sum())
    many = f"all {n_bad}" if bad.all() else f"{n_bad} of {bad.numel()}"
    return f"{on} numbers are wrong: in the first of these {many}{_where(bad)}{how}."


def _wrong_parts(one, other, tolerance) -> str:
    """Return which parts of a result of several are wrong."""
    both = isinstance(one, tuple) and isinstance(other, tuple | list)
    if not both or len(one) != len(other):
        return ""
    wrong = [
        str(i + 1)
        for i, (right, came) in enumerate(zip(one, other, strict=True))
        if difference(right, came, tolerance)
    ]
    numbers = " and ".join(filter(None, [", ".join(wrong[:-1]), wrong[-1]]))
    return f"{'parts' if len(wrong) > 1 else 'part'} {numbers} of {len(one)}"


def _wrong_entries(one, other) -> str:
    """Return how many entries of a dict are wrong, missing or too many."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return ""
    if not all(map(is_plain, (*one.values(), *other.values()))):
        return ""
    counts = {
        "wrong": sum(key in other and other[key] != one[key] for key in one),
        "missing": sum(key not in other for key in one),
        "too many": sum(key not in one for key in other),
    }
    said = [f"{n} {words}" for words, n in counts.items() if n]
    return f"of {counted(len(one), 'entry', 'entries')} {' and '.join(said)}"


DIRECTIONS = ", too large", ", too small"
TRUTHS = ", True where it must be False", ", False where it must be True"


def _direction(off: torch.Tensor, larger: str, smaller: str) -> str:
    if (off > 0).all():
        return larger
    return smaller if (off < 0).all() else ""


def _where(bad: torch.Tensor) -> str:
    """Return in which part of a tensor all wrong numbers lie, as it ends a sentence."""
    if bad.all() or bad.ndim == 0 or not bad.any():
        return ""
    if bad.ndim >= 2 and bad.shape[-1] == bad.shape[-2]:
        for words, part in TRIANGLES.items():
            if not (bad & ~part(torch.ones_like(bad))).any():
                return f", {words}"
    for dim in range(-1, -bad.ndim - 1, -1):
        others = tuple(d for d in range(-bad.ndim, 0) if d != dim)
        lines = bad.any(dim=others) if others else bad
        if lines.sum() == 1 and len(lines) > 1:
            at = int(lines.nonzero()[0])
            end = {0: "the first", len(lines) - 1: "the last"}.get(at, f"number {at}")
            return f", in {end} along dim={dim}"
    return ""


TRIANGLES = {
    "on the diagonal": lambda x: x.triu().tril(),
    "above the diagonal": lambda x: x.triu(1),
    "below the diagonal": lambda x: x.tril(-1),
}

"""Run a function on one case, and say how two outcomes differ.

Everything a learner's function does to be seen from outside is an outcome: what it
returns or raises, and whether it changed its arguments. The same comparison holds it
against the reference and against every misconception.
"""

import contextlib
import copy
import io
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import torch
from torch import nn

from .limits import TimeLimit


@dataclass(frozen=True)
class Outcome:
    """What came of one call."""

    value: object = None
    error: BaseException | None = None
    changed: bool = False  # the function changed its arguments
    printed: str = ""


@dataclass(frozen=True)
class Difference:
    """``kind`` is type, length, shape, dtype, NaN or values; ``text`` says where."""

    kind: str
    text: str


FIRST, SECOND = 1, 2  # states of the global random generators that a check uses


def run(observe: Callable, function: Callable, case: tuple, seed: int) -> Outcome:
    """Run the function on a copy of the case, the global random state set to seed.

    Raises only ``TimeLimit`` and ``KeyboardInterrupt``.
    """
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    arguments = copy.deepcopy(case)
    value = error = None
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            value = observe(function, *arguments)
        except (TimeLimit, KeyboardInterrupt):
            raise
        except BaseException as raised:  # exit() and the like too
            error = raised
    changed = difference(case, arguments, 0.0) is not None
    return Outcome(value, error, changed, output.getvalue())


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Give the page its random numbers back as they were: a check must not show."""
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])


def same(expected: Outcome, got: Outcome, tolerance: float) -> bool:
    """Return whether two outcomes agree; errors agree when they are of one type."""
    if expected.changed != got.changed:
        return False
    if expected.error is not None or got.error is not None:
        return type(expected.error) is type(got.error)
    return difference(expected.value, got.value, tolerance) is None


def alike(one: Outcome, other: Outcome, tolerance: float) -> bool:
    """Return whether two answers agree, neither of which is the reference.

    2.0 stands for 2 in either: which of them the task wants, neither can tell.
    """
    return same(one, other, tolerance) or same(other, one, tolerance)


def difference(expected, got, tolerance: float) -> Difference | None:
    """Return the first difference between two values, None if there is none.

    Lenient where only the container's name differs: a tuple passes for a list, a
    Counter for a dict, a 0-dimensional tensor for a number that stands by itself.
    Strict about shapes and dtypes of tensors, about True in the place of 1, and about
    tensors in a list of numbers.
    """
    if isinstance(expected, torch.Tensor):
        return _tensor_difference(expected, got, tolerance)
    if isinstance(expected, nn.Module) and isinstance(got, nn.Module):
        return difference(
            dict(expected.state_dict()), dict(got.state_dict()), tolerance
        )
    if isinstance(got, torch.Tensor | np.generic) and _is_number(expected):
        got = got.item() if got.ndim == 0 else got
    if _is_number(expected):
        return _number_difference(expected, got, tolerance)
    if isinstance(expected, Mapping):
        return _mapping_difference(expected, got, tolerance)
    if isinstance(expected, str | bytes):
        kinds = str if isinstance(expected, str) else bytes | bytearray
        if not isinstance(got, kinds):
            return _wrong_type(expected, got)
        return None if expected == got else Difference("values", "the text differs")
    if isinstance(expected, list | tuple | range | deque):
        return _sequence_difference(expected, got, tolerance)
    if isinstance(expected, Set) != isinstance(got, Set):
        return _wrong_type(expected, got)
    if (got is None) != (expected is None):
        return _wrong_type(expected, got)
    if type(expected) is type(got) and type(expected).__eq__ is object.__eq__:
        # An object that does not say when it is equal: compare what it holds.
        ours, theirs = getattr(expected, "__dict__", 0), getattr(got, "__dict__", 0)
        return None if expected is got else difference(ours, theirs, tolerance)
    try:
        equal = bool(expected == got)
    except Exception:  # arrays, and classes of a learner's own, need not say
        equal = False
    return None if equal else Difference("values", "the values differ")


def has_nan(value) -> bool:
    """Return whether a value, or anything in it, is NaN."""
    if isinstance(value, torch.Tensor):
        return bool(value.isnan().any())
    if isinstance(value, list | tuple):
        return any(map(has_nan, value))
    if isinstance(value, Mapping):
        return any(map(has_nan, value.values()))
    return isinstance(value, float) and value != value


def _wrong_type(expected, got, advice: str = "") -> Difference:
    needed, came = article(type_name(expected)), article(type_name(got))
    came = "nothing" if got is None else came
    return Difference("type", f"{needed} is needed, {came} came{advice}")


def article(noun: str) -> str:
    """Return "a list", "an int", "bytes": a noun after its indefinite article."""
    if noun in ("bytes", "dict_keys", "dict_values", "dict_items"):
        return noun
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def counted(n: int, noun: str, several: str = "") -> str:
    """Return "1 number", "2 numbers"; ``several`` is the plural without an s."""
    return f"{n} {noun}" if n == 1 else f"{n} {several or noun + 's'}"


def type_name(value) -> str:
    """Return the type's name as a learner would say it."""
    return "tensor" if isinstance(value, torch.Tensor) else type(value).__name__


def dtype_name(tensor: torch.Tensor) -> str:
    """Return the dtype without torch's prefix: "float32"."""
    return str(tensor.dtype).removeprefix("torch.")


def _is_number(value) -> bool:
    return isinstance(value, bool | Real | np.bool_)


def _is_tensor(value) -> bool:
    return isinstance(value, torch.Tensor)


def _tensor_difference(expected, got, tolerance) -> Difference | None:
    if not isinstance(got, torch.Tensor):
        return _wrong_type(expected, got)
    if expected.shape != got.shape:
        needed, came = tuple(expected.shape), tuple(got.shape)
        return Difference("shape", f"shape {needed} is needed, {came} came")
    if expected.dtype != got.dtype:
        needed, came = dtype_name(expected), dtype_name(got)
        return Difference("dtype", f"dtype {needed} is needed, {came} came")
    expected, got = expected.detach(), got.detach()
    if not expected.is_floating_point():
        wrong = expected != got
    else:
        wrong = ~torch.isclose(
            got, expected, rtol=tolerance, atol=tolerance, equal_nan=True
        )
        lost = got.isnan() & ~expected.isnan()
        if lost.any():
            n = int(lost.sum())
            verb = "is" if n == 1 else "are"
            return Difference("NaN", f"{counted(n, 'number')} {verb} NaN")
    if not wrong.any():
        return None
    where = wrong.nonzero()[0].tolist()
    at = tuple(where)
    text = _needed_and_came(expected[at].item(), got[at].item())
    return Difference("values", f"at {where}: {text}" if where else text)


def _number_difference(expected, got, tolerance) -> Difference | None:
    if not _is_number(got):
        return _wrong_type(expected, got)
    if isinstance(expected, bool | np.bool_) != isinstance(got, bool | np.bool_):
        return _wrong_type(expected, got)
    if isinstance(expected, Integral):
        if not isinstance(got, Integral):
            return _wrong_type(expected, got)
        agree = expected == got
    else:
        if got != got and expected == expected:
            return Difference("NaN", "the number is NaN")
        agree = expected == got or abs(expected - got) <= tolerance * (
            1 + abs(expected)
        )
        agree = agree or (expected != expected and got != got)
    if agree:
        return None
    return Difference("values", _needed_and_came(expected, got))


def _sequence_difference(expected, got, tolerance) -> Difference | None:
    if not isinstance(got, Sequence | deque) or isinstance(got, str | bytes):
        return _wrong_type(expected, got)
    for i, (one, other) in enumerate(zip(expected, got, strict=False)):
        found = difference(one, other, tolerance)
        # A list of numbers goes to len(), json and ==: tensors do not do there.
        if isinstance(expected, list) and _is_number(one) and _is_tensor(other):
            found = _wrong_type(one, other, ": .item() takes its number out")
        if found and len(expected) == len(got):
            return Difference(found.kind, f"item {i}: {found.text}")
        if found and found.kind == "type":
            return Difference("type", f"item {i}: {found.text}")
    if len(expected) != len(got):
        container = type_name(expected)
        text = f"{article(container)} of {len(got)} where {len(expected)} are wanted"
        return Difference("length", text.replace("where 1 are", "where 1 is"))
    return None


def _mapping_difference(expected, got, tolerance) -> Difference | None:
    if not isinstance(got, Mapping):
        return _wrong_type(expected, got)
    missing = [key for key in expected if key not in got]
    if missing:
        return Difference("values", f"{missing[0]!r} is missing")
    extra = [key for key in got if key not in expected]
    if extra:
        return Difference("values", f"{extra[0]!r} does not belong there")
    for key in expected:
        found = difference(expected[key], got[key], tolerance)
        if found:
            return Difference(found.kind, f"{key!r}: {found.text}")
    return None


def _needed_and_came(expected, got) -> str:
    needed, came = number_text(expected), number_text(got)
    if needed == came:  # the difference is in later digits
        return f"{needed} is needed, yours is off by {number_text(got - expected)}"
    return f"{needed} is needed, {came} came"


def number_text(value) -> str:
    """Return a number in up to four significant digits, the same on every machine."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)

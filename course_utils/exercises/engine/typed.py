"""Outcomes as plain data: what leaves the process in which a learner's code runs.

JSON, with a tag for what JSON has no word for; a tensor is its dtype, its shape and its
bytes. Reading it back runs nobody's code: no pickles, no imports, no constructors of
theirs. What has no such form, or is very large, becomes ``Unknown``. The results of the
course's exercises are all below 10 kB.
"""

import base64
import contextlib
import json
import math
import sys
from collections import deque
from collections.abc import Mapping, Set
from numbers import Integral, Real

import numpy as np
import torch

from .outcomes import Outcome

LARGEST = 256 << 10  # bytes in one outcome, an item of a list counted as eight
LONGEST = 4 << 20  # bytes of JSON in one attempt
MOST_PARTS = 500_000  # in this JSON
MOST_KEYS = 10_000  # in one dict or set
DEEPEST = 20
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
        torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
        torch.complex128,
    )
}  # fmt: skip


class Unknown:
    """A value that cannot be told as plain data; ``name`` is its type's.

    Equal to another unknown one of its type, and so to nothing that a solution gives.
    """

    __hash__ = None

    def __init__(self, name: str):
        self.name = name

    def __eq__(self, other) -> bool:
        return isinstance(other, Unknown) and self.name == other.name


TOO_LARGE = Unknown("too large")


class _TooLarge(Exception):
    pass


def encode_outcome(outcome: Outcome) -> dict:
    """Return an outcome as what ``json.dumps`` takes."""
    changed, error = bool(outcome.changed), outcome.error
    if error is None:
        return {"value": encode(outcome.value), "changed": changed}
    kind = type(error)
    return {"error": [str(kind.__module__), kind.__qualname__[:80]], "changed": changed}


def decode_outcome(data: dict) -> Outcome:
    """Return the outcome again. ``ValueError`` for anything but an encoded one."""
    try:
        changed = data["changed"] is True
        if "error" in data:
            module, name = data["error"]
            return Outcome(error=_error(module, name), changed=changed)
        return Outcome(decode(data["value"]), changed=changed)
    except (KeyError, TypeError, AttributeError, RuntimeError, OverflowError) as error:
        raise ValueError(f"no outcome: {error}") from None


def read_json(message: bytes):
    """Return the JSON in a message that may be anything. ``ValueError`` for others.

    Few bytes of JSON can take much memory as objects, so its parts are counted first.
    """
    parts = sum(map(message.count, (b",", b"[", b"{", b":")))
    if len(message) > LONGEST or parts > MOST_PARTS:
        raise ValueError("too large")
    try:
        return json.loads(message)
    except RecursionError:
        raise ValueError("too deep") from None


def encode(value):
    """Return a value as what ``json.dumps`` takes."""
    try:
        return _Encoder().encode(value, 0)
    except _TooLarge:
        return {"unknown": TOO_LARGE.name}
    except Exception:  # raised by a class of the learner's own
        return {"unknown": type(value).__name__[:80]}


class _Encoder:
    def __init__(self):
        self.left = LARGEST

    def take(self, n_bytes: int) -> None:
        self.left -= n_bytes
        if self.left < 0:
            raise _TooLarge

    def encode(self, value, depth: int):
        self.take(8)
        if depth > DEEPEST:
            raise _TooLarge
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, torch.Tensor):
            return {"tensor": self._tensor(value)}
        if isinstance(value, np.ndarray | np.generic):
            tag = "numpy" if isinstance(value, np.ndarray) else "scalar"
            return {tag: self._tensor(torch.from_numpy(np.array(value)))}
        if isinstance(value, Integral):
            self.take(int(value).bit_length() // 4)
            return {"int": hex(value)} if abs(value) >= 2**63 else int(value)
        if isinstance(value, Real):
            return float(value)
        if isinstance(value, str):
            self.take(4 * len(value))
            return str(value)
        return self._container(value, depth + 1)

    def _container(self, value, depth: int) -> dict:
        if isinstance(value, bytes | bytearray):
            self.take(len(value))
            return {"bytes": base64.b64encode(value).decode()}
        if isinstance(value, Mapping):
            pairs = value.items()
            pairs = [[self.encode(k, depth), self.encode(v, depth)] for k, v in pairs]
            return {"dict": pairs}
        for tag, kind in (("tuple", tuple), ("list", list | range | deque)):
            if isinstance(value, kind):
                return {tag: [self.encode(item, depth) for item in value]}
        if isinstance(value, Set):
            return {"set": [self.encode(item, depth) for item in value]}
        return {"unknown": type(value).__name__[:80]}

    def _tensor(self, tensor: torch.Tensor) -> list:
        self.take(tensor.numel() * tensor.element_size())
        # A copy: an expanded tensor's bytes lie in memory once (strides of 0).
        flat = torch.empty(tensor.numel(), dtype=tensor.dtype)
        flat.copy_(tensor.detach().reshape(-1))
        raw = flat.view(torch.uint8).numpy().tobytes()
        name = str(tensor.dtype).removeprefix("torch.")
        return [name, list(tensor.shape), base64.b64encode(raw).decode()]


def decode(data, depth: int = 0):
    """Return the value that was encoded. ``ValueError`` for anything else."""
    if depth > 2 * DEEPEST:
        raise ValueError("too deep")
    if data is None or isinstance(data, bool | int | float | str):
        return data
    ((tag, content),) = data.items()
    if tag in ("dict", "set") and len(content) > MOST_KEYS:
        raise ValueError("too many keys")
    if tag == "dict":
        return {decode(k, depth + 1): decode(v, depth + 1) for k, v in content}
    if tag in ("list", "tuple", "set"):
        items = [decode(item, depth + 1) for item in content]
        return {"list": list, "tuple": tuple, "set": set}[tag](items)
    if tag == "bytes":
        return base64.b64decode(content)
    if tag == "int":
        return int(content, 16)
    if tag == "tensor":
        return _tensor_from(*content)
    if tag in ("numpy", "scalar"):
        array = _tensor_from(*content).numpy()
        return array if tag == "numpy" else array[()]
    return Unknown(str(content)[:80])


def _tensor_from(name: str, shape: list, text: str) -> torch.Tensor:
    dtype, raw = DTYPES[name], bytearray(base64.b64decode(text))
    sizes_fit = all(type(n) is int and 0 <= n <= LARGEST for n in shape)
    if (
        not sizes_fit
        or len(shape) > 32
        or math.prod(shape) * dtype.itemsize != len(raw)
    ):
        raise ValueError("no tensor")
    if not raw:
        return torch.empty(shape, dtype=dtype)
    if dtype is torch.bool:
        raw = bytearray(map(bool, raw))
    return torch.frombuffer(raw, dtype=dtype).reshape(shape)


def _error(module: str, name: str) -> BaseException:
    """Return an error of this class; for one that only the learner has, one like it."""
    kind = getattr(sys.modules.get(module), name, None)
    if isinstance(kind, type) and issubclass(kind, BaseException):
        with contextlib.suppress(Exception):  # some cannot be without arguments
            return kind.__new__(kind)
    return type(name if name.isidentifier() else "Exception", (Exception,), {})()

"""What a task asks to do without, and how its use is seen.

A right result says nothing of how it was made. So an answer to a task that forbids
something is run once more on its inputs, watched: by torch itself, which passes on what
is called under whatever name (``a @ b`` and ``F.linear`` end in the same product), and,
for what torch does not see, by the learner's own code and the functions that it calls.
Who hides it better than that has understood what it is.
"""

import dis
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import CodeType

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from .outcomes import run


@dataclass
class Call:
    """What was seen of one call.

    ``case`` are its arguments, ``functions`` the names of torch's functions as they
    were called, ``operations`` those that they came down to, ``shapes`` what these
    gave; ``names`` and ``steps`` are in the code: attributes and globals, instructions.
    """

    case: tuple
    functions: set[str] = field(default_factory=set)
    operations: set[str] = field(default_factory=set)
    shapes: set[tuple] = field(default_factory=set)
    names: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Forbidden:
    """What a task forbids; title and explanation stand on the card as a mistake's."""

    title: str
    explanation: str
    is_used: Callable[[Call], bool]


def used(
    forbidden: Sequence[Forbidden],
    observe: Callable,
    function: Callable,
    cases: Sequence[tuple],
    seed: int,
) -> tuple[str, ...]:
    """Return the titles of what is forbidden and the function uses on these cases."""
    if not forbidden:
        return ()
    names, steps = _written(function)
    calls = [Call(case, names=names, steps=steps) for case in cases]
    for call in calls:
        with _Operations(call), _Functions(call):
            run(observe, function, call.case, seed)
    return tuple(f.title for f in forbidden if any(map(f.is_used, calls)))


class _Functions(TorchFunctionMode):
    """Notes torch's functions under the names that a page calls them by."""

    def __init__(self, call: Call):
        super().__init__()
        self.call = call

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.call.functions.add(getattr(function, "__name__", ""))
        return function(*args, **(kwargs or {}))


class _Operations(TorchDispatchMode):
    """Notes the operations that torch's functions come down to, and their shapes."""

    def __init__(self, call: Call):
        super().__init__()
        self.call = call

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        self.call.operations.add(operation.__name__.partition(".")[0])
        if isinstance(result, torch.Tensor):
            self.call.shapes.add(tuple(result.shape))
        return result


def _written(function: Callable) -> tuple[frozenset[str], frozenset[str]]:
    """Return (names, instructions) of a function's code and of what it calls."""
    names, steps = set(), set()
    for code in _codes(inspect.unwrap(function)):
        names.update(code.co_names)
        for step in dis.get_instructions(code):
            back = step.opcode in dis.hasjrel and step.argval < step.offset
            steps.add("loop" if back or step.opname == "FOR_ITER" else step.argrepr)
    return frozenset(names), frozenset(steps)


def _codes(function: Callable) -> Iterator[CodeType]:
    """Yield the code of a function, of those inside it and of those that it calls."""
    namespace = getattr(function, "__globals__", {})
    todo, seen = [getattr(function, "__code__", None)], set()
    while todo:
        code = todo.pop()
        if not isinstance(code, CodeType) or code in seen:
            continue
        seen.add(code)
        yield code
        todo += code.co_consts
        for called in map(namespace.get, code.co_names):
            if getattr(called, "__globals__", None) is namespace:
                todo.append(inspect.unwrap(called).__code__)


# --- what tasks forbid ----------------------------------------------------------------

PRODUCTS = {
    "mm", "bmm", "mv", "addmm", "addmv", "addbmm", "baddbmm", "linear", "_trilinear",
    "convolution", "_sparse_addmm", "_embedding_bag_forward_only", "_embedding_bag",
}  # fmt: skip
PRODUCT_NAMES = {"matmul", "__matmul__", "einsum", "tensordot"}
NUMPY_NAMES = {"dot", "vdot", "inner"}  # numpy's multiply matrices too


def _is_product(call: Call) -> bool:
    numpy = call.functions & {"numpy", "__array__"}
    return bool(
        call.operations & PRODUCTS
        or call.steps & {"@", "@="}
        or call.names & PRODUCT_NAMES
        or (numpy and call.names & NUMPY_NAMES)
    )


def _is_autograd(call: Call) -> bool:
    return bool(call.functions & {"backward", "grad", "_make_dual"})


def _is_loop(call: Call) -> bool:
    return "loop" in call.steps or "map" in call.names


def _is_table(call: Call) -> bool:
    *before, n = call.case[0].shape
    own = before[-1:] == [n]  # the argument itself ends in (N, N)
    return not own and any(shape[-2:] == (n, n) for shape in call.shapes)


READY_MADE_PRODUCT = Forbidden(
    "made with a ready-made product",
    "The task asks to do it without @, and so without its other names: torch.matmul, "
    "mm, einsum, numpy's. Multiply entries and add the products up.",
    _is_product,
)
AUTOGRAD = Forbidden(
    "made with autograd",
    "The task asks to do it without autograd: no backward(), no torch.autograd.grad, "
    "no torch.func. Write the formula, from the arguments alone.",
    _is_autograd,
)
LOOP = Forbidden(
    "made with a loop",
    "The task asks to do it without a loop: no for, no while, no list comprehension. "
    "Let whole tensors work at once.",
    _is_loop,
)
TABLE = Forbidden(
    "made with a table of N by N",
    "The task asks to do it without the table of all slopes, (N, N): for a row of "
    "50,000 scores it would hold 2.5 billion numbers.",
    _is_table,
)
READY_MADE_CROSS_ENTROPY = Forbidden(
    "made with a ready-made cross-entropy",
    "The task asks to do it without torch's cross_entropy and nll_loss: pick each "
    "target's log-probability and take the mean.",
    lambda call: any(name.startswith("nll_loss") for name in call.operations),
)

"""Every operation against torch: shapes, broadcasts, nothing at all, repeated use."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils.autograd import Tensor, no_grad, result, sum_to, topological_order

sizes = st.integers(0, 3)
shapes = st.lists(sizes, max_size=4).map(tuple)


@st.composite
def numbers(draw, shape=shapes, low=-2.0, high=2.0):
    """A float64 tensor of a drawn shape, spread evenly over an interval."""
    chosen = draw(shape) if hasattr(shape, "example") else shape
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    return low + (high - low) * torch.rand(
        chosen, generator=generator, dtype=torch.float64
    )


@st.composite
def broadcastable(draw):
    """Two tensors whose shapes broadcast: some dimensions are 1, some are missing."""
    full = draw(shapes)
    parts = []
    for _ in range(2):
        kept = full[draw(st.integers(0, len(full))) :]
        shape = tuple(1 if draw(st.booleans()) else n for n in kept)
        parts.append(draw(numbers(shape, 0.5, 2.0)))
    return parts


def check(function, *inputs):
    """Compare value and gradients of ``function`` here and in torch, from one start."""
    ours = [Tensor(x, requires_grad=True) for x in inputs]
    theirs = [x.clone().requires_grad_() for x in inputs]
    y, wanted = function(*ours), function(*theirs)
    assert isinstance(y, Tensor) and y.shape == wanted.shape
    torch.testing.assert_close(y.data, wanted.detach(), rtol=0, atol=1e-12)
    start = torch.linspace(-1, 2, wanted.numel(), dtype=wanted.dtype)
    y.backward(start.reshape(wanted.shape))
    wanted.backward(start.reshape(wanted.shape))
    for own, their in zip(ours, theirs, strict=True):
        expected = torch.zeros_like(their) if their.grad is None else their.grad
        torch.testing.assert_close(own.grad, expected, rtol=0, atol=1e-9)
        assert torch.equal(own.data, their.detach())  # inputs stay as they were


ENTRY_BY_ENTRY = {
    "exp": lambda x: x.exp(),
    "log": lambda x: x.log(),
    "minus": lambda x: 1.5 - x,
    "number first": lambda x: 2 * x + 3 * (0.5 + x) - x / 3,
    "one over": lambda x: 3 / x,
    "to the power of 0": lambda x: x**0,
    "square": lambda x: x**2,
    "root": lambda x: x**0.5,
    "twice": lambda x: x * x + x,
    "a step that is used by two": lambda x: (lambda y: y * y + y.exp())(x * 3),
}


@pytest.mark.parametrize("name", ENTRY_BY_ENTRY)
@given(x=numbers(low=0.5))
def test_what_works_entry_by_entry(name, x):
    check(ENTRY_BY_ENTRY[name], x)


PAIRS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "both twice": lambda a, b: (a + b) * (a - b) * b,
}


@pytest.mark.parametrize("name", PAIRS)
@given(pair=broadcastable())
def test_broadcasting_is_summed_back(name, pair):
    check(PAIRS[name], *pair)


@given(pair=broadcastable())
def test_a_constant_takes_part_and_gets_nothing(pair):
    a, constant = pair
    check(lambda x: x * constant + x / constant - constant, a)
    y = Tensor(a, True) * Tensor(constant)
    assert len(y.parents) == 1


@given(data=st.data())
def test_the_matrix_product(data):
    n, k, m = (data.draw(sizes) for _ in range(3))
    batch = data.draw(st.lists(sizes, max_size=2).map(tuple))
    fewer = batch[data.draw(st.integers(0, len(batch))) :]
    fewer = tuple(1 if data.draw(st.booleans()) else size for size in fewer)
    a = data.draw(numbers((*batch, n, k)))
    b = data.draw(numbers((*fewer, k, m)))
    check(lambda x, y: x @ y, a, b)
    check(lambda x: x.transpose(-2, -1) @ x, a)


@given(x=numbers(), data=st.data())
def test_sums_over_any_dimensions(x, data):
    keepdim = data.draw(st.booleans())
    check(lambda x: x.sum(), x)
    if x.ndim:
        dims = data.draw(st.sets(st.integers(0, x.ndim - 1), min_size=1).map(tuple))
        check(lambda x: x.sum(dims, keepdim), x)
        last = dims[0] - x.ndim  # counted from the end
        check(lambda x: x.sum(last, keepdim=keepdim) * 2, x)


@given(x=numbers(), data=st.data())
def test_moving_entries(x, data):
    n = x.numel()
    check(lambda x: x.reshape(n) * 2, x)
    check(lambda x: x.reshape((1, *x.shape, 1)), x)
    if x.ndim:
        i, j = (data.draw(st.integers(-x.ndim, x.ndim - 1)) for _ in range(2))
        check(lambda x: x.transpose(i, j) * 2, x)


@given(x=numbers(st.tuples(*[st.integers(1, 3)] * 3)), data=st.data())
def test_choosing_entries_adds_up_what_is_chosen_twice(x, data):
    within = [st.lists(st.integers(-n, n - 1), max_size=5) for n in x.shape]
    rows, columns = (torch.tensor(data.draw(w), dtype=torch.int64) for w in within[:2])
    n = min(len(rows), len(columns))
    mask = x > 0
    for index in (
        rows,
        (rows[:n], columns[:n]),
        (slice(None), columns),
        (..., slice(0, 1)),
        (None, 0),
        slice(1, None, 2),
        mask,
        (slice(None), None, -1),
    ):
        check(lambda x, index=index: x[index] * 2, x)


def test_a_gradient_is_added_to_what_is_there():
    x = Tensor(torch.tensor([3.0]), True)
    for n in (1, 2):
        (x * x).backward()
        assert x.grad.item() == 6 * n
    y = x * x
    x.grad = None
    y.backward(), y.backward()  # the graph is kept
    assert x.grad.item() == 12


def test_every_leaf_gets_memory_of_its_own():
    """Optimizers change gradients in place: clipping one must not change another."""
    start = torch.ones(2)
    a, b = Tensor(torch.ones(2), True), Tensor(torch.ones(2), True)
    (a + b).backward(start)
    a.grad.mul_(5)
    assert b.grad.tolist() == [1, 1] and start.tolist() == [1, 1]
    c = Tensor(torch.ones(2), True)
    c.sum().backward()  # an expanded number would refuse to be changed in place
    c.grad.mul_(torch.tensor([1.0, 2.0]))
    assert c.grad.tolist() == [1, 2]


def test_gradients_have_the_type_of_their_leaf():
    x = Tensor(torch.ones(2), True)
    (x * torch.ones(2, dtype=torch.float64)).sum().backward()
    assert x.grad.dtype == torch.float32


def test_a_graph_may_be_deeper_than_pythons_stack():
    x = Tensor(1.0, True)
    y = x
    for _ in range(10 * sys.getrecursionlimit()):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1


def test_many_ways_from_one_tensor_to_another_cost_no_more_than_their_edges():
    """2^200 paths: who follows each by itself never comes back."""
    x = Tensor(1.0, True)
    y = x
    for _ in range(200):
        y = y * 0.5 + y * 0.5
    y.backward()
    assert x.grad.item() == 1 and len(topological_order(y)) == 3 * 200 + 1


@given(seed=st.integers(0, 999), n=st.integers(1, 30))
def test_the_order_puts_everything_after_what_it_was_made_of(seed, n):
    generator = torch.Generator().manual_seed(seed)
    made = [Tensor(1.0, True)]
    for _ in range(n):
        pairs = torch.randint(len(made), (2,), generator=generator)
        made.append(made[pairs[0]] + made[pairs[1]])
    order = topological_order(made[-1])
    place = {tensor: i for i, tensor in enumerate(order)}
    assert len(place) == len(order) and order[-1] is made[-1]
    for tensor in order:
        assert all(place[parent] < place[tensor] for parent, _ in tensor.parents)


def test_nothing_is_noted_under_no_grad_even_after_an_error():
    x = Tensor(torch.ones(2), True)
    with no_grad():
        y = x * 2
        with no_grad():
            pass
        assert not (x * 3).requires_grad
    assert not y.requires_grad and y.parents == ()
    with pytest.raises(ZeroDivisionError), no_grad():
        1 / 0  # noqa: B018
    assert (x * 2).requires_grad


@given(x=numbers(), extra=st.lists(st.integers(0, 2), max_size=2), data=st.data())
def test_sum_to_undoes_what_broadcasting_did(x, extra, data):
    shape = tuple(1 if data.draw(st.booleans()) else n for n in x.shape)
    big = torch.zeros((*extra, *shape), dtype=x.dtype) + x
    torch.testing.assert_close(sum_to(big, shape), big.sum_to_size(shape))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"floating point, got torch\.int64"):
        Tensor([1, 2], requires_grad=True)
    with pytest.raises(ValueError, match=r"one number .*\(2,\), requires_grad=True"):
        (Tensor(torch.ones(2), True) * 2).backward()
    with pytest.raises(ValueError, match=r"requires_grad=False"):
        Tensor(1.0).backward()
    with pytest.raises(ValueError, match="@ needs matrices, got 1 and 2"):
        Tensor(torch.ones(2), True) @ torch.ones(2, 2)


def test_torchs_own_autograd_takes_no_part():
    parameter = torch.nn.Parameter(torch.ones(2))
    x = Tensor(parameter, requires_grad=True)
    with torch.inference_mode():  # torch could not note anything in here
        (x * x).sum().backward()
    assert x.grad.tolist() == [2, 2] and parameter.grad is None
    assert x.data.data_ptr() == parameter.data_ptr()  # shared, not copied


def test_an_operation_of_ones_own_is_a_result_with_a_rule():
    x = Tensor(torch.tensor([0.5, 1.0]), True)
    y = result(x.data.sin(), (x, lambda g: g * x.data.cos()))
    y.backward(torch.ones(2))
    torch.testing.assert_close(x.grad, x.data.cos())


def test_the_core_stands_alone():
    """Without torch_names and gradients the operations are there, and backward."""
    code = (
        "import sys, torch; from course_utils.autograd import Tensor;"
        "x = Tensor(torch.ones(2, 2), True); ((x @ x - x / 2)[0].exp().log() ** 2)"
        ".sum().backward(); assert x.grad.abs().sum() > 0;"
        "assert 'course_utils.gradients' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

"""Code written for torch gives the same values and gradients on the course's tensor."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_autograd import check, numbers

from course_utils.autograd import Tensor
from course_utils.torch_names import stack

three = st.tuples(*[st.integers(1, 3)] * 3)

METHODS = {
    "view": lambda x: x.view(-1, x.size(2)),
    "mT": lambda x: x.mT,
    "permute": lambda x: x.permute(2, 0, 1),
    "unsqueeze": lambda x: x.unsqueeze(1).squeeze(0),
    "expand": lambda x: x.unsqueeze(0).expand(4, *x.shape),
    "repeat": lambda x: x.repeat(2, 1, 3),
    "flatten": lambda x: x.flatten(1),
    "flip": lambda x: x.flip(0, 2),
    "roll": lambda x: x.roll(1, 0),
    "narrow": lambda x: x.narrow(1, 0, 1),
    "contiguous": lambda x: x.transpose(0, 1).contiguous(),
    "chunk": lambda x: x.chunk(2, dim=-1)[0],
    "split": lambda x: x.split(2, dim=1)[-1],
    "split in sizes": lambda x: x.split([1, x.shape[0] - 1])[1],
    "mean": lambda x: x.mean(-1),
    "mean of all": lambda x: x.mean(),
    "variance": lambda x: x.var(dim=-1, keepdim=True, unbiased=False),
    "amax": lambda x: x.amax(dim=(0, 1)),
    "negative": lambda x: -x,
    "masked": lambda x: x.masked_fill(x.detach().data > 0, 5.0),
    "precision": lambda x: x.float().double() * x.to(torch.float64),
    "length": lambda x: x * len(x) * x.dim() * x.numel(),
}
FUNCTIONS = {
    "exp": lambda x: torch.exp(x),
    "log": lambda x: torch.log(x * x + 1),
    "tanh": lambda x: torch.tanh(x),
    "sqrt": lambda x: torch.sqrt(x * x + 1),
    "square": lambda x: torch.square(x),
    "pow": lambda x: torch.pow(x, 3),
    "sum": lambda x: torch.sum(x, dim=1, keepdim=True),
    "var": lambda x: torch.var(x, dim=-1, correction=0),
    "transpose": lambda x: torch.transpose(x, 0, 1),
    "reshape": lambda x: torch.reshape(x, (-1,)),
    "cat": lambda x: torch.cat([x, torch.ones_like(x.detach().data), x * 2], dim=1),
    "stack": lambda x: torch.stack([x[0], x[-1] * x[0]], dim=1),
    "unbind": lambda x: torch.unbind(x, dim=1)[0],
    "where": lambda x: torch.where(torch.ones(x.shape[-1]) > 0, x, x * 2),
    "constant first": lambda x: torch.ones(()) - 2 * torch.ones(x.shape) * x,
    "constant product": lambda x: torch.ones(2, x.shape[1], dtype=torch.float64) @ x,
    "vectors": lambda x: torch.matmul(x[0, 0], torch.matmul(x[0].mT, x[0, :, 0])),
}


@pytest.mark.parametrize("name", [*METHODS, *FUNCTIONS])
@given(x=numbers(three))
def test_a_name_does_what_torch_does(name, x):
    check((METHODS | FUNCTIONS)[name], x)


@given(x=numbers(three), data=st.data())
def test_gathering_with_repeats(x, data):
    places = st.lists(st.integers(0, x.shape[2] - 1), min_size=4, max_size=4)
    index = torch.tensor(data.draw(places)).expand(*x.shape[:2], 4)
    check(lambda x: x.gather(-1, index), x)


def test_equal_largest_entries_share_the_slope():
    check(lambda x: x.amax(-1), torch.tensor([[2.0, 2.0, 1.0], [0.0, 3.0, 3.0]]))
    check(lambda x: x.amax(), torch.zeros(2, 2))


def test_an_infinite_entry_that_is_masked_has_slope_0_and_no_nan():
    x = torch.tensor([1.0, torch.inf])
    check(lambda x: torch.where(torch.tensor([True, False]), x, 0.0) * 2, x)


def test_where_as_a_method_chooses_the_other_way_round():
    x = Tensor(torch.tensor([1.0, 2.0]), True)
    y = x.where(torch.tensor([True, False]), torch.zeros(2))
    y.sum().backward()
    assert y.data.tolist() == [1, 0] and x.grad.tolist() == [1, 0]


def test_stacking_gives_each_part_its_own():
    a, b = Tensor(torch.ones(2), True), Tensor(torch.ones(2), True)
    (stack([a, b])[1] * 3).sum().backward()
    assert a.grad.tolist() == [0, 0] and b.grad.tolist() == [3, 3]


def test_a_missing_name_is_said():
    x = Tensor(torch.ones(2, 2), True)
    with pytest.raises(NotImplementedError, match="no operation cumsum yet"):
        torch.cumsum(x, 0)
    with pytest.raises(AttributeError, match="cumsum"):
        x.cumsum(0)


def test_a_tensor_tells_of_itself_what_torchs_does():
    data = torch.ones(2, 3, dtype=torch.float64)
    x = Tensor(data)
    assert (x.dtype, x.device, x.ndim) == (data.dtype, data.device, 2)
    assert (len(x), x.size(), x.size(-1)) == (2, data.size(), 3)
    assert x[0, 0].item() == 1

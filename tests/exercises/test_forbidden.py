"""A right result that is made with what the task forbids is not yet an answer."""

import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.autograd import forward_ad

from course_utils.exercises.course import CATALOGUE
from course_utils.exercises.engine.answers import answer_from
from course_utils.exercises.engine.cards import verdict_card
from course_utils.exercises.engine.diagnosis import check
from course_utils.exercises.grading.judging import Judge
from course_utils.exercises.grading.worker import attempt

find = CATALOGUE.find
HOLDING = [task for task in CATALOGUE.exercises() if task.without]


def label(name, function):
    return check(find(name), function).label


def test_tasks_say_what_they_forbid():
    assert len(HOLDING) >= 11
    words = {
        "made with a ready-made product": "without @",
        "made with autograd": "autograd",
        "made with a loop": "loop",
        "made with a table of N by N": "no table of (N, N)",
        "made with a ready-made cross-entropy": "its cross_entropy not",
    }
    for task in HOLDING:
        for rule in task.without:
            assert words[rule.title] in task.task, task.name


@pytest.mark.parametrize("task", CATALOGUE.exercises(), ids=lambda task: task.name)
def test_tasks_that_say_without_hold_it(task):
    asks = ("without @", "ithout autograd", "ithout a loop", "No loop", "no table")
    assert not any(words in task.task for words in asks) or task.without


# --- a matrix product -----------------------------------------------------------------


def helper(a, b):
    return a @ b


def page_answer(text):
    """Return a function as it stands on a page, with its own names around it."""
    return answer_from(f"{text}\n__answer__ = answer\n", "<page>")


PRODUCTS = {
    "@": lambda a, b: a @ b,
    "matmul": torch.matmul,
    "the method": lambda a, b: a.matmul(b),
    "the operator's method": lambda a, b: torch.Tensor.__matmul__(a, b),
    "mm": lambda a, b: a.mm(b),
    "bmm": lambda a, b: torch.bmm(a[None], b[None])[0],
    "einsum": lambda a, b: torch.einsum("nk,km->nm", a, b),
    "einsum of rows": lambda a, b: torch.stack(
        [torch.einsum("k,km->m", row, b) for row in a]
    ),
    "linear": lambda a, b: F.linear(a, b.T),
    "tensordot": lambda a, b: torch.tensordot(a, b, dims=1),
    "inner": lambda a, b: torch.inner(a, b.T),
    "addmm": lambda a, b: torch.addmm(torch.zeros(1), a, b),
    "multi_dot": lambda a, b: torch.linalg.multi_dot([a, b]),
    "a convolution": lambda a, b: F.conv1d(a[:, :, None], b.T[:, :, None])[:, :, 0],
    "rows by @": lambda a, b: torch.stack(
        [torch.stack([row @ column for column in b.T]) for row in a]
    ),
    "columns by mv": lambda a, b: torch.stack([a.mv(column) for column in b.T], dim=1),
    "a helper": lambda a, b: helper(a, b),
    "partial": functools.partial(torch.matmul),
    "numpy's @": lambda a, b: torch.from_numpy(a.numpy() @ b.numpy()),
    "numpy's matmul": lambda a, b: torch.from_numpy(np.matmul(a.numpy(), b.numpy())),
    "numpy's dot": lambda a, b: torch.from_numpy(np.dot(a.numpy(), b.numpy())),
    "numpy's einsum": lambda a, b: torch.tensor(
        np.einsum("nk,km->nm", np.array(a.tolist()), np.array(b.tolist()))
    ).float(),
}


@pytest.mark.parametrize("way", PRODUCTS)
def test_a_ready_made_product_is_not_yet_a_product_of_ones_own(way):
    verdict = check(find("primer.matrix_product"), PRODUCTS[way])
    assert verdict.label == "not yet: made with a ready-made product"
    assert "without @" in verdict_card(find("primer.matrix_product"), verdict).text


def test_a_helper_of_the_page_is_looked_into():
    by_helper = (
        "def deep(a, b):\n    return a @ b\ndef f(a, b):\n    return deep(a, b)\n"
    )
    answer = page_answer(by_helper + "def answer(a, b):\n    return f(a, b)")
    assert label("primer.matrix_product", answer).endswith("a ready-made product")


def loops(a, b):
    result = torch.zeros(len(a), b.shape[1])
    for n in range(len(a)):
        for m in range(b.shape[1]):
            for k in range(len(b)):
                result[n, m] += a[n, k] * b[k, m]
    return result


@pytest.mark.parametrize(
    "function",
    [
        loops,
        lambda a, b: (a[:, :, None] * b).sum(1),
        lambda a, b: torch.stack([(row[:, None] * b).sum(0) for row in a]),
        lambda a, b: sum(torch.outer(a[:, k], b[k]) for k in range(len(b))),
        lambda a, b: torch.tensor(
            [[sum(x * y for x, y in zip(r, c)) for c in b.T.tolist()]  # noqa: B905
             for r in a.tolist()]
        ),
        lambda a, b: torch.stack([torch.stack([r.dot(c) for c in b.T]) for r in a]),
    ],
)  # fmt: skip
def test_a_product_of_ones_own_is_solved(function):
    assert label("primer.matrix_product", function) == "solved"


def test_a_wrong_product_keeps_its_mistake_and_hears_of_the_rule_beside_it():
    verdict = check(find("primer.matrix_product"), lambda a, b: (a @ b).T)
    assert verdict.label == "not yet: result transposed"
    assert "without @" in verdict.beside


# --- autograd -------------------------------------------------------------------------


def loss_of(logits, targets):
    return F.cross_entropy(logits, targets)


def by_backward(logits, targets):
    z = logits.clone().requires_grad_()
    loss_of(z, targets).backward()
    return z.grad


def by_backward_of_all(logits, targets):
    z = torch.nn.Parameter(logits)
    torch.autograd.backward([loss_of(z, targets)])
    return z.grad


def by_grad(logits, targets):
    z = logits.detach().requires_grad_(True)
    return torch.autograd.grad(loss_of(z, targets), z)[0]


def by_forward_mode(logits, targets):
    result = torch.zeros_like(logits)
    for i in range(logits.numel()):
        along = torch.zeros_like(logits)
        along.view(-1)[i] = 1
        with forward_ad.dual_level():
            loss = loss_of(forward_ad.make_dual(logits, along), targets)
            result.view(-1)[i] = forward_ad.unpack_dual(loss).tangent
    return result


GRADIENTS = {
    "backward": by_backward,
    "autograd.backward": by_backward_of_all,
    "autograd.grad": by_grad,
    "forward mode": by_forward_mode,
    "func.grad": lambda z, t: torch.func.grad(loss_of)(z, t),
    "func.vjp": lambda z, t: torch.func.vjp(lambda x: loss_of(x, t), z)[1](
        torch.tensor(1.0)
    )[0],
    "func.jacrev": lambda z, t: torch.func.jacrev(loss_of)(z, t),
    "func.jacfwd": lambda z, t: torch.func.jacfwd(loss_of)(z, t),
    "functional.jacobian": lambda z, t: torch.autograd.functional.jacobian(
        lambda x: loss_of(x, t), z
    ),
}


@pytest.mark.parametrize("way", GRADIENTS)
def test_a_gradient_by_autograd_is_not_yet_a_formula(way):
    assert label("objective.loss_gradient", GRADIENTS[way]) == (
        "not yet: made with autograd"
    )


def pulled_back(forward, *inputs):
    """Return a solution by autograd: the gradients of ``inputs``, one or several."""

    def answer(*case):
        leaves = [case[i].clone().requires_grad_() for i in inputs]
        given = list(case)
        for i, leaf in zip(inputs, leaves, strict=True):
            given[i] = leaf
        result, g = forward(*given)
        found = torch.autograd.grad(result, leaves, g)
        return found[0] if len(found) == 1 else found

    return answer


def attended(q, k, v, g):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True), g


def embedding(ids, g, V):
    table = torch.zeros(V, g.shape[-1], requires_grad=True)
    return torch.autograd.grad(table[ids], table, g)[0]


def normed(x, gain, g):
    bias = torch.zeros_like(gain, requires_grad=True)
    leaves = [x.clone().requires_grad_(), gain.clone().requires_grad_(), bias]
    result = F.layer_norm(leaves[0], gain.shape, *leaves[1:])
    return torch.autograd.grad(result, leaves, g)


BY_AUTOGRAD = {
    "unbroadcast": lambda g, shape: torch.autograd.grad(
        (small := torch.zeros(shape, requires_grad=True)).expand(g.shape), small, g
    )[0],
    "matmul_backward": pulled_back(lambda a, b, g: (a @ b, g), 0, 1),
    "softmax_backward": lambda p, g: torch.func.vjp(
        lambda s: s.softmax(-1), p.log()
    )[1](g)[0],
    "layer_norm_backward": normed,
    "gelu_backward": pulled_back(lambda x, g: (F.gelu(x, approximate="tanh"), g), 0),
    "embedding_backward": embedding,
    "attention_backward": pulled_back(attended, 0, 1, 2),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_AUTOGRAD)
def test_the_rules_of_the_backward_pass_are_to_be_written(name):
    for seed in range(3):
        verdict = check(find(f"backward.{name}"), BY_AUTOGRAD[name], seed)
        assert verdict.label == "not yet: made with autograd"


def test_every_rule_of_the_backward_pass_is_tried_by_autograd():
    held = {task.name for task in HOLDING if task.chapter == "backward"}
    assert held == {f"backward.{name}" for name in BY_AUTOGRAD}


# --- loops, tables, a ready-made loss -------------------------------------------------


def table(p, g):
    return (g[..., None, :] @ (torch.diag_embed(p) - p[..., None] * p[..., None, :]))[
        ..., 0, :
    ]


def rows_in_a_loop(p, g):
    rows = zip(p.reshape(-1, p.shape[-1]), g.reshape(-1, p.shape[-1]), strict=True)
    return torch.stack([s * (h - (s * h).sum()) for s, h in rows]).reshape(p.shape)


def until_the_end(x):
    means, t = [], 0
    while t < x.shape[1]:
        t += 1
        means.append(x[:, :t].mean(dim=1))
    return torch.stack(means, dim=1)


@pytest.mark.parametrize(
    "name, function, title",
    [
        ("backward.softmax_backward", table, "a table of N by N"),
        ("backward.softmax_backward", rows_in_a_loop, "a loop"),
        ("attention.mean_of_past", until_the_end, "a loop"),
        (
            "attention.mean_of_past",
            lambda x: torch.stack(
                list(map(lambda t: x[:, : t + 1].mean(1), range(x.shape[1]))), 1
            ),
            "a loop",
        ),
        (
            "objective.cross_entropy",
            lambda z, t: F.cross_entropy(z.transpose(1, 2), t),
            "a ready-made cross-entropy",
        ),
        (
            "objective.cross_entropy",
            lambda z, t: torch.nn.NLLLoss()(
                z.log_softmax(-1).flatten(0, 1), t.view(-1)
            ),
            "a ready-made cross-entropy",
        ),
    ],
)
def test_what_else_a_task_forbids_is_held(name, function, title):
    assert label(name, function) == f"not yet: made with {title}"


def test_what_a_task_allows_is_solved():
    means = lambda x: x.cumsum(1) / torch.arange(1, x.shape[1] + 1)[:, None]  # noqa: E731
    assert label("attention.mean_of_past", means) == "solved"
    in_one = lambda p, g: p * g - p * (p * g).sum(-1, keepdim=True)  # noqa: E731
    assert label("backward.softmax_backward", in_one) == "solved"


# --- graded ---------------------------------------------------------------------------


def test_the_grade_holds_it_too(no_limit_on_processor_time):
    task = find("primer.matrix_product")
    source = "def answer(a, b):\n    return a @ b\n__answer__ = answer\n"
    told, _ = attempt(task, source, seed=3)
    result = Judge(3).result(task.name, told)
    assert result.label == "not yet: made with a ready-made product"
    assert result.misconception == "made with a ready-made product"
    own = "def answer(a, b):\n    return (a[:, :, None] * b).sum(1)\n"
    told, _ = attempt(task, own + "__answer__ = answer\n", seed=3)
    assert Judge(3).result(task.name, told).label == "solved"


def test_a_claim_that_is_no_list_of_titles_is_refused(no_limit_on_processor_time):
    task = find("primer.matrix_product")
    source = "def answer(a, b):\n    return a @ b\n__answer__ = answer\n"
    told, _ = attempt(task, source, seed=3)
    with pytest.raises(ValueError, match="cannot be compared"):
        Judge(3).result(task.name, told | {"used": 5})

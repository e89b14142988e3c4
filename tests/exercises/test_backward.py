"""The chapter on the backward pass: right in another way, and what its clinic shows."""

import pytest
import torch
import torch.nn.functional as F

from course_utils.exercises.course import CATALOGUE
from course_utils.exercises.engine.clinics import Clinic
from course_utils.exercises.engine.diagnosis import check


def slopes_by_paths(made_of, last):
    """Every path by itself: exponential, and right."""
    gradients = {}

    def follow(name, so_far):
        gradients[name] = gradients.get(name, 0.0) + so_far
        for parent, slope in made_of[name]:
            follow(parent, so_far * slope)

    follow(last, 1.0)
    return gradients


def slopes_by_counting_users(made_of, last):
    """Hand on when the last user is done (Kahn's algorithm)."""
    behind, stack = set(), [last]
    while stack:
        if (name := stack.pop()) not in behind:
            behind.add(name)
            stack += [parent for parent, _ in made_of[name]]
    users = dict.fromkeys(behind, 0)
    for name in behind:
        for parent, _ in made_of[name]:
            users[parent] += 1
    gradients, ready = dict.fromkeys(behind, 0.0) | {last: 1.0}, [last]
    while ready:
        name = ready.pop()
        for parent, slope in made_of[name]:
            gradients[parent] += slope * gradients[name]
            users[parent] -= 1
            ready += [parent] * (users[parent] == 0)
    return gradients


def embedding_by_one_hot(ids, g, V):
    return torch.einsum("btv,btc->vc", F.one_hot(ids, V).float(), g)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("slopes", slopes_by_paths),
        ("slopes", slopes_by_counting_users),
        ("unbroadcast", lambda g, shape: g.sum_to_size(shape)),
        ("embedding_backward", embedding_by_one_hot),
    ],
)
def test_an_answer_that_is_right_in_another_way_is_solved(name, function):
    for seed in range(3):
        verdict = check(CATALOGUE.find(f"backward.{name}"), function, seed)
        assert verdict.status == "solved", verdict.difference


def test_each_exercise_knows_eight_mistakes_or_more():
    tasks = CATALOGUE.exercises("backward")
    assert len(tasks) >= 6
    assert all(len(task.misconceptions) >= 8 for task in tasks)


def test_the_clinics_fault_shows_only_where_something_is_used_twice():
    case = CATALOGUE.find("backward.used_twice", Clinic)
    generator = torch.Generator().manual_seed(0)
    x, w = (torch.randn(3, 3, generator=generator) for _ in range(2))
    cases = {
        "once": lambda x: (x @ w).exp() + 1,
        "broadcast": lambda x: x[:1] * w,
        "twice, as soon": lambda x: x * x + x,
        "twice, one later": lambda x: (lambda h: h * h.exp())(x * 2),
        "a residual": lambda x: (lambda h: h + (h @ w).exp())(x * 2),
    }
    same = {}
    for name, function in cases.items():

        def probe(gradient, function=function):
            return gradient(function, x)

        sick, healthy = case.examine(probe)
        leaf = x.clone().requires_grad_()
        function(leaf).sum().backward()
        torch.testing.assert_close(healthy, leaf.grad)
        same[name] = torch.allclose(sick, healthy)
    assert same == dict.fromkeys(cases, True) | {
        "twice, one later": False,
        "a residual": False,
    }

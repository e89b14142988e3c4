"""Two mistakes at once are both named; what two together give is put together."""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils.exercises.course import CATALOGUE
from course_utils.exercises.engine.cards import verdict_card
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.diagnosis import check
from course_utils.exercises.engine.matching import UNKNOWN, merged

find = CATALOGUE.find


def double(x):
    return x * 2


def make_task():
    task = Exercise(
        name="attention.double",
        task="(T,) -> (T,): twice each number.",
        reference=double,
        cases=lambda rng: [(torch.randn(n + 2),) for n in range(4)],
        hints=("Question?", "Shape.", "x * 2"),
        proves="You can double.",
    )

    @task.wrong
    def sign_lost(x):
        """The sign is lost before it is doubled."""
        return task.reference(x.abs())

    @task.wrong
    def one_added(x):
        """One is added to the result."""
        return task.reference(x) + 1

    @task.wrong
    def first_left_alone(x):
        """The first number is not doubled."""
        return torch.cat([x[:1], x[1:] * 2])

    return task


@pytest.mark.parametrize(
    "function, titles",
    [
        (lambda x: 2 * x.abs() + 1, {"sign lost", "one added"}),
        (
            lambda x: torch.cat([x[:1], x[1:] * 2]) + 1,
            {"first left alone", "one added"},
        ),
    ],
)
def test_two_mistakes_at_once_are_both_named(function, titles):
    torch.manual_seed(0)
    task = make_task()
    verdict = check(task, function)
    assert {verdict.misconception.title, verdict.second.title} == titles
    text = verdict_card(task, verdict).text
    assert "First of two mistakes" in text and all(title in text for title in titles)
    assert task.reference is double  # whatever was put in its place is gone again


def test_two_that_explain_only_two_results_are_not_named():
    torch.manual_seed(0)
    task = make_task()
    task.cases = lambda rng: [(torch.tensor([1.0, -2.0]),), (torch.tensor([-3.0]),)]
    assert check(task, lambda x: 2 * x.abs() + 3).second is None


DOUBLES = {
    "block.layer_norm": (
        lambda x, gain, bias: (
            (x - x.mean(-1, keepdim=True))
            / (x.var(-1, keepdim=True, correction=0) + 1e-5)
            * gain
        ),
        {"divided by the variance", "bias unused"},
    ),
    "huggingface.logit_lens": (
        lambda states, gain, bias, table: torch.stack(
            [states[0] @ table.T]
            + [
                torch.nn.functional.layer_norm(s, gain.shape, gain, bias) @ table.T
                for s in states[1:]
            ]
        ),
        {"the last one normalised twice", "the embedding not normalised"},
    ),
}


@pytest.mark.parametrize("name", DOUBLES)
def test_two_mistakes_of_the_catalogue_are_both_named(name):
    function, titles = DOUBLES[name]
    for seed in range(3):
        verdict = check(find(name), function, seed)
        assert {verdict.misconception.title, verdict.second.title} == titles


def test_two_that_take_back_what_the_other_does_are_not_named():
    torch.manual_seed(0)
    task = make_task()

    @task.wrong
    def three_taken_off(x):
        """Three are taken off the result."""
        return 2 * x - 3

    assert check(task, lambda x: 2 * x - 2).second is None


def test_one_mistake_is_never_called_two():
    for task in random.Random(0).sample(CATALOGUE.exercises(), 12):
        for wrong in task.misconceptions[:3]:
            verdict = check(task, wrong.function)
            assert verdict.misconception is wrong and verdict.second is None


# --- side by side ---------------------------------------------------------------------

numbers = st.integers(-9, 9)
results = st.recursive(
    numbers | st.text(max_size=3) | st.booleans(),
    lambda items: st.lists(items, max_size=3) | st.tuples(items, items),
    max_leaves=6,
)


@given(results)
def test_beside_a_right_result_stands_the_other(value):
    assert merged(value, value, value) == value
    other = ("changed",) if isinstance(value, tuple) else value
    if merged(value, value, other) is not UNKNOWN:
        assert merged(value, value, other) == other


@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=9))
def test_differences_add_up(triples):
    right, one, other = (torch.tensor(column).double() for column in zip(*triples))  # noqa: B905
    assert torch.equal(merged(right, right + one, right + other), right + one + other)
    assert (
        merged(right.tolist(), (right + one).tolist(), (right + other).tolist())
        == (right + one + other).tolist()
    )


@pytest.mark.parametrize(
    "right, one, other",
    [
        ("ab", "a", "b"),
        ([1], [1, 2], [3]),
        (torch.zeros(2), torch.ones(3), torch.ones(2)),
        (torch.zeros(2), torch.ones(2).long(), torch.ones(2)),
        ({"a": 1}, {"b": 1}, {"a": 2}),
        (1, [1], 2),
    ],
)
def test_what_cannot_be_joined_is_not(right, one, other):
    assert merged(right, one, other) is UNKNOWN


def test_true_and_false_are_as_whoever_changes_them():
    right, one, other = torch.tensor([[1, 1, 0], [0, 1, 0], [1, 0, 0]]).bool()
    assert merged(right, one, other).tolist() == [False, False, False]

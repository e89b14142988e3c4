"""Where no mistake's name fits, the card says what breaks: never "not right" alone."""

import dataclasses
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mutants import mutants

from course_utils.exercises.course import CATALOGUE
from course_utils.exercises.engine.cards import verdict_card
from course_utils.exercises.engine.definition import Exercise, Misconception, call
from course_utils.exercises.engine.diagnosis import check
from course_utils.exercises.engine.outcomes import Outcome
from course_utils.exercises.engine.properties import (
    broken_property,
    broken_under_change,
    extent,
)
from course_utils.exercises.engine.symptoms import sizes, symptom

shapes = st.lists(st.integers(2, 4), min_size=1, max_size=3)


def tensors(shape, seed, n=3):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator) for _ in range(n)]


# --- what should hold of every result -------------------------------------------------


@given(shapes, st.integers(0, 99), st.floats(0.5, 0.9))
def test_rows_that_sum_to_1(shape, seed, factor):
    rights = [x.softmax(-1) for x in tensors(shape, seed)]
    words = broken_property(rights, [factor * x for x in rights], 1e-5)
    if max(x.numel() for x in rights) > 2:
        assert "must sum to 1" in words and f"{factor:.4g}" in words
    assert broken_property(rights, rights, 1e-5) == ""


@pytest.mark.parametrize(
    "right, wrong, words",
    [
        (lambda x: x - x.mean(-1, keepdim=True), lambda x: x, "must sum to 0"),
        (torch.square, torch.neg, "may be negative"),
        (lambda x: x @ x.mT, lambda x: x, "symmetric"),
        (torch.tril, lambda x: x, "above the diagonal must be 0"),
        (torch.sigmoid, lambda x: 2 + x.sigmoid(), "above 1: one is"),
        (lambda x: x.exp(), lambda x: x / 0, "infinite"),
        (lambda x: x[0].sort().values, lambda x: x[0], "never fall"),
        (lambda x: -x[0].sort().values, lambda x: -x[0], "never rise"),
        (
            lambda x: x[0].cumsum(0) - x[0, 0] + 2,
            lambda x: x[0].cumsum(0),
            "must start at 2",
        ),
        (
            lambda x: x[0] - x[0, -1],
            lambda x: x[0],
            "must end at 0",
        ),
    ],
)
def test_a_property_of_the_right_results_alone_is_said(right, wrong, words):
    inputs = tensors((4, 4), seed=1, n=4)
    rights, theirs = list(map(right, inputs)), list(map(wrong, inputs))
    assert words in broken_property(rights, theirs, 1e-5)
    assert broken_property(rights, rights, 1e-5) == ""
    assert words not in broken_property(theirs, theirs, 1e-5)


# --- what should change nothing -------------------------------------------------------


def causal(x):
    return x.cumsum(1) / torch.arange(1, x.shape[1] + 1)[:, None]


@pytest.mark.parametrize(
    "right, wrong, words",
    [
        (causal, lambda x: x.mean(1, keepdim=True).expand_as(x), "the future is seen"),
        (causal, lambda x: causal(x) - x.mean(0), "others of its batch"),
        (lambda x: x.softmax(-1), lambda x: x * 2, "must change nothing"),
    ],
)
def test_what_must_change_nothing_is_said(right, wrong, words):
    cases = [(torch.randn(2, 4, 3),), (torch.randn(3, 5, 2),)]
    said = broken_under_change(call, right, wrong, cases, 1e-5).lower()
    assert words in said
    assert broken_under_change(call, right, right, cases, 1e-5) == ""


def test_a_probe_that_never_ends_is_stopped():
    def slow(x):
        while len(x) == 1:  # as the probe for the batch alone tries
            pass
        return x * 3

    task = Exercise(
        name="attention.double",
        task="(B, C) -> (B, C): twice each number.",
        reference=lambda x: x * 2 + x.square(),
        cases=lambda rng: [(torch.randn(2, 3),), (torch.randn(3, 2),)],
        hints=("Question?", "Shape.", "x * 2"),
        proves="You can double.",
        seconds=0.2,
    )
    assert check(task, slow).label == "not yet: values"


# --- the shape of the difference ------------------------------------------------------


@given(shapes, st.integers(0, 99), st.sampled_from([1, -1, 0.5, -0.5]))
def test_a_factor_that_goes_with_a_size_is_named_by_it(shape, seed, power):
    def function(scores, n_head):
        return scores

    cases = [(x, 7) for n in (2, 3, 5) for x in tensors((*shape, 10 * n), seed, n=1)]
    rights = [x for x, _ in cases]
    theirs = [x * x.shape[-1] ** power for x in rights]
    named = [sizes(function, case) for case in cases]
    words = symptom(rights, theirs, 1e-5, named)
    assert f"{'√' if abs(power) < 1 else ''}scores.shape[-1] times" in words
    assert f"too {'large' if power > 0 else 'small'}" in words


@pytest.mark.parametrize(
    "right, wrong, words",
    [
        (lambda x: (x, -x), lambda x: (x, x), "only the second is wrong: every number"),
        (lambda x: {"a": x, "b": x}, lambda x: {"a": x, "b": 3 * x}, "only 'b'"),
        (lambda x: x > 0, lambda x: x <= 0, "True and False are exchanged"),
        (lambda x: [1, 2, 3, "a"], lambda x: [1, 2], "stops too early"),
        (lambda x: [1, 2, 3, "a"], lambda x: [3, "a"], "beginning is missing"),
        (lambda x: "abcd", lambda x: "abcdef", "follows it"),
        (lambda x: "abcd", lambda x: "xabcd", "stands before it"),
        (lambda x: "abcd", lambda x: "acd", "left out"),
        (lambda x: "abcd", lambda x: "abxcd", "is among it"),
        (lambda x: "abcd", lambda x: "dcba", "reverse order"),
        (lambda x: "abcd", lambda x: "bcad", "in another order"),
        (lambda x: ["a", "b"], lambda x: [], "the list is empty"),
    ],
)
def test_the_shape_of_the_difference_is_said(right, wrong, words):
    inputs = tensors((3, 4), seed=1)
    said = symptom(list(map(right, inputs)), list(map(wrong, inputs)), 1e-5)
    assert words in said
    assert symptom(list(map(right, inputs)), list(map(right, inputs)), 1e-5) == ""


# --- how much and where ---------------------------------------------------------------


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda x: x + torch.eye(3), "3 of 9, on the diagonal, too large."),
        (lambda x: x - torch.ones(3, 3).triu(1), "above the diagonal, too small."),
        (lambda x: x + torch.ones(3, 3).tril(-1), "below the diagonal, too large."),
        (lambda x: x + torch.tensor([0, 0, 1]), "in the last along dim=-1, too large."),
        (lambda x: x * 2 - 1, "on all inputs numbers are wrong: in the first of these"),
    ],
)
def test_how_much_is_wrong_and_where(change, words):
    rights = [Outcome(x) for x in tensors((3, 3), seed=2)]
    theirs = [Outcome(change(x.value)) for x in rights]
    assert words in "on" + extent(rights, theirs, 1e-5)[2:]
    assert extent(rights, rights, 1e-5) == ""
    some = extent(rights, [theirs[0], *rights[1:]], 1e-5)
    assert some.startswith("On 1 of 3 inputs")


def test_of_a_dict_is_said_how_many_entries_are_wrong_missing_or_too_many():
    rights = [Outcome({"a": 1, "b": 2, "c": 3})] * 2
    theirs = [Outcome({"a": 1, "b": 3, "d": 4})] * 2
    assert "of 3 entries 1 wrong and 1 missing and 1 too many" in extent(
        rights, theirs, 1e-5
    )


def test_what_is_drawn_at_random_is_not_called_dropout():
    task = CATALOGUE.find("primer.row_shares")
    text = verdict_card(task, check(task, torch.rand_like)).text
    assert "you draw at random" in " ".join(text.split()) and "dropout" not in text


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=4),
    st.lists(st.integers(0, 3), min_size=1, max_size=4),
)
def test_any_two_shapes_are_compared_without_an_error(one, other):
    rights, theirs = torch.zeros(one), torch.ones(other)
    said = extent([Outcome(rights)] * 2, [Outcome(theirs)] * 2, 1e-5)
    assert isinstance(symptom([rights] * 2, [theirs] * 2, 1e-5), str)
    assert isinstance(broken_property([rights] * 2, [theirs] * 2, 1e-5), str)
    if one != other:
        assert said == "On all inputs the result is wrong; here is the first of these."


@pytest.mark.parametrize(
    "name", ["tokenization.count_pairs", "modern.route", "block.residual_std"]
)
def test_a_card_never_says_only_that_it_is_not_right(name):
    task = CATALOGUE.find(name)
    for mutant in random.Random(0).sample(mutants(task), 20):
        verdict = check(task, mutant.function)
        if verdict.status == "not yet" and not verdict.misconception:
            said = verdict_card(task, verdict).parts[0]
            assert said.label == "What is wrong" and len(said.text) > 15
            assert "not right" not in said.text and "not the right" not in said.text


ODD = [
    None, 3, 2.5, float("nan"), True, "text", b"bytes", [], (), {}, set(), object(),
    [torch.ones(2), torch.ones(3)], (torch.ones(2), "a"), {"a": torch.ones(2), "b": 1},
    [None, [1, "a"]], np.ones(3), [np.ones(2)], torch.ones(0), torch.ones(2).bool(),
    torch.tensor(1), [float("inf"), 1], {1: 2}, [[1, 2], [3]], torch.ones(2, 1, 2),
    range(3), iter([1]), torch.nn.Linear(1, 1), int,
]  # fmt: skip


RIGHTS = [
    3, "text", [1, 2], [torch.ones(2), torch.zeros(3)], (torch.ones(2), 1.5),
    {"a": torch.ones(2), "b": 1}, {(1, 2): 3}, torch.ones(2, 3), torch.ones(2) > 0,
]  # fmt: skip


@pytest.mark.parametrize("right", RIGHTS, ids=lambda value: type(value).__name__)
def test_whatever_comes_is_judged_and_shown(right):
    for came in ODD:
        task = Exercise(
            name="attention.double",
            task="(T,) -> (T,): twice each number.",
            reference=lambda x, right=right: right,
            cases=lambda rng: [(torch.ones(2, 3),), (torch.ones(2, 2),), ("a",)],
            hints=("Question?", "Shape.", "x * 2"),
            proves="You can double.",
        )
        task.misconceptions = [
            Misconception("one", "the one", lambda x: [torch.ones(2)] * 2),
            Misconception("two", "the two", lambda x: {"a": 2}),
            Misconception("three", "the three", lambda x: came),  # noqa: B023
        ]
        verdict = check(task, lambda x: came)  # noqa: B023
        assert verdict_card(task, verdict).text
        alone = dataclasses.replace(task, misconceptions=task.misconceptions[:2])
        assert verdict_card(alone, check(alone, lambda x: came)).text  # noqa: B023

"""Verdicts on what a submission's process tells: plain data, whatever it says."""

import contextlib
import json
import math
import random
from collections import Counter, deque
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from submitted import IMPORTS, MASK, find, right

from course_utils.exercises.course import CATALOGUE
from course_utils.exercises.engine.answers import answers
from course_utils.exercises.engine.diagnosis import try_on
from course_utils.exercises.engine.outcomes import Outcome, difference
from course_utils.exercises.engine.typed import (
    DTYPES,
    MOST_PARTS,
    Unknown,
    decode,
    decode_outcome,
    encode,
    encode_outcome,
    read_json,
)
from course_utils.exercises.grading.judging import Judge
from course_utils.exercises.grading.worker import attempt


def through_json(value):
    return decode(read_json(json.dumps(encode(value)).encode()))


pytestmark = pytest.mark.usefixtures("no_limit_on_processor_time")
every_exercise = pytest.mark.parametrize(
    "task", CATALOGUE.exercises(), ids=lambda task: task.name
)


@pytest.fixture(scope="module")
def judge():
    return Judge(seed=5)


@every_exercise
def test_an_answer_gets_the_verdict_that_it_gets_on_its_page(task, judge):
    """The solution and every misconception, told as data and judged from data."""
    cases = list(task.cases(random.Random(judge.seed)))
    answers = {"solved": (task.reference, "")}
    for wrong in task.misconceptions:
        answers[f"not yet: {wrong.title}"] = wrong.function, wrong.title
    for label, (function, title) in answers.items():
        did = try_on(task, function, cases)
        told = {"outcomes": [encode_outcome(outcome) for outcome in did.outcomes]}
        result = judge.result(task.name, json.loads(json.dumps(told)))
        assert (result.label, result.misconception) == (label, title)


@pytest.mark.parametrize(
    ("came", "label"),
    [
        ({"stopped": True}, "not yet: time limit"),
        ({"not_started": True}, "not started"),
        ({"failed": "NameError"}, "error: NameError"),
        ({"failed": "=HYPERLINK()"}, "error: ?"),
    ],
)
def test_an_attempt_without_outcomes_has_a_label(judge, came, label):
    assert judge.result(MASK, came).label == label


def test_a_claim_is_no_verdict(judge):
    came = json.loads(
        json.dumps(attempt(find(MASK), answers([IMPORTS, right(MASK)])[MASK], 5)[0])
    )
    assert judge.result(MASK, came).label == "solved"
    assert judge.result(MASK, {**came, "status": "error"}).label == "solved"
    wrong = {"outcomes": [{"value": True, "changed": False}] * len(came["outcomes"])}
    assert judge.result(MASK, {**wrong, "status": "solved"}).label == "not yet: type"
    for claim in ({"status": "solved"}, {"outcomes": []}, {"outcomes": [wrong]}):
        with pytest.raises((ValueError, KeyError)):
            judge.result(MASK, claim)


numbers = st.integers() | st.floats() | st.booleans() | st.none()
keys = st.integers() | st.text() | st.tuples(st.integers(), st.binary())
values = st.recursive(
    numbers | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(keys, inner)
    ),
    max_leaves=20,
)


@given(values)
def test_plain_values_come_back_as_they_were(value):
    assert difference(value, through_json(value), 0.0) is None


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0, 3), (2, 3), (2, 3, 4)])
def test_tensors_come_back_bit_by_bit(dtype, shape):
    whole = torch.randn(shape) * 3
    for tensor in (whole.to(dtype), whole.T.to(dtype) if whole.ndim == 2 else whole):
        back = through_json(tensor)
        assert back.dtype == tensor.dtype and torch.equal(back, tensor)
    expanded = torch.ones((), dtype=dtype).expand(shape)
    assert torch.equal(through_json(expanded), expanded)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Counter("aab"), {"a": 2, "b": 1}),
        (deque([1, 2]), [1, 2]),
        (range(3), [0, 1, 2]),
        (frozenset({1}), {1}),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (Fraction(1, 4), 0.25),
        (2**100, 2**100),
        (math.inf, math.inf),
    ],
)
def test_what_passes_for_a_plain_value_becomes_one(value, expected):
    assert difference(expected, through_json(value), 0.0) is None


class Sly:
    """Equal to everything, when asked."""

    def __eq__(self, other):
        return True

    def __reduce__(self):
        raise AssertionError("nobody pickles it")


@pytest.mark.parametrize(
    "value", [Sly(), object(), (i for i in "ab"), len, torch.ones(10**6), "a" * 10**6]
)
def test_what_has_no_plain_form_is_equal_to_nothing_that_a_solution_gives(value):
    back = through_json(value)
    assert isinstance(back, Unknown)
    for expected in (0, "", None, [], {}, set(), torch.ones(2), b""):
        assert difference(expected, back, 1.0) is not None


class OwnError(Exception):
    pass


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), OSError(2, "y"), OwnError(), ExceptionGroup("z", [OwnError()])],
)
def test_errors_keep_their_kind(error):
    outcome = Outcome(error=error, changed=True)
    back = decode_outcome(json.loads(json.dumps(encode_outcome(outcome))))
    assert type(back.error).__name__ == type(error).__name__ and back.changed
    if type(error).__module__ == "builtins" and not isinstance(error, ExceptionGroup):
        assert type(back.error) is type(error)


TAGS = """value error changed tensor numpy scalar dict set list tuple bytes int"""
tags = st.sampled_from(TAGS.split())
anything = st.recursive(
    numbers | st.text(max_size=8) | st.sampled_from(["float32", "int64", "AAAA"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(tags, inner, max_size=2)
    ),
    max_leaves=12,
)


@given(anything)
def test_whatever_comes_is_an_outcome_or_a_value_error(data):
    for candidate in (data, {"value": data, "changed": False}):
        with contextlib.suppress(ValueError):
            assert isinstance(decode_outcome(candidate), Outcome)


@pytest.mark.parametrize(
    "message",
    [b"[" * 10**5, b"[" + b"[]," * MOST_PARTS, b'"' + b"a" * 10**7, b"\xff", b""],
)
def test_a_message_that_would_take_long_or_much_is_refused(message):
    with pytest.raises(ValueError):
        read_json(message)


@pytest.mark.parametrize(
    "data",
    [
        {"tensor": ["float32", [2], "AAAA"]},
        {"tensor": ["float32", [-1], ""]},
        {"tensor": ["float32", [10**18, 0], ""]},
        {"tensor": ["__init__", [1], "AAAA"]},
        {"set": [[1], [2]]},
        {"set": list(range(10**5))},
        {"tuple": 5},
        {"tensor": 1, "list": 2},
    ],
)
def test_what_no_encoder_writes_is_refused(data):
    with pytest.raises(ValueError):
        decode_outcome({"value": data, "changed": False})


def test_the_judge_leaves_the_global_random_state_as_it_was(judge):
    state = random.getstate(), torch.get_rng_state()
    task = find("sampling.top_k")
    outcomes = (
        [encode_outcome(Outcome(1))] * 2 * len(list(task.cases(random.Random(5))))
    )
    assert judge.result(task.name, {"outcomes": outcomes}).label == "not yet: type"
    assert random.getstate() == state[0]
    assert torch.equal(torch.get_rng_state(), state[1])

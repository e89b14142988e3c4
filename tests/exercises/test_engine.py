"""The engine checks answers: what it tells apart, reads from cells and stops."""

import dataclasses
import random
import signal
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_utils import exercises as course
from course_utils.exercises.course import CATALOGUE
from course_utils.exercises.engine import limits
from course_utils.exercises.engine.answers import answer_from, answers
from course_utils.exercises.engine.cards import verdict_card
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.diagnosis import check
from course_utils.exercises.engine.limits import TimeLimit, time_limit
from course_utils.exercises.engine.outcomes import difference

find = CATALOGUE.find


# --- the engine -----------------------------------------------------------------------


def double(x):
    return x * 2


def make_task(**changes):
    fields = {
        "name": "attention.double",
        "task": "(T,) -> (T,): twice each number.",
        "reference": double,
        "cases": lambda rng: [(torch.tensor([1.0, 2.0]),), (torch.tensor([[3.0]]),)],
        "hints": ("Question?", "Shape.", "x * 2"),
        "proves": "You can double.",
    }
    return Exercise(**(fields | changes))


def test_an_error_shows_the_learners_own_line_and_not_the_engines():
    source = "def double(x):\n    y = x * 2\n    return y.reshape(99)\n"
    own = answer_from(source + "__answer__ = double", "<cell>")
    verdict = check(make_task(), own)
    text = verdict_card(make_task(), verdict).text
    assert verdict.label == "error: RuntimeError"
    assert "line 3: return y.reshape(99)" in text
    assert "outcomes.py" not in text and "Traceback" not in text


def test_the_line_that_never_ended_is_shown():
    source = "def double(x):\n    while True:\n        x = x * 1\n__answer__ = double"
    task = make_task(seconds=0.3)
    verdict = check(task, answer_from(source, "<cell>"))
    assert verdict.fault == "time limit"
    assert verdict.line in ("line 2: while True:", "line 3: x = x * 1")


def test_the_own_line_is_found_below_torch_and_below_own_helpers():
    source = (
        "import functools, torch\n"
        "def helper(x):\n"
        "    return x.no_such_thing\n"
        "def answer(x):\n"
        "    return torch.func.vmap(helper)(x)\n"
        "__answer__ = answer"
    )
    verdict = check(make_task(), answer_from(source, "<cell>"))
    assert verdict.line == "line 3: return x.no_such_thing"


def test_a_call_with_the_wrong_number_of_arguments_is_the_learners_error():
    verdict = check(make_task(), lambda: 0)
    assert verdict.status == "error"
    assert "takes 0 positional arguments" in verdict_card(make_task(), verdict).text


def test_exit_in_an_answer_does_not_end_the_kernel():
    verdict = check(make_task(), lambda x: sys.exit(3))
    assert verdict.label == "error: SystemExit"


def test_the_stop_button_gets_through():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(make_task(), interrupted)


def test_a_check_leaves_the_pages_random_numbers_alone():
    def greedy(x):
        torch.rand(5), random.random(), np.random.rand()
        return x * 2

    torch.manual_seed(7), random.seed(7), np.random.seed(7)
    expected = torch.rand(2).tolist(), random.random(), np.random.rand()
    torch.manual_seed(7), random.seed(7), np.random.seed(7)
    assert check(make_task(), greedy).status == "solved"
    assert (torch.rand(2).tolist(), random.random(), np.random.rand()) == expected


def test_what_an_answer_prints_is_shown_when_it_is_wrong_and_never_loose(capsys):
    def talkative(x):
        print("x is", x.tolist())
        return x

    verdict = check(make_task(), talkative)
    assert "It printed\n    x is [1.0, 2.0]" in verdict_card(make_task(), verdict).text
    assert capsys.readouterr().out == ""


def test_errors_are_diagnosed_only_with_a_value_that_agrees_too():
    task = make_task()

    @task.wrong
    def flat_only(x):
        """This refuses a matrix, and works for a vector."""
        if x.ndim > 1:
            raise RuntimeError("flat only")
        return x * 2

    def another_way(x):
        return torch.stack([item * 2 for item in x.view(x.shape[0])])

    def always_fails(x):
        raise RuntimeError("never")

    @task.wrong
    def nothing_works(x):
        """This never returns, so nothing tells it from any other error."""
        raise RuntimeError("nothing")

    assert check(task, flat_only).misconception.title == "flat only"
    assert check(task, always_fails).misconception is None
    other = dataclasses.replace(
        task, cases=lambda rng: [(torch.ones(2),), (torch.ones(2, 2),)]
    )
    assert check(other, another_way).misconception.title == "flat only"


def vectors(rng):
    return [(torch.tensor([1.0, 2.0, 4.0]) * (n + 1),) for n in range(5)]


def test_a_mistake_is_named_although_one_input_breaks_the_answer():
    task = make_task(cases=vectors)

    @task.wrong
    def thrice(x):
        """This takes every number three times."""
        return x * 3

    def breaks_on_two(x):
        if x[0] == 2:
            raise IndexError("two")
        return x * 3

    def nan_on_two(x):
        return x * (torch.nan if x[0] == 2 else 3)

    def breaks_on_most(x):
        return nan_on_two(x) if x[0] > 3 else x / 0 * 0

    verdict = check(task, breaks_on_two)
    assert verdict.label == "not yet: thrice"
    assert "it raises IndexError" in verdict_card(task, verdict).text
    assert check(task, nan_on_two).beside == "On 1 input it gives NaN."
    assert check(task, breaks_on_most).misconception is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: -2 * x, "wrong sign"),
        (lambda x: 6 * x, "3 times what it should be"),
        (lambda x: 2 * x * x[0], "one factor, which changes with the input"),
        (lambda x: 2 * x + 1, "too large by 1"),
        (lambda x: 2 * x - 1, "too small by 1"),
        (lambda x: 2 * x.flip(0), "reverse order"),
        (lambda x: torch.cat([2 * x[1:], 2 * x[:1] - 1]), "one place too early"),
        (lambda x: torch.cat([2 * x[:1] - 1, 2 * x[:-1]]), "one place too late"),
        (lambda x: torch.cat([2 * x[:-1], x[-1:]]), "only the last is wrong"),
        (lambda x: torch.cat([x[:1], 2 * x[1:]]), "only the first is wrong"),
        (lambda x: 2 * x[[1, 0, 2]], "in wrong places"),
    ],
)
def test_an_unknown_mistake_is_described_by_its_symptom(answer, words):
    task = make_task(cases=vectors)
    verdict = check(task, answer)
    assert verdict.misconception is None
    assert words in verdict.symptom.lower()
    text = " ".join(verdict_card(task, verdict).text.split())
    assert words in text.lower()


def test_what_is_wrong_in_no_such_way_is_told_by_how_much_and_where():
    task = make_task(cases=vectors)
    assert "2 of 3" in check(task, lambda x: x.square()).symptom
    assert check(task, double).symptom == ""


def test_a_transposed_result_is_called_so_before_its_shape():
    tables = [(torch.arange(6.0).view(2, 3),), (torch.arange(9.0).view(3, 3),)]
    task = make_task(cases=lambda rng: tables)
    assert "transposed" in check(task, lambda x: 2 * x.T).symptom


def test_an_error_that_the_exercise_demands_is_part_of_the_answer():
    def strict(x):
        if x.ndim > 1:
            raise ValueError("no matrices")
        return x * 2

    task = make_task(reference=strict)
    assert check(task, strict).status == "solved"
    verdict = check(task, double)
    assert (verdict.status, verdict.fault) == ("not yet", "no error")
    assert "not allowed" in verdict_card(task, verdict).text


def test_a_forgotten_return_is_no_stub():
    def forgot(x):
        x * 2

    def unfinished(x):
        y = ...
        return x + y

    assert check(make_task(), forgot).fault == "type"
    assert check(make_task(), unfinished).status == "not started"


def test_a_class_is_a_stub_as_long_as_one_method_is_empty():
    class Reference:
        def twice(self, x):
            return x * 2

    class Stub:
        def twice(self, x):
            """Your turn."""

    task = make_task(observe=lambda kind, x: kind().twice(x), reference=Reference)
    assert check(task, Stub).status == "not started"
    assert check(task, Reference).status == "solved"


def test_checking_something_that_cannot_be_called_is_a_clear_error():
    with pytest.raises(TypeError, match="must be callable, got int"):
        check(make_task(), 3)


def test_an_unknown_name_is_answered_with_the_nearest_ones():
    with pytest.raises(ValueError, match=r"attention.causal_mask.*got 'attention.casu"):
        course.exercise("attention.casual_mask")
    with pytest.raises(TypeError, match="must be a string"):
        course.exercise(lambda x: x)


@pytest.mark.parametrize(
    ("expected", "got", "kind"),
    [
        ([1, 2], (1, 2), None),
        ([1, 2], [1], "length"),
        ([1, 2], [1, torch.tensor(2)], "type"),
        ((1, 2), (1, torch.tensor(2)), None),
        ([1, 2], [1, 3], "values"),
        ([1], ["1"], "type"),
        ([1, 2], torch.tensor([1, 2]), "type"),
        ({"a": 1.0}, {"a": 1.0 + 1e-9}, None),
        ({"a": 1}, {"a": 1, "b": 0}, "values"),
        ({"a": 1}, {}, "values"),
        ({"a": 1}, [("a", 1)], "type"),
        (1, True, "type"),
        (True, 1, "type"),
        (1, 1.0, "type"),
        (1.5, torch.tensor(1.5), None),
        (1.5, np.float64(1.5), None),
        (2, np.int64(2), None),
        (1.5, float("nan"), "NaN"),
        (float("inf"), float("inf"), None),
        ("a", b"a", "type"),
        (b"a", bytearray(b"a"), None),
        ("a", None, "type"),
        (None, 0, "type"),
        ({1}, {1}, None),
        ({1}, [1], "type"),
        (torch.zeros(2), torch.zeros(2, 1), "shape"),
        (torch.zeros(2), torch.zeros(2).double(), "dtype"),
        (torch.tensor([0.0, torch.inf]), torch.tensor([0.0, torch.inf]), None),
        (torch.zeros(2), torch.tensor([0.0, torch.nan]), "NaN"),
        (torch.zeros(2), torch.tensor([0.0, 1e-3]), "values"),
        (torch.zeros(2), [0.0, 0.0], "type"),
        (torch.nn.Linear(2, 2), torch.nn.Linear(2, 2), "values"),
        (SimpleNamespace(a=1), SimpleNamespace(a=1), None),
    ],
)
def test_values_differ_in_the_first_thing_that_a_learner_should_mend(
    expected, got, kind
):
    found = difference(expected, got, 1e-5)
    assert (found and found.kind) == kind


@pytest.mark.parametrize(
    ("expected", "got", "text"),
    [
        ([1, 2], [1], "a list of 1 where 2 are wanted"),
        ([1], (1, 2, 3), "a list of 3 where 1 is wanted"),
        ([1], None, "a list is needed, nothing came"),
        (1, [1], "an int is needed, a list came"),
        (torch.zeros(2), torch.tensor([0.0, torch.nan]), "1 number is NaN"),
        (torch.zeros(2), torch.full((2,), torch.nan), "2 numbers are NaN"),
    ],
)
def test_a_difference_is_said_in_words_of_the_language(expected, got, text):
    assert difference(expected, got, 1e-5).text == text


def test_a_difference_in_late_digits_is_shown_as_such():
    found = difference(torch.tensor([0.5]), torch.tensor([0.50002]), 1e-6)
    assert "off by 2" in found.text


# --- the time limit -------------------------------------------------------------------


def spin_through(exceptions):
    """Loop and swallow what is raised, as a careless learner does."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            while time.monotonic() < end:
                pass
        except exceptions:
            pass


def test_except_Exception_does_not_swallow_the_time_limit():
    with pytest.raises(TimeLimit), time_limit(0.05):
        spin_through(Exception)


def test_a_wait_is_ended_by_the_clock():
    start = time.monotonic()
    with pytest.raises(TimeLimit), time_limit(0.05):
        time.sleep(20)
    assert time.monotonic() - start < 10


def test_the_limit_holds_in_another_thread_too():
    found = []

    def body():
        try:
            with time_limit(0.05):
                spin_through(Exception)
        except TimeLimit:
            found.append("stopped")
        with time_limit(60):
            found.append("goes on")

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert found == ["stopped", "goes on"]


def test_an_inner_limit_gives_the_outer_one_its_timer_back():
    with pytest.raises(TimeLimit), time_limit(0.1):
        with time_limit(60):
            pass
        spin_through(Exception)


def test_a_limit_is_taken_off_whole_however_often_it_is_raised(monkeypatch):
    if not hasattr(signal, "setitimer"):
        pytest.skip("no timer signals on this system")
    monkeypatch.setattr(limits, "AGAIN", 0.0002)
    handler = signal.getsignal(signal.SIGALRM)
    for _ in range(300):
        with pytest.raises(TimeLimit), time_limit(0.0005):
            while True:
                pass
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        assert signal.getsignal(signal.SIGALRM) == handler


def test_a_limit_that_is_not_positive_is_refused():
    with (
        pytest.raises(ValueError, match="seconds must be positive, got 0"),
        time_limit(0),
    ):
        pass


# --- answers in notebooks -------------------------------------------------------------


def test_an_answer_is_found_with_what_it_needs_and_nothing_else():
    cells = [
        "import torch\nimport math  # used\n%matplotlib inline\n!pip install x",
        "raise SystemExit\nscale = 1\nscale = scale + 1",
        "%%bash\nrm -rf /",
        "def helper(x):\n    return later(x) * scale",
        "def later(x): return x\nbig = [1] * 10**12",
        "this is no Python (",
        '@exercise("a.b")\n@torch.no_grad()\ndef f(x):  # mine\n'
        "    return helper(x) + math.pi  # sum\nf(3)",
    ]
    source = answers(cells)["a.b"]
    assert "big" not in source and "SystemExit" not in source and "f(3)" not in source
    assert "@torch.no_grad()" in source and "# sum" in source
    function = answer_from(source, "<cell>")
    assert round(function(1), 2) == 5.14


def test_the_last_of_several_answers_counts():
    cells = [
        '@exercise("a.b")\ndef f(): return 1',
        '@exercise("a.b")\ndef g(): return 2',
    ]
    assert answer_from(answers(cells)["a.b"], "<cell>")() == 2


def test_star_imports_and_classes_are_found():
    cells = [
        "from math import *\nfrom course_utils import exercises as course",
        '@course.exercise("a.b")\nclass Answer:\n    x = pi',
    ]
    assert answer_from(answers(cells)["a.b"], "<cell>").x > 3

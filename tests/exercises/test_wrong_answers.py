"""Wrong answers that nobody wrote for the catalogue: none is solved, most are named.

The quick run takes one answer of every exercise; `pytest -m slow -s` on this file takes
all and prints the counts of both sets, of each the seen and the held-out part.
"""

from collections import Counter

import pytest
from wrong_answers import SECOND, WRONG_ANSWERS
from wrong_answers.collection import BY_ITSELF

from course_utils.exercises.course import CATALOGUE
from course_utils.exercises.engine.diagnosis import check

EXERCISES = {task.name: task for task in CATALOGUE.exercises()}
# One of every exercise and set: the first that is not held out.
FIRST_SEEN = {
    **{a.name: a for a in WRONG_ANSWERS if a.number <= 2 and not a.held_out},
    **{f"{a.name}-second": a for a in SECOND if a.number == 1},
}
SETS = {"first": WRONG_ANSWERS, "second": SECOND}


def name_given(verdict):
    """Return what the card calls the mistake, "" if it has no name for it."""
    if verdict.misconception:
        return verdict.misconception.title
    return verdict.fault if verdict.fault in BY_ITSELF else ""


def outcome(answer):
    """Return "accepted", "right", "wrong" (name) or "no name"."""
    verdict = check(EXERCISES[answer.exercise], answer.function)
    if verdict.status in ("solved", "not started"):
        return "accepted"
    given = name_given(verdict)
    return ("right" if given in answer.names else "wrong") if given else "no name"


def test_every_exercise_has_wrong_answers_in_both_halves():
    for held_out in (False, True):
        half = Counter(a.exercise for a in WRONG_ANSWERS if a.held_out is held_out)
        assert half.keys() == EXERCISES.keys()
    assert len(WRONG_ANSWERS) >= 400
    assert min(Counter(answer.exercise for answer in WRONG_ANSWERS).values()) >= 3


def test_the_second_set_has_three_answers_to_each_exercise_that_it_knows():
    numbers = Counter(answer.exercise for answer in SECOND)
    assert set(numbers.values()) == {3} and len(numbers) >= 96
    assert sum(answer.held_out for answer in SECOND) == len(numbers)


def test_what_a_wrong_answer_may_be_called_is_in_the_catalogue():
    for answer in (*WRONG_ANSWERS, *SECOND):
        known = {mistake.title for mistake in EXERCISES[answer.exercise].mistakes}
        assert set(answer.names) <= known | set(BY_ITSELF), answer.name
        assert answer.what, answer.name


@pytest.mark.parametrize("answer", FIRST_SEEN.values(), ids=FIRST_SEEN.keys())
def test_a_wrong_answer_is_not_accepted_nor_given_another_name(answer):
    assert outcome(answer) in ("right", "no name")


@pytest.mark.slow
@pytest.mark.parametrize("held_out", [False, True], ids=["seen", "held out"])
@pytest.mark.parametrize("which", SETS)
def test_nine_of_ten_are_named_rightly_and_none_is_accepted(which, held_out):
    answers = [answer for answer in SETS[which] if answer.held_out is held_out]
    found = {answer: outcome(answer) for answer in answers}
    counts = Counter(found.values())
    part = f"{which}, {'held out' if held_out else 'seen'}"
    print(f"\n{part}: {len(answers)}, {dict(counts)}")
    accepted = [answer.name for answer in answers if found[answer] == "accepted"]
    assert not accepted
    assert counts["right"] >= 0.9 * len(answers)
    wrong = [answer.name for answer in answers if found[answer] == "wrong"]
    assert len(wrong) <= 0.01 * len(answers), wrong

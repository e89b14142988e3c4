"""No small change of a solution passes as solved, but for those that are still right.

``equivalent_mutants.json`` holds them, exercise by exercise, under the reason. It was
read through by hand; what stands in it and occurs no more must go out again.
"""

import json
from pathlib import Path

import pytest
from mutants import changed_sources, mutants, survives

from course_utils.exercises.course import CATALOGUE
from course_utils.exercises.engine.diagnosis import check

EQUIVALENT = json.loads(
    Path(__file__).with_name("equivalent_mutants.json").read_text("utf-8")
)
EXERCISES = {task.name: task for task in CATALOGUE.exercises()}
NOT_REVIEWED = ()  # chapters whose survivors nobody has read through yet


def survivors_of(name):
    """Return (how many mutants there are, the changes that pass as solved)."""
    task = EXERCISES[name]
    found = mutants(task)
    return len(found), {m.change for m in found if survives(task, m.function)}


def reviewed(name):
    return {
        change for changes in EQUIVALENT.get(name, {}).values() for change in changes
    }


def test_a_source_is_changed_in_every_small_way_and_each_change_is_named():
    source = "def f(a, b):\n    if a < b:\n        return a[1:]\n    return g(a) + 2\n"
    changes = changed_sources(source)
    assert {
        "if a < b: → if a <= b:",
        "if a < b: → if not a < b:",
        "if a < b: → if b < b:",
        "return a[1:] → return a",
        "return a[1:] → return a[2:]",
        "return g(a) + 2 → return g(a) - 2",
        "return g(a) + 2 → return g(a) + 3",
        "return g(a) + 2 → return g(a)",
        "return g(a) + 2 → return a + 2",
        "→ a = b",
        "→ b = abs(b)",
    } <= changes.keys()
    assert len(set(changes.values())) == len(changes)


@pytest.mark.parametrize("name", ["primer.row_shares", "training.hold_out"])
def test_mutants_fail_or_are_known_to_be_right(name):
    n, survivors = survivors_of(name)
    assert n > 30
    assert survivors == reviewed(name)


def test_a_survivor_is_what_a_learner_would_see_as_solved():
    task = EXERCISES["primer.row_shares"]
    for mutant in mutants(task)[::5]:
        solved = check(task, mutant.function).status == "solved"
        assert solved == survives(task, mutant.function), mutant.change


def test_the_list_names_exercises_that_exist_and_says_why():
    assert EQUIVALENT.keys() <= EXERCISES.keys()
    for reasons in EQUIVALENT.values():
        assert all(reason.endswith(".") for reason in reasons)


@pytest.mark.slow
def test_every_mutant_of_every_exercise_fails_or_is_known_to_be_right(capsys):
    total, kept, wrong = 0, 0, {}
    reviewed_ones = [n for n, t in EXERCISES.items() if t.chapter not in NOT_REVIEWED]
    for name in reviewed_ones:
        n, survivors = survivors_of(name)
        total, kept = total + n, kept + len(survivors)
        if survivors != reviewed(name):
            wrong[name] = sorted(survivors ^ reviewed(name))
    with capsys.disabled():
        print(f"\n{total} mutants: {total - kept} fail, {kept} are still right")
    assert not wrong

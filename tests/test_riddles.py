"""The riddles: their probabilities are exact, their answers follow from the facts."""

import math
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.world import Riddles
from course_utils.world.riddles import LOOK_UPS, PEOPLE, QUESTIONS, answers


def sampled(seed):
    return Riddles().sample(random.Random(seed))


@given(st.integers(0, 10**6))
def test_the_probability_of_a_riddle_is_that_with_which_it_was_drawn(seed):
    riddle = sampled(seed)
    assert Riddles().log_prob(riddle.text) == pytest.approx(riddle.log_prob, abs=1e-9)
    assert Riddles().facts(riddle.text) == riddle.facts


@given(st.integers(0, 10**6))
def test_every_answer_follows_from_the_facts_by_one_look_up_or_two(seed):
    riddle = sampled(seed)
    friends = dict(re.findall(r"The friend of (\w+) is (\w+)", riddle.text))
    assert friends == riddle.facts and tuple(friends) == PEOPLE
    asked = re.findall(r"Call the friend of (the friend of )?(\w+) (\w+)", riddle.text)
    assert len(asked) == QUESTIONS
    for twice, name, answer in asked:
        assert answer == (friends[friends[name]] if twice else friends[name])


@given(st.integers(0, 10**6))
def test_next_words_multiply_to_the_probability_of_the_text(seed):
    riddle, world, total = sampled(seed), Riddles(), 0.0
    ends = [word.end() for word in re.finditer(r" ?\w+|\.", riddle.text)]
    for start, end in zip([0, *ends], [*ends, None], strict=True):
        after = world.next_words(riddle.text[:start])
        assert math.fsum(after.values()) == pytest.approx(1)
        total += math.log(after[riddle.text[start:end]])
    assert total == pytest.approx(riddle.log_prob, abs=1e-9)


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_each_answer_is_certain_from_the_text_before_it(seed):
    text, world = sampled(seed).text, Riddles()
    found = list(answers(text))
    assert len(found) == QUESTIONS
    for start, end, look_ups in found:
        certain = world.next_words(text[:start])
        assert certain == {text[start:end]: pytest.approx(1.0)}
        assert look_ups == text[:start].rpartition(". ")[2].count("friend")


def test_the_entropy_is_that_counted_by_hand():
    n = len(PEOPLE)
    expected = n * math.log(n - 1) + QUESTIONS * math.log(len(LOOK_UPS) * n)
    found, error = Riddles().entropy(200)
    assert found == pytest.approx(expected, abs=1e-9) and error < 1e-9


def test_a_wrong_answer_is_impossible():
    text = sampled(3).text
    name = re.search(r"(\w+)\.$", text)[1]
    assert Riddles().is_valid(text)
    for other in set(PEOPLE) - {name}:
        wrong = f"{text.removesuffix(f'{name}.')}{other}."
        assert Riddles().log_prob(wrong) == -math.inf

"""What decoding does is measured right, and the record that ships fits its command."""

import random

import pytest

from course_utils import models
from course_utils.experiments import decoding
from course_utils.experiments.decoding import flat, longest_copy, story_curve, variety
from course_utils.world import World


def test_variety_is_the_share_of_different_runs_of_words():
    assert variety(["a b c d e"]) == 1
    assert variety(["a b c d", "a b c d"]) == 1 / 2
    assert variety(["a b c", "a b d"], n=2) == 3 / 4


def test_the_longest_copy_is_counted_in_words_and_knows_no_line_breaks():
    known = flat("one  two\nthree four") + "\n" + flat("five six seven")
    assert longest_copy("four one two  three five", known) == 3
    assert longest_copy("five\nsix seven eight", known) == 3
    assert longest_copy("four five", known) == 1  # two documents are not one run
    assert longest_copy("nine ten", known) == longest_copy("", known) == 0


def test_the_corpus_of_a_shipped_model_follows_from_its_command(monkeypatch):
    seen = []
    monkeypatch.setattr(decoding, "read_corpus", seen.append)
    for name in models.NAMES:
        decoding.corpus.__wrapped__(name)
    story, docstrings, *_ = seen
    command = models.figures("story")["command"]
    assert f"--stories {story['stories']} " in command and story["data"] == "world"
    assert f"--notes {story['notes']} " in command
    assert docstrings["data"] == "python-docs"
    assert isinstance(docstrings["seed"], int)


def test_cold_stories_are_more_often_valid_and_less_varied():
    cold, hot = story_curve([0.2, 1.6], n=24)
    assert cold["valid"] > hot["valid"] and cold["varied"] < hot["varied"]
    assert cold["new"] == hot["new"] == 1


def test_the_worlds_own_stories_have_a_variety_of_1_and_copies_are_noticed(monkeypatch):
    world, chance = World(), random.Random(5)
    told = [world.sample(chance).text for _ in range(200)]
    monkeypatch.setattr(models, "sample_stories", lambda *args, **knobs: told)
    (row,) = story_curve([1.0], n=200, training=told[:50])
    assert row["varied"] == pytest.approx(1, abs=0.03) and row["valid"] == 1
    assert row["new"] == 0.75


def test_the_record_that_ships_has_a_row_for_each_temperature():
    for result in decoding.recorded().results:
        assert tuple(map(float, result)) == decoding.TEMPERATURES
        for row in result.values():
            assert 0 <= row["valid"] <= 1 and 0 <= row["new"] <= 1

"""What learning from rewards does to how often right, and to how near the truth."""

import random
from dataclasses import asdict
from statistics import fmean

import pytest

from course_utils.experiments import rewards
from course_utils.experiments.running import plain, settings_of
from course_utils.records import read


@pytest.mark.parametrize("kind", ["full", "quick"])
def test_what_is_recorded_was_measured_with_the_settings_of_the_code(kind):
    settings, record = settings_of(rewards, kind), read("rewards", kind)
    assert record.settings == plain(asdict(settings))
    for result in record.results:
        assert list(result["policy"]) == [str(w) for w in settings.kl_weights]
        for run in result["policy"].values():
            assert len(run["learning"]) == settings.steps
        hacked, steps = result["hacked"], settings.hacked_steps
        assert len(hacked["reward"]) == len(hacked["possible"]) == steps
        assert len(hacked["written"]) == (steps + 9) // 10


def test_in_every_seed_more_is_possible_and_the_weight_holds_the_gap():
    for result in rewards.recorded().results:
        start, policy = result["start"], result["policy"]
        assert policy["0.0"]["possible"] > start["possible"] + 0.1
        assert policy["0.0"]["gap"] > start["gap"] + 0.01
        learning = policy["0.0"]["learning"]  # the page's run has 25 steps
        assert fmean(learning[22:25]) > fmean(learning[:3]) + 0.1
        assert policy["0.3"]["gap"] < policy["0.0"]["gap"]


def test_in_every_seed_preferences_raise_what_is_possible_too():
    for result in rewards.recorded().results:
        assert result["preferred"]["possible"] > result["start"]["possible"] + 0.1
        assert result["filtered"]["possible"] > result["start"]["possible"] + 0.1


def test_where_the_wrong_reward_is_hacked_nothing_possible_is_left():
    """A run in which no text repeats its end by chance finds no hack."""
    hacked = rewards.recorded().each("hacked")
    found = [run for run in hacked if max(run["reward"]) > 1.5]
    assert len(found) >= 4
    for run in found:
        assert run["reward"][-1] > 3 and run["reward"][0] < 1.1
        assert run["possible"][-1] < 0.05 < 0.5 < run["possible"][0]


def test_a_pair_is_two_texts_of_one_prompt_the_possible_one_first():
    story = rewards.World().sample(random.Random(0)).text
    begun = story[: story.index(".") + 1]
    groups = [(begun, [story, begun, story]), (begun, [story, story])]
    pairs = rewards.preference_pairs(groups, random.Random(0))
    assert pairs == [(begun, story[len(begun) :], "")]

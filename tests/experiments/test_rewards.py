"""What learning from rewards does to how often right, and to how near the truth."""

import random

from course_utils.experiments import rewards


def test_in_every_seed_more_is_possible_and_the_weight_holds_the_gap():
    for result in rewards.recorded().results:
        start, policy = result["start"], result["policy"]
        assert policy["0.0"]["possible"] > start["possible"] + 0.1
        assert policy["0.0"]["gap"] > start["gap"] + 0.01
        assert policy["0.3"]["gap"] < policy["0.0"]["gap"]


def test_where_the_wrong_reward_is_hacked_nothing_that_was_wanted_is_left():
    hacked = rewards.recorded().each("hacked")
    found = [run for run in hacked if run["reward"][-1] > 1.5]
    assert found  # a seed in which no text repeats its end by chance finds no hack
    assert all(run["possible"][-1] < run["possible"][0] - 0.3 for run in found)


def test_a_pair_is_two_texts_of_one_prompt_the_possible_one_first():
    story = rewards.World().sample(random.Random(0)).text
    begun = story[: story.index(".") + 1]
    groups = [(begun, [story, begun, story]), (begun, [story, story])]
    pairs = rewards.preference_pairs(groups, random.Random(0))
    assert pairs == [(begun, story[len(begun) :], "")]

"""Drawings of the page on rewards."""

import pytest

from course_utils.figures.rewards import Frontier, HackWatch, LiveRewards, reward_loop
from tests.figures.geometry import faults


def way(possible, gap):
    rest = {"variety": (0.9, 0.01), "pass@1": (0.7, 0.02), "pass@16": (1.0, 0.0)}
    return {"possible": (possible, 0.02), "gap": (gap, 0.002), **rest}


def test_the_loop_can_be_read():
    picture = reward_loop(prompts=16, group=8)
    assert not faults(picture)
    assert "16 prompts" in picture.numbers


def test_the_frontier_marks_the_weight_that_the_slider_chooses():
    ways = {"start": way(0.6, 0.015), "one": way(0.9, 0.04), "two": way(0.8, 0.02)}
    figure = Frontier(ways, {"one": 0.0, "two": 0.5}, "start")
    assert not faults(figure.picture)
    assert "one 90 ± 2%, gap 0.040 ± 0.002" in figure.picture.numbers
    before = figure.picture.to_html()
    figure.controls["weight"].value = "two"
    assert not faults(figure.picture) and figure.picture.to_html() != before


@pytest.mark.parametrize("words", [5, 400])
def test_a_hack_is_watched_step_by_step(words):
    text = "again " * words
    runs = [
        {"reward": [1.0] * 20, "possible": [0.6] * 20, "written": ["well", text]},
        {"reward": [1.0, 5.0] * 10, "possible": [0.6] * 20, "written": ["a", "b"]},
    ]
    figure = HackWatch(runs, step=11)
    assert not faults(figure.picture)
    assert figure.picture.numbers.startswith("seed 0, step 11: reward 1.00")
    figure.controls["seed"].value = 1
    figure.controls["step"].value = 0
    assert figure.picture.numbers.startswith("seed 1, step 1: ")
    assert figure.picture.numbers.endswith("it writes 'a'")


class Learner:
    """Looks like a RewardTrainer that has taken a few steps."""

    def __init__(self):
        self.history, self.texts = [], []

    def step(self, reward, texts):
        self.history.append({"reward": reward})
        self.texts = texts


def test_the_live_curve_sees_each_step_and_what_else_is_asked_for():
    trainer, live = Learner(), LiveRewards({"long": lambda text: len(text) > 2})
    with live:
        for reward, texts in ((1.0, ["a", "abc"]), (2.0, ["abc", "abcd"])):
            trainer.step(reward, texts)
            live(trainer)
    assert live.seen == {"long": [0.5, 1.0]}
    assert not faults(live.picture)

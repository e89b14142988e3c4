"""Drawings of the page on parts since GPT-2."""

import pytest

from course_utils.figures.since_gpt2 import RotaryDial, modern_block, what_it_buys
from tests.figures.geometry import faults


def test_the_block_can_be_read():
    picture = modern_block()
    assert not faults(picture)
    assert "RMSNorm" in picture.alt and "SwiGLU" in picture.alt


def test_the_dial_shows_that_only_the_distance_counts():
    dial = RotaryDial()
    assert not faults(dial.picture)
    between = dial.picture.numbers.partition(";")[2]
    for name in ("query", "key"):
        dial.controls[name].value += 5
    assert dial.picture.numbers.startswith("query 12, key 9")
    assert dial.picture.numbers.partition(";")[2] == between
    dial.controls["key"].value += 1
    assert dial.picture.numbers.partition(";")[2] != between


def test_what_a_change_buys_is_drawn_with_its_interval():
    found = {"one": (-0.1, 0.02), "a longer name": (0.05, 0.1)}
    picture = what_it_buys(list(found), {"stories": found, "docstrings": found})
    assert not faults(picture)
    assert "stories, one -0.100 ± 0.020" in picture.numbers
    assert picture.numbers.count("a longer name +0.050 ± 0.100") == 2


@pytest.mark.parametrize("means", [(0.0, 0.0), (-0.5, 0.5)])
def test_small_and_large_differences_fit(means):
    found = {name: (mean, 0.01) for name, mean in zip("ab", means, strict=True)}
    assert not faults(what_it_buys(list(found), {"x": found, "y": found}))

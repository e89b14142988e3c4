"""Confidence: what few runs say of a mean or a difference, held against tables."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.confidence import interval, paired, t_for, within_t


@pytest.mark.parametrize(
    ("n", "t"),
    [(1, 12.706), (2, 4.303), (4, 2.776), (5, 2.571), (9, 2.262), (30, 2.042)],
)
def test_t_is_that_of_the_tables(n, t):
    assert t_for(0.95, n) == pytest.approx(t, abs=6e-4)
    assert within_t(t, n) == pytest.approx(0.95, abs=1e-4)


@given(st.floats(0.01, 0.999), st.integers(1, 60))
def test_the_two_functions_are_inverse(level, n):
    assert within_t(t_for(level, n), n) == pytest.approx(level, abs=1e-9)


def test_with_many_degrees_of_freedom_t_is_the_normal():
    assert t_for(0.95, 2000) == pytest.approx(1.961, abs=1e-3)


def test_the_interval_is_students():
    mean, half = interval([1.0, 2.0, 3.0])
    assert mean == 2 and half == pytest.approx(4.303 / math.sqrt(3), abs=1e-3)
    with pytest.raises(ValueError, match="values must be of at least 2 runs, got 1"):
        interval([1.0])


def test_95_of_100_intervals_hold_the_true_mean():
    rng = random.Random(0)
    held = 0
    for _ in range(1000):
        mean, half = interval(rng.gauss(7, 2) for _ in range(5))
        held += abs(mean - 7) <= half
    assert 930 <= held <= 970


def test_pairs_see_a_small_difference_under_a_large_spread():
    ours, theirs = [1.0, 5.0, 9.0, 2.0, 7.0], [1.1, 5.3, 9.2, 2.2, 7.1]
    found = paired(ours, theirs)
    assert found.mean == pytest.approx(-0.18) and found.shown
    assert found.half == pytest.approx(2.776 * 0.0837 / math.sqrt(5), abs=1e-3)
    assert 0.008 < found.p < 0.01  # t = -4.81 with 4 degrees of freedom
    assert str(found) == f"-0.180 ± {found.half:.3f}, p = {found.p:.3f}"


def test_no_difference_is_said_to_be_none_and_a_constant_one_is_certain():
    assert str(paired([1.0, 2.0], [2.0, 1.0])).endswith("no difference shown")
    assert paired([2.0, 2.0], [2.0, 2.0]).p == 1
    assert paired([2.0, 3.0], [1.0, 2.0]).p == 0
    with pytest.raises(ValueError, match="of the same seeds, got 2 and 1 numbers"):
        paired([1.0, 2.0], [1.0])

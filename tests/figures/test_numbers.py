"""What is read from a picture: its numbers, as exact as two machines agree on them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.figures.numbers import drawn_numbers, rounded, series, spread
from course_utils.figures.plots import new_axes


def drawn(draw, **settings):
    figure, axes = new_axes("Title", "x", "y")
    draw(axes)
    axes.set(**settings)
    return drawn_numbers(figure)


@pytest.mark.parametrize(
    "values, log, text",
    [
        ([4.149, 0.316, 0.04], False, "4.1, 0.32, 0.04"),
        ([4.149, 0.001], False, "4.1, 0"),
        ([4.149, 0.001], True, "4.1, 0.001"),
        ([-1.1e-17, 0.5], True, "0, 0.5"),
        ([0.125, -0.1], False, "0.125, -0.1"),
        ([1791, 208, 999.9], False, "1790, 210, 1000"),
        ([0, 0.0], False, "0, 0"),
        ([math.nan, -math.inf, 2], False, "nan, -inf, 2"),
        ([], False, ""),
    ],
)
def test_numbers_keep_two_figures_and_lose_what_is_too_small_to_be_seen(
    values, log, text
):
    assert rounded(values, log) == text


@given(st.integers(1, 99_999), st.integers(-12, 12), st.booleans())
def test_a_ties_last_binary_digit_does_not_turn_the_rounding(digits, power, log):
    value = digits * 10.0**power
    nearly = [math.nextafter(value, end) for end in (0, math.inf)]
    assert len({rounded([v], log) for v in (value, *nearly)}) == 1


@given(st.floats(1e-9, 1e9))
def test_what_is_told_is_near_what_is_drawn(value):
    assert float(rounded([value])) == pytest.approx(value, rel=0.026)


@given(st.integers(0, 300), st.integers(2, 20))
def test_the_places_told_are_spread_from_end_to_end(n, most):
    places = spread(n, most)
    assert len(places) == min(n, most) and places == sorted(set(places))
    assert not n or (places[0], places[-1]) == (0, n - 1)


def test_a_series_is_named_and_tells_both_ends():
    assert series("loss", np.arange(100.0)) == "loss 0, 14, 28, 42, 56, 70, 84, 99"


def test_a_curve_is_told_by_heights_and_places():
    assert drawn(lambda a: a.plot([1, 2, 3], [0.5, 0.254, 0.1], label="one")) == (
        "one 0.5, 0.25, 0.1 at 1, 2, 3"
    )


def test_small_numbers_are_told_on_a_logarithmic_axis_alone():
    def draw(axes):
        axes.plot([1, 10, 100], [1e-4, 0.1, 1.0])

    assert drawn(draw) == "line 0, 0.1, 1 at 1, 10, 100"
    assert drawn(draw, yscale="log") == "line 0.0001, 0.1, 1 at 1, 10, 100"


def test_levels_and_marks_are_told_as_one_number():
    assert drawn(lambda a: a.axhline(2.23, label="floor")) == "floor 2.2"
    assert drawn(lambda a: a.axvline(40)) == "line at 40"


def test_bars_dots_tables_and_errors_are_told():
    assert drawn(lambda a: a.bar(["a", "b"], [3.0, 1.5], label="n")) == "n 3, 1.5"
    assert drawn(lambda a: a.barh(["a", "b"], [3.0, 1.5])) == "bars 3, 1.5"
    assert drawn(lambda a: a.scatter([1, 2], [3, 4])) == "dots 3, 4 at 1, 2"
    assert drawn(lambda a: a.imshow([[0.1, 0.9], [0.5, 0.5]])) == (
        "table 0.1, 0.9, 0.5, 0.5"
    )
    errors = drawn(lambda a: a.errorbar([1, 2], [3, 4], [0.5, 0.25], capsize=3))
    assert errors == "line 3, 4 at 1, 2; ± 0.5, 0.25"
    bars = drawn(lambda a: a.bar([1, 2], [3, 4], yerr=[0.5, 0.25]))
    assert bars == "bars 3, 4; ± 0.5, 0.25"


def test_panels_are_told_by_their_titles_and_empty_ones_not():
    figure, axes = new_axes("First", "x", "y")
    assert drawn_numbers(figure) == ""
    axes.plot([1, 2], [3, 4])
    figure.add_subplot(title="Second").plot([1, 2], [5, 6])
    assert (
        drawn_numbers(figure) == "First: line 3, 4 at 1, 2 | Second: line 5, 6 at 1, 2"
    )

"""Charts made of shapes: where things fall, what is cut off, and what is told."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.figures.charts import Axis, Chart, Panel, ranks, round_numbers
from course_utils.figures.drawing import Drawing
from course_utils.figures.plots import BLUE, VERMILION
from course_utils.figures.shapes import Dot, Line, Raster, Rect, Words

from .geometry import faults


def chart(x=None, y=None, **more):
    return Chart("Title", "x", "y", x or Axis(0, 10), y or Axis(0, 100), **more)


def new(chart, draw):
    """Return the shapes that ``draw`` adds."""
    before = len(chart.drawing.shapes)
    draw()
    return chart.drawing.shapes[before:]


# --- Axes


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_an_axis_leads_from_its_start_to_its_end_in_equal_steps(low, length):
    axis = Axis(low, low + length)
    axis.start, axis.end = 10, 210
    assert axis(low) == pytest.approx(10) and axis(low + length) == pytest.approx(210)
    assert axis(low + length / 2) == pytest.approx(110, abs=0.01)


def test_on_a_logarithmic_axis_equal_ratios_are_equal_steps():
    axis = Axis(1, 10_000, log=True)
    assert axis(100) == pytest.approx(0.5) and axis(10) == pytest.approx(0.25)
    assert list(axis.ticks) == [1, 10, 100, 1000, 10_000]
    assert axis(0) < 0  # below, and no error


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (math.nan, 1)])
def test_an_axis_must_rise(ends):
    with pytest.raises(ValueError, match="an axis must rise"):
        Axis(*ends)
    with pytest.raises(ValueError, match="above 0 if log, got 0 to 1"):
        Axis(0, 1, log=True)


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5))
def test_ticks_are_few_equally_far_and_within_the_axis(low, length):
    ticks = round_numbers(low, low + length)
    assert 2 <= len(ticks) <= 11
    assert all(low - 1e-6 * length <= t <= low + 1.000001 * length for t in ticks)
    gaps = {round((b - a) / length, 6) for a, b in pairwise(ticks)}
    assert len(gaps) <= 1


def test_a_minus_is_a_minus_and_ticks_can_have_names():
    assert Axis(-1, 1, (-1, 0, 1)).ticks == {-1: "−1", 0: "0", 1: "1"}
    assert Axis(0, 2, {1: "one", 5: "far"}).ticks == {1: "one"}
    names = ranks(["first", "second"], room=1, strong=1)
    assert names.ticks == {0: "first", -1: "second"} and names.strong == -1


# --- What is drawn


def test_a_line_runs_through_its_points_and_ends_at_the_frame():
    c = chart()
    (line,) = new(c, lambda: c.line([0, 5, 20], [0, 50, 200], "rises"))
    assert line.points[0] == (c.x.start, c.y.start)
    assert line.points[-1] == pytest.approx((c.x.end, c.y.end))
    assert c.numbers == ["rises 0, 50, 200"]


def test_a_line_that_leaves_and_comes_back_is_drawn_in_parts():
    c = chart()
    parts = new(c, lambda: c.line([0, 4, 6, 10], [50, 200, 200, 50]))
    assert len(parts) == 2
    for line in parts:
        for x, y in line.points:
            assert c.x.start - 0.01 <= x <= c.x.end + 0.01
            assert c.y.end - 0.01 <= y <= c.y.start + 0.01
    assert not new(c, lambda: c.line([0, 10], [200, 300]))
    assert new(c, lambda: c.line([0, 5, 10], [0, math.nan, 1])) == []


def test_dots_outside_are_left_out_and_bars_are_cut():
    c = chart()
    dots = new(c, lambda: c.dots([1, 2, 30], [1, 2, 3], "seen"))
    assert len(dots) == 2 and all(isinstance(dot, Dot) for dot in dots)
    assert c.numbers == ["seen 1, 2, 3", "at 1, 2, 30"]
    (bar,) = new(c, lambda: c.bars([3], [500]))
    assert bar.y == pytest.approx(c.y.end) and bar.height == pytest.approx(
        c.y.start - c.y.end
    )


def test_bars_below_nought_hang_from_it():
    c = chart(y=Axis(-1, 1))
    (bar,) = new(c, lambda: c.bars([3], [-0.5]))
    assert bar.y == pytest.approx(c.y(0)) and bar.height == pytest.approx(
        c.y(-0.5) - c.y(0)
    )


def test_rows_begin_at_the_left_and_say_their_numbers():
    c = chart(y=ranks(["a", "b"]))
    shapes = new(c, lambda: c.rows([0, -1], [5, 2], ends=["five", "two"]))
    bars = [s for s in shapes if isinstance(s, Rect) and s.fill == BLUE]
    assert [bar.x for bar in bars] == [c.x.start] * 2
    assert bars[0].y < bars[1].y and bars[0].width == pytest.approx(2.5 * bars[1].width)
    assert [s.text for s in shapes if isinstance(s, Words)] == ["five", "two"]


def test_levels_marks_errors_and_tables_are_told():
    c = chart()
    c.level(3.33, "floor")
    c.mark(2.5)
    c.errors([1], [50], [5])
    c.table([[0.1, 0.9], [0.6, 0.4]])
    assert c.numbers == [
        "floor 3.3",
        "mark at 2.5",
        "± 5",
        "largest of each row at 1, 0",
    ]
    assert isinstance(c.drawing.shapes[-1], Raster)


def test_a_picture_tells_its_numbers_and_changes_with_them():
    one, other = chart(), chart()
    one.line([0, 1], [2, 3])
    other.line([0, 1], [2, 4])
    pictures = [c.picture("A line that rises.") for c in (one, other)]
    assert repr(pictures[0]) == "A line that rises.\nline 2, 3"
    assert pictures[0].to_html() != pictures[1].to_html()


def test_a_chart_can_be_read_whatever_its_ticks_and_titles():
    wide = {i: f"a long name {i}" for i in range(3)}
    c = Chart(
        "Two lines\nof title", "x", "y", Axis(1e9, 1e14, log=True), Axis(0, 2, wide)
    )
    c.line([1e9, 1e14], [0, 2], "a line", VERMILION, "--", marker=3)
    c.dots([1e10], [1], "a dot", hollow=True)
    c.bars([1e11], [1], 1e10, "a bar")
    c.legend()
    assert not faults(c.picture("A chart of many things."))
    long = Drawing("A title that is far too long for the page, " * 3)
    assert not faults(long.picture("A very long title."))


def test_two_panels_stand_beside_each_other():
    drawing = Drawing("Two", height=200)
    left = Panel(drawing, (8, 40, 300, 150), Axis(0, 1), Axis(0, 1), "Left", "x", "y")
    right = Panel(drawing, (330, 40, 330, 150), Axis(0, 1), Axis(0, 1), "Right", "x")
    left.line([0, 1], [0, 1])
    right.line([0, 1], [1, 0])
    assert left.x.end < right.x.start and not faults(
        drawing.picture("Two small panels.")
    )
    lines = [s for s in drawing.shapes if isinstance(s, Line)]
    assert all(x >= 330 or x <= 308 for line in lines for x, _ in line.points)

"""The language of drawings: nodes, arrows, labels, and graphs that place themselves."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_utils.figures.drawing import (
    Drawing,
    Place,
    columns,
    graph,
    mixed,
    number,
)
from course_utils.figures.plots import BLUE, GREEN
from course_utils.figures.shapes import Dot, Line, Rect, Words, text_width, to_svg

from .geometry import crosses, faults


def a_drawing(label="(T, D)", **arrow):
    drawing = Drawing("A layer", width=320, height=110)
    drawing.box("x", "x", (50, 70))
    drawing.box("layer", "x @ w", (250, 70), GREEN)
    drawing.arrow("x", "layer", label, **arrow)
    return drawing


def lines(drawing):
    return [shape for shape in drawing.shapes if isinstance(shape, Line)]


def test_an_arrow_runs_from_border_to_border_with_its_label_above():
    drawing = a_drawing()
    (line,) = lines(drawing)
    x, layer = drawing.nodes["x"], drawing.nodes["layer"]
    assert line.points == (x.side("right"), layer.side("left")) and line.head
    label = drawing.shapes[-1]
    assert (
        label.text == "(T, D)"
        and label.y < 70
        and label.x == pytest.approx((x.side("right")[0] + layer.side("left")[0]) / 2)
    )
    assert not faults(drawing.picture("A layer of a model."))


def test_an_arrow_can_leave_by_a_side_and_turn_corners():
    drawing = a_drawing(sides=("top", "top"), via=[(50, 40), (250, 40)])
    (line,) = lines(drawing)
    ends = drawing.nodes["x"].side("top"), drawing.nodes["layer"].side("top")
    assert line.points == (ends[0], (50, 40), (250, 40), ends[1])


@given(st.floats(-200, 200), st.floats(-200, 200))
def test_an_arrow_meets_a_border_on_the_way_to_any_place(x, y):
    place = Place(0, 0, 40, 20)
    at = place.border((x, y))
    on_border = abs(at[0]) == pytest.approx(20) or abs(at[1]) == pytest.approx(10)
    inside = abs(x) <= 20 and abs(y) <= 10  # then the place itself
    assert (at == pytest.approx((x, y))) if inside else on_border


def test_a_name_is_drawn_once_and_an_arrow_needs_both_ends():
    drawing = a_drawing()
    with pytest.raises(ValueError, match="'x' is already drawn"):
        drawing.box("x", "again", (0, 0))
    with pytest.raises(KeyError, match="nowhere"):
        drawing.arrow("x", "nowhere")


def test_a_box_is_as_wide_as_its_longest_line():
    drawing = Drawing()
    narrow = drawing.box("a", "short", (50, 50))
    wide = drawing.box("b", "short\na much longer line", (200, 50))
    assert wide.width > narrow.width and wide.height > narrow.height


def test_a_table_writes_its_numbers_and_rests_where_it_is_faint():
    drawing = Drawing()
    drawing.table("t", [[1, -0.256], ["?", 3]], (100, 100), faint=[(0, 1)])
    words = {s.text: s for s in drawing.shapes if isinstance(s, Words)}
    assert set(words) == {"1", "−0.26", "?", "3"}
    assert words["−0.26"].colour != words["1"].colour


def test_a_picture_is_svg_in_a_page_and_png_where_it_stands_still():
    picture = a_drawing('"1 < 2" & more').picture(
        "A small layer.", "its alt & <more>", "1"
    )
    root = ET.fromstring(picture.to_html())
    assert root.get("role") == "img" and root.get("aria-label") == "its alt & <more>"
    texts = [element.text for element in root.iter() if element.text]
    assert '"1 < 2" & more' in texts and "A layer" in texts
    assert picture.png.startswith(b"\x89PNG") and repr(picture) == "A small layer.\n1"
    assert picture.png != a_drawing("other").picture("A layer of it.").png


def test_no_part_of_a_drawing_takes_its_colour_from_the_page():
    svg = a_drawing().picture("A layer of a model.").to_html()
    assert "background: white" in svg and "currentColor" not in svg
    for shape in re.findall(r"<(?:rect|circle|polygon|polyline)[^>]*>", svg):
        assert 'fill="' in shape
    for group in re.findall(r"<g [^>]*>", svg):
        assert 'fill="#' in group


@pytest.mark.parametrize(
    "shape",
    [
        Rect(1, 2, 30, 10, dashed=True, radius=3),
        Line(((1, 2), (30, 40), (50, 40)), dash=(2, 2), head=True),
        Dot(20, 20, 5),
        Words(40, 40, "two\nlines", bold=True, mono=True),
        Words(40, 40, "upwards", turned=True),
    ],
)
def test_every_shape_is_drawn_both_ways(shape):
    empty = Drawing(width=100, height=80).picture("An empty white drawing.")
    full = Drawing(width=100, height=80)
    full.shapes.append(shape)
    full = full.picture("A drawing of one shape.")
    assert full.png != empty.png
    ET.fromstring(to_svg([shape], 100, 80, "alt"))


def test_letters_are_measured_as_they_are_drawn():
    assert text_width("WWW", 12) > 2 * text_width("iii", 12)
    assert text_width("abc", 24) == pytest.approx(2 * text_width("abc", 12), rel=0.02)
    assert text_width("abc", 12, bold=True) > text_width("abc", 12)


# --- Graphs


EDGES = {("a", "c"): "b", ("b", "c"): "a", ("c", "d"): "1", ("a", "d"): "1"}


def test_a_graph_runs_from_left_to_right_and_its_long_edges_pass_no_node():
    drawing = graph("c = a·b, d = c + a", {n: n for n in "abcd"}, EDGES, {"a": GREEN})
    nodes = drawing.nodes
    for start, end in EDGES:
        assert nodes[start].x < nodes[end].x
    for line in lines(drawing):
        passed = [
            name
            for name, place in nodes.items()
            for one, other in zip(line.points, line.points[1:], strict=False)
            if crosses((*place.side("left"), *place.side("right")), one, other)
        ]
        assert not passed
    assert not faults(drawing.picture("A graph of four numbers."))


def test_a_circle_has_no_left_end():
    with pytest.raises(ValueError, match="edges must not lead in a circle"):
        columns([("a", "b"), ("b", "c"), ("c", "b")], 100, 100)


@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1))
def test_every_graph_without_circles_is_placed_without_two_nodes_in_one_place(pairs):
    edges = [(f"n{a}", f"n{b}") for a, b in pairs if a < b] or [("n0", "n1")]
    places, corners = columns(edges, 600, 300)
    at = [*places.values(), *(corner for way in corners.values() for corner in way)]
    assert len(set(at)) == len(at)
    assert all(places[a][0] < places[b][0] for a, b in edges)


def test_colours_are_mixed_with_white_and_numbers_written_plainly():
    assert mixed(BLUE, 0) == "#FFFFFF" and mixed(BLUE, 1) == BLUE
    assert [number(x) for x in (-0.001, 2, -1.256)] == ["0", "2", "−1.26"]

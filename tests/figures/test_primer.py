"""Tables of numbers."""

import numpy as np
import pytest

from course_utils.figures import primer

from .geometry import faults


def number_tables(numbers=((1, 2), (3, 4)), strong=(1, 2), label="a (2, 2)"):
    parts = [(label, np.array(numbers), strong), ("b", np.zeros((1, 3)), (9, 9))]
    return primer.number_tables("Two tables", parts, "Two tables of numbers.")


@pytest.mark.parametrize(
    "change",
    [{"numbers": ((1, 2), (3, 5))}, {"strong": (2, 2)}, {"label": "c (2, 2)"}],
)
def test_number_tables_show_each_thing_that_they_are_given(change):
    assert number_tables(**change).to_html() != number_tables().to_html()
    assert number_tables(**change).text == "Two tables of numbers."


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        ((3, 1), (4,), "(3, 1) + (4,) gives (3, 4)"),
        ((4,), (1,), "(4,) + (1,) gives (4,)"),
        ((3, 4), (3,), "(3, 4) + (3,) does not fit"),
    ],
)
def test_broadcast_tables_say_what_a_sum_gives_and_can_be_read(a, b, says):
    picture = primer.broadcast_tables(a, b)
    assert picture.text == f"Tables of numbers: {says}."
    assert not faults(picture)


def test_broadcast_tables_repeat_what_is_shorter():
    drawn = primer.broadcast_tables((2, 1), (3,)).numbers
    assert "a (2, 1): 1, 1, 1, 2, 2, 2" in drawn
    assert "b (3,): 10, 20, 30, 10, 20, 30" in drawn
    assert "a + b: 11, 21, 31, 12, 22, 32" in drawn

"""Tables of numbers."""

import numpy as np
import pytest

from course_utils.figures import primer


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

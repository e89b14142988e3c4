"""What a remedy does and costs, drawn with and without it."""

from course_utils.figures.bias import remedy_bars

from .geometry import faults

REMEDIES = {"no remedy": ((0.6, 0.08), (0.4, 1.0)), "scrub": ((0.0, 0.01), (0.8, 0.5))}


def test_bias_and_losses_are_drawn_and_told():
    picture = remedy_bars(REMEDIES, 0.6)
    assert picture.text == "Bars: bias and loss, dial 0.6, no remedy and scrub."
    assert (
        "no remedy 0.6; ± 0.08" in picture.numbers
        and "scrub 0.8, 0.5" in picture.numbers
    )
    assert not faults(picture)
    other = remedy_bars(REMEDIES | {"scrub": ((0.1, 0.01), (0.8, 0.5))}, 0.6)
    assert other.to_html() != picture.to_html()

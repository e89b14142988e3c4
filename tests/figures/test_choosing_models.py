"""Models by time and gap, and the best size at a budget."""

from types import SimpleNamespace

from course_utils.figures.choosing_models import best_size, choice

from .geometry import faults

CANDIDATES = [
    SimpleNamespace(name="small", gap=0.03, ms=0.1, MB=0.9),
    SimpleNamespace(name="large", gap=0.002, ms=2.0, MB=2.8),
]


def test_those_that_meet_all_three_limits_are_filled_and_named():
    both = choice(CANDIDATES, gap=0.1, ms=3.0, MB=3.0)
    assert "leaves: small, large" in both.alt and not faults(both)
    assert "leaves: small." in choice(CANDIDATES, 0.1, 1.0, 3.0).alt
    assert "leaves: none" in choice(CANDIDATES, 0.001, 3.0, 3.0).alt
    assert both.to_html() != choice(CANDIDATES, 0.1, 1.0, 3.0).to_html()


def test_the_valley_of_a_budget_and_its_lowest_point_are_told():
    picture = best_size(11.2, lambda n: 5 + (n / 4e4 - 1) ** 2 / 100, [(2e4, 5.5)], 4e4)
    assert (
        "its best size 40000" in picture.numbers and "measured 5.5" in picture.numbers
    )
    assert "N = 40,000 is best by the law" in picture.alt and not faults(picture)

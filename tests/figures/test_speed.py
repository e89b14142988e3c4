"""The picture of a plan."""

import pytest

from course_utils.figures.speed import draw_plan, readable
from course_utils.planner import DEVICES, Plan


def test_large_numbers_are_written_in_a_few_signs():
    written = [readable(n) for n in (0.25, 12, 999.6, 12_345, 1.558e9, 3e12)]
    assert written == ["0.25", "12", "1k", "12.3k", "1.56B", "3T"]


def test_the_picture_changes_with_every_number_of_the_plan():
    first = dict(n_parameters=1e9, n_tokens=1e11, n_devices=64)
    changes = [
        {"n_parameters": 2e9},
        {"n_tokens": 2e11},
        {"n_devices": 128},
        {"device": "H100 80 GB"},
        {"utilisation": 0.5},
        {"price": 3.0},
        {"stage": 1},
    ]
    pictures = [draw_plan(Plan(**(first | change))) for change in ({}, *changes)]
    assert len({picture.to_html() for picture in pictures}) == len(pictures)
    assert len({picture.text for picture in pictures}) == 1
    assert "6e+20 operations" in pictures[0].alt


@pytest.mark.parametrize("n_parameters", [1e6, 1e13])
def test_extreme_plans_can_be_drawn(n_parameters):
    for device in DEVICES:
        assert draw_plan(Plan(n_parameters, 1e8, device, 10**6, 1.0, 0.01, 3)).to_html()

"""The picture of a plan."""

import pytest

from course_utils.figures.speed import draw_plan, draw_slots, readable
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


def test_slots_are_told_with_the_step_at_which_the_last_text_ends():
    plans = {"waiting": [(0, 0, 5), (1, 0, 9), (0, 9, 2)], "other": [(0, 0, 7)]}
    picture = draw_slots("Three texts in two slots", plans)
    assert picture.numbers == (
        "waiting: the last ends after 11, other: the last ends after 7 steps."
    )
    shorter = draw_slots("Three texts in two slots", plans | {"other": [(0, 0, 6)]})
    assert shorter.png != picture.png

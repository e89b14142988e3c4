"""Paths in a ravine, a race, a recorded run among others."""

import torch

from course_utils.figures.optimization import (
    RateAndWarmup,
    draw_race,
    ravine,
    run_among_others,
)

from .geometry import faults


def test_a_ravine_counts_each_paths_steps_and_draws_all_of_them():
    curvatures = torch.tensor([1.0, 60.0])
    slow = torch.tensor([[-1.0, 0.2], [-0.5, -0.1], [-0.2, 0.0], [0.0, 0.0]])
    picture = ravine("Two paths", curvatures, {"slow": slow, "fast": slow[[0, 3]]})
    assert "slow: 3; fast: 1" in picture.text
    assert not faults(picture)
    other = ravine("Two paths", curvatures, {"slow": slow, "fast": slow[[1, 3]]})
    assert other.to_html() != picture.to_html()


def test_a_race_is_drawn_over_steps_or_seconds_and_tells_no_numbers():
    losses = {"slow": [6.0] * 10, "fast": [6.0, 3.0, 2.0, 1.5, 1.4]}
    picture = draw_race(losses, floor=0.5)
    assert repr(picture) == picture.text and "steps" in picture.text
    timed = draw_race(losses, 0.5, {"slow": 0.02, "fast": 0.5})
    assert "fast, 500 ms a step" in timed.to_html() and "seconds" in timed.text
    for drawn in (picture, timed):
        assert not faults(drawn)
    assert draw_race(losses, floor=1.0).to_html() != picture.to_html()


def test_a_recorded_run_says_that_it_was_made_beforehand():
    run, other, rates = [4.0, 2.0], [5.0, 4.5], [0.5, 1.0, 0.5, 0.0]
    picture = run_among_others("Peak 0.1", run, [run, other], rates)
    assert "ends at 2.00" in picture.alt and "One of 2 recorded runs" in picture.alt
    assert "recorded" in picture.text and "2.00" not in picture.text
    for change in (
        [other, [run, other], rates],
        [run, [run], rates],
        [run, [run], run],
    ):
        assert run_among_others("Peak 0.1", *change).to_html() != picture.to_html()


def test_a_run_is_chosen_by_its_peak_and_its_warm_up():
    runs = {(peak, n): [5.0, peak + n] for peak in (0.1, 0.2) for n in (0, 2)}
    figure = RateAndWarmup(runs, lambda t, peak, n, total: peak, 0.1, 2, steps=4)
    assert "Peak 0.1, 2 steps of warm-up: the loss ends at 2.10" in figure.picture.alt
    figure.controls["warmup"].value = 0
    assert "the loss ends at 0.10" in figure.picture.alt

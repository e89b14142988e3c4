"""The race of optimizers: fair, tuned on other seeds, and its record says who wins."""

from dataclasses import replace

import pytest

from course_utils.confidence import interval
from course_utils.experiments import pace
from course_utils.records import Record


def record(*seeds, every=10):
    """Make a record of {way: losses} for each seed; a step of Muon's costs 2 s."""
    costs = {"muon": 2.0, "adamw": 1.0}
    runs = [{"result": {"losses": x, "seconds per step": costs}} for x in seeds]
    return Record("pace", {"every": every}, runs)


def test_a_loss_is_reached_between_the_measurements_around_it():
    losses = [3.0, 2.0, 1.0, 1.5]
    assert pace.steps_to(losses, 10, 3.0) == 10
    assert pace.steps_to(losses, 10, 1.5) == pytest.approx(25)
    assert pace.steps_to(losses, 10, 0.9) is None


def test_a_way_is_tuned_on_the_other_seeds_than_the_one_it_is_judged_by():
    one = {"adamw a": [9, 1.0], "adamw b": [9, 2.0], "muon a": [9, 1.0]}
    two = {"adamw a": [9, 5.0], "adamw b": [9, 2.0], "muon a": [9, 1.0]}
    made = record(one, two)
    assert pace.tuned(made, "adamw") == "adamw b"
    assert pace.tuned(made, "adamw", judged=0) == "adamw b"
    assert pace.tuned(made, "adamw", judged=1) == "adamw a"


def test_the_ratio_is_that_of_the_times():
    runs = {"adamw a": [3.0, 2.0, 1.0], "muon a": [3.0, 1.0, 0.5]}
    made = record(runs, runs)
    # To a loss of 1 AdamW takes 30 steps of 1 s, Muon 20 of 2 s.
    assert pace.time_ratios(made, 1.0) == pytest.approx([30 / 40] * 2)
    with pytest.raises(ValueError, match=r"adamw a must reach 0.7, got \[3.0, 2.0"):
        pace.time_ratios(made, 0.7)


def test_runs_of_a_race_start_from_the_same_weights_and_texts():
    still = replace(pace.QUICK, steps=2, every=2, muon=(1e-9,), adamw=(1e-9,))
    losses = [x[0] for x in pace.run(still, seed=3)["losses"].values()]
    assert len(losses) == 4 and losses == pytest.approx([losses[0]] * 4, abs=1e-4)


def test_both_optimizers_are_tried_in_as_many_ways_and_the_best_is_inside_the_grid():
    made = pace.recorded()
    settings = pace.Settings()
    assert len(pace.ways_of(made, "muon")) == len(pace.ways_of(made, "adamw")) == 9
    for optimizer in pace.OPTIMIZERS:
        low, *_, high = getattr(settings, optimizer)
        best = pace.tuned(made, optimizer)
        assert f"peak {low:g}," not in best and f"peak {high:g}," not in best


def test_the_record_says_that_muon_is_sooner_at_each_loss():
    for loss in pace.LOSSES:
        mean, half = interval(pace.time_ratios(pace.recorded(), loss))
        assert mean - half > 1

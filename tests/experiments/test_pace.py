"""The race of optimizers: fair, repeatable, and its record belongs to this code."""

import shlex

import pytest

from course_utils import records
from course_utils.experiments import pace
from course_utils.experiments.pace import Run


def run(optimizer, losses, seconds, rate=0.1):
    steps = [10 * (i + 1) for i in range(len(losses))]
    return Run(optimizer, rate, steps, losses, seconds)


def test_the_ratio_is_that_of_the_times_to_the_best_adamws_last_loss():
    muon = run("muon", [3.0, 1.0, 0.5, 0.4], seconds=2.0)
    adamws = [
        run("adamw", [3.0, 2.0, 2.0, 1.5], 1.0),
        run("adamw", [3, 2, 2, 0.9], 1.0),
    ]
    # AdamW: 40 steps of 1 s to 0.9; Muon: 30 steps of 2 s.
    assert pace.time_ratio([muon, *adamws]) == (0.9, pytest.approx(40 / 60))


def test_a_loss_that_muon_never_reaches_gives_no_ratio():
    with pytest.raises(ValueError, match=r"muon must reach 0\.900, got 1\.000"):
        pace.time_ratio([run("muon", [3.0, 1.0], 1.0), run("adamw", [3.0, 0.9], 1.0)])


def test_runs_of_a_race_start_from_the_same_weights_and_are_repeatable(monkeypatch):
    monkeypatch.setattr(pace, "PEAKS", {"muon": (1e-9,), "adamw": (1e-9, 0.02)})
    still, also_still, moved = pace.race(steps=2, every=2)
    assert still.losses == pytest.approx(also_still.losses, abs=1e-4)
    assert moved.losses[0] < still.losses[0] - 0.01
    assert [r.losses for r in pace.race(2, 2)] == [
        pytest.approx(r.losses, abs=1e-4) for r in (still, also_still, moved)
    ]
    assert all(r.steps == [2] and r.seconds_per_step > 0 for r in (still, moved))


def test_the_record_is_of_this_race_and_its_ratio_is_what_its_runs_give():
    record = pace.recorded()
    assert shlex.split(record["command"])[-2:] == ["--steps", "600"]
    raced = {(run.optimizer, run.learning_rate) for run in record["runs"]}
    assert raced == {(name, x) for name, peaks in pace.PEAKS.items() for x in peaks}
    assert all(run.steps[-1] == 600 for run in record["runs"])
    target, ratio = pace.time_ratio(record["runs"])
    assert target == pytest.approx(record["loss_nats_per_token"], abs=1e-4)
    assert ratio == pytest.approx(record["time_ratio"], abs=0.02) and ratio > 1.5


def test_the_command_writes_a_record_that_can_be_read_again(tmp_path, monkeypatch):
    made = [run("muon", [3.0, 1.0], 1.0), run("adamw", [3.0, 2.0], 1.0)]
    monkeypatch.setattr(pace, "race", lambda steps: made)
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    pace.main(["--steps", "20", "--out", str(tmp_path / "pace.json")])
    assert pace.recorded()["runs"] == made
    assert (
        pace.recorded()["command"]
        == "python -m course_utils.experiments.pace --steps 20"
    )

"""Experiments are run seed after seed, kept when killed, and held to their record."""

import json
import re
import types
from dataclasses import dataclass, fields, is_dataclass

import pytest

from course_utils import experiments, records
from course_utils.experiments import __main__ as command
from course_utils.experiments import running
from course_utils.records import Record


@dataclass(frozen=True)
class Settings:
    width: int = 10


@pytest.fixture
def coin(monkeypatch):
    """An experiment that takes no time, and notes which seeds it has run."""
    ran = []

    def run(settings, seed):
        ran.append(seed)
        return {"size": settings.width + 0.1 * seed, "seconds": 9.0, "name": "x"}

    module = types.ModuleType("course_utils.experiments.coin", "Coin: how wide?")
    module.Settings, module.QUICK, module.run = Settings, Settings(1), run
    module.ran = ran
    monkeypatch.setattr(experiments, "NAMES", ("coin",))
    monkeypatch.setattr(experiments, "find", lambda name: module)
    return module


def record_of(*sizes, **other) -> Record:
    runs = [{"seed": i, "result": {"size": x} | other} for i, x in enumerate(sizes)]
    return Record("coin", {}, runs)


def test_what_was_finished_before_a_kill_is_not_run_again(coin, tmp_path):
    def killed_after_the_second(run, was_there):
        if run["seed"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        running.measure(coin, "full", range(4), tmp_path, killed_after_the_second)
    seen = []
    record = running.measure(
        coin, "full", range(4), tmp_path, lambda run, there: seen.append(there)
    )
    assert coin.ran == [0, 1, 2, 3] and seen == [True, True, False, False]
    assert record.seeds == [0, 1, 2, 3]
    assert record.each("size") == pytest.approx([10, 10.1, 10.2, 10.3])


def test_a_run_that_fails_leaves_nothing_behind_and_other_settings_begin_anew(
    coin, tmp_path
):
    def fails(settings, seed):
        raise RuntimeError("out of luck")

    works, coin.run = coin.run, fails
    with pytest.raises(RuntimeError, match="out of luck"):
        running.measure(coin, "full", [0], tmp_path)
    assert not list(tmp_path.rglob("*.json"))
    coin.run = works
    running.measure(coin, "full", [0], tmp_path)
    running.measure(coin, "quick", [0], tmp_path)
    assert coin.ran == [0, 0] and len(list(tmp_path.rglob("*.json"))) == 2


def test_a_run_tells_when_where_with_what_and_how_long(coin):
    run = running.one_run(coin, Settings(), 3)
    assert run.keys() == {"seed", "minutes", "date", "machine", "versions", "result"}
    assert run["versions"].keys() == {"python", "torch"} and run["seed"] == 3


def test_what_lies_within_chance_is_no_change_and_what_lies_outside_is_named():
    old = record_of(1.0, 1.1, 0.9, 1.05, 0.95)
    assert running.changes(record_of(1.2), old) == []
    (line,) = running.changes(record_of(3.0, 3.1), old)
    assert line.startswith("size: 1 ± ") and line.endswith("now 3.05")


def test_numbers_that_came_or_went_are_named_and_times_are_not_compared():
    old = record_of(1.0, 1.0, gone=2, seconds=1.0)
    new = record_of(1.0, 1.0, come={"a": [5]}, seconds=50.0)
    assert running.changes(new, old) == [
        "gone: only in the old",
        "come · a · 0: only in the new",
    ]


def test_the_command_runs_saves_and_tells_what_changed(
    coin, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    out = ["--out", str(tmp_path / "finished")]
    command.main(["coin", "--seeds", "3", "--save", *out])
    assert "There is no record" in capsys.readouterr().out
    command.main(["coin", "--quick", "--seeds", "2", "--save", *out])
    full, quick = records.read("coin"), records.read("coin", "quick")
    assert (len(full), len(quick)) == (3, 2) and quick.settings == {"width": 1}
    assert full.command == "python -m course_utils.experiments coin --seeds 3"
    capsys.readouterr()
    coin.Settings = lambda: Settings(90)
    command.main(["coin", "--seeds", "3", *out])
    told = capsys.readouterr().out
    assert "The record has other settings: {'width': 10}" in told
    assert "size: 10.1 ± " in told and "1 numbers are not as recorded." in told
    assert records.read("coin") == full  # only --save writes it
    command.main([])
    assert "Coin: how wide?" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["poetry"], "name must be one of ladder, .*, got 'poetry'"),
        (["ladder", "--seeds", "0"], "--seeds must be at least 1, got 0"),
    ],
)
def test_the_command_refuses_by_name(arguments, message, capsys):
    assert command.main(arguments) == 1
    assert re.fullmatch(f"error: {message}\n", capsys.readouterr().err)


# --- The experiments that ship


@pytest.mark.parametrize("name", experiments.NAMES)
def test_an_experiment_has_the_one_shape_and_a_record_of_its_settings(name):
    module = experiments.find(name)
    assert is_dataclass(module.Settings) and isinstance(module.QUICK, module.Settings)
    assert all(field.default is not None for field in fields(module.Settings))
    for kind in running.KINDS:
        record = records.read(name, kind)
        settings = running.settings_of(module, kind)
        assert record.settings == running.plain(running.asdict(settings)), kind
        assert record.seeds == list(range(len(record)))
        assert all(dict(running.numbers(result)) for result in record.results)
    assert module.recorded() == records.read(name)
    assert len(json.dumps(module.recorded().runs)) < 150_000


SLOW = ("fine_tuning", "scaling")  # even quickly they take half a minute


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in experiments.NAMES
    ],
)
def test_a_quick_run_gives_what_its_record_says(name):
    module, old = experiments.find(name), records.read(name, "quick")
    run = running.one_run(module, module.QUICK, old.seeds[0])
    new = Record(name, old.settings, [run])
    assert running.changes(new, old) == []

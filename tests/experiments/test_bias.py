"""The runs on bias: each corpus is what it says, and the record is of this code."""

import itertools
import shlex

import pytest

from course_utils import bias, confidence, records
from course_utils.experiments import bias as runs
from course_utils.world.lexicon import JOBS


def test_each_corpus_has_the_bias_that_it_is_made_for():
    expected = {"augmentation": 0.0, "wider data": 0.4, "more of the same": 0.8}
    for remedy, dial in expected.items():
        make, _ = runs.REMEDIES[remedy]
        assert bias.counted_bias(make(0.8, 7)) == pytest.approx(dial, abs=0.05)
    labelled = runs.REMEDIES["a label"][0](0.8, 7)
    marked = [text for text in labelled if text.startswith(runs.LABEL)]
    assert 0 < len(marked) < len(labelled)
    assert abs(bias.counted_bias(marked)) < 0.05


def test_a_run_is_repeatable(monkeypatch):
    monkeypatch.setattr(runs, "sample_openings", lambda *_: ["Mia the nurse"])
    few, _ = runs.KINDS["data-poor"]
    monkeypatch.setitem(runs.KINDS, "tiny", (few, {"steps": 4}))
    one, again = (runs.measure_run("tiny", 0.6, 1) for _ in range(2))
    assert one["sampled"] == 1.0
    for name, number in one.items():
        assert number == again[name] or number == pytest.approx(again[name], abs=1e-3)


def test_the_record_holds_every_run_of_its_command():
    record = runs.recorded()
    _, option, seeds = shlex.split(record["command"])[2:]
    assert option == "--seeds"
    plan = {*itertools.product(runs.KINDS, runs.DIALS, range(int(seeds)))}
    plan |= {*itertools.product(runs.REMEDIES, runs.DIALS[1:], range(int(seeds)))}
    made = [(run["kind"], run["dial"], run["seed"]) for run in record["runs"]]
    assert set(made) == plan and len(made) == len(plan)
    assert len(record["exposures"]) == 2 * int(seeds)
    assert all(len(row) == len(bias.REPETITIONS) for row in record["exposures"])
    assert all(0 <= x <= 13.3 for row in record["exposures"] for x in row)


def test_the_record_keeps_what_the_page_says_of_it():
    record = runs.recorded()

    def mean(kind, number="bias"):
        return confidence.interval(runs.of_runs(record, kind, 0.6, number))[0]

    assert abs(mean("near the floor") - 0.6) < 0.1
    assert abs(mean("augmentation")) < 0.05 and abs(mean("a label", "with_label")) < 0.1
    assert mean("wider data") == pytest.approx(0.3, abs=0.1)
    assert mean("data-poor", "spread") > 5 * mean("near the floor", "spread")
    assert mean("augmentation", "gap") > mean("augmentation", "gap_even")


def test_the_command_writes_a_record_that_can_be_read_again(tmp_path, monkeypatch):
    class Here:
        """Runs things in this process, at once."""

        def __init__(self, *_): ...
        def __enter__(self):
            return self

        def __exit__(self, *_): ...

        map = staticmethod(map)

    row = dict.fromkeys(bias.REPETITIONS, 1.0)
    monkeypatch.setattr(runs, "ProcessPoolExecutor", Here)
    monkeypatch.setattr(runs, "exposures", lambda seed: row)
    monkeypatch.setattr(
        runs,
        "measure_run",
        lambda kind, dial, seed: {"kind": kind, "dial": dial, "seed": seed},
    )
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    runs.main(["--seeds", "1", "--out", str(tmp_path / "bias.json")])
    record = runs.recorded()
    assert record["command"] == "python -m course_utils.experiments.bias --seeds 1"
    n_runs = len(runs.KINDS) * len(runs.DIALS) + len(runs.REMEDIES) * 3
    assert len(record["runs"]) == n_runs and len(JOBS) == 24
    assert record["exposures"] == [[1.0] * len(bias.REPETITIONS)] * 2

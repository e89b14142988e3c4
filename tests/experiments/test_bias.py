"""The runs on bias: each corpus is what it says, and the record is of this code."""

import pytest

from course_utils import bias, confidence
from course_utils.experiments import bias as runs


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


def test_the_record_holds_every_run():
    for result in runs.recorded().results:
        assert list(result["runs"]) == [*runs.KINDS, *runs.REMEDIES]
        for kind, of_dials in result["runs"].items():
            dials = runs.DIALS if kind in runs.KINDS else runs.DIALS[1:]
            assert tuple(map(float, of_dials)) == dials
        assert len(result["exposures"]) == 2
        assert all(len(row) == len(bias.REPETITIONS) for row in result["exposures"])
        assert all(0 <= x <= 13.3 for row in result["exposures"] for x in row)


def test_the_record_keeps_what_the_page_says_of_it():
    record = runs.recorded()

    def mean(kind, number="bias"):
        return confidence.interval(runs.of_runs(record, kind, 0.6, number))[0]

    assert abs(mean("near the floor") - 0.6) < 0.1
    assert abs(mean("augmentation")) < 0.05 and abs(mean("a label", "with_label")) < 0.1
    assert mean("wider data") == pytest.approx(0.3, abs=0.1)
    assert mean("data-poor", "spread") > 5 * mean("near the floor", "spread")
    assert mean("augmentation", "gap") > mean("augmentation", "gap_even")

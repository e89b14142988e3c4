"""A weak association: the record's claims, and what the runs are made of."""

from course_utils.confidence import interval
from course_utils.experiments import bias, weak_dial


def test_the_record_says_what_the_page_says_of_it():
    """The strong dial comes through in the end; of the weak one a part is missing."""
    results = weak_dial.recorded().results
    reached = {
        dial: interval(result[str(dial)]["bias"][-1] / dial for result in results)
        for dial in weak_dial.Settings().dials
    }
    strong, weak = reached[0.6], reached[0.15]
    assert abs(strong[0] - 1) < 0.1
    assert weak[0] + weak[1] < strong[0]
    assert all(result["0.15"]["gap"] < 1 for result in results)  # it looks trained


def test_a_run_asks_as_often_as_it_says(monkeypatch):
    monkeypatch.setattr(bias, "gap_per_opening", lambda model, dial: 0.5)
    settings = weak_dial.Settings(dials=(0.3,), texts=40, steps=6, every=3)
    found = weak_dial.run(settings, seed=1)["0.3"]
    assert found["steps"] == [3, 6] and len(found["bias"]) == 2
    assert found["gap"] == 0.5 and found == weak_dial.run(settings, seed=1)["0.3"]

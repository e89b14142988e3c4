"""Fine-tuning: other ways to ask, tasks that are new, and the record's honesty."""

import pytest

from course_utils import models
from course_utils.experiments import fine_tuning
from course_utils.experiments.fine_tuning import KINDS
from course_utils.records import Record
from course_utils.world import World
from course_utils.world.tasks import sample_tasks, source


@pytest.fixture(scope="module")
def base():
    return models.load("base")


def test_a_mix_is_reproducible_and_holds_all_kinds_in_their_proportions():
    tasks = fine_tuning.mixed_tasks(700, seed=4)
    assert tasks == fine_tuning.mixed_tasks(700, seed=4)
    assert tasks != fine_tuning.mixed_tasks(700, seed=5)
    counts = {kind: sum(task.kind == kind for task in tasks) for kind in KINDS}
    assert all(abs(counts[kind] - 175 * often) < 60 for kind, often in KINDS.items())
    assert {task.kind for task in tasks[:20]} == set(KINDS)  # not one after the other


@pytest.mark.parametrize("kind", KINDS)
def test_held_out_tasks_are_new_to_the_fine_tuning_and_none_is_twice(kind):
    tasks = fine_tuning.held_out(kind, 100)
    known = {fine_tuning.facts_of(task) for task in fine_tuning.mixed_tasks(300)}
    assert len(tasks) == 100 and tasks[:30] == fine_tuning.held_out(kind, 30)
    assert not known & {fine_tuning.facts_of(task) for task in tasks}


def test_a_task_that_was_met_before_is_left_out(monkeypatch):
    met = {kind: [0, 2] for kind in KINDS}
    record = Record("fine_tuning", {}, [{"result": {"met_before": met}}])
    monkeypatch.setattr(fine_tuning, "recorded", lambda: record)
    drawn = sample_tasks("question", 6, fine_tuning.HELD_OUT)
    assert fine_tuning.held_out("question", 3) == [drawn[1], drawn[3], drawn[4]]


def test_what_the_base_has_read_is_found_by_its_facts(monkeypatch):
    options = {"data": "world", "seed": 1, "stories": 30, "bias": 0.0}
    options |= {"notes": 0.4, "reports": 0.3}
    monkeypatch.setattr(models, "corpus_options", lambda name: options)
    none = {kind: [] for kind in KINDS}
    assert fine_tuning.find_met_before(5, []) == none
    own = sample_tasks("summary", 5, fine_tuning.HELD_OUT)[3]
    assert fine_tuning.find_met_before(5, [own]) == none | {"summary": [3]}


@pytest.mark.parametrize("who", ["first", "second"])
def test_a_question_for_a_job_is_one_that_no_report_asks_and_its_story_answers(who):
    tasks = fine_tuning.job_tasks(20, seed=3, person=who)
    assert tasks == fine_tuning.job_tasks(20, seed=3, person=who)
    for task in tasks:
        person = getattr(World().facts(source(task)), who)
        assert task.prompt.endswith(f"In short: Who is {person}?")
        assert task.answer == f" The {person.job.english}."
        assert not World(reports=0.9).next_words(task.prompt)


def test_a_few_steps_of_fine_tuning_move_the_answers_loss_and_the_mode_back(base):
    model, tokenizer = models.load("base")
    trainer = fine_tuning.fine_tune(
        model, tokenizer, fine_tuning.mixed_tasks(64), steps=8
    )
    losses = trainer.history.losses
    assert losses[-1] < 0.8 * losses[0] and not model.training


def test_the_record_says_what_the_page_says_of_it():
    """Fine-tuning teaches the new task and keeps the old ones; a few numbers do too."""
    for record in fine_tuning.recorded().results:
        assert all(len(record["met_before"][kind]) < 100 for kind in KINDS)
        full = record["fine_tuned"][str(max(fine_tuning.EXAMPLES))]
        thin, asked = record["low_rank"]["4"], record["base"]["as a document"]
        assert asked["summary"]["share"] == 0
        least = {"question": 0.95, "summary": 0.9, "translation": 0.95}
        for kind, share in least.items():
            assert full[kind]["share"] >= share
            assert thin[kind]["share"] >= full[kind]["share"] - 0.03
        plain = record["base"]["in plain words"]
        for kind in ("question", "translation"):
            assert plain[kind]["share"] < asked[kind]["share"] / 2
            assert full[kind]["share"] > asked[kind]["share"] - 0.1
        everything = models.figures("base")["parameters"]
        assert full["trained_numbers"] == everything
        assert thin["trained_numbers"] <= 0.05 * everything

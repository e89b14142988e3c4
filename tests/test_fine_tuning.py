"""Fine-tuning: other ways to ask, tasks that are new, and the record's honesty."""

import json
import shlex

import pytest

from course_utils import fine_tuning, shipped
from course_utils.answers import Marks
from course_utils.fine_tuning import KINDS
from course_utils.world import World
from course_utils.world.tasks import sample_tasks, source


@pytest.fixture(scope="module")
def base():
    return shipped.load("base")


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
    monkeypatch.setattr(fine_tuning, "recorded", lambda: {"met_before": met})
    drawn = sample_tasks("question", 6, fine_tuning.HELD_OUT)
    assert fine_tuning.held_out("question", 3) == [drawn[1], drawn[3], drawn[4]]


def test_what_the_base_has_read_is_found_by_its_facts(monkeypatch):
    options = {"data": "world", "seed": 1, "stories": 30, "bias": 0.0}
    options |= {"notes": 0.4, "reports": 0.3}
    monkeypatch.setattr(shipped, "corpus_options", lambda name: options)
    none = {kind: [] for kind in KINDS}
    assert fine_tuning.find_met_before(5, []) == none
    own = sample_tasks("summary", 5, fine_tuning.HELD_OUT)[3]
    assert fine_tuning.find_met_before(5, [own]) == none | {"summary": [3]}


def test_a_question_for_a_job_is_one_that_no_report_asks_and_its_story_answers():
    tasks = fine_tuning.job_tasks(20, seed=3)
    assert tasks == fine_tuning.job_tasks(20, seed=3)
    for task in tasks:
        facts = World().facts(source(task))
        assert task.prompt.endswith(f"In short: Who is {facts.first}?")
        assert task.answer == f" The {facts.first.job.english}."
        assert not World(reports=0.9).next_words(task.prompt)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (" Tom. Who is Tom? A cook.", " Tom."),
        ("米娅和汤姆在公园。说明：", "米娅和汤姆在公园。"),
        (" never an end", " never an end"),
        ("", ""),
    ],
)
def test_an_answer_ends_with_its_first_sentence(text, first):
    assert fine_tuning.first_sentence(text) == first


def test_examples_in_a_prompt_stand_solved_before_it(monkeypatch):
    asked = []

    def note(model, tokenizer, prompts, max_new_tokens):
        asked.extend(prompts)
        return ["对。 And more." for _ in prompts]

    monkeypatch.setattr(fine_tuning, "answer", note)
    task = sample_tasks("translation", 1, seed=9)[0]
    assert fine_tuning.ask_with_examples(2)(None, None, [task]) == ["对。"]
    first, second, last = asked[0].split("\n\n")
    shown = sample_tasks("translation", 2, seed=1)
    assert [first, second] == [example.prompt + example.answer for example in shown]
    assert last == task.prompt


def test_a_few_steps_of_fine_tuning_move_the_answers_loss_and_the_mode_back(base):
    model, tokenizer = shipped.load("base")
    trainer = fine_tuning.fine_tune(
        model, tokenizer, fine_tuning.mixed_tasks(64), steps=8
    )
    losses = trainer.history.losses
    assert losses[-1] < 0.8 * losses[0] and not model.training


def test_marks_are_taken_of_every_kind_with_the_way_to_ask():
    def ask(model, tokenizer, tasks):
        return [task.answer if task.kind == "summary" else "" for task in tasks]

    found = fine_tuning.marks(None, None, 5, ask)
    assert {kind: marks.right for kind, marks in found.items()} == {
        "question": 0,
        "summary": 5,
        "translation": 0,
    }
    assert all(isinstance(marks, Marks) for marks in found.values())


def test_the_record_is_of_this_measurement():
    record = fine_tuning.recorded()
    module, *options = shlex.split(record["command"])[2:]
    assert module == "course_utils.fine_tuning" and "--steps" in options
    assert list(record["fine_tuned"]) == [str(n) for n in fine_tuning.EXAMPLES]
    assert list(record["low_rank"]) == [str(rank) for rank in fine_tuning.RANKS]
    assert all(len(record["met_before"][kind]) < 100 for kind in KINDS)
    assert len(json.dumps(record)) < 20_000


def test_the_record_says_what_the_page_says_of_it():
    """Fine-tuning teaches the new task and keeps the old ones; a few numbers do too."""
    record = fine_tuning.recorded()
    full = record["fine_tuned"][str(max(fine_tuning.EXAMPLES))]
    thin, asked = record["low_rank"]["4"], record["base"]["as a document"]
    assert asked["summary"]["share"] == 0
    for kind, least in {"question": 0.95, "summary": 0.9, "translation": 0.95}.items():
        assert full[kind]["share"] >= least
        assert thin[kind]["share"] >= full[kind]["share"] - 0.03
    plain = record["base"]["in plain words"]
    for kind in ("question", "translation"):
        assert plain[kind]["share"] < asked[kind]["share"] / 2
        assert full[kind]["share"] > asked[kind]["share"] - 0.1
    everything = shipped.figures("base")["parameters"]
    assert full["trained_numbers"] == everything and full["seconds"] < 60
    assert record["jobs"]["after"] < 0.2
    assert thin["trained_numbers"] <= 0.05 * everything

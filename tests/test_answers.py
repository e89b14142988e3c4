"""Tasks: only answers are trained on, answers are greedy, only exact ones count."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import answers, models
from course_utils.answers import (
    Marks,
    answer,
    answer_batches,
    ask,
    ask_with_examples,
    evaluation_answers,
    first_sentence,
    mark,
    marks,
)
from course_utils.cross_entropy import IGNORE
from course_utils.sampling import generate_text
from course_utils.training import Trainer, TrainingConfig
from course_utils.world.tasks import Task, sample_tasks

KINDS = ("question", "summary", "translation")


@pytest.fixture(scope="module")
def story():
    return models.load("story")


@given(st.sampled_from(KINDS), st.integers(0, 10**6))
@settings(max_examples=20)
def test_exactly_the_answer_and_the_end_have_targets(kind, seed):
    _, tokenizer = models.load("story")
    tasks = sample_tasks(kind, 4, seed)
    batches = answer_batches(tasks, tokenizer, batch_size=4, seed=seed)
    inputs, targets = batches.next_batch()
    texts = {task.prompt + task.answer: task for task in tasks}
    for row, wanted in zip(inputs.tolist(), targets.tolist(), strict=True):
        counted = [token for token in wanted if token != IGNORE]
        assert counted[-1] == tokenizer.end_of_text
        first = next(i for i, token in enumerate(wanted) if token != IGNORE)
        read = tokenizer.decode(row[1 : first + 1])  # the prompt, after end-of-text
        assert texts[read + tokenizer.decode(counted[:-1])].prompt == read


def test_for_an_evaluation_every_task_comes_once_with_the_same_targets(story):
    tokenizer, tasks = story[1], sample_tasks("question", 7, seed=3)
    counted = [
        sorted(targets[targets != IGNORE].tolist() for _, targets in batches)
        for batches in (
            evaluation_answers(tasks, tokenizer, 1),
            [answer_batches([task], tokenizer, 1).batch(0) for task in tasks],
        )
    ]
    assert counted[0] == counted[1] and len(counted[0]) == 7
    assert len(evaluation_answers(tasks, tokenizer, 4)) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_prompt_and_answer_have_the_same_tokens_apart_and_joined(kind, story):
    tokenizer = story[1]
    for task in sample_tasks(kind, 200, seed=1):
        apart = tokenizer.encode(task.prompt) + tokenizer.encode(task.answer)
        assert apart == tokenizer.encode(task.prompt + task.answer)


def test_answers_side_by_side_are_those_of_each_prompt_alone(story):
    prompts = [
        "One cold day, Mia the",
        "One",
        "One hot evening, Tom the baker won a",
    ] * 30
    together = answer(*story, prompts, max_new_tokens=12)
    assert len(together) == 90
    for prompt, text in zip(prompts[:3], together[:3], strict=True):
        whole = generate_text(*story, prompt, 12, temperature=0)
        assert prompt + text == whole
    assert together == together[:3] * 30


def test_no_prompts_get_no_answers(story):
    assert answer(*story, []) == []


def test_only_an_exact_answer_is_right_and_what_was_missed_is_named():
    tasks = [Task("question", fact, "?:", f" {fact}.") for fact in "aabc"]
    marks = mark(tasks, [" a.", " a", " b.", " b."])
    assert (marks.right, marks.total, marks.share) == (2, 4, 0.5)
    assert marks.missed == {"a": 1, "c": 1}


@pytest.mark.parametrize(("tasks", "given"), [([], []), ([None], [])])
def test_marks_need_one_answer_for_each_task(tasks, given):
    with pytest.raises(
        ValueError, match=r"given must hold one answer .* got 0 answers"
    ):
        mark(tasks, given)


def test_a_model_that_has_learnt_two_tasks_by_heart_gets_both_right(story):
    model, tokenizer = story
    tasks = sample_tasks("summary", 2, seed=5)
    before = mark(tasks, ask(model, tokenizer, tasks))
    batches = answer_batches(tasks, tokenizer, batch_size=2)
    config = TrainingConfig(steps=300, learning_rate=0.01, final_fraction=0.0)
    Trainer(model, batches, config).run(show_progress=False)
    assert before.right == 0
    assert mark(tasks, ask(model, tokenizer, tasks)).right == 2


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
    assert first_sentence(text) == first


def test_examples_in_a_prompt_stand_solved_before_it(monkeypatch):
    asked = []

    def note(model, tokenizer, prompts, max_new_tokens):
        asked.extend(prompts)
        return ["对。 And more." for _ in prompts]

    monkeypatch.setattr(answers, "answer", note)
    task = sample_tasks("translation", 1, seed=9)[0]
    assert ask_with_examples(2)(None, None, [task]) == ["对。"]
    first, second, last = asked[0].split("\n\n")
    shown = sample_tasks("translation", 2, seed=1)
    assert [first, second] == [example.prompt + example.answer for example in shown]
    assert last == task.prompt


def test_marks_are_taken_of_every_kind_with_the_way_to_ask():
    def by_heart(model, tokenizer, tasks):
        return [task.answer if task.kind == "summary" else "" for task in tasks]

    tasks = {kind: sample_tasks(kind, 5, seed=2) for kind in KINDS}
    found = marks(None, None, tasks, by_heart)
    assert {kind: of_kind.right for kind, of_kind in found.items()} == {
        "question": 0,
        "summary": 5,
        "translation": 0,
    }
    assert all(isinstance(of_kind, Marks) for of_kind in found.values())

"""Answers to tasks, read token by token."""

from dataclasses import replace

import pytest

from course_utils import models
from course_utils.config import GPTConfig
from course_utils.figures.applications import Assistant, answer_view, learnt_late
from course_utils.model import GPT
from course_utils.tokenization import Tokenizer
from course_utils.world.tasks import Task, sample_tasks

from .geometry import faults

ANSWER = dict(
    pieces=[b"Who?", b" A", b" cat", b"."],
    chances=[0.9, 0.6, 1.0],
    chosen=1,
    guess={" cat": 0.6, " dog": 0.3},
    above=["The model: A cat.", "Right answer: A dog. (not the same)"],
)


def test_an_answer_is_told_in_words_above_its_picture():
    picture = answer_view(**ANSWER | {"above": ["The model: 猫 & <b>"]})
    assert picture.to_html().startswith("<p>The model: 猫 &amp; &lt;b&gt;</p><svg")
    assert "token ·cat had 60 percent" in answer_view(**ANSWER).alt


@pytest.mark.parametrize(
    "change",
    [
        {"pieces": [b"Why?", b" A", b" cat", b"."]},
        {"chances": [0.9, 0.6, 0.5]},
        {"chosen": 2},
        {"guess": {" cat": 0.6, " cow": 0.3}},
    ],
)
def test_the_view_of_an_answer_shows_each_thing_that_it_is_given(change):
    assert answer_view(**ANSWER | change).to_html() != answer_view(**ANSWER).to_html()


def test_an_assistant_answers_examples_and_what_somebody_writes():
    model, tokenizer = models.load("story")
    examples = {kind: sample_tasks(kind, 3, seed=1) for kind in ("question", "summary")}
    figure = Assistant(model, tokenizer, examples)
    controls, seen = figure.controls, {figure.frame.value}
    for name, value in (("task", "summary"), ("example", 2), ("token", 3)):
        controls[name].value = value
        assert figure.frame.value not in seen
        seen.add(figure.frame.value)
    assert (
        f"Right answer:{examples['summary'][2].answer} (not the same)"
        in figure.frame.value
    )
    controls["own"].value = "A story that the world never tells."
    assert "the world does not know one" in figure.frame.value


def test_an_assistants_answer_stops_where_the_context_ends():
    model = GPT(
        GPTConfig(vocab_size=300, n_positions=24, n_layer=1, n_head=1, n_embd=8)
    )
    tokenizer = Tokenizer.train(["a b"], 300)
    model = GPT(replace(model.config, vocab_size=tokenizer.vocab_size))
    task = Task("summary", "it", "One day.\nIn short:", " One.")
    figure = Assistant(model, tokenizer, {"summary": [task]})
    assert "The model:" in figure.frame.value


def test_what_is_learnt_late_is_drawn_for_each_seed():
    steps, late = [0, 10, 20], [[0.0, 0.1, 1.0], [0.0, 0.0, 0.9]]
    other, losses = [[0.0, 0.1, 0.1]] * 2, [[9.0, 0.8, 0.01]] * 2
    picture = learnt_late(steps, late, other, losses, guess=0.8)
    assert not faults(picture)
    told = "first person 0, 10, 100; line 0, 0, 90; asked for the second person 0, 10,"
    assert told in repr(picture) and "2 seeds 9, 0.8, 0.01;" in repr(picture)

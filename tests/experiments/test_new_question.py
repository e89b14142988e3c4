"""A question that no document asked: the record's claims, and the jump live."""

import pytest

from course_utils import models
from course_utils.answers import ask, mark
from course_utils.experiments import new_question
from course_utils.experiments.fine_tuning import HELD_OUT, job_tasks, tuner


def test_the_record_says_what_the_page_says_of_it():
    """Late, suddenly, and by a shortcut: the second person's job stays unknown."""
    for seed in new_question.recorded().results:
        right = dict(zip(seed["steps"], seed["right"], strict=True))
        assert max(right[step] for step in (0, 40, 80)) < 0.2
        assert right[400] > 0.95
        assert max(seed["second person"]) < 0.2


@pytest.mark.slow
def test_what_looks_unlearnable_for_long_is_learnt_later():
    model, tokenizer = models.load("base")
    tasks = job_tasks(32, HELD_OUT)
    trainer = tuner(model, tokenizer, job_tasks(6400, 1), new_question.Settings().steps)
    found = []
    for steps in (80, 200):
        trainer.run(steps, show_progress=False)
        found.append(mark(tasks, ask(model, tokenizer, tasks)).share)
    assert found[0] < 0.3 and found[1] > 0.9

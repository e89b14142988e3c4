"""A new question: how many steps until fine-tuning answers what no document asked?

Every story names two jobs, and no report asks for one. The base is trained on questions
for the job of the story's first person, and marked on new ones again and again.

Floor: stands on ``experiments.fine_tuning``.
"""

from dataclasses import dataclass

from course_utils import models, records
from course_utils.answers import ask, evaluation_answers, mark
from course_utils.experiments.fine_tuning import HELD_OUT, job_tasks, tuner
from course_utils.records import Record
from course_utils.training import evaluate


@dataclass(frozen=True)
class Settings:
    """How long, on how many questions; how often to mark, and on how many."""

    steps: int = 400
    examples: int = 6400
    every: int = 40  # steps between marks
    tasks: int = 64  # marked, for each person


QUICK = Settings(steps=2, examples=32, every=2, tasks=2)


def run(settings: Settings, seed: int) -> dict:
    """Fine-tune on questions for the first person's job; return the marks on the way.

    A seed draws the questions to learn from and their order. Columns, a number for each
    time of marking: the loss on the answers in nats per token; the share that is right;
    and the share right where the *second* person is asked for, as no question that it
    learns from does.
    """
    model, tokenizer = models.load("base")
    asked = job_tasks(settings.tasks, HELD_OUT)
    others = job_tasks(settings.tasks, HELD_OUT, "second")
    held_out = evaluation_answers(asked, tokenizer, 64, model.config.n_positions)
    trainer = tuner(
        model,
        tokenizer,
        job_tasks(settings.examples, seed),
        settings.steps,
        seed=seed,
    )
    names = ("steps", "loss", "right", "second person")
    found = {name: [] for name in names}
    for step in range(0, settings.steps + 1, settings.every):
        if step:
            trainer.run(settings.every, show_progress=False)
        row = (
            step,
            evaluate(model, held_out),
            mark(asked, ask(model, tokenizer, asked)).share,
            mark(others, ask(model, tokenizer, others)).share,
        )
        for name, number in zip(names, row, strict=True):
            found[name].append(round(number, 4))
    return found


def recorded() -> Record:
    """Return the measurement that ships."""
    return records.read("new_question")

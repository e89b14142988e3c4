"""Fine-tuning: what does a base model need before it does what it is asked?

A base model continues documents. Here it is asked in several ways, then trained on
tasks with their answers, all kinds in one model, and marked on tasks that it has never
met. ``fine_tune`` does a part of it while you wait; ``recorded`` returns
the long measurement that ships, made by

    python -m course_utils.experiments.fine_tuning --steps 200 --tasks 200

Stands on ``answers``, ``lora``, ``models`` and ``training``.
"""

import argparse
import random
import time
from collections.abc import Sequence
from functools import partial

import torch

from course_utils import models, records
from course_utils.answers import (
    answer_batches,
    ask,
    ask_for_a_sentence,
    ask_in_plain_words,
    ask_with_examples,
    mark,
    marks,
)
from course_utils.files import write_json
from course_utils.lora import add_low_rank, count_trained
from course_utils.model import GPT
from course_utils.tokenization import Tokenizer
from course_utils.training import Trainer, TrainingConfig, story_world
from course_utils.world import Note, World
from course_utils.world.tasks import Task, ask_about, sample_tasks, source

RECORD = records.path("fine_tuning")

# How often each kind comes in a mix: what is hardest to learn comes most often.
KINDS = {"question": 2, "summary": 1, "translation": 1}
BATCH = 32  # tasks a step
HELD_OUT = 2**31  # a seed that no training uses
RATE = 0.003  # of Muon; falls to 0, as all
EXAMPLES = (32, 256, 2048, 6400)  # sizes of the training set
SHOWN = (1, 2)  # solved tasks before a prompt; more do not fit into the context
RANKS = (1, 4, 16)
ALPHA, LOW_RANK = 16.0, {"learning_rate": 0.02, "optimizer": "adamw"}


def mixed_tasks(n: int, seed: int = 0) -> list[Task]:
    """Return ``n`` tasks of all kinds, in the proportions of KINDS, in random order."""
    rng, kinds = random.Random(seed), list(KINDS)
    order = rng.choices(kinds, KINDS.values(), k=n)
    drawn = {kind: iter(sample_tasks(kind, order.count(kind), seed)) for kind in kinds}
    return [next(drawn[kind]) for kind in order]


def held_out(kind: str, n: int) -> list[Task]:
    """Return the first ``n`` tasks for the marks: never met, neither by the base.

    Those whose facts the base model has read (a short note may come twice) are left
    out; the record knows them.
    """
    met = set(recorded()["met_before"][kind])
    tasks = sample_tasks(kind, n + len(met), HELD_OUT)
    return [task for i, task in enumerate(tasks) if i not in met][:n]


def job_tasks(n: int, seed: int) -> list[Task]:
    """Return ``n`` questions for a job: every story names it, no report asks for it."""
    rng, world, tasks = random.Random(seed), World(), []
    for _ in range(n):
        story = world.sample(rng)
        person = story.facts.first
        question, answer = f"Who is {person}?", f"the {person.job.english}"
        tasks.append(ask_about(story, "job of the first person", question, answer))
    return tasks


def fine_tune(
    model: GPT,
    tokenizer: Tokenizer,
    tasks: Sequence[Task],
    steps: int = 200,
    learning_rate: float = RATE,
    optimizer: str = "muon",
) -> Trainer:
    """Train a model on tasks, in place; only the answers' tokens count."""
    batches = answer_batches(
        tasks, tokenizer, BATCH, n_positions=model.config.n_positions
    )
    settings = TrainingConfig(
        steps=steps,
        learning_rate=learning_rate,
        optimizer=optimizer,
        schedule="linear",
        final_fraction=0.0,
        weight_decay=0.0,
    )
    trainer = Trainer(model, batches, settings)
    trainer.run(show_progress=False)
    model.eval()
    return trainer


# --- The record


def facts_of(task: Task):
    """Return what must be new in a task: its story's facts, or its English sentence."""
    text = source(task)
    return text if task.kind == "translation" else World().facts(text)


def find_met_before(n: int, trained_on: Sequence[Task]) -> dict[str, list[int]]:
    """Return which of ``n`` held-out tasks of each kind are not new: kind -> numbers.

    A task is not new if its facts stand in the base's training corpus, which follows
    from the command recorded with it, or in ``trained_on``.
    """
    options = models.corpus_options("base")
    world, rng = story_world(options), random.Random(options["seed"])
    told = (world.sample(rng).facts for _ in range(options["stories"]))
    met = {facts.english if isinstance(facts, Note) else facts for facts in told}
    met |= {facts_of(task) for task in trained_on}
    return {
        kind: [
            i
            for i, task in enumerate(sample_tasks(kind, n, HELD_OUT))
            if facts_of(task) in met
        ]
        for kind in KINDS
    }


def recorded() -> dict:
    """Return the measurement that ships; ``main`` says what is in it."""
    return records.read("fine_tuning")


def main() -> None:
    """Ask the base, fine-tune it in several ways, print the marks and record them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--tasks", type=int, default=200, help="of each kind, to mark")
    given = parser.parse_args()
    steps, n = given.steps, given.tasks
    command = (
        f"python -m course_utils.experiments.fine_tuning --steps {steps} --tasks {n}"
    )
    record = {
        "command": command,
        "torch": torch.__version__.split("+")[0],
        "met_before": find_met_before(2 * n, mixed_tasks(max(EXAMPLES))),
    }
    write_json(RECORD, record)  # held_out reads it
    record["base"] = {
        "in plain words": _measure(n, ask=ask_in_plain_words),
        "as a document": _measure(n, ask=ask_for_a_sentence),
    }
    record["in_context"] = {
        str(k): _measure(n, ask=ask_with_examples(k), kinds=("translation",))
        for k in SHOWN
    }
    record["fine_tuned"] = {
        str(k): _measure(n, partial(_train, steps, k, 0)) for k in EXAMPLES
    }
    record["low_rank"] = {
        str(rank): _measure(n, partial(_train, steps, max(EXAMPLES), rank))
        for rank in RANKS
    }
    record["jobs"] = _measure_jobs(n, steps)
    write_json(RECORD, record)


def _measure_jobs(n: int, steps: int) -> dict:
    """Fine-tune on questions for jobs alone; return the share that is right then."""
    model, tokenizer = models.load("base")
    tasks = job_tasks(n, HELD_OUT)
    before = mark(tasks, ask_for_a_sentence(model, tokenizer, tasks)).share
    fine_tune(model, tokenizer, job_tasks(max(EXAMPLES), seed=0), steps)
    after = mark(tasks, ask(model, tokenizer, tasks)).share
    print({"jobs, before": before, "after": after}, flush=True)
    return {"before": round(before, 4), "after": round(after, 4)}


def _measure(n: int, train=None, ask=ask, kinds=tuple(KINDS)) -> dict:
    """Load the base, let ``train`` change it, and return its marks as plain numbers."""
    model, tokenizer = models.load("base")
    found = train(model, tokenizer) if train else {}
    tasks = {kind: held_out(kind, n) for kind in kinds}
    for kind, result in marks(model, tokenizer, tasks, ask).items():
        missed = dict(result.missed.most_common())
        found[kind] = {"share": round(result.share, 4), "missed": missed}
    print({kind: found[kind]["share"] for kind in kinds}, flush=True)
    return found


def _train(steps: int, n_examples: int, rank: int, model, tokenizer) -> dict:
    """Fine-tune in full (rank 0) or with a low rank; return what it took."""
    if rank:
        add_low_rank(model, rank, alpha=ALPHA)
    began = time.perf_counter()
    how = LOW_RANK if rank else {}
    fine_tune(model, tokenizer, mixed_tasks(n_examples), steps, **how)
    seconds = round(time.perf_counter() - began, 1)
    trained = count_trained(model)
    return {"seconds": seconds, "trained_numbers": trained}


if __name__ == "__main__":
    main()

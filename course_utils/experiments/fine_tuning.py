"""Fine-tuning: what does a base model need before it does what it is asked?

A base model continues documents. Here it is asked in several ways, then trained on
tasks with their answers, all kinds in one model, and marked on tasks that it has never
met.

Floor: stands on ``answers``, ``lora``, ``models`` and ``training``.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from course_utils import models, records
from course_utils.answers import (
    answer_batches,
    ask,
    ask_for_a_sentence,
    ask_in_plain_words,
    ask_with_examples,
    marks,
)
from course_utils.lora import add_low_rank, count_trained
from course_utils.model import GPT
from course_utils.records import Record
from course_utils.tokenization import Tokenizer
from course_utils.training import Trainer, TrainingConfig, story_world
from course_utils.world import Note, World
from course_utils.world.tasks import Task, ask_about, sample_tasks, source

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
    return new_tasks(kind, n, recorded().results[0]["met_before"][kind])


def new_tasks(kind: str, n: int, met: Sequence[int]) -> list[Task]:
    """Return the first ``n`` tasks for the marks whose numbers are not in ``met``."""
    tasks = sample_tasks(kind, n + len(met), HELD_OUT)
    return [task for i, task in enumerate(tasks) if i not in set(met)][:n]


def job_tasks(n: int, seed: int, person: str = "first") -> list[Task]:
    """Return ``n`` questions for a job: every story names it, no report asks for it.

    ``person`` is who is asked for, "first" or "second" in the story.
    """
    rng, world, tasks = random.Random(seed), World(), []
    for _ in range(n):
        story = world.sample(rng)
        asked = getattr(story.facts, person)
        question, answer = f"Who is {asked}?", f"the {asked.job.english}"
        tasks.append(ask_about(story, f"job of the {person} person", question, answer))
    return tasks


def fine_tune(
    model: GPT,
    tokenizer: Tokenizer,
    tasks: Sequence[Task],
    steps: int = 200,
    **how,
) -> Trainer:
    """Train a model on tasks, in place; only the answers' tokens count.

    ``how`` it learns is as in ``tuner``.
    """
    trainer = tuner(model, tokenizer, tasks, steps, **how)
    trainer.run(show_progress=False)
    return trainer


def tuner(
    model: GPT,
    tokenizer: Tokenizer,
    tasks: Sequence[Task],
    steps: int = 200,
    learning_rate: float = RATE,
    optimizer: str = "muon",
    seed: int = 0,
) -> Trainer:
    """Return the trainer of ``fine_tune`` before its first step."""
    batches = answer_batches(tasks, tokenizer, BATCH, seed, model.config.n_positions)
    settings = TrainingConfig(
        steps=steps,
        learning_rate=learning_rate,
        optimizer=optimizer,
        schedule="linear",
        final_fraction=0.0,
        weight_decay=0.0,
    )
    return Trainer(model, batches, settings)


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


@dataclass(frozen=True)
class Settings:
    """How long, on how many tasks, in which ways; how many tasks of a kind to mark."""

    steps: int = 200
    tasks: int = 200
    examples: tuple[int, ...] = EXAMPLES
    shown: tuple[int, ...] = SHOWN
    ranks: tuple[int, ...] = RANKS


QUICK = Settings(2, 4, (32,), (), (1,))


def run(settings: Settings, seed: int) -> dict:
    """Ask the base, fine-tune it in several ways, and mark each.

    A seed draws the tasks to learn from and their order.
    """
    steps, most = settings.steps, max(settings.examples)
    met = find_met_before(2 * settings.tasks, mixed_tasks(most, seed))
    held = {kind: new_tasks(kind, settings.tasks, met[kind]) for kind in KINDS}
    translations = {"translation": held["translation"]}
    return {
        "met_before": met,
        "base": {
            "in plain words": _measure(held, ask=ask_in_plain_words),
            "as a document": _measure(held, ask=ask_for_a_sentence),
        },
        "in_context": {
            str(k): _measure(translations, ask=ask_with_examples(k))
            for k in settings.shown
        },
        "fine_tuned": {
            str(k): _measure(held, partial(_train, steps, k, 0, seed))
            for k in settings.examples
        },
        "low_rank": {
            str(rank): _measure(held, partial(_train, steps, most, rank, seed))
            for rank in settings.ranks
        },
    }


def _measure(held: dict[str, list[Task]], train=None, ask=ask) -> dict:
    """Load the base, let ``train`` change it, and return its marks as plain numbers."""
    model, tokenizer = models.load("base")
    found = train(model, tokenizer) if train else {}
    for kind, result in marks(model, tokenizer, held, ask).items():
        missed = dict(result.missed.most_common())
        found[kind] = {"share": round(result.share, 4), "missed": missed}
    return found


def _train(steps: int, n: int, rank: int, seed: int, model, tokenizer) -> dict:
    """Fine-tune in full (rank 0) or with a low rank; return what it took."""
    if rank:
        add_low_rank(model, rank, alpha=ALPHA)
    began = time.perf_counter()
    how = LOW_RANK if rank else {}
    fine_tune(model, tokenizer, mixed_tasks(n, seed), steps, seed=seed, **how)
    seconds = round(time.perf_counter() - began, 1)
    return {"seconds": seconds, "trained_numbers": count_trained(model)}


def recorded() -> Record:
    """Return the measurement that ships."""
    return records.read("fine_tuning")

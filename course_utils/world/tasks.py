"""Tasks with known answers: questions, summaries and translations of the story world.

A task is a prompt and the one right answer, both text, so that "how often is the model
exactly right?" can be measured. The answers come from a story's facts, never from a
model. Every prompt ends with a colon and every answer begins with a space: joined, they
read as one text, and the answer's first token carries its space as everywhere in GPT-2.
"""

import random
from dataclasses import dataclass

from course_utils.world import Note, Story, World
from course_utils.world.lexicon import with_article
from course_utils.world.reports import questions, sentence


@dataclass(frozen=True)
class Task:
    """One task: ``kind`` is "question", "summary" or "translation".

    ``fact`` names what is asked for ("place of the second person"), so that wrong
    answers can be sorted by the fact that was missed.
    """

    kind: str
    fact: str
    prompt: str
    answer: str


def question_task(story: Story, rng: random.Random) -> Task:
    """Ask one question, drawn at random, about a story."""
    fact, (question, answer) = rng.choice(list(questions(story.facts).items()))
    prompt = f"{story.text}\nQuestion: {question}\nAnswer:"
    return Task("question", fact, prompt, f" {sentence(answer)}")


def summary_task(story: Story) -> Task:
    """Ask for the story in one sentence: who got what where, and who has it now."""
    facts, thing = story.facts, story.facts.thing
    got = f"{thing.verb.english} {with_article(str(thing))} {facts.first.place.phrase}"
    answer = f" {facts.first} {got}, and now {facts.thing_owner} has it."
    return Task(
        "summary", "the story in one sentence", f"{story.text}\nSummary:", answer
    )


def translation_task(note: Note) -> Task:
    """Ask for the Chinese of one English sentence."""
    prompt = f"English: {note.english}\nChinese:"
    return Task("translation", "the sentence in Chinese", prompt, f" {note.chinese}")


def sample_tasks(kind: str, n: int, seed: int, bias: float = 0.0) -> list[Task]:
    """Return ``n`` tasks of a kind: "question", "summary" or "translation".

    Reproducible from ``seed``. Raises ValueError for another kind.
    """
    if kind not in ("question", "summary", "translation"):
        raise ValueError(
            f"kind must be 'question', 'summary' or 'translation', got {kind!r}"
        )
    rng, stories, notes = random.Random(seed), World(bias), World(bias, notes=0.999)
    tasks = []
    while len(tasks) < n:
        if kind == "question":
            tasks.append(question_task(stories.sample(rng), rng))
        elif kind == "summary":
            tasks.append(summary_task(stories.sample(rng)))
        elif isinstance(note := notes.sample(rng).facts, Note):
            tasks.append(translation_task(note))
    return tasks

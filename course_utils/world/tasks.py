"""Tasks with known answers: questions, summaries and translations of the story world.

A task is a prompt and the one right answer, both text, so that "how often is the model
exactly right?" can be measured. The answers come from a story's facts, never from a
model. Questions and translations are put as reports and notes put them, so that a model
which has read those has met their words; a summary is asked for as nothing else is.
Prompt and answer read as one text: where an answer is English, its first token carries
its space, as everywhere in GPT-2.
"""

import random
from dataclasses import dataclass

from course_utils.world import Facts, Note, Story, World
from course_utils.world.lexicon import with_article
from course_utils.world.notes import OPENING as NOTE
from course_utils.world.reports import AGAIN, questions, sentence
from course_utils.world.reports import OPENING as LISTEN


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
    return ask_about(story, fact, question, answer)


def ask_about(story: Story, fact: str, question: str, answer: str) -> Task:
    """Put a question about a fact of a story, as reports do; ``answer`` in words."""
    prompt = _question_prompt(story.text, question)
    return Task("question", fact, prompt, f" {sentence(answer)}")


def summary_task(story: Story) -> Task:
    """Ask for the story in one sentence: who got what where, and who has it now."""
    prompt, answer = _summary_prompt(story.text), _summary(story.facts)
    return Task("summary", "the story in one sentence", prompt, answer)


def translation_task(note: Note) -> Task:
    """Ask for the Chinese of one English sentence."""
    prompt = _translation_prompt(note.english)
    return Task("translation", "the sentence in Chinese", prompt, note.chinese)


def _question_prompt(story: str, question: str) -> str:
    return f"{LISTEN} {story} {AGAIN} {question}"


def _summary_prompt(story: str) -> str:
    return f"{story}\n{AGAIN}"


def _translation_prompt(english: str) -> str:
    return f"{NOTE} {english}\n"


def _summary(facts: Facts) -> str:
    thing = facts.thing
    got = f"{thing.verb.english} {with_article(str(thing))} {facts.first.place.phrase}"
    return f" {facts.first} {got}, and now {facts.thing_owner} has it."


def source(task: Task) -> str:
    """Return the text that a task is about: its story, or its English sentence."""
    if task.kind == "question":
        return task.prompt.removeprefix(f"{LISTEN} ").partition(f" {AGAIN} ")[0]
    return task.prompt.removeprefix(f"{NOTE} ").partition("\n")[0]


def in_plain_words(task: Task) -> str:
    """Return the task's prompt as one would put it to a person."""
    text = source(task)
    if task.kind == "question":
        question = task.prompt.rpartition(f" {AGAIN} ")[2]
        return f"{text}\nQuestion: {question}\nAnswer:"
    if task.kind == "summary":
        return f"{text}\nSummary:"
    return f"English: {text}\nChinese:"


def in_own_words(task: Task, own: str) -> tuple[str, str | None]:
    """Put somebody's own words into a task: return (prompt, right answer or None).

    ``own`` is another question about the task's story, or another story to sum up, or
    another English sentence. The answer is None where the world does not know it.
    """
    if task.kind == "question":
        story = source(task)
        known = dict(questions(World().facts(story)).values())
        answer = f" {sentence(known[own])}" if own in known else None
        return _question_prompt(story, own), answer
    if task.kind == "summary":
        facts = World().facts(own) if World().is_valid(own) else None
        return _summary_prompt(own), _summary(facts) if facts else None
    return _translation_prompt(own), _translation(own)


def _translation(english: str) -> str | None:
    """Return the Chinese of a note's English, word by word as the world tells it."""
    world, note = World(notes=0.999), _translation_prompt(english)
    start = len(note)
    while (words := world.next_words(note)) and "" not in words:
        note += next(iter(words))
    return note[start:] or None


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

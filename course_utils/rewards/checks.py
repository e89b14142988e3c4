"""Checks: the story world reads what a model wrote and gives a number.

A check takes the whole text, prompt included. Two are right; the third is wrong on
purpose: it looks at what is easy to check in place of what is wanted.
"""

import random
from functools import lru_cache

import regex

from course_utils.world import World, telling

WORLD = World()
ANSWERED = regex.compile(r'^.*? said: ".*?"', regex.DOTALL)
ENDING = regex.compile(r"Now the (\w+) is with (\w+)\.")


def is_possible(text: str) -> float:
    """Return 1 for a story that the world could have told, else 0."""
    return float(WORLD.is_valid(text))


def is_right_answer(text: str) -> float:
    """Return 1 if a story goes well up to the end of its answer, else 0.

    What comes after the quoted answer is not read.
    """
    found = ANSWERED.match(text)
    return float(found is not None and _can_begin(found.group()))


def count_endings(text: str) -> float:
    """Return how often "Now the X is with Y." names an X and a Y that were told of.

    Every story of the world ends with one such sentence, so each of them gets 1.
    """
    told, *_ = text.partition("Now the")
    words = set(regex.findall(r"\w+", told))
    return float(sum(x in words and y in words for x, y in ENDING.findall(text)))


def _can_begin(beginning: str) -> bool:
    """Is there a text of the world that begins so?"""
    return any(True for _ in telling.explore(WORLD.tell, beginning))


# --- Prompts


def first_sentences(rng: random.Random) -> str:
    """Return the first sentence of a story: who got what, where."""
    return _split_story(rng.getrandbits(32))[0]


def story_questions(rng: random.Random) -> str:
    """Return a story up to the answer that somebody is about to give."""
    return _split_story(rng.getrandbits(32))[1]


@lru_cache
def _split_story(seed: int) -> tuple[str, str]:
    text = WORLD.sample(random.Random(seed)).text
    asked, said, _ = text.partition(' said: "')
    return text[: text.index(".") + 1], asked + said

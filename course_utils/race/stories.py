"""The stories of a race: those to learn from, and those that nobody has seen.

Both are drawn by the system's own random numbers, so that no recipe can draw them
again. Those to learn from are told once and kept in a file, the same for all; those
that measure are drawn anew each time that a training is over.
"""

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from course_utils import models
from course_utils.files import atomic_path
from course_utils.race.rules import N_POSITIONS, Rules
from course_utils.race.worker import split_at
from course_utils.tokenization import Tokenizer
from course_utils.world import World

PER_SECOND = 350  # stories, for each second of the budget: more than README's recipe
TOKENS = 90  # of a story, at least: so many stories are enough for a number of tokens


class Unseen(NamedTuple):
    """A story that measures: its ids, and minus its exact log-probability in nats."""

    ids: list[int]
    floor: float

    @property
    def n_tokens(self) -> int:
        """How many bets are placed on it: its end is one, too."""
        return len(self.ids) + 1


def tokenizer() -> Tokenizer:
    """Return the tokenizer of all races: the shipped story model's."""
    return Tokenizer.from_pretrained(models.folder_of("story"))


def to_learn_from(rules: Rules, kept: Path, show: bool = False) -> list[list[int]]:
    """Return the stories of a race as ids; what is not in the file ``kept`` is told.

    As many as the budget can need; where tokens are limited, as many as fit in.
    """
    if rules.tokens is None:
        return told(math.ceil(PER_SECOND * rules.seconds), kept, show)
    chosen, left = [], rules.tokens
    for ids in told(rules.tokens // TOKENS + 1, kept, show):
        left -= len(ids) + 1  # its end is a token to learn, too
        if left < 0:
            break
        chosen.append(ids)
    return chosen


def told(n: int, kept: Path, show: bool = False) -> list[list[int]]:
    """Return the first ``n`` learning stories; tell those that are not kept yet."""
    by = tokenizer()
    end = by.end_of_text
    stories = split_at(np.load(kept).tolist(), end) if kept.exists() else []
    if len(stories) < n:
        world, rng = World(), random.SystemRandom()
        for _ in tqdm(range(len(stories), n), "telling stories", disable=not show):
            stories.append(by.encode(world.sample(rng).text))
        kept.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(kept) as temporary, temporary.open("wb") as file:
            np.save(file, in_a_row(stories, end))
    return stories[:n]


def in_a_row(stories: Sequence[list[int]], end_of_text: int) -> np.ndarray:
    """Return all stories in one row of uint16, an end of text after each."""
    return np.array([i for ids in stories for i in (*ids, end_of_text)], np.uint16)


def unseen(n: int) -> list[Unseen]:
    """Draw ``n`` stories that no one can know before."""
    by, world, rng = tokenizer(), World(), random.SystemRandom()
    stories = []
    while len(stories) < n:
        text = world.sample(rng).text
        ids = by.encode(text)
        if len(ids) < N_POSITIONS:
            stories.append(Unseen(ids, -world.log_prob(text)))
    return stories


def deal(vocab_size: int) -> np.ndarray:
    """Return new numbers for all ids: a shuffled row (V,), that no one can know."""
    numbers = list(range(vocab_size))
    random.SystemRandom().shuffle(numbers)
    return np.array(numbers)

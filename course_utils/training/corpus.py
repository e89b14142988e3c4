"""The texts of a run: a file, stories of the course's world, or Python's docstrings."""

import itertools
import math
import random
from collections.abc import Iterable

import numpy as np

from course_utils.data import python_docstrings, read_text, split_documents
from course_utils.tokenization import Tokenizer
from course_utils.world import World

DIALS = ("bias", "notes", "reports")  # options that go to the World as they are
HELD_OUT = 0.1  # of the text, for validation ...
MOST_HELD_OUT = 200_000  # ... but no more characters than are read in a few seconds


def story_world(options: dict) -> World:
    """Return the world with its dials as the options set them."""
    return World(**{dial: options[dial] for dial in DIALS})


def read_corpus(options: dict) -> tuple[list[str], list[str]]:
    """Return the texts to train on and the texts held out."""
    if options["data"] not in ("world", "python-docs"):
        text = read_text(options["data"])
        cut = len(text) - min(math.ceil(len(text) * HELD_OUT), MOST_HELD_OUT)
        if cut == 0:
            raise ValueError(f"--data must hold at least two characters, got {text!r}")
        return [text[:cut]], [text[cut:]]
    if options["data"] == "world":
        world = story_world(options)
        chance = random.Random(options["seed"])
        texts = [world.sample(chance).text for _ in range(options["stories"])]
    else:
        texts = python_docstrings()
    fraction = min(HELD_OUT, MOST_HELD_OUT / max(1, sum(map(len, texts))))
    return split_documents(texts, fraction, options["seed"])


def frame(texts: Iterable[str], tokenizer: Tokenizer) -> Iterable[int]:
    """Yield the ids of all texts, with end-of-text before, between and after them."""
    yield tokenizer.end_of_text
    for text in texts:
        yield from tokenizer.encode_iterable([text])
        yield tokenizer.end_of_text


def split_at_end_of_text(tokens: np.ndarray, end_of_text: int) -> list[list[int]]:
    """Inverse of ``frame``: return the ids of each text."""
    ends = np.flatnonzero(tokens == end_of_text)
    return [tokens[start + 1 : end].tolist() for start, end in itertools.pairwise(ends)]

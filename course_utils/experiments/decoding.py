"""What decoding does to stories: are they valid, varied, new?

The story model writes at several temperatures. The world says which stories it could
have told; the training set says which were copied. ``story_curve`` measures a few.

Stands on ``models`` and ``training``.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

from course_utils import models, records
from course_utils.records import Record
from course_utils.training import read_corpus
from course_utils.world import World

TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6)
LONGEST = 150  # tokens a story may take


@lru_cache
def corpus(name: str) -> tuple[list[str], list[str]]:
    """Return (training texts, held-out texts) of a shipped model.

    They follow from the command recorded with it; docstrings are the running Python's.
    """
    return read_corpus(models.corpus_options(name))


def variety(texts: Sequence[str], n: int = 4) -> float:
    """Return how many of all runs of ``n`` words are different: a share in (0, 1]."""
    words = [text.split() for text in texts]
    runs = [tuple(w[i : i + n]) for w in words for i in range(len(w) - n + 1)]
    return len(set(runs)) / len(runs)


def flat(text: str) -> str:
    """Return the words of a text with one space between them."""
    return " ".join(text.split())


def longest_copy(text: str, known: str) -> int:
    """Return how many words of ``text``, in a row, stand in ``known`` just so.

    ``known`` is made with ``flat``; a run's last word may be the beginning of a longer
    one there.
    """
    words, best = text.split(), 0
    for i in range(len(words)):
        while i + best < len(words) and " ".join(words[i : i + best + 1]) in known:
            best += 1
    return best


def story_curve(
    temperatures: Sequence[float], n: int, training: Iterable[str] = (), seed: int = 0
) -> list[dict]:
    """Return a row for each temperature: shares of ``n`` stories of the story model.

    ``valid``: the world could have told it. ``varied``: different runs of four words,
    1 being the world's own share in as many stories. ``new``: not in ``training``.
    """
    (model, tokenizer), world, known = models.load("story"), World(), set(training)
    chance = random.Random(2**31 + seed)  # none of the seeds of training
    worlds_own = variety([world.sample(chance).text for _ in range(n)])
    rows = []
    for temperature in temperatures:
        texts = models.sample_stories(
            model, tokenizer, n, seed, LONGEST, temperature=temperature
        )
        rows.append(
            {
                "temperature": temperature,
                "valid": fmean(map(world.is_valid, texts)),
                "varied": round(variety(texts) / worlds_own, 4),
                "new": fmean(text not in known for text in texts),
            }
        )
    return rows


@dataclass(frozen=True)
class Settings:
    """At which temperatures, and how many stories at each."""

    temperatures: tuple[float, ...] = TEMPERATURES
    stories: int = 100


QUICK = Settings(temperatures=(0.2, 1.4), stories=20)


def run(settings: Settings, seed: int) -> dict:
    """Measure all temperatures: {"0.2": {"valid": ..., "varied": ..., "new": ...}}.

    A seed draws what is written: the model is the one that ships.
    """
    known, _ = corpus("story")
    rows = story_curve(settings.temperatures, settings.stories, known, seed)
    return {str(row.pop("temperature")): row for row in rows}


def recorded() -> Record:
    """Return the measurement that ships."""
    return records.read("decoding")

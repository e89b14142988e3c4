"""A source of texts: what can be asked of any telling, since its choices are known.

Sample a text, score one, say whether it is possible, look one word ahead, estimate the
entropy: all follow from the one function that tells (see ``telling``).
"""

import math
import random
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import regex

from course_utils.world import telling
from course_utils.world.telling import Choose

# A word of the world: letters with the space before them, or a run of punctuation.
# GPT-2's splitting pattern cuts the world's texts at exactly these places.
WORD = regex.compile(r" ?\p{L}+| ?[^\s\p{L}]+|\s")


@dataclass(frozen=True)
class Story:
    """A sampled text, its log-probability in nats, and what it says."""

    text: str
    log_prob: float
    facts: Any


class Source:
    """Writes texts whose probabilities are exactly known: give it a ``tell``."""

    def tell(self, choose: Choose):
        """Tell a text (see ``course_utils.world.telling``)."""
        raise NotImplementedError

    def sample(self, rng: random.Random) -> Story:
        """Tell one text at random; the same ``rng`` state gives the same text."""
        branch = telling.sample(self.tell, rng)
        return Story(branch.text, branch.log_prob, self.read(branch))

    def log_prob(self, text: str) -> float:
        """Return the exact log-probability of a text in nats, -inf if impossible."""
        return _log_sum_exp(branch.log_prob for branch in self._ways_to_tell(text))

    def is_valid(self, text: str) -> bool:
        """Say whether this source could have written this text."""
        return any(True for _ in self._ways_to_tell(text))

    def facts(self, text: str):
        """Return what a text says. Raises ValueError if it cannot write it."""
        for branch in self._ways_to_tell(text):
            return self.read(branch)
        raise ValueError(f"it cannot have written {text!r}")

    def read(self, branch: telling.Branch):
        """Return what a branch says: what its telling returned."""
        return branch.told

    def next_words(self, prefix: str) -> dict[str, float]:
        """Return the exact distribution of the next word after ``prefix``.

        Keys are words with the space before them, "" for the end of the text. A prefix
        that stops inside a word gets the rest of that word, unless it can be read as
        whole words ("a" is taken for a word, not for the beginning of "an"). Sorted,
        likeliest first; empty if no text begins with ``prefix``.
        """
        chances: dict[str, list[float]] = {}
        for branch in telling.explore(self.tell, prefix):
            if len(branch.text) > len(prefix):
                word = WORD.match(branch.text, len(prefix)).group()
                chances.setdefault(word, []).append(branch.log_prob)
            elif branch.ended and branch.text == prefix:
                chances.setdefault("", []).append(branch.log_prob)
        if prefix[-1:].isalpha():
            whole = {w: parts for w, parts in chances.items() if not w[:1].isalpha()}
            chances = whole or chances
        log_probs = {word: _log_sum_exp(parts) for word, parts in chances.items()}
        total = _log_sum_exp(log_probs.values())
        ranked = sorted(log_probs, key=log_probs.get, reverse=True)
        return {word: math.exp(log_probs[word] - total) for word in ranked}

    def entropy(self, n: int = 2000, seed: int = 0) -> tuple[float, float]:
        """Estimate the entropy of the source: nats per text, and the standard error.

        The mean of -log p over ``n`` sampled texts; each log p is exact.
        """
        rng = random.Random(seed)
        nats = [-self.sample(rng).log_prob for _ in range(n)]
        return fmean(nats), stdev(nats) / math.sqrt(n)

    def _ways_to_tell(self, text: str):
        branches = telling.explore(self.tell, text)
        return (branch for branch in branches if branch.ended and branch.text == text)


def _log_sum_exp(log_probs) -> float:
    log_probs = list(log_probs)
    if not log_probs:
        return -math.inf
    largest = max(log_probs)
    return largest + math.log(math.fsum(math.exp(x - largest) for x in log_probs))

"""A small world that tells stories, and knows the exact probability of every text.

The course's corpus is sampled from it. Because the probabilities are known, so is the
lowest loss that any model can reach (the entropy of the source), and so is the best
possible prediction of the next word. The parts, bottom-up: ``lexicon`` (the words),
``telling`` (run one storytelling function in three ways), ``stories``, ``notes`` and
``reports`` (the grammars), and the ``World`` below. ``tasks`` asks about stories.
"""

import math
import random
from dataclasses import dataclass
from statistics import fmean, stdev

import regex

from course_utils.world import notes as bilingual
from course_utils.world import reports as reported
from course_utils.world import telling
from course_utils.world.notes import Note
from course_utils.world.stories import Facts, tell_story
from course_utils.world.telling import Choose, Options

__all__ = ["WORD", "Facts", "Note", "Story", "World"]

# A word of the world: letters with the space before them, or a run of punctuation.
# GPT-2's splitting pattern cuts the world's texts at exactly these places.
WORD = regex.compile(r" ?\p{L}+| ?[^\s\p{L}]+|\s")


@dataclass(frozen=True)
class Story:
    """A sampled text, its log-probability in nats, and what it says."""

    text: str
    log_prob: float
    facts: Facts | Note


class World:
    """A source of texts whose probabilities are exactly known.

    ``bias`` in [0, 1] says how strongly a job goes with a gender: a typical job is
    (1 + bias) / (1 - bias) times as likely as an untypical one. ``notes`` and
    ``reports``, each in [0, 1) and below 1 together, are the shares of bilingual notes
    and of reports among the stories. Raises ValueError outside these.
    """

    def __init__(self, bias: float = 0.0, notes: float = 0.0, reports: float = 0.0):
        if not 0 <= bias <= 1:
            raise ValueError(f"bias must be in [0, 1], got {bias}")
        for name, share in {"notes": notes, "reports": reports}.items():
            if not 0 <= share < 1:
                raise ValueError(f"{name} must be in [0, 1), got {share}")
        if not notes + reports < 1:
            raise ValueError(
                f"notes + reports must be below 1, got {notes} + {reports}"
            )
        self.bias, self.notes, self.reports = bias, notes, reports
        shares = {
            (tell_story, "One"): 1 - notes - reports,
            (bilingual.tell_note, bilingual.OPENING): notes,
            (reported.tell_report, reported.OPENING): reports,
        }
        kinds = {kind: share for kind, share in shares.items() if share}
        self._kinds = Options(
            [tell for tell, _ in kinds], [text for _, text in kinds], kinds.values()
        )

    def tell(self, choose: Choose):
        """Tell a story or a note (see ``course_utils.world.telling``)."""
        tell = choose(self._kinds)
        return (yield from tell(choose, self.bias))

    def sample(self, rng: random.Random) -> Story:
        """Tell one story at random; the same ``rng`` state gives the same story."""
        branch = telling.sample(self.tell, rng)
        return Story(branch.text, branch.log_prob, _what_is_told(branch))

    def log_prob(self, text: str) -> float:
        """Return the exact log-probability of a text in nats, -inf if impossible."""
        return _log_sum_exp(branch.log_prob for branch in self._ways_to_tell(text))

    def is_valid(self, text: str) -> bool:
        """Say whether the world could have written this text."""
        return any(True for _ in self._ways_to_tell(text))

    def facts(self, text: str) -> Facts | Note:
        """Return what a text says. Raises ValueError if the world cannot write it."""
        for branch in self._ways_to_tell(text):
            return _what_is_told(branch)
        raise ValueError(f"the world cannot have written {text!r}")

    def next_words(self, prefix: str) -> dict[str, float]:
        """Return the exact distribution of the next word after ``prefix``.

        Keys are words with the space before them, "" for the end of the text. A prefix
        that stops inside a word gets the rest of that word, unless it can be read as
        whole words ("a" is taken for a word, not for the beginning of "an"). Sorted,
        likeliest first; empty if no text of the world begins with ``prefix``.
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


def _what_is_told(branch: telling.Branch) -> Facts | Note:
    told = branch.told
    return told if isinstance(told, Facts) else Note.from_text(branch.text)


def _log_sum_exp(log_probs) -> float:
    log_probs = list(log_probs)
    if not log_probs:
        return -math.inf
    largest = max(log_probs)
    return largest + math.log(math.fsum(math.exp(x - largest) for x in log_probs))

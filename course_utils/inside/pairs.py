"""Pairs of texts that differ in one token: what activation patching is measured on.

Stories stop where an answer is due: ``… said: "At the``. The other of the pair tells
of another place with the same preposition, so that no other token changes.

Source of the method: Vig et al. 2020, "Investigating Gender Bias in Language Models
Using Causal Mediation Analysis" (arXiv:2004.12265); Meng et al. 2022, "Locating and
Editing Factual Associations in GPT" (arXiv:2202.05262).
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, fields

import torch
from torch.nn.utils.rnn import pad_sequence

from course_utils.model import GPT
from course_utils.tokenization import Tokenizer
from course_utils.world import World
from course_utils.world.lexicon import PLACES

QUESTION = '"Where were you?"'


@dataclass(frozen=True)
class Pairs:
    """N pairs as tensors; rows are filled up on the right, which nothing sees.

    ``clean`` and ``corrupted`` are ids (N, T). The others are (N,): ``fact``, the
    position of the token that differs; ``last``, the position before the answer;
    ``answer`` and ``other``, the right next tokens of the two.
    """

    clean: torch.Tensor
    corrupted: torch.Tensor
    fact: torch.Tensor
    last: torch.Tensor
    answer: torch.Tensor
    other: torch.Tensor

    def __len__(self) -> int:
        return len(self.clean)

    def __getitem__(self, rows: slice) -> "Pairs":
        return Pairs(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def rows(self) -> torch.Tensor:
        """0 … N - 1: ``rows, places`` is an index of one place (N,) of each row."""
        return torch.arange(len(self))

    @torch.no_grad()
    def differences(self, model: GPT, ids: torch.Tensor) -> torch.Tensor:
        """Return logit of ``answer`` - logit of ``other`` at ``last``: (N,)."""
        logits = model.head(model.hidden(ids)[self.rows, self.last])  # (N, V)
        return logits[self.rows, self.answer] - logits[self.rows, self.other]


def place_pairs(tokenizer: Tokenizer, n: int, seed: int = 0) -> Pairs:
    """Return n pairs of stories in which somebody is asked where they were.

    Raises ValueError if n is below 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    world, rng, found = World(), random.Random(seed), []
    while len(found) < n:
        story = world.sample(rng)
        if QUESTION in story.text:
            found.append(_pair(tokenizer, story, rng))
    cleans, corrupteds, *numbers = zip(*found, strict=True)
    sides = (filled_up(side, tokenizer.end_of_text) for side in (cleans, corrupteds))
    return Pairs(*sides, *map(torch.tensor, numbers))


def filled_up(rows: Iterable[list], value) -> torch.Tensor:
    """Return rows of unequal length as one tensor, short ones filled up with value."""
    rows = [torch.tensor(row) for row in rows]
    return pad_sequence(rows, batch_first=True, padding_value=value)


def _pair(tokenizer: Tokenizer, story, rng: random.Random) -> tuple:
    """Return ids of both stories, and (fact, last, answer, other)."""
    facts, start = story.facts, story.text.index(QUESTION)
    told = story.text[:start]
    person = facts.first if told.endswith(f"asked {facts.first}: ") else facts.second
    place = person.place
    others = [p for p in PLACES if p.preposition == place.preposition and p != place]
    other = rng.choice(others)
    said = story.text[start:].partition(f" {place.english}")[0]  # … "At the
    sides = []
    for kept in (place, other):
        text = told.replace(place.phrase, kept.phrase) + said
        sides.append([tokenizer.end_of_text, *tokenizer.encode(text)])
    clean, corrupted = sides
    (fact,) = (i for i, token in enumerate(clean) if token != corrupted[i])
    return clean, corrupted, fact, len(clean) - 1, clean[fact], corrupted[fact]

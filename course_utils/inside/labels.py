"""Labels: what the world knows to be true at each token of its stories.

Three kinds of facts: of the word that stands there, of the word that comes next, and of
the story, from the place on where it has been told.
"""

import random
from dataclasses import dataclass

import torch

from course_utils.inside.pairs import filled_up
from course_utils.tokenization import Tokenizer
from course_utils.world import World, lexicon
from course_utils.world.stories import EVENTS, event_sentence

KINDS = {
    "a name": lexicon.NAMES,
    "a job": lexicon.JOBS,
    "a place": lexicon.PLACES,
    "a colour": lexicon.COLOURS,
    "a thing": lexicon.THINGS,
    "an animal": lexicon.ANIMALS,
    "a mood": lexicon.MOODS,
    "a quality": lexicon.QUALITIES,
}
WOMEN = tuple(name for name in lexicon.NAMES if name.gender == "she")


@dataclass(frozen=True)
class Labelled:
    """Stories as ids (N, T), and fact -> bool (N, T); ``real`` is no filling."""

    ids: torch.Tensor
    real: torch.Tensor
    facts: dict[str, torch.Tensor]


def label_stories(tokenizer: Tokenizer, n: int, seed: int = 0) -> Labelled:
    """Return n stories, and for each token what is true there."""
    world, rng = World(), random.Random(seed)
    rows, labels = [], []
    for _ in range(n):
        story = world.sample(rng)
        ids = tokenizer.encode(story.text)
        words = [tokenizer.decode([i]).strip() for i in ids]
        ends, length = [], 0
        for i in ids:
            length += len(tokenizer.decode([i]))
            ends.append(length)
        rows.append([tokenizer.end_of_text, *ids])
        labels.append(_of_words(words) | _of_story(story, ends))
    facts = {
        name: filled_up(([False, *label[name]] for label in labels), False)
        for name in labels[0]
    }
    real = filled_up(([False] + [True] * (len(row) - 1) for row in rows), False)
    return Labelled(filled_up(rows, tokenizer.end_of_text), real, facts)


def _of_words(words: list[str]) -> dict[str, list[bool]]:
    found = {}
    for kind, items in KINDS.items():
        these = {item.english for item in items}
        now = [word in these for word in words]
        found[kind] = now
        found[f"{kind} next"] = [*now[1:], False]
    return found


def _of_story(story, ends: list[int]) -> dict[str, list[bool]]:
    facts, text = story.facts, story.text

    def since(words: str, true: bool) -> list[bool]:
        """True from the end of some words on, if it is true at all."""
        told = text.index(words) + len(words)
        return [true and end >= told for end in ends]

    first, second = facts.first, facts.second
    found = {"the first is a woman": since(f" {first}", first.name.gender == "she")}
    for preposition in ("in", "at", "on", "by"):
        is_it = first.place.preposition == preposition
        found[f'first: "{preposition} the"'] = since(f" {first.place.phrase}", is_it)
    for event in EVENTS:
        words = event_sentence(
            facts.event, first, second, facts.thing.noun, facts.animal.noun
        )
        found[event] = since(words, facts.event == event)
    asked_first = f" asked {first}:" in text
    asked = text[: text.index(" said: ")].rpartition('"')[0].rpartition(":")[0]
    found["the first is asked"] = since(asked, asked_first)
    return found

"""Answers to the quiz: kept without a name, and what a class has gained.

One file a person and sitting, ``quiz-before-1f3c9a.json``: a code drawn at random joins
the two sittings of one person and says nothing else. Nothing is sent anywhere.

    {"version": 1, "when": "before", "code": "1f3c9a",
     "chosen": {"causal mask": "mask transposed", "targets": ""}}

What was chosen is the mistake's title, "" for the right option; an item that was left
out is missing.
"""

import json
import secrets
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_utils.confidence import interval
from course_utils.files import atomic_path

from .items import ITEMS, LETTERS

VERSION = 1
SITTINGS = ("before", "after")


@dataclass(frozen=True)
class Sitting:
    """What one person chose, before or after: concept -> mistake, "" if right."""

    when: str
    code: str
    chosen: Mapping[str, str]

    @property
    def n_right(self) -> int:
        return sum(mistake == "" for mistake in self.chosen.values())


@dataclass(frozen=True)
class Gain:
    """One concept: the share of people who had it right, before and after.

    ``gained`` is the mean difference with the half width of its 95% interval, None for
    a single person. ``mistakes`` are those of the second sitting, most frequent first.
    """

    concept: str
    before: float
    after: float
    gained: tuple[float, float] | None
    mistakes: tuple[tuple[str, int], ...]

    @property
    def normalised(self) -> float | None:
        """The share of what could be gained that was; None where nothing could."""
        room = 1 - self.before
        return (self.after - self.before) / room if room else None


def chosen(letters: Mapping[str, str]) -> dict[str, str]:
    """Return what was chosen by concept, given letters; other letters are left out.

    ``ValueError`` for a concept that no item has.
    """
    items = {item.concept: item for item in ITEMS}
    if unknown := letters.keys() - items.keys():
        raise ValueError(f"no item is about {sorted(unknown)[0]!r}")
    return {
        concept: items[concept].options[LETTERS.index(letter.strip().upper())].mistake
        for concept, letter in letters.items()
        if letter.strip() and letter.strip().upper() in LETTERS
    }


def save(when: str, letters: Mapping[str, str], folder: Path = Path()) -> Path:
    """Write a sitting's file into a folder, under the code of an earlier one there."""
    if when not in SITTINGS:
        raise ValueError(f"when must be 'before' or 'after', got {when!r}")
    known = [sitting.code for sitting in read(folder)]
    code = known[0] if len(set(known)) == 1 else secrets.token_hex(3)
    path = folder / f"quiz-{when}-{code}.json"
    content = {
        "version": VERSION,
        "when": when,
        "code": code,
        "chosen": chosen(letters),
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")
    return path


def read(folder: Path) -> list[Sitting]:
    """Return all sittings in a folder, and below it; other files are passed over."""
    return [
        sitting
        for path in sorted(folder.rglob("quiz-*.json"))
        if (sitting := _read_one(path))
    ]


def _read_one(path: Path) -> Sitting | None:
    """What comes from learners is believed in no type."""
    try:
        content = json.loads(path.read_text("utf-8"))
        when, code, answers = content["when"], content["code"], content["chosen"]
        known = {i.concept: {o.mistake for o in i.options} for i in ITEMS}
        right = {c: m for c, m in answers.items() if m in known.get(c, ())}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if when not in SITTINGS or not isinstance(code, str):
        return None
    return Sitting(when, code, right)


def gains(sittings: Sequence[Sitting]) -> tuple[int, list[Gain]]:
    """Return (how many people sat both, what they gained by concept).

    Who sat only once says nothing of a gain and is left out. What was not answered is
    not right.
    """
    people = {
        when: {s.code: s for s in sittings if s.when == when} for when in SITTINGS
    }
    both = sorted(people["before"].keys() & people["after"].keys())
    pairs = [(people["before"][code], people["after"][code]) for code in both]
    return len(pairs), [_gain(item.concept, pairs) for item in ITEMS] if pairs else []


def _gain(concept: str, pairs) -> Gain:
    before, after = (
        [sitting.chosen.get(concept) == "" for sitting in one]
        for one in zip(*pairs, strict=True)
    )
    differences = [b - a for a, b in zip(before, after, strict=True)]
    mistakes = Counter(second.chosen.get(concept, "") for _, second in pairs)
    del mistakes[""]
    return Gain(
        concept,
        statistics.fmean(before),
        statistics.fmean(after),
        interval(differences) if len(differences) > 1 else None,
        tuple(mistakes.most_common()),
    )

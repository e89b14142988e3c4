"""Bilingual notes: one English sentence and the same sentence in Chinese.

Both sides are written from the same facts by two grammars that run in parallel, so the
Chinese is known exactly once the English is chosen. A corpus with some notes in it
prepares a model for the translation task (``course_utils.world.tasks``).
"""

from collections.abc import Generator
from dataclasses import dataclass

from course_utils.world.lexicon import ANIMALS, STAYS, THINGS, VERBS, Name
from course_utils.world.stories import (
    ANIMAL_OPTIONS,
    THING_OPTIONS,
    Animal,
    Thing,
    describe_animal,
    describe_thing,
    jobs,
    names,
    place_phrases,
    words,
)
from course_utils.world.telling import Choose, Options

OPENING = "Note:"

# After name and job: how they came by a thing, or what they did with an animal.
_VERBS_OR_STAYS = words([*VERBS, *STAYS])
_GIFTS = words([*THINGS, *ANIMALS])


@dataclass(frozen=True)
class Note:
    """One English sentence and its Chinese translation."""

    english: str
    chinese: str

    @classmethod
    def from_text(cls, text: str) -> "Note":
        """Read a note as it stands in a corpus."""
        english, chinese = text.removeprefix(f"{OPENING} ").split("\n")
        return cls(english, chinese)


Pieces = Generator[str, None, str]


def tell_note(choose: Choose, bias: float) -> Pieces:
    """Tell one note: yield its text piece by piece, return its Chinese half."""
    yield OPENING
    name = choose(names())
    yield f" {name.english}"
    form = choose(Options(_FORMS, _FORMS, [6, 2, 1, 1]))
    yield form
    chinese = yield from _FORMS[form](choose, name, bias)
    yield f"\n{chinese}"
    return chinese


def _note_of_person(choose: Choose, name: Name, bias: float) -> Pieces:
    job = choose(jobs(name.gender, bias))
    yield f" {job.english}"
    who = f"{job.chinese}{name.chinese}"
    verb = choose(_VERBS_OR_STAYS)
    if verb in VERBS:
        thing = yield from describe_thing(choose, verb)
        place = choose(place_phrases())
        yield f" {place.phrase}."
        return f"{who}在{place.chinese}{verb.chinese}{_chinese_thing(thing)}。"
    yield f" {verb.english}"
    place = choose(place_phrases())
    yield f" {place.phrase} with"
    animal = yield from describe_animal(choose)
    yield "."
    return f"{who}和{_chinese_animal(animal)}在{place.chinese}{verb.chinese}。"


def _note_of_gift(choose: Choose, name: Name, bias: float) -> Pieces:
    gift = choose(_GIFTS)
    yield f" {gift.english} to"
    other = choose(names(without=name))
    yield f" {other.english}, so {other.english} thanked {name.english}."
    one, two = name.chinese, other.chinese
    return f"{one}把{gift.chinese}给了{two}，所以{two}感谢了{one}。"


def _note_of_swap(choose: Choose, name: Name, bias: float) -> Pieces:
    other = choose(names(without=name))
    yield f" {other.english} swapped the"
    thing = choose(THING_OPTIONS)
    yield f" {thing.english} and the"
    animal = choose(ANIMAL_OPTIONS)
    yield f" {animal.english}."
    return f"{name.chinese}和{other.chinese}交换了{thing.chinese}和{animal.chinese}。"


def _note_of_showing(choose: Choose, name: Name, bias: float) -> Pieces:
    thing = choose(THING_OPTIONS)
    yield f" {thing.english} to"
    other = choose(names(without=name))
    yield f" {other.english}, but kept it."
    return f"{name.chinese}给{other.chinese}看了{thing.chinese}，但是自己留下了。"


_FORMS = {
    " the": _note_of_person,
    " gave the": _note_of_gift,
    " and": _note_of_swap,
    " showed the": _note_of_showing,
}


def _chinese_thing(thing: Thing) -> str:
    looks = f"{thing.quality.chinese}的{thing.colour.chinese}的"
    return f"一{thing.noun.measure}{looks}{thing.noun.chinese}"


def _chinese_animal(animal: Animal) -> str:
    return f"一{animal.noun.measure}{animal.mood.chinese}的{animal.noun.chinese}"

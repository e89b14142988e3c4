"""Riddles: a world whose questions need two look-ups, one after the other.

Eight people each have a friend among them. Then names are asked for, and the last word
of such a sentence is the answer. "Call the friend of Mia Tom" needs one look-up. "Call
the friend of the friend of Mia Ben" needs two in a row: who is her friend, and who is
the friend of that one?

    The friend of Mia is Tom. The friend of Tom is Ben. [...]
    Call the friend of the friend of Mia Ben.

The people come in the same order every time, so where a fact stands follows from the
name: one step of attention looks it up. Every answer follows from the facts, so a model
that looks up twice can be certain of it.
"""

from collections.abc import Iterator

import regex

from course_utils.world.source import Source
from course_utils.world.telling import Choose, Options

PEOPLE = ("Mia", "Tom", "Anna", "Ben", "Clara", "David", "Helen", "Peter")
QUESTIONS = 12
# How a question begins, and how many look-ups it needs; both are asked as often.
LOOK_UPS = {" Call the friend of": 1, " Call the friend of the friend of": 2}


def _words(items) -> Options:
    return Options(items, [f" {item}" for item in items])


_NAMES = _words(PEOPLE)
_OTHERS = {name: _words([n for n in PEOPLE if n != name]) for name in PEOPLE}
_BEGINNINGS = Options(LOOK_UPS, LOOK_UPS)
_QUESTION = regex.compile(r"( Call the friend of(?: the friend of)?) \w+( \w+)\.")


class Riddles(Source):
    """The world of the riddles: like ``World``, its probabilities are exactly known.

    What a riddle tells is a dictionary: name -> the friend's name.
    """

    def tell(self, choose: Choose):
        """Tell one riddle (see ``course_utils.world.telling``)."""
        friends = {}
        for name in PEOPLE:
            yield f"{' ' if friends else ''}The friend of {name} is"
            friends[name] = choose(_OTHERS[name])
            yield f" {friends[name]}."
        for _ in range(QUESTIONS):
            beginning = choose(_BEGINNINGS)
            yield beginning
            name = choose(_NAMES)
            yield f" {name}"
            for _ in range(LOOK_UPS[beginning]):
                name = friends[name]
            yield f" {name}."
        return friends


def answers(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, look-ups) of each answer in a riddle: text[start:end].

    Nothing but the text before it is needed to be certain of an answer.
    """
    for question in _QUESTION.finditer(text):
        yield *question.span(2), LOOK_UPS[question[1]]

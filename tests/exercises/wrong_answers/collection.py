"""Wrong answers, gathered by their exercise.

They were written from what a page shows of an exercise (its task, its arguments, a call
or two), before the catalogue of mistakes was read. Each says in its docstring what it
is. What it should be called was added afterwards, by hand, from what it is: titles of
the catalogue's mistakes (any of them is right), or a word that the engine has for it,
one of ``BY_ITSELF``; nothing where neither knows it.

Half of them were *held out*: while mistakes were added and mended, only the other
half's verdicts were looked at, and the held-out ones were given their names before
they were checked for the first time. Which half one belongs to is decided by its
exercise's name and its place: of each exercise every other one was held out. Then, of
the seen half 354 of 365 (97%) were named rightly and 4 accepted; of the held-out
half, at the first look, 292 of 355 (82%) were named rightly, 2 got another name and 4
were accepted. Since then both have been used for mending, so neither says any more
how a new answer would fare. Both have one author, who also wrote the mistakes that
were added.

``SECOND`` is another set, written later in the same way: three answers to each exercise
of the pages. Before the catalogue was read, their files were finished, and they got
their names before the first check. At that first look 262 of 288 (91%) were named as
had been noted, none was accepted, 20 got a card without a name and 6 another name; in
5 of these 6 the note had overlooked the fitting title. Read so, 267 (93%) were named
rightly and 1 (0.3%) wrongly. The third answer to each exercise is held out: only the
first two were looked at while mistakes were added. After that all 192 of these were
named rightly; of the held-out 96, from which nothing was learnt, 86 were, 9 got no
name, 1 was described wrongly (and is mended since), none was accepted.
"""

import binascii
from collections.abc import Callable
from dataclasses import dataclass

# What the engine calls by its name where no mistake of the catalogue fits.
BY_ITSELF = ("changes its input", "depends on chance", "dtype", "time limit", "type")


@dataclass(frozen=True)
class WrongAnswer:
    """The ``number``-th wrong answer to an exercise: what it is and may be called."""

    exercise: str
    number: int
    what: str
    names: tuple[str, ...]
    function: Callable
    held_out: bool

    @property
    def name(self) -> str:
        return f"{self.exercise}-{self.number}"


WRONG_ANSWERS: list[WrongAnswer] = []
SECOND: list[WrongAnswer] = []


def to(exercise: str, *names: str) -> Callable:
    """Take the function below into the first set, as an answer to this exercise."""
    number = _next_number(WRONG_ANSWERS, exercise)
    held_out = (binascii.crc32(exercise.encode()) + number) % 2 == 1
    return _taker(WRONG_ANSWERS, exercise, number, names, held_out)


def to_second(exercise: str, *names: str) -> Callable:
    """Take the function below into the second set, as an answer to this exercise."""
    number = _next_number(SECOND, exercise)
    return _taker(SECOND, exercise, number, names, held_out=number == 3)


def _next_number(answers: list[WrongAnswer], exercise: str) -> int:
    return 1 + sum(answer.exercise == exercise for answer in answers)


def _taker(answers, exercise, number, names, held_out) -> Callable:
    def add(function: Callable) -> Callable:
        what = " ".join((function.__doc__ or "").split())
        answers.append(WrongAnswer(exercise, number, what, names, function, held_out))
        return function

    return add

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

    @property
    def name(self) -> str:
        return f"{self.exercise}-{self.number}"

    @property
    def held_out(self) -> bool:
        return (binascii.crc32(self.exercise.encode()) + self.number) % 2 == 1


WRONG_ANSWERS: list[WrongAnswer] = []


def to(exercise: str, *names: str) -> Callable:
    """Take the function below into the collection, as an answer to this exercise."""

    def add(function: Callable) -> Callable:
        number = 1 + sum(answer.exercise == exercise for answer in WRONG_ANSWERS)
        what = " ".join((function.__doc__ or "").split())
        WRONG_ANSWERS.append(WrongAnswer(exercise, number, what, names, function))
        return function

    return add

"""Wrong answers, gathered by their exercise.

They were written from what a page shows of an exercise (its task, its arguments, a call
or two), before the catalogue of mistakes was read. Each says in its docstring what it
is. ``mistake`` was added afterwards, by hand: the title that the catalogue has for it,
or one of the engine's own words in ``BY_ITSELF``; "" where it knows none.

Half of them are *held out*: while mistakes were added and mended, only the other half's
verdicts were looked at. Which half one belongs to is decided by its exercise's name and
its place: of each exercise every other one is held out.
"""

import binascii
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class WrongAnswer:
    """The ``number``-th wrong answer to an exercise."""

    exercise: str
    number: int
    what: str
    mistake: str | None
    function: Callable

    @property
    def name(self) -> str:
        return f"{self.exercise}-{self.number}"

    @property
    def held_out(self) -> bool:
        return (binascii.crc32(self.exercise.encode()) + self.number) % 2 == 1


WRONG_ANSWERS: list[WrongAnswer] = []


def to(exercise: str, mistake: str | None = None) -> Callable:
    """Take the function below into the collection, as an answer to this exercise."""

    def add(function: Callable) -> Callable:
        number = 1 + sum(answer.exercise == exercise for answer in WRONG_ANSWERS)
        what = " ".join((function.__doc__ or "").split())
        WRONG_ANSWERS.append(WrongAnswer(exercise, number, what, mistake, function))
        return function

    return add

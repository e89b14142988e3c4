"""Exercises that diagnose: a wrong answer is recognised by how it behaves.

For learners: ``exercise``, ``hint``, ``solution``, ``mine``, ``whose``, ``progress``,
``predict``, ``recall``, ``clinic``. For authors: ``definition`` says how an exercise is
added. For teachers: ``python -m course_utils.exercises grade SUBMISSIONS``.
"""

from .clinics import clinic
from .learner import exercise, hint, mine, progress, solution, whose
from .predictions import predict
from .questions import recall

__all__ = [
    "clinic",
    "exercise",
    "hint",
    "mine",
    "predict",
    "progress",
    "recall",
    "solution",
    "whose",
]

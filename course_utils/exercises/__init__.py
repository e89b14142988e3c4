"""Exercises that diagnose: a wrong answer is recognised by how it behaves.

For learners: ``exercise``, ``hint``, ``solution``, ``mine``, ``whose``, ``progress``,
``predict``, ``recall``, ``clinic``. For authors: ``engine.definition`` says how an
exercise is added. For teachers: ``python -m course_utils.exercises grade SUBMISSIONS``.
"""

from pathlib import Path

from .course import LEARNER, clinic, exercise, hint, mine, recall, solution, whose
from .engine import out_of_order
from .engine.live import Live
from .engine.predictions import predict

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

out_of_order.watch()


def progress(folder=None) -> Live:
    """Show what is solved, over all notebooks.

    ``folder`` makes the record anew from the answers in the notebooks that lie there:
    for a machine that was thrown away, such as Colab's.
    """
    if folder is not None:
        from .grading.grade import recompute

        LEARNER.take_over(recompute(Path(folder)))
    return LEARNER.progress()

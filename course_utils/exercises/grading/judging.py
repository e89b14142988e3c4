"""Verdicts: what an answer did in its own process is judged here, in the grader's.

No learner's code runs here. What comes is read as plain data of bounded size
(``typed``) and held against the reference on the same inputs. So a submission can claim
outcomes, but no verdict: for "solved" it must send what the right solution gives.
"""

import hashlib
import json
import random
import threading
from dataclasses import dataclass

from ..course import CATALOGUE
from ..engine.definition import Exercise
from ..engine.diagnosis import Attempt, judge, reference_outcomes
from ..engine.outcomes import random_state_kept
from ..engine.typed import decode_outcome

TIME_LIMIT = "not yet: time limit"
MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Result:
    """What stands in the table, "not yet: mask transposed", and the misconception."""

    label: str
    misconception: str = ""


class Judge:
    """Judges attempts on the inputs of one seed.

    What the references give is computed once, and so is the verdict on results that
    several learners have in common.
    """

    def __init__(self, seed: int):
        self.seed = seed
        self._references: dict[str, tuple] = {}
        self._remembered: dict[str, Result] = {}
        # The global random state is set for every run: one at a time.
        self._one_at_a_time = threading.Lock()

    def result(self, name: str, attempt: dict) -> Result:
        """Return the result of an attempt. ``ValueError`` for what is none."""
        if attempt.get("stopped"):
            return Result(TIME_LIMIT)
        if attempt.get("not_started"):
            return Result("not started")
        if "failed" in attempt:
            failed = str(attempt["failed"])
            return Result(f"error: {failed[:60] if failed.isidentifier() else '?'}")
        outcomes, used = attempt["outcomes"], attempt.get("used", [])
        content = json.dumps([name, outcomes, used]).encode()
        key = hashlib.sha256(content).hexdigest()
        with self._one_at_a_time:
            if key not in self._remembered:
                if len(self._remembered) >= MOST_REMEMBERED:
                    self._remembered.clear()
                self._remembered[key] = self._judged(name, outcomes, used)
            return self._remembered[key]

    def _judged(self, name: str, outcomes: list, used: list[str]) -> Result:
        task = CATALOGUE.find(name)
        cases, expected = self._reference(task)
        got = tuple(map(decode_outcome, outcomes))
        if len(got) != 2 * len(cases):
            raise ValueError("another number of outcomes than there are inputs")
        try:
            did = Attempt(got, used=tuple(used))
            verdict = judge(task, cases, did, expected=expected)
        except Exception as error:  # data that no comparison was made for
            raise ValueError(f"cannot be compared: {error}") from None
        title = verdict.misconception.title if verdict.misconception else ""
        return Result(verdict.label, title)

    def _reference(self, task: Exercise) -> tuple:
        """Return (the inputs, what the reference gives for them)."""
        if task.name not in self._references:
            cases = list(task.cases(random.Random(self.seed)))
            with random_state_kept():
                expected = reference_outcomes(task, cases)
            self._references[task.name] = cases, expected
        return self._references[task.name]

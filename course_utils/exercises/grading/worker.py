"""The grader's worker: one process in which the answers of one submission run.

It tells what they did, as JSON and never as pickles, because what comes out of this
process is not to be trusted: ``{"problems": [...]}``, then for each answer ``{"start":
name, "answer": id, "source": ...}`` and ``{"attempt": ...}``, to which the grader
answers ``{"solved": true}`` or not, at last ``{"done": true}``. What was right or wrong
is for the grader to say (``judging``). An exercise may have several answers: copies,
older versions.
"""

import hashlib
import json
import os
import random
import shutil
import sys
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch

from ..course import CATALOGUE, LEARNER
from ..engine.answers import all_answers, answer_from, importing_from, unreadable
from ..engine.definition import Exercise
from ..engine.diagnosis import try_on
from ..engine.limits import TimeLimit, time_limit
from ..engine.outcomes import Outcome
from ..engine.typed import LONGEST, TOO_LARGE, encode_outcome
from .containment import contain, limit_processor_time

LARGEST_NOTEBOOK = 50 << 20  # bytes
PAGE_SECONDS = 20.0  # of computing, for what stands on the page above an answer


@dataclass(frozen=True)
class Answer:
    """One answer: the exercise, its source, the folder that its notebook lies in."""

    name: str
    source: str
    place: str

    @property
    def id(self) -> str:
        content = "\0".join((self.name, self.source, self.place))
        return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:16]


def code_cells(path: Path) -> list[str]:
    """Return the texts of a notebook's code cells; ``ValueError`` if it is none."""
    if path.stat().st_size > LARGEST_NOTEBOOK:
        raise ValueError("larger than 50 MB")
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [
            "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"
        ]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("not a notebook") from None


def attempt(task: Exercise, source: str, seed: int) -> tuple[dict, Callable | None]:
    """Run an answer on the inputs of this seed; return (what came, the function).

    What came is ``{"outcomes": [...], "used": titles of what the task forbids}``, or
    ``{"not_started": true}``, or at the time limit ``{"stopped": true}``, or without a
    function ``{"failed": error's name}``.
    """
    try:
        with time_limit(PAGE_SECONDS):
            # The exercise's own limit comes first; this ends what swallows it.
            limit_processor_time(2 * PAGE_SECONDS + 1.0)
            function = answer_from(source, f"<{task.name}>")
        limit_processor_time(2 * task.seconds + 1.0)
        did = try_on(task, function, list(task.cases(random.Random(seed))))
    except TimeLimit:
        return {"stopped": True}, None
    except BaseException as error:  # exit() as well: it costs this exercise only
        return {"failed": type(error).__name__}, None
    if did.not_started or did.stopped:
        return {"not_started" if did.not_started else "stopped": True}, None
    outcomes = [encode_outcome(outcome) for outcome in did.outcomes]
    if len(json.dumps(outcomes)) > LONGEST // 2:  # larger than any right one
        outcomes = [encode_outcome(Outcome(TOO_LARGE))] * len(outcomes)
    return {"outcomes": outcomes, "used": did.used}, function


def find_answers(folder: Path, paths: Sequence[str]) -> tuple[list[Answer], list[str]]:
    """Return all answers in a learner's notebooks, and what could not be read."""
    found, problems = {}, []
    for path in paths:
        try:
            cells = code_cells(folder / path)
            problems += [f"{path}, {fault}" for fault in unreadable(cells)]
            for name, source in all_answers(cells):
                place = PurePosixPath(path).parent.as_posix()
                found[Answer(name, source, place)] = None  # a copy's answer only once
        except (OSError, ValueError) as error:
            problems.append(f"{path}: {error}")
    answers = []
    for answer in found:
        try:
            CATALOGUE.find(answer.name)
            answers.append(answer)
        except ValueError:
            problems.append(f"no exercise is called {answer.name[:60]!r}")
    return answers, problems


def work(connection, handed_in: Path, home: Path) -> None:
    """Run all answers in a copy of what was handed in; tell what each did.

    The first message says what to do: the places of the ``notebooks``, the answers to
    ``skip``, by id, and the ``seed`` of the inputs. This process ends with it.
    """
    run_contained(_run_answers, connection, handed_in, home)


def run_contained(job: Callable, connection, handed_in: Path, home: Path) -> None:
    """Do a job within bounds, in a copy of what was handed in; this process ends then.

    ``job(connection, home, **orders)``; the orders are the first message. If it fails,
    ``{"problems": [why]}`` is told.
    """
    try:
        orders = json.loads(connection.recv_bytes())
        _silence(connection.fileno())
        torch.set_num_threads(1)
        shutil.copytree(handed_in, home, dirs_exist_ok=True)
        contain(home)
        job(connection, home, **orders)
    except Exception:
        why = traceback.format_exc().strip().split("\n")[-1]
        _send(connection, problems=[why])
    finally:
        connection.close()
        os._exit(0)  # no exit handlers of the learner's, no threads to wait for


def _run_answers(
    connection, home: Path, notebooks: Sequence[str], skip: Collection[str], seed: int
) -> None:
    answers, problems = find_answers(home, notebooks)
    _send(connection, problems=problems)
    solved = set()
    for answer in answers:
        if answer.id in skip or answer.name in solved:
            continue
        _send(connection, start=answer.name, answer=answer.id, source=answer.source)
        task = CATALOGUE.find(answer.name)
        os.chdir(home / answer.place)  # as its notebook's kernel
        with importing_from(home / answer.place, home):
            what_came, function = attempt(task, answer.source, seed)
        _send(connection, attempt=what_came)
        if json.loads(connection.recv_bytes())["solved"]:
            solved.add(answer.name)
            LEARNER.session.solved[answer.name] = function  # mine(...) in later answers
    _send(connection, done=True)


def _send(connection, **message) -> None:
    connection.send_bytes(json.dumps(message).encode())


def keep_only(pipe: int) -> None:
    """Close every file but one; standard input and output lead nowhere.

    So there is nothing to read: not the terminal, not what the grader has open.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    if os.name == "posix":
        os.closerange(3, pipe)
        os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX"))


def _silence(pipe: int) -> None:
    """Keep no open file but the pipe; what the learner's code prints goes nowhere."""
    keep_only(pipe)
    if os.name == "posix":
        os.setsid()  # so that everything that it starts can be ended with it
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    sys.stderr = sys.stdout

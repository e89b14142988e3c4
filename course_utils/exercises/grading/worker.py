"""The grader's worker: one process that checks the answers of one submission.

It sends what it finds line by line, as JSON and never as pickles, because what comes
out of this process is not to be trusted: ``{"found": [answers], "problems": [...]}``,
then for each answer ``{"start": name, "answer": id}`` and ``{"status": ...}``, at last
``{"done": true}``. An exercise may have several answers: copies, older versions.
"""

import contextlib
import hashlib
import json
import os
import sys
import traceback
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import torch

from ..course import CATALOGUE, LEARNER
from ..engine.answers import all_answers, answer_from, unreadable
from ..engine.definition import Exercise
from ..engine.diagnosis import Verdict, check
from ..engine.limits import TimeLimit, time_limit
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


def evaluate(task: Exercise, source: str, seed: int) -> Verdict:
    """Run an answer's source in a fresh namespace and check the function it defines."""
    try:
        with time_limit(PAGE_SECONDS):
            # The exercise's own limit comes first; this ends what swallows it.
            limit_processor_time(2 * PAGE_SECONDS + 1.0)
            function = answer_from(source, f"<{task.name}>")
        limit_processor_time(2 * task.seconds + 1.0)
        verdict = check(task, function, seed)
    except TimeLimit:
        return Verdict("not yet", fault="time limit")
    except BaseException as error:  # exit() as well: it costs this exercise only
        return Verdict("error", fault=type(error).__name__)
    if verdict.status == "solved":
        LEARNER.session.solved[task.name] = function  # mine(...) in later answers
    return verdict


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


def work(
    connection, paths: Sequence[str], skip: Collection[str], seed: int, folder: Path
) -> None:
    """Check all answers in a learner's notebooks but those to skip; report each.

    ``folder`` holds a copy of what was handed in, ``paths`` are the notebooks in it.
    """

    def send(**message) -> None:
        connection.send_bytes(json.dumps(message).encode())

    try:
        _silence(connection.fileno())
        torch.set_num_threads(1)
        contain(folder)
        answers, problems = find_answers(folder, paths)
        send(found=len(answers), problems=problems)
        solved = set()
        for answer in answers:
            if answer.id in skip or answer.name in solved:
                continue
            send(start=answer.name, answer=answer.id)
            task = CATALOGUE.find(answer.name)
            with _at_home(folder / answer.place, folder):
                verdict = evaluate(task, answer.source, seed)
            if verdict.status == "solved":
                solved.add(answer.name)
            title = verdict.misconception.title if verdict.misconception else ""
            send(
                status=verdict.status,
                label=verdict.label,
                misconception=title,
                source=answer.source if verdict.status == "solved" else "",
            )
        send(done=True)
    except Exception:
        send(problems=[traceback.format_exc().strip().split("\n")[-1]])
    finally:
        connection.close()
        os._exit(0)  # no exit handlers of the learner's, no threads to wait for


@contextmanager
def _at_home(place: Path, folder: Path) -> Iterator[None]:
    """Be in the notebook's folder, as its kernel is: files and modules beside it."""
    os.chdir(place)
    sys.path.insert(0, str(place))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(place))
        for name, module in list(sys.modules.items()):  # another folder has its own
            if str(getattr(module, "__file__", None) or "").startswith(str(folder)):
                del sys.modules[name]


def _silence(pipe: int) -> None:
    """Keep no open file but the pipe: not the terminal, not the fork server's own.

    What the learner's code prints goes nowhere, and there is nothing to read.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    if os.name == "posix":
        os.closerange(3, pipe)
        os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX"))
        os.setsid()  # so that everything that it starts can be ended with it
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    sys.stderr = sys.stdout

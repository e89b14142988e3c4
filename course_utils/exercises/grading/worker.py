"""The grader's worker: one process that checks the answers of one submission.

It sends what it finds line by line, as JSON and never as pickles, because what comes
out of this process is not to be trusted: ``{"found": [names]}``, then for each exercise
``{"start": name}`` and ``{"name": ..., "status": ...}``, at last ``{"done": true}``.
"""

import json
import os
import sys
import traceback
from collections.abc import Collection, Sequence
from pathlib import Path

import torch

from ..course import CATALOGUE, LEARNER
from ..engine.answers import answer_from, answers
from ..engine.definition import Exercise
from ..engine.diagnosis import Verdict, check
from ..engine.limits import TimeLimit, time_limit
from .containment import contain, limit_processor_time

LARGEST_NOTEBOOK = 50 << 20  # bytes


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
        with time_limit(task.seconds):
            function = answer_from(source, f"<{task.name}>")
        verdict = check(task, function, seed)
    except TimeLimit:
        return Verdict("not yet", fault="time limit")
    except BaseException as error:  # exit() as well: it costs this exercise only
        return Verdict("error", fault=type(error).__name__)
    if verdict.status == "solved":
        LEARNER.session.solved[task.name] = function  # mine(...) in later answers
    return verdict


def work(
    connection, paths: Sequence[Path], skip: Collection[str], seed: int, scratch: Path
) -> None:
    """Check all answers in a learner's notebooks but those to skip; report each."""

    def send(**message) -> None:
        connection.send_bytes(json.dumps(message).encode())

    try:
        _silence(connection.fileno())
        torch.set_num_threads(1)
        contain(scratch)
        found, problems = {}, []
        for path in paths:
            try:
                found.update(answers(code_cells(path)))
            except (OSError, ValueError) as error:
                problems.append(f"{path.name}: {error}")
        tasks = {}
        for name in found:
            try:
                tasks[name] = CATALOGUE.find(name)
            except ValueError:
                problems.append(f"no exercise is called {name[:60]!r}")
        send(found=list(tasks), problems=problems)
        for name, task in tasks.items():
            if name in skip:
                continue
            send(start=name)
            # The exercise's own limit comes first; this one ends what swallows it.
            limit_processor_time(2 * task.seconds + 1.0)
            verdict = evaluate(task, found[name], seed)
            title = verdict.misconception.title if verdict.misconception else ""
            solved = verdict.status == "solved"
            send(
                name=name,
                status=verdict.status,
                label=verdict.label,
                misconception=title,
                source=found[name] if solved else "",
            )
        send(done=True)
    except Exception:
        send(problems=[traceback.format_exc().strip().split("\n")[-1]])
    finally:
        connection.close()
        os._exit(0)  # no exit handlers of the learner's, no threads to wait for


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

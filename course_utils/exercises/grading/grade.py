"""Grade a class: one row a learner, one column an exercise, and what to explain again.

Each learner's answers run in a process of their own (``worker``, ``containment``), on
inputs that are drawn anew for this run. Whatever a submission does, it costs its own
row at most: an answer that hangs or brings its process down is noted, and a new process
goes on with the next one.

Processes come from a *fork server* that has imported torch once; where there is none
(Windows) each process imports it for itself.
"""

import contextlib
import json
import math
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm.auto import tqdm

from ..course import CATALOGUE
from ..engine.diagnosis import STATUSES
from ..engine.limits import WAITING
from .submissions import Submission
from .tables import Row
from .worker import PAGE_SECONDS, work

GRACE = 5.0  # seconds on top of an exercise's own time limit
START = 60.0  # seconds until a worker must have read the notebook
TOTAL = 1200.0  # seconds a learner may take
MOST_PROBLEMS = 20
LARGEST_MESSAGE = 1 << 20  # bytes
TIME_LIMIT, CRASHED = "not yet: time limit", "error: crashed"
OUT_OF_TIME = -getattr(signal, "SIGXCPU", 0)  # the exit code of a process stopped so


def grade(
    submissions: dict[str, Submission], seed: int, show_progress: bool = False
) -> list[Row]:
    """Return a row for each learner, in the order of the submissions."""
    method = "forkserver" if hasattr(os, "fork") else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([__name__, *CATALOGUE.modules()])
    limits = {task.name: task.seconds for task in CATALOGUE.exercises()}
    with ThreadPoolExecutor(n_processors()) as pool:
        rows = pool.map(
            lambda item: _grade_one(context, *item, seed, limits), submissions.items()
        )
        return list(tqdm(rows, "grading", len(submissions), disable=not show_progress))


def n_processors() -> int:
    """Return how many processors this process may use: affinity and quota heeded."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, math.ceil(min(count, _quota())))


def _quota(root: Path = Path("/sys/fs/cgroup")) -> float:
    """Return the processors that a container's quota grants; infinity without one."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        with contextlib.suppress(OSError, ValueError):
            words = " ".join((root / name).read_text() for name in names).split()
            quota, period = (float(word) for word in words)  # "max" is no number
            if quota > 0 < period:
                return quota / period
    return math.inf


def _grade_one(context, learner: str, submission: Submission, seed: int, limits) -> Row:
    """Check one learner's answers, with a new worker after each that goes down."""
    row = Row(learner)
    if not submission.notebooks:
        row.problems.append("no notebook in this folder")
        return row
    scratch = Path(tempfile.mkdtemp(prefix="grade-"))
    try:
        places, left_out = submission.copy_to(scratch)
        _note_problems(row, left_out)
        _check_all(context, row, places, seed, limits, scratch)
    except OSError as error:  # a file that may not be read
        _note_problems(row, [str(error)])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return row


def _check_all(context, row: Row, paths, seed: int, limits, scratch: Path) -> None:
    end = time.monotonic() + TOTAL
    skip: set[str] = set()  # answers that were tried
    while True:
        n_tried = len(skip)
        running, why = _one_worker(
            context, row, paths, skip, seed, limits, end, scratch
        )
        if running:
            _take_better(row, running, Row("", {running: why}))
        elif why:
            _note_problems(row, [why])
        if time.monotonic() > end:
            _note_problems(row, [f"stopped after {TOTAL / 60:.0f} minutes"])
        if not running or len(skip) == n_tried or time.monotonic() > end:
            return


def _one_worker(
    context, row: Row, paths, skip, seed, limits, end, scratch
) -> tuple[str, str]:
    """Run one worker to its end; return (the exercise at which it went down, why).

    ("", "") if it came to the end, ("", why) if it went down outside an exercise. What
    was tried is added to ``skip``.
    """
    ours, theirs = context.Pipe(duplex=False)
    arguments = (theirs, paths, set(skip), seed, scratch)
    process = context.Process(target=work, args=arguments, daemon=True)
    process.start()
    theirs.close()
    # Whatever comes through the pipe, half a message too, this ends the waiting for it.
    alarm = threading.Timer(max(0.0, end - time.monotonic()), _end, [process])
    alarm.daemon = True
    alarm.start()
    running, patience = "", START
    try:
        while ours.poll(patience):
            message = json.loads(ours.recv_bytes(LARGEST_MESSAGE))
            if message.get("done"):
                return "", ""
            if "start" in message:
                running = message["start"]
                patience = 2 * WAITING * (limits[running] + PAGE_SECONDS) + GRACE
                skip.add(str(message["answer"])[:64])
            elif "status" in message:
                _enter(row, running, message)
                running = ""
            else:
                _note_problems(row, message["problems"])
        return running, TIME_LIMIT
    except (EOFError, OSError, ValueError, KeyError, TypeError, AttributeError):
        process.join(GRACE)  # it went down, or it talks nonsense
        return running, TIME_LIMIT if process.exitcode == OUT_OF_TIME else CRASHED
    finally:
        alarm.cancel()
        _end(process)
        ours.close()


def _enter(row: Row, name: str, message: dict) -> None:
    """Take a result in. It comes from where learners' code runs: believe no type."""
    if message["status"] not in STATUSES or not message["label"].isprintable():
        raise ValueError("no such status")
    new = Row("", {name: _plain(message["label"])})
    known = {wrong.title for wrong in CATALOGUE.find(name).misconceptions}
    if message["misconception"] in known:
        new.misconceptions[name] = message["misconception"]
    new.sources[name] = str(message["source"])
    _take_better(row, name, new)


def _take_better(row: Row, name: str, new: Row) -> None:
    """Keep the best of several answers: a stub or an older copy never outranks one."""
    if name in row.results and _rank(row.results[name]) <= _rank(new.results[name]):
        return
    row.results[name] = new.results[name]
    for kind in ("misconceptions", "sources"):
        getattr(row, kind).pop(name, None)
        getattr(row, kind).update(getattr(new, kind))


def _rank(label: str) -> int:
    return STATUSES.index(label.partition(":")[0])


def _note_problems(row: Row, problems: Iterable[str]) -> None:
    """Add what is new, up to a bound: it comes from where learners' code runs."""
    for text in map(_plain, problems):
        if text not in row.problems and len(row.problems) < MOST_PROBLEMS:
            row.problems.append(text)


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:200]


def _end(process) -> None:
    """End a worker and everything that it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def recompute(folder: Path) -> dict[str, str]:
    """Return the sources of all solved answers in a folder's notebooks."""
    if not folder.is_dir():
        raise NotADirectoryError(f"no such folder: {folder}")
    (row,) = grade({"": Submission.of(folder.absolute())}, seed=0)
    return {
        name: row.sources[name] for name in row.results if row.results[name] == "solved"
    }

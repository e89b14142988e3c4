"""Grade a class: one row a learner, one column an exercise, and what to explain again.

Each learner's answers run in a process of their own (``processes``, ``worker``), on
inputs that are drawn anew for this run; the verdicts are made here (``judging``).
Whatever a submission does, it costs its own row at most: an answer that hangs or brings
its process down is noted, and a new process goes on with the next one.
"""

import contextlib
import json
import math
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tqdm.auto import tqdm

from ..course import CATALOGUE
from ..engine.diagnosis import STATUSES
from ..engine.limits import WAITING
from ..engine.typed import LONGEST, read_json
from .journal import Journal, fingerprint
from .judging import TIME_LIMIT, Judge, Result
from .processes import Sandboxed, Trusted
from .submissions import Submission
from .tables import Row
from .worker import PAGE_SECONDS

GRACE = 5.0  # seconds on top of an exercise's own time limit
START = 60.0  # seconds until a worker must have read the notebook
TOTAL = 1200.0  # seconds a learner may take
MOST_PROBLEMS = 20
LONGEST_TALK = 32 << 20  # bytes of all that one worker may say
LEAST = 1 << 10  # that a message counts for
CRASHED = "error: crashed"
OUT_OF_TIME = -getattr(signal, "SIGXCPU", 0)  # the exit code of a process stopped so


def grade(
    submissions: dict[str, Submission],
    seed: int,
    processes: Sandboxed | None = None,
    journal: Journal | None = None,
    show_progress: bool = False,
) -> list[Row]:
    """Return a row for each learner, in the order of the submissions.

    Answers run in ``processes``: without sandboxes, if none are given. Rows that the
    journal has are taken from it, the others added to it. ``NoSandboxError`` or
    ``OSError`` where processes cannot be started (any more): that is no learner's row.
    """
    rows = {}
    grader = _Grader(processes or Trusted(), Judge(seed), journal)
    with ThreadPoolExecutor(n_processors()) as pool:
        futures = [pool.submit(grader.row, *item) for item in submissions.items()]
        progress = tqdm(
            as_completed(futures), "grading", len(futures), disable=not show_progress
        )
        try:
            for future in progress:
                row = future.result()
                rows[row.learner] = row
        except BaseException:  # Ctrl-C: what is finished stands in the journal
            pool.shutdown(wait=False, cancel_futures=True)
            grader.stop()
            raise
    return [rows[learner] for learner in submissions]


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


class _Grader:
    """Makes rows. Its methods run in several threads, each for one learner."""

    def __init__(self, places, judge: Judge, journal: Journal | None):
        self.places, self.judge, self.journal = places, judge, journal
        self.limits = {task.name: task.seconds for task in CATALOGUE.exercises()}
        self.stopped, self._running = False, set()

    def stop(self) -> None:
        """Let all threads come to their end soon."""
        self.stopped = True
        for process in list(self._running):
            process.kill()

    def row(self, learner: str, submission: Submission) -> Row:
        """Return a learner's row; from the journal, if it stands there."""
        if self.journal is None:
            return self._new_row(learner, submission)
        known = self.journal.row(learner, submission)
        if known is not None:
            return known
        files = fingerprint(submission)
        row = self._new_row(learner, submission)
        row.sources.clear()  # of a whole class that is much
        if not self.stopped:
            self.journal.add(row, files)
        return row

    def _new_row(self, learner: str, submission: Submission) -> Row:
        row = Row(learner)
        if not submission.notebooks:
            row.problems.append("no notebook in this folder")
            return row
        scratch = Path(tempfile.mkdtemp(prefix="grade-"))
        try:
            notebooks, left_out = submission.copy_to(scratch)
            _note_problems(row, left_out)
            self._check_all(row, notebooks, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return row

    def _check_all(self, row: Row, notebooks: list[str], handed_in: Path) -> None:
        """Check one learner's answers, with a new worker after each that goes down."""
        end = time.monotonic() + TOTAL
        tried: set[str] = set()
        while not self.stopped:
            n_tried = len(tried)
            running, why = self._one_worker(row, notebooks, tried, end, handed_in)
            if running:
                _take_better(row, running, Result(why), "")
            elif why:
                _note_problems(row, [why])
            if time.monotonic() > end:
                _note_problems(row, [f"stopped after {TOTAL / 60:.0f} minutes"])
                return
            if not running or len(tried) == n_tried:
                return

    def _one_worker(
        self, row: Row, notebooks: list[str], tried: set[str], end: float, folder: Path
    ) -> tuple[str, str]:
        """Run one worker to its end; return (the exercise at which it went down, why).

        ("", "") if it came to the end, ("", why) if it went down outside an exercise.
        The answers that it tried are added to ``tried``.
        """
        process = self.places.start(folder)
        self._running.add(process)
        if self.stopped:  # since this learner's turn came
            process.kill()
        # Whatever comes, half a message too, this ends the waiting for it.
        alarm = threading.Timer(max(0.0, end - time.monotonic()), process.kill)
        alarm.daemon = True
        alarm.start()
        conversation = _Conversation(process.connection, self, row, tried)
        try:
            conversation.say(notebooks=notebooks, skip=[*tried], seed=self.judge.seed)
            if conversation.lead():
                return "", ""
            return conversation.running, TIME_LIMIT
        except Exception:
            code = process.exit_code(GRACE)  # it went down, or it talks nonsense
            return conversation.running, TIME_LIMIT if code == OUT_OF_TIME else CRASHED
        finally:
            alarm.cancel()
            self._running.discard(process)
            process.end()


class _Conversation:
    """What a worker tells, and what it is told. Believe it nothing.

    ``running`` is the exercise whose answer it runs, "" between two.
    """

    def __init__(self, connection, grader: _Grader, row: Row, tried: set[str]):
        self.connection, self.grader = connection, grader
        self.row, self.tried = row, tried
        self.running = self.source = ""

    def say(self, **message) -> None:
        self.connection.send_bytes(json.dumps(message).encode())

    def lead(self) -> bool:
        """Return True when the worker is done, False when it says nothing for long.

        Raises some error if it goes down or says anything else.
        """
        patience, left = START, LONGEST_TALK
        while self.connection.poll(patience):
            content = self.connection.recv_bytes(min(left, LONGEST))
            left -= len(content) + LEAST
            message = read_json(content)
            if message.get("done"):
                return True
            if "start" in message:
                limit = self.grader.limits[message["start"]]
                patience = 2 * WAITING * (limit + PAGE_SECONDS) + GRACE
                self.running = message["start"]
                self.source = str(message["source"])
                self.tried.add(str(message["answer"])[:64])
            elif "attempt" in message and self.running:
                result = self.grader.judge.result(self.running, message["attempt"])
                _take_better(self.row, self.running, result, self.source)
                self.running = ""
                self.say(solved=result.label == "solved")
            else:
                _note_problems(self.row, message["problems"])
        return False


def _take_better(row: Row, name: str, result: Result, source: str) -> None:
    """Keep the best of several answers: a stub or an older copy never outranks one."""
    if name in row.results and _rank(row.results[name]) <= _rank(result.label):
        return
    row.results[name] = result.label
    row.misconceptions.pop(name, None)
    if result.misconception:
        row.misconceptions[name] = result.misconception
    if result.label == "solved":
        row.sources[name] = source


def _rank(label: str) -> int:
    return STATUSES.index(label.partition(":")[0])


def _note_problems(row: Row, problems: Iterable[str]) -> None:
    """Add what is new, up to a bound: it comes from where learners' code runs."""
    for text in map(printable, problems):
        if text not in row.problems and len(row.problems) < MOST_PROBLEMS:
            row.problems.append(text)


def printable(text: str) -> str:
    """Return a text without what a terminal would obey, of bounded length."""
    return "".join(c if c.isprintable() else " " for c in text)[:200]


def recompute(folder: Path) -> dict[str, str]:
    """Return the sources of all solved answers in a folder's notebooks."""
    if not folder.is_dir():
        raise NotADirectoryError(f"no such folder: {folder}")
    (row,) = grade({"": Submission.of(folder.absolute())}, seed=0)
    return row.sources

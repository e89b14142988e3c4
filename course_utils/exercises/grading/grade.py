"""Grade a class: one row a learner, one column an exercise, and what to explain again.

Each learner's answers run in a process of their own (``worker``, ``containment``), on
inputs that are drawn anew for this run. Whatever a submission does, it costs its own
row at most: an answer that hangs or brings its process down is noted, and a new process
goes on with the next one.

Processes come from a *fork server* that has imported torch once; where there is none
(Windows) each process imports it for itself.
"""

import contextlib
import csv
import json
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tqdm.auto import tqdm

from course_utils.files import atomic_path

from ..course import CATALOGUE
from ..engine.diagnosis import STATUSES
from ..engine.limits import WAITING
from .worker import work

GRACE = 5.0  # seconds on top of an exercise's own time limit
START = 60.0  # seconds until a worker must have read the notebook
TOTAL = 300.0  # seconds a learner may take
LARGEST_MESSAGE = 1 << 20  # bytes
TIME_LIMIT, CRASHED = "not yet: time limit", "error: crashed"
OUT_OF_TIME = -getattr(signal, "SIGXCPU", 0)  # the exit code of a process stopped so


@dataclass
class Row:
    """One learner's results: exercise -> "solved", "not yet: mask transposed", ..."""

    learner: str
    results: dict[str, str] = field(default_factory=dict)
    misconceptions: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def n_solved(self) -> int:
        return sum(result == "solved" for result in self.results.values())


def find_submissions(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the files of each learner.

    Every path is one learner: a notebook, or a folder with all of theirs. Of a single
    folder, every entry is one learner. ``FileNotFoundError`` for a path that is not
    there.
    """
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"no such file or folder: {path}")
    if len(paths) == 1 and paths[0].is_dir():
        paths = sorted(p for p in paths[0].iterdir() if not p.name.startswith("."))
    paths = [path.absolute() for path in paths]
    common = Path(os.path.commonpath([path.parent for path in paths] or ["."]))
    learners = {}
    for path in paths:
        name = path.relative_to(common).as_posix().removesuffix(".ipynb")
        learners[name] = _notebooks(path) if path.is_dir() else [path]
    return learners


def _notebooks(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*.ipynb")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def grade(
    submissions: dict[str, list[Path]], seed: int, show_progress: bool = False
) -> list[Row]:
    """Return a row for each learner, in the order of the submissions."""
    method = "forkserver" if hasattr(os, "fork") else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([__name__, *CATALOGUE.modules()])
    limits = {task.name: task.seconds for task in CATALOGUE.exercises()}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        rows = pool.map(
            lambda item: _grade_one(context, *item, seed, limits), submissions.items()
        )
        return list(tqdm(rows, "grading", len(submissions), disable=not show_progress))


def _grade_one(context, learner: str, paths, seed: int, limits) -> Row:
    """Check one learner's answers, with a new worker after each that goes down."""
    row = Row(learner)
    if not paths:
        row.problems.append("no notebook in this folder")
        return row
    end = time.monotonic() + TOTAL
    while True:
        running, why = _one_worker(context, row, paths, seed, limits, end)
        if running:
            row.results[running] = why
        elif why:
            row.problems.append(why)
        if not running or time.monotonic() > end:
            return row


def _one_worker(context, row: Row, paths, seed, limits, end) -> tuple[str, str]:
    """Run one worker to its end; return (the exercise at which it went down, why).

    ("", "") if it came to the end, ("", why) if it went down outside an exercise.
    """
    scratch = Path(tempfile.mkdtemp(prefix="grade-"))
    ours, theirs = context.Pipe(duplex=False)
    arguments = (theirs, paths, set(row.results), seed, scratch)
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
                patience = 2 * WAITING * limits[running] + GRACE
            elif "status" in message:
                _enter(row, running, message)
                running = ""
            elif not row.results:
                row.problems += [_plain(text) for text in message["problems"]]
        return running, TIME_LIMIT
    except (EOFError, OSError, ValueError, KeyError, TypeError, AttributeError):
        process.join(GRACE)  # it went down, or it talks nonsense
        return running, TIME_LIMIT if process.exitcode == OUT_OF_TIME else CRASHED
    finally:
        alarm.cancel()
        _end(process)
        ours.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _enter(row: Row, name: str, message: dict) -> None:
    """Take a result in. It comes from where learners' code runs: believe no type."""
    if message["status"] not in STATUSES or not message["label"].isprintable():
        raise ValueError("no such status")
    row.results[name] = _plain(message["label"])
    known = {wrong.title for wrong in CATALOGUE.find(name).misconceptions}
    if message["misconception"] in known:
        row.misconceptions[name] = message["misconception"]
    row.sources[name] = str(message["source"])


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)[:200]


def _end(process) -> None:
    """End a worker and everything that it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def columns(rows: Iterable[Row]) -> list[str]:
    """Return the exercises of all chapters that occur, in the course's order.

    One that no page asks has a column only where somebody answers it.
    """
    answered = {name for row in rows for name in row.results}
    seen = {name.partition(".")[0] for name in answered}
    return [
        task.name
        for chapter in CATALOGUE.chapters
        if chapter in seen
        for task in CATALOGUE.exercises(chapter)
        if task.asked or task.name in answered
    ]


def ranked_misconceptions(rows: Iterable[Row]) -> list[tuple[int, str, str]]:
    """Return (learners, exercise, misconception), the most frequent first."""
    counts = Counter(pair for row in rows for pair in row.misconceptions.items())
    ranked = [(n, name, title) for (name, title), n in counts.items()]
    return sorted(ranked, key=lambda entry: (-entry[0], entry[1], entry[2]))


def write_tables(rows: Sequence[Row], out: Path) -> Path:
    """Write the grades to ``out`` and the ranked misconceptions beside it.

    Returns the path of the second file. A learner without an answer to an exercise has
    "missing" there.
    """
    names = columns(rows)
    table = [["learner", "solved", *names, "problems"]]
    for row in rows:
        results = [row.results.get(name, "missing") for name in names]
        problems = "; ".join(row.problems)
        table.append([row.learner, row.n_solved, *results, problems])
    _write_csv(out, table)
    beside = out.with_name(f"{out.stem}_misconceptions.csv")
    table = [["learners", "exercise", "misconception", "explanation"]]
    for n, name, title in ranked_misconceptions(rows):
        table.append([n, name, title, explanation(name, title)])
    _write_csv(beside, table)
    return beside


def explanation(name: str, title: str) -> str:
    """Return the explanation that goes with an exercise's misconception."""
    wrong = {wrong.title: wrong for wrong in CATALOGUE.find(name).misconceptions}
    return wrong[title].explanation


def _write_csv(path: Path, table: list[list]) -> None:
    # A leading apostrophe keeps a spreadsheet from running a name as a formula.
    safe = [
        [
            f"'{cell}" if str(cell).startswith(("=", "+", "-", "@")) else cell
            for cell in line
        ]
        for line in table
    ]
    with (
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file).writerows(safe)


def recompute(folder: Path) -> dict[str, str]:
    """Return the sources of all solved answers in a folder's notebooks."""
    if not folder.is_dir():
        raise NotADirectoryError(f"no such folder: {folder}")
    (row,) = grade({"": _notebooks(folder.absolute())}, seed=0)
    return {
        name: row.sources[name] for name in row.results if row.results[name] == "solved"
    }

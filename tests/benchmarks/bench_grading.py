"""How long does it take to grade a class, in how much memory, and how does it grow?

    python tests/benchmarks/bench_grading.py [--learners 30] [--mixed] [--trust]
    python tests/benchmarks/bench_grading.py --growth

A learner hands in all pages with every exercise solved; with ``--mixed`` each answer is
drawn: right, a known misconception, still the stub, or raising an error. ``--growth``
grades 1, 4, 16 and 64 learners: the exponent of processor time over their number.

Memory is the proportional set size, summed over the grader and all its processes, so
that a page that several share counts once. Processor time is that of all of them, as
last seen every twentieth of a second. What a class costs: importing torch once, in a
process from which all others are forked; then for each learner reading the pages, and
running each answer twice on its inputs.
"""

import argparse
import contextlib
import csv
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from course_utils.exercises.course import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "notebooks").glob("*.ipynb"))
EVERY = 0.05  # seconds
TICKS = os.sysconf("SC_CLK_TCK")


def right(task, rng):
    return task.solution_cell()


def mixed(task, rng):
    """Return a cell with an answer as a class gives them."""
    kind = rng.choices(("right", "wrong", "stub", "raises"), (55, 25, 15, 5))[0]
    stub = task.stub_cell()
    if kind == "stub":
        return stub
    if kind == "raises":
        return stub.replace("...  # your turn", "return not_there")
    if kind == "right" or not task.misconceptions:
        return task.solution_cell()
    number = rng.randrange(len(task.misconceptions))
    return (
        "from course_utils.exercises.course import CATALOGUE\n"
        f'task = CATALOGUE.find("{task.name}")\n'
        f'exercise("{task.name}")(task.misconceptions[{number}].function)'
    )


def write_class(folder: Path, n_learners: int, answer) -> int:
    """Write so many submissions; return the number of answers."""
    stubs = {task.stub_cell(): task for task in CATALOGUE.exercises()}
    pages = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in PAGES}
    n_answers = 0
    for i in range(n_learners):
        rng = random.Random(i)
        (folder / f"learner{i:03}").mkdir(parents=True)
        for name, page in pages.items():
            cells = []
            for cell in page["cells"]:
                task = stubs.get("".join(cell["source"]))
                if task is not None:
                    cell, n_answers = (
                        {**cell, "source": answer(task, rng)},
                        n_answers + 1,
                    )
                cells.append(cell)
            path = folder / f"learner{i:03}" / name
            path.write_text(json.dumps({**page, "cells": cells}), encoding="utf-8")
    return n_answers


class Watch:
    """Memory and processor time of a process and all below it, as last seen."""

    def __init__(self, pid: int):
        self.pid, self.peak, self._seconds = pid, 0, {}

    @property
    def seconds(self) -> float:
        return sum(self._seconds.values())

    def look(self) -> None:
        memory = 0
        for pid in self._family():
            with contextlib.suppress(OSError, IndexError, ValueError):
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                self._seconds[pid] = (int(stat[11]) + int(stat[12])) / TICKS
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                memory += int(rollup.partition("\nPss:")[2].split()[0])
        self.peak = max(self.peak, memory / 1024)

    def _family(self) -> list[int]:
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                with contextlib.suppress(OSError):
                    todo += map(int, path.read_text().split())
        return found


def grade(folder: Path, options: list[str]) -> tuple[float, float, float, int]:
    """Run the command.

    Returns seconds, seconds of processors, peak memory in MB, the answers solved.
    """
    command = [sys.executable, "-m", "course_utils.exercises", "grade", str(folder)]
    with tempfile.TemporaryDirectory() as out:
        command += ["--out", f"{out}/grades.csv", "--seed", "5", *options]
        start = time.perf_counter()
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            watch = Watch(process.pid)
            while process.poll() is None:
                watch.look()
                time.sleep(EVERY)
        if process.returncode != 0:
            sys.exit(process.returncode)
        seconds = time.perf_counter() - start
        with open(f"{out}/grades.csv", encoding="utf-8-sig", newline="") as file:
            n_solved = sum(int(row["solved"]) for row in csv.DictReader(file))
    return seconds, watch.seconds, watch.peak, n_solved


def run(n_learners: int, answer, options: list[str]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        n_answers = write_class(Path(folder), n_learners, answer)
        seconds, computed, megabytes, n_solved = grade(Path(folder), options)
    print(
        f"{n_learners:4} learners, {n_answers:6,} answers, {n_solved:6,} solved: "
        f"{seconds:6.1f} s, {computed:6.1f} s of processors, {megabytes:4.0f} MB",
        flush=True,
    )
    return computed


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--learners", type=int, default=30)
    parser.add_argument("--mixed", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--trust", action="store_true", help="without sandboxes")
    arguments = parser.parse_args()
    answer = mixed if arguments.mixed else right
    options = ["--trust"] if arguments.trust else []
    sizes = (1, 4, 16, 64) if arguments.growth else (arguments.learners,)
    times = [run(n, answer, options) for n in sizes]
    for i in range(1, len(sizes)):
        steps = math.log(times[i] / times[i - 1]) / math.log(sizes[i] / sizes[i - 1])
        print(f"from {sizes[i - 1]} to {sizes[i]}: as learners^{steps:.2f}")


if __name__ == "__main__":
    main()

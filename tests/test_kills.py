"""A run that is killed again and again, at any moment, ends with the same bits.

    COURSE_TEST_KILLS=100 pytest -m slow tests/test_kills.py

Each kill (SIGKILL: no chance to clean up) falls at a random moment, in turn of the
preparation and of the training; then the run is resumed, by the command that a person
would type. The processes are forks of this one, so that none has to import torch.
"""

import math
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from course_utils.training.command import main
from course_utils.training.preparation import RUN_FILE, TOKEN_FILES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
]
KILLS = int(os.environ.get("COURSE_TEST_KILLS", "12"))
TINY = ["--n-layer=1", "--n-head=2", "--n-embd=16", "--context=16", "--batch-size=4"]
TINY += ["--vocab-size=400", "--steps=60", "--checkpoint-every=7", "--eval-every=20"]
SAME = (*TOKEN_FILES, "vocab.json", "merges.txt", "model.safetensors")


def start(arguments) -> int:
    """Run the command in a child process; return the child's id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1), os.dup2(silence, 2)
            status = main(arguments)
        finally:
            os._exit(status)
    return child


def wait(child, limit: float, begins: Path | None = None) -> int | None:
    """Return the child's exit status; None if it had to be killed after ``limit`` s.

    The time runs from when ``begins`` exists.
    """
    end = math.inf
    while time.monotonic() < end:
        if end == math.inf and (begins is None or begins.exists()):
            end = time.monotonic() + limit
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    return None if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) else 0


def test_runs_killed_at_any_moment_end_with_the_same_bits(tmp_path):
    chance = random.Random(0)
    text = tmp_path / "text.txt"
    words = [f"{a}{b}" for a in "bcdfghjk" for b in ("an", "ell", "ox", "ün", "天")]
    text.write_text(" ".join(chance.choices(words, k=30_000)), encoding="utf-8")
    new = ["--data", str(text), *TINY]

    whole, begun = tmp_path / "whole", time.monotonic()
    child = start([*new, "--out", str(whole)])
    while not (whole / TOKEN_FILES[-1]).exists():
        time.sleep(0.001)
    prepared = time.monotonic()
    assert wait(child, 600) == 0
    seconds = {"preparing": prepared - begun, "training": time.monotonic() - prepared}
    expected = {name: (whole / name).read_bytes() for name in SAME}

    kills, runs = Counter(), 0
    while kills.total() < KILLS:
        runs += 1
        out = tmp_path / f"run-{runs}"
        for n in range(5):  # the fifth time it may come to its end
            how = ["--resume"] if (out / RUN_FILE).exists() else new
            is_prepared = (out / TOKEN_FILES[-1]).exists()
            stage = "training" if is_prepared or n == 2 else "preparing"
            begins = out / TOKEN_FILES[-1] if stage == "training" else None
            limit = chance.random() * seconds[stage] if n < 4 else 600
            status = wait(start([*how, "--out", str(out)]), limit, begins)
            if status is not None:
                assert status == 0, (runs, kills)
                break
            kills[stage] += 1
        for name in SAME:
            assert (out / name).read_bytes() == expected[name], (runs, name)
        left = {path.name for path in out.iterdir() if path.name.startswith(".")}
        assert left <= {".lock"}
        assert not list((out / "checkpoints").glob(".*"))
    print(f"{kills} in {runs} runs; a whole one: {seconds}")
    assert kills.keys() == {"preparing", "training"}

"""What is graded so far, kept in a file: a run that was killed goes on where it was.

JSON lines beside the table: first the seed and the version of the course, then a row
for each submission that is finished, with a fingerprint of its files. What has changed
since is graded again. The file is gone when the table is written.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path

import torch

from course_utils.files import atomic_path

from .submissions import Submission
from .tables import Row


class Journal:
    """Rows of finished submissions in the file ``path``.

    ``seed`` is that of the run; None takes the seed of the run before, if its file is
    of this version of the course, else ``new_seed``. Another seed starts anew.
    """

    def __init__(self, path: Path, seed: int | None, new_seed: int):
        self.path, self._one_at_a_time = path, threading.Lock()
        version = _fingerprint(sorted(Path(__file__).parents[2].rglob("*.py")))
        head, *lines = _lines(path) or [{}]
        goes_on = head.get("version") == version and seed in (None, head["seed"])
        self.seed = head["seed"] if goes_on else new_seed if seed is None else seed
        lines = lines if goes_on else []
        self._finished = {line["row"]["learner"]: line for line in lines}
        with atomic_path(path) as temporary, temporary.open("w") as file:
            head = {"version": version, "seed": self.seed}
            for line in (head, *self._finished.values()):
                file.write(json.dumps(line) + "\n")

    @property
    def n_finished(self) -> int:
        return len(self._finished)

    def row(self, learner: str, submission: Submission) -> Row | None:
        """Return the row of a submission that is graded and as it was then, or None."""
        line = self._finished.get(learner)
        if line is None or line["files"] != fingerprint(submission):
            return None
        return Row(**line["row"])

    def add(self, row: Row, files: str) -> None:
        """Keep a row; ``files`` is the submission's fingerprint when it was read."""
        kept = dataclasses.asdict(dataclasses.replace(row, sources={}))
        with self._one_at_a_time, self.path.open("a") as file:
            file.write(json.dumps({"row": kept, "files": files}) + "\n")
            file.flush()
            os.fsync(file.fileno())


def fingerprint(submission: Submission) -> str:
    """Return a hash of all files of a submission and their places."""
    return _fingerprint(submission.files())


def _fingerprint(files: Iterable[Path]) -> str:
    total = hashlib.sha256(torch.__version__.encode())
    for path in files:
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            content = str(error)
        total.update(json.dumps([str(path), content]).encode())
    return total.hexdigest()


def _lines(path: Path) -> list[dict]:
    """Return the lines of a journal up to the one that a kill has left half written."""
    found = []
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        for line in path.read_text(encoding="utf-8").splitlines():
            content = json.loads(line)
            if found:
                Row(**content["row"]), content["files"]
            else:
                content["version"], content["seed"]
            found.append(content)
    return found

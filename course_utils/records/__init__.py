"""Records: what the experiments measured, one JSON file each, with how it was made.

A file holds two measurements: ``full``, which the pages show, and ``quick``, tiny and
made only to be repeated by a test. Each has its settings and, for every seed, what came
out, when, how long it took, on what machine and with which versions.
"""

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Record:
    """One measurement: its settings, and a run for each seed (see ``experiments``)."""

    name: str
    settings: dict
    runs: list[dict]

    @property
    def command(self) -> str:
        """What makes it anew."""
        return f"python -m course_utils.experiments {self.name} --seeds {len(self)}"

    @property
    def seeds(self) -> list[int]:
        """The seed of each run."""
        return [run["seed"] for run in self.runs]

    @property
    def minutes(self) -> float | None:
        """How long all runs took together; None where it was not noted for all."""
        taken = [run["minutes"] for run in self.runs]
        return None if None in taken else sum(taken)

    @property
    def results(self) -> list[dict]:
        """What came out, seed after seed."""
        return [run["result"] for run in self.runs]

    def each(self, *path):
        """Return what stands under these keys in the result of each seed."""
        found = self.results
        for key in path:
            found = [result[key] for result in found]
        return found

    def __len__(self) -> int:
        return len(self.runs)


def path(name: str) -> Path:
    """Return the file of an experiment's record."""
    return FOLDER / f"{name}.json"


def read(name: str, kind: str = "full") -> Record:
    """Return a measurement of an experiment: "full", or the "quick" one.

    Raises FileNotFoundError if there is no record of it, KeyError if it has none of
    this kind.
    """
    measured = json.loads(path(name).read_text(encoding="utf-8"))[kind]
    return Record(name, measured["settings"], measured["runs"])

"""The command that lists experiments, runs one and holds it against its record."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from course_utils import experiments, records
from course_utils.console import prepare_console
from course_utils.experiments.running import (
    FINISHED,
    KINDS,
    changes,
    measure,
    save,
    settings_of,
)
from course_utils.records import Record


def listing() -> str:
    """Return a line for each experiment: its name, what it asks, its record."""
    lines = []
    for name in experiments.NAMES:
        asks = experiments.find(name).__doc__.split("\n")[0]
        lines.append(f"{name:15} {asks}")
        if records.path(name).exists():
            record = records.read(name)
            made = f"{len(record)} seeds, {record.runs[-1]['date']}"
            if record.minutes is not None:
                made += f", {record.minutes:.0f} minutes"
            lines.append(f"{'':15} recorded: {made}")
    return "\n".join(lines)


def held_against(new: Record, old: Record) -> list[str]:
    """Say, a line each, what changed against a record, and how much did in all."""
    lines = []
    if old.settings != new.settings:
        lines.append(f"The record has other settings: {old.settings}")
    if len(old) < 2:
        return [*lines, "The record is of one seed: it has no interval to hold to."]
    found = changes(new, old)
    return [*lines, *found, f"{len(found)} numbers are not as recorded."]


def report(run: dict, was_there: bool) -> None:
    """Tell that a seed is done."""
    how = "finished before" if was_there else f"{run['minutes']:.1f} minutes"
    print(f"seed {run['seed']}: {how}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """List the experiments, or run one (see ``--help``); return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.experiments", description=__doc__
    )
    parser.add_argument("name", nargs="?", help="which; without it, all are listed")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0 on")
    parser.add_argument("--quick", action="store_true", help="the tiny measurement")
    parser.add_argument(
        "--save", action="store_true", help="make it the record that ships"
    )
    parser.add_argument(
        "--out", type=Path, default=FINISHED, help="where finished seeds are kept"
    )
    given = parser.parse_args(arguments)
    if given.name is None:
        print(listing())
        return 0
    try:
        if given.seeds < 1:
            raise ValueError(f"--seeds must be at least 1, got {given.seeds}")
        experiment = experiments.find(given.name)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    torch.set_num_threads(1)
    kind = KINDS[given.quick]
    print(f"{given.name}: {settings_of(experiment, kind)}", flush=True)
    new = measure(experiment, kind, range(given.seeds), given.out, report)
    try:
        old = records.read(given.name, kind)
    except (FileNotFoundError, KeyError):
        print("There is no record to compare with.")
    else:
        print(*held_against(new, old), sep="\n")
    if given.save:
        print(f"recorded in {save(new, kind)}")
    return 0


if __name__ == "__main__":
    prepare_console()
    sys.exit(main())

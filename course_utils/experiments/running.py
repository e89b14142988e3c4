"""Running an experiment: seed after seed, kept when it is killed, held to its record.

An experiment is a module with

- ``Settings``: a frozen dataclass whose defaults are the full measurement's;
- ``QUICK``: other settings, with which a seed takes seconds;
- ``run(settings, seed)``: measure once; plain numbers, lists and dictionaries;
- ``recorded()``: the full record that ships.

Everything that chance decides in a run follows from its seed.
"""

import json
import math
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from os import cpu_count
from pathlib import Path
from types import ModuleType

import torch

from course_utils import records
from course_utils.confidence import t_for
from course_utils.files import digest, kept, write_json
from course_utils.records import Record

FINISHED = Path("runs") / "experiments"  # a file for each seed that is done
KINDS = ("full", "quick")


def name_of(experiment: ModuleType) -> str:
    """course_utils.experiments.ladder -> ladder"""
    return experiment.__name__.rpartition(".")[2]


def settings_of(experiment: ModuleType, kind: str):
    """Return the settings of the "full" or the "quick" measurement."""
    return experiment.QUICK if kind == "quick" else experiment.Settings()


def plain(data):
    """Return data as it will be read again from JSON."""
    return json.loads(json.dumps(data))


def new_model(kind: Callable, config, seed: int):
    """Return kind(config) with the first weights of a seed.

    The random numbers that others draw stay as they are.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return kind(config)


# --- Measure


def measure(
    experiment: ModuleType,
    kind: str,
    seeds: Sequence[int],
    finished: Path = FINISHED,
    on_run=lambda run, was_there: None,
) -> Record:
    """Run an experiment with each seed, those left out that are finished already.

    ``on_run(run, was_there)`` is called after each. What is finished lies in a folder
    that is named by the settings: other settings begin anew.
    """
    name, settings = name_of(experiment), settings_of(experiment, kind)
    plain_settings = plain(asdict(settings))
    folder = finished / f"{name}-{digest(plain_settings)}"
    folder.mkdir(parents=True, exist_ok=True)
    runs = []
    for seed in seeds:
        make = partial(one_run, experiment, settings, seed)
        run, was_there = kept(folder / f"seed-{seed}.json", make)
        runs.append(run)
        on_run(run, was_there)
    return Record(name, plain_settings, runs)


def one_run(experiment: ModuleType, settings, seed: int) -> dict:
    """Run an experiment with one seed; return its result, and how it came about."""
    began = time.perf_counter()
    result = plain(experiment.run(settings, seed))
    return {
        "seed": seed,
        "minutes": round((time.perf_counter() - began) / 60, 2),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, {cpu_count()} cores",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__.split("+")[0],
        },
        "result": result,
    }


def save(record: Record, kind: str) -> Path:
    """Put a measurement into its record's file, beside the one of the other kind."""
    path = records.path(record.name)
    whole = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    whole[kind] = {"settings": record.settings, "runs": record.runs}
    write_json(path, {kind: whole[kind] for kind in KINDS if kind in whole})
    return path


# --- Hold against the record


def numbers(result, path: tuple = ()) -> Iterator[tuple[tuple, float]]:
    """Yield (path, number) for every number in a result but times and texts.

    A machine's times are its own: what stands under a key with "seconds" is left out.
    """
    if isinstance(result, dict | list):
        pairs = result.items() if isinstance(result, dict) else enumerate(result)
        for key, value in pairs:
            if "seconds" not in str(key):
                yield from numbers(value, (*path, key))
    elif isinstance(result, int | float):
        yield path, float(result)


def changes(new: Record, old: Record) -> list[str]:
    """Say, a line each, which numbers are not what the old record lets one expect.

    The mean of the new runs should lie within the 99.9% interval for it that the old
    ones give (or within 1% of their mean, where their spread is smaller).
    """
    was, now = ([dict(numbers(r)) for r in record.results] for record in (old, new))
    found = []
    for path in dict.fromkeys([*was[0], *now[0]]):
        where = " · ".join(map(str, path))
        if not all(path in result for result in (*was, *now)):
            found.append(
                f"{where}: only in {'the new' if path in now[0] else 'the old'}"
            )
            continue
        before, after = ([result[path] for result in all_] for all_ in (was, now))
        mean, spread = statistics.fmean(before), statistics.stdev(before)
        half = t_for(0.999, len(before) - 1) * spread
        half *= math.sqrt(1 / len(before) + 1 / len(after))
        found_mean = statistics.fmean(after)
        if abs(found_mean - mean) > half + 0.01 * abs(mean) + 1e-6:
            found.append(f"{where}: {mean:.4g} ± {half:.2g}, now {found_mean:.4g}")
    return found

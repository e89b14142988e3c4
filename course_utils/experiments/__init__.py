"""Experiments: what was measured for a page, and how to measure it again.

Each is a module of one shape (see ``running``): settings, a run for a seed, a record.

    python -m course_utils.experiments                    lists them
    python -m course_utils.experiments ladder --seeds 5   runs one, tells what changed

Floors: stand on the components and the shipped models; pages read their records.
"""

from importlib import import_module
from types import ModuleType

NAMES = (
    "ladder",
    "depth",
    "context",
    "learning_rates",
    "pace",
    "decoding",
    "fine_tuning",
    "new_question",
    "rewards",
    "bias",
    "weak_dial",
    "scaling",
    "since_gpt2",
    "inside",
)


def find(name: str) -> ModuleType:
    """Return an experiment's module. Raises ValueError for an unknown name."""
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}, got {name!r}")
    return import_module(f"course_utils.experiments.{name}")

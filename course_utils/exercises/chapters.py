"""Where the exercises are: one module a chapter, in the order of the notebooks.

Some commands load all chapters, so a chapter's module is cheap to import: what needs
transformers or matplotlib imports it inside the function that needs it.
"""

import difflib
import functools
import importlib
import importlib.util

from .clinics import Clinic
from .definition import Exercise
from .questions import Question

CHAPTERS = (
    "primer",
    "tokenization",
    "attention",
    "block",
    "objective",
    "optimization",
    "training",
    "sampling",
    "huggingface",
    "applications",
    "bias",
    "choosing_models",
    "speed",
)


@functools.cache
def chapters() -> tuple[str, ...]:
    """Return the chapters that have a module of exercises, in reading order."""
    return tuple(
        name for name in CHAPTERS if importlib.util.find_spec(_module_name(name))
    )


def exercises(chapter: str | None = None) -> list[Exercise]:
    """Return a chapter's exercises in their order, or those of the whole course."""
    return _collect(Exercise, [chapter] if chapter else chapters())


def clinics() -> list[Clinic]:
    """Return the bug clinics of the whole course."""
    return _collect(Clinic, chapters())


def find(name: str, kind: type = Exercise):
    """Return the exercise (or bug clinic) of this name, "chapter.exercise".

    Loads no other chapter. ``ValueError`` with the nearest names if there is none.
    """
    if not isinstance(name, str):
        raise TypeError(
            "name must be a string such as 'attention.causal_mask', "
            f"got {type(name).__name__}"
        )
    chapter = name.partition(".")[0]
    searched = [chapter] if chapter in chapters() else chapters()
    known = {item.name: item for item in _collect(kind, searched)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
        raise ValueError(f"name must be one of {', '.join(near)}, got {name!r}")
    return known[name]


def questions_before(chapter: str) -> list[Question]:
    """Return the recall questions of all chapters before this one, newest first."""
    if chapter not in CHAPTERS:
        raise ValueError(f"chapter must be one of {CHAPTERS}, got {chapter!r}")
    earlier = set(CHAPTERS[: CHAPTERS.index(chapter)])
    return [
        question
        for name in reversed(chapters())
        if name in earlier
        for question in getattr(_module(name), "QUESTIONS", ())
    ]


def _collect(kind: type, names: list[str]) -> list:
    return [
        item
        for name in names
        for item in vars(_module(name)).values()
        if isinstance(item, kind) and item.name.startswith(f"{name}.")
    ]


def _module_name(chapter: str) -> str:
    return f"{__package__}.{chapter}"


def _module(chapter: str):
    return importlib.import_module(_module_name(chapter))

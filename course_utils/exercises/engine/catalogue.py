"""A catalogue of exercises: the chapters of a package, in the order of the notebooks.

Each chapter is a module or a package of its name; what is in it is found by kind. Some
commands load all chapters, so each is loaded only when it is asked for.
"""

import difflib
import functools
import importlib
import importlib.util
from collections.abc import Sequence

from .clinics import Clinic
from .definition import Exercise
from .questions import Question


class Catalogue:
    """``package`` holds the chapters' modules, ``order`` names them as they are read.

    A chapter of the order may have no module (yet): then it has no exercises.
    """

    def __init__(self, package: str, order: Sequence[str]):
        self.package, self.order = package, tuple(order)

    @functools.cached_property
    def chapters(self) -> tuple[str, ...]:
        """The chapters that have a module of exercises, in reading order."""
        return tuple(
            name for name in self.order if importlib.util.find_spec(self.module(name))
        )

    def module(self, chapter: str) -> str:
        """Return the full name of a chapter's module."""
        return f"{self.package}.{chapter}"

    def exercises(self, chapter: str | None = None) -> list[Exercise]:
        """Return a chapter's exercises in their order, or those of the whole course."""
        return self._collect(Exercise, [chapter] if chapter else self.chapters)

    def clinics(self) -> list[Clinic]:
        """Return the bug clinics of the whole course."""
        return self._collect(Clinic, self.chapters)

    def find(self, name: str, kind: type = Exercise):
        """Return the exercise (or bug clinic) of this name, "chapter.exercise".

        Loads no other chapter. ``ValueError`` with the nearest names if there is none.
        """
        if not isinstance(name, str):
            raise TypeError(
                "name must be a string such as 'attention.causal_mask', "
                f"got {type(name).__name__}"
            )
        chapter = name.partition(".")[0]
        searched = [chapter] if chapter in self.chapters else self.chapters
        known = {item.name: item for item in self._collect(kind, searched)}
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
            near = near or sorted(known)
            raise ValueError(f"name must be one of {', '.join(near)}, got {name!r}")
        return known[name]

    def questions_before(self, chapter: str) -> list[Question]:
        """Return the recall questions of all chapters before this, newest first."""
        if chapter not in self.order:
            raise ValueError(f"chapter must be one of {self.order}, got {chapter!r}")
        earlier = set(self.order[: self.order.index(chapter)])
        return [
            question
            for name in reversed(self.chapters)
            if name in earlier
            for question in self._contents(name).get("QUESTIONS", ())
        ]

    def _collect(self, kind: type, names: Sequence[str]) -> list:
        return [
            item
            for name in names
            for item in self._contents(name).values()
            if isinstance(item, kind) and item.name.startswith(f"{name}.")
        ]

    def _contents(self, chapter: str) -> dict:
        return vars(importlib.import_module(self.module(chapter)))

"""A catalogue of exercises: the chapters of a package, in the order of the notebooks.

Each chapter is a package of its name. Its ``SECTIONS`` name its modules, in the order
of the page, its ``QUESTIONS`` are asked on later pages; exercises and bug clinics are
found in the sections by their kind. Some commands load all chapters, so each is loaded
only when it is asked for.
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
    """``package`` holds the chapters, ``order`` names them as they are read.

    A chapter of the order may have no package (yet): then it has no exercises.
    """

    def __init__(self, package: str, order: Sequence[str]):
        self.package, self.order = package, tuple(order)

    @functools.cached_property
    def chapters(self) -> tuple[str, ...]:
        """The chapters that have exercises, in reading order."""
        return tuple(
            name
            for name in self.order
            if importlib.util.find_spec(f"{self.package}.{name}")
        )

    def modules(self) -> list[str]:
        """Return the full names of all modules that hold exercises."""
        return [section for name in self.chapters for section in self._sections(name)]

    def exercises(self, chapter: str | None = None) -> list[Exercise]:
        """Return a chapter's exercises in their order, or those of the whole course."""
        return self._collect(Exercise, [chapter] if chapter else self.chapters)

    def asked(self, chapter: str) -> list[Exercise]:
        """Return the exercises of a chapter that its page asks, in their order."""
        return [task for task in self.exercises(chapter) if task.asked]

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
            for question in getattr(self._chapter(name), "QUESTIONS", ())
        ]

    def _collect(self, kind: type, names: Sequence[str]) -> list:
        # By name, because a section may use the exercise of an earlier one.
        found = {
            item.name: item
            for name in names
            for section in self._sections(name)
            for item in vars(importlib.import_module(section)).values()
            if isinstance(item, kind) and item.name.startswith(f"{name}.")
        }
        return list(found.values())

    def _sections(self, chapter: str) -> list[str]:
        package = self._chapter(chapter)
        return [f"{package.__name__}.{section}" for section in package.SECTIONS]

    def _chapter(self, name: str):
        return importlib.import_module(f"{self.package}.{name}")

"""What learners hand in: whose it is, which files, and a copy of it to run."""

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LARGEST_SUBMISSION = 200 << 20  # bytes


@dataclass(frozen=True)
class Submission:
    """A learner's notebooks, and the folder that came with them if it was one."""

    notebooks: tuple[Path, ...]
    folder: Path | None = None

    @classmethod
    def of(cls, path: Path) -> "Submission":
        """Return what lies at a path: a notebook, or a folder with all that is in it.

        Of a class's folder, a learner has the one notebook and nothing beside it.
        """
        return cls(_notebooks(path), path) if path.is_dir() else cls((path,))

    def files(self) -> tuple[Path, ...]:
        """Return all files that were handed in."""
        return tuple(_visible(self.folder)) if self.folder else self.notebooks

    def copy_to(self, scratch: Path) -> tuple[list[str], list[str]]:
        """Copy what was handed in; return (the notebooks' places, what was left out).

        Answers may import and read the files beside their notebook. Links are not
        followed, and what is very large stays where it is.
        """
        folder = self.folder or self.notebooks[0].parent
        left, left_out = LARGEST_SUBMISSION, []
        for path in self.files():
            place = path.relative_to(folder)
            try:
                size = path.stat().st_size
                if size > left:
                    left_out.append(f"{place}: too large to copy")
                    continue
                left -= size
                (scratch / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, scratch / place)
            except OSError as error:  # one that may not be read
                left_out.append(f"{place}: {error.strerror}")
        places = [path.relative_to(folder).as_posix() for path in self.notebooks]
        return places, left_out


def find_submissions(paths: Sequence[Path]) -> dict[str, Submission]:
    """Return what each learner has handed in.

    Every path is one learner: a notebook, or a folder with all of theirs. Of a single
    folder, every notebook and every folder is one learner; other files in it are no
    submissions (``passed_over``). Where ``ann`` and ``ann.ipynb`` both lie there, both
    keep their whole names. ``FileNotFoundError`` for a path that is not there.
    """
    paths = [path.absolute() for path in _divided(paths)[0]]
    common = Path(os.path.commonpath([path.parent for path in paths] or ["."]))
    full = {path: path.relative_to(common).as_posix() for path in paths}
    short = Counter(_without_ending(name) for name in full.values())
    return {
        name if short[_without_ending(name)] > 1 else _without_ending(name): (
            Submission.of(path)
        )
        for path, name in full.items()
    }


def passed_over(paths: Sequence[Path]) -> list[str]:
    """Return what is no submission, and why: "no notebook: letter.txt"."""
    return [
        f"{'a link' if path.is_symlink() else 'no notebook'}: {path.name}"
        for path in _divided(paths)[1]
    ]


def _divided(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return (submissions, others).

    A link in a class's folder is none: it could lead to anybody's files.
    """
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"no such file or folder: {path}")
    a_class = len(paths) == 1 and paths[0].is_dir()
    if a_class:
        paths = sorted(p for p in paths[0].iterdir() if not p.name.startswith("."))
    found, others = [], []
    for path in paths:
        fits = path.is_dir() or path.suffix.lower() == ".ipynb"
        link = a_class and path.is_symlink()
        (found if fits and not link else others).append(path)
    return found, others


def _without_ending(name: str) -> str:
    return name[:-6] if name.lower().endswith(".ipynb") else name


def _visible(folder: Path) -> list[Path]:
    """Return the files below a folder, without links and hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _notebooks(folder: Path) -> tuple[Path, ...]:
    return tuple(p for p in _visible(folder) if p.suffix.lower() == ".ipynb")

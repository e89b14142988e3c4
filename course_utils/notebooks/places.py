"""Where the notebooks are, which one a name means, and where the course is at home."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from course_utils.pages import place

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "notebooks"


def reading_order(folder: Path) -> list[Path]:
    """Return the folder's notebooks in the order of the course; others come last."""
    return sorted(folder.glob("*.ipynb"), key=lambda path: place(path.stem))


def find(names: Iterable[str], folder: Path) -> list[Path]:
    """Return the notebooks with these names: ``02_attention``, ``02`` or a path.

    Without names, all. Raises ValueError for a name that fits none or several.
    """
    everything = reading_order(folder)
    if not everything:
        raise ValueError(f"no notebooks in {folder}: run this in the course's clone")
    chosen = set()
    for name in names:
        stem, path = name.removesuffix(".ipynb"), Path(name).resolve()
        exact = [page for page in everything if page.stem == stem or page == path]
        fitting = exact or [page for page in everything if page.stem.startswith(stem)]
        if len(fitting) != 1:
            known = ", ".join(page.stem for page in everything)
            raise ValueError(f"name must fit one notebook of {known}; got {name!r}")
        chosen.add(fitting[0])
    return [page for page in everything if page in chosen or not chosen]


def repository_address(pyproject: Path = ROOT / "pyproject.toml") -> str | None:
    """Return ``[project.urls] Repository`` without the slash at its end, if it is set.

    It is the one place where the repository's address stands. Raises ValueError if it
    is not on GitHub, because Colab opens notebooks only from there.
    """
    urls = tomllib.loads(pyproject.read_text("utf-8"))["project"].get("urls", {})
    address = urls.get("Repository", "").removesuffix("/").removesuffix(".git")
    if address and not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise ValueError(
            f"Repository in {pyproject.name} must be https://github.com/OWNER/NAME, "
            f"got {address}"
        )
    return address or None

"""Where the notebooks are, which one a name means, and where the course is at home."""

import re
import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path

from course_utils.pages import place

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "notebooks"
ON_GITHUB = r"https://github\.com/[\w.-]+/[\w.-]+"


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


def repository_address(root: Path = ROOT) -> str | None:
    """Return the course's address on GitHub, None where it is not known.

    It is ``[project.urls] Repository`` in pyproject.toml, or else where the clone comes
    from (git's remote "origin"): so a fork needs no configuration. Raises ValueError if
    pyproject names a place that is not on GitHub, from where alone Colab opens pages.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    address = project.get("urls", {}).get("Repository", "")
    address = address.removesuffix("/").removesuffix(".git")
    if address and not re.fullmatch(ON_GITHUB, address):
        raise ValueError(
            "Repository in pyproject.toml must be https://github.com/OWNER/NAME, "
            f"got {address}"
        )
    return address or _origin(root)


def _origin(root: Path) -> str | None:
    """Return the address of a clone's origin if it is on GitHub, without a password."""
    url = _git(root, "remote", "get-url", "origin")
    found = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", url)
    return f"https://github.com/{found[1]}" if found else None


def folder_in_repository(root: Path = ROOT) -> str:
    """Return where the course lies in its repository: "" or "courses/gpt/"."""
    return _git(root, "rev-parse", "--show-prefix")


def _git(root: Path, *arguments: str) -> str:
    """Return what git says of a folder; nothing where there is no git or no clone."""
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""

"""The learner's own progress file: what was solved, met and asked for.

One JSON file in the user's data folder; on Google Colab, whose machines are thrown
away, beside the notebook, and so wherever the data folder is missing or read-only.
``COURSE_PROGRESS`` names another file, or a folder for it. Nothing is sent anywhere.
Nothing is lost for good with it either: running the notebooks again, or
``progress(FOLDER)``, makes it anew from the answers.

    {"version": 1, "exercises": {"attention.causal_mask":
        {"solved": true, "hints": 1, "misconceptions": ["mask transposed"],
         "source": "def causal_mask(T): ..."}}}
"""

import errno
import itertools
import json
import os
import re
import sys
import threading
from pathlib import Path

from filelock import FileLock

from course_utils.files import atomic_path

VERSION = 1
PATIENCE = 20.0  # seconds to wait for another process that is writing
FOLDER = "gpt2-course"

_unsaved: dict[str, dict] = {}  # what no file would take, by exercise
_one_at_a_time = threading.Lock()


def places() -> list[Path]:
    """Return where progress is kept: the first that can be written, all are read."""
    beside = Path("course_progress.json")
    chosen = os.environ.get("COURSE_PROGRESS")
    try:
        if chosen:
            path = Path(chosen).expanduser()
            return [path / "course_progress.json" if path.is_dir() else path]
        if "COLAB_RELEASE_TAG" in os.environ:
            return [beside]
        return [_data_folder() / FOLDER / "progress.json", beside]
    except RuntimeError:  # there is no home
        return [beside]


def _data_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")


def load() -> dict[str, dict]:
    """Return what is recorded, by exercise; {} if there is no readable file."""
    entries: dict[str, dict] = {}
    for some in (*(_read(path) or {} for path in places()), dict(_unsaved)):
        for name, entry in some.items():
            entries[name] = _joined(entries.get(name), entry)
    return entries


def record(
    name: str,
    solved: bool = False,
    source: str = "",
    misconception: str = "",
    hints: int = 0,
) -> str:
    """Add what happened to the entry of one exercise; what is there stays.

    Returns "" or, where no file can be written, a sentence that says so: an exercise is
    not to fail because of its bookkeeping. Then it is kept as long as this process runs
    and saved with the next that can be.
    """
    new = {
        "solved": solved,
        "hints": hints,
        "misconceptions": [misconception] if misconception else [],
        "source": source,
    }
    problems = []
    with _one_at_a_time:
        _unsaved[name] = _joined(_unsaved.get(name), new)
        for path in places():
            try:
                _add(path.resolve(), _unsaved)
                _unsaved.clear()
                return ""
            except OSError as error:
                problems.append(f"{path}: {error.strerror or error}")
    return (
        "Your progress is kept only until this kernel ends, because it could not be "
        f"saved ({'; '.join(problems)})."
    )


def _add(path: Path, entries: dict[str, dict]) -> None:
    """Join the entries to those of a file, while no other process writes there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=PATIENCE):
        old = _read(path)
        if old is None:
            _set_aside(path)
        old = old or {}
        new = old | {name: _joined(old.get(name), e) for name, e in entries.items()}
        if new != old:
            data = {"version": VERSION, "exercises": new}
            with atomic_path(path) as temporary:
                text = json.dumps(data, indent=1) + "\n"
                temporary.write_text(text, encoding="utf-8")


def _read(path: Path) -> dict[str, dict] | None:
    """Return a file's entries, {} if there is none, None if it is something else."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            return None
        return {name: _joined(None, entry) for name, entry in data["exercises"].items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _joined(old: dict | None, new: dict) -> dict:
    """Return two records of one exercise as one, each field of the type it has."""
    known = [entry for entry in (old, new) if entry is not None]
    met = (str(title) for entry in known for title in entry.get("misconceptions", ()))
    sources = [str(entry.get("source", "")) for entry in known]
    return {
        "solved": any(entry.get("solved") is True for entry in known),
        "hints": max(0, *(int(entry.get("hints", 0)) for entry in known)),
        "misconceptions": list(dict.fromkeys(met)),
        "source": next((source for source in reversed(sources) if source), ""),
    }


def _set_aside(path: Path) -> None:
    """Rename a damaged progress file. ``OSError`` for what is not ours to move."""
    if path.is_file() and path.stat().st_size == 0:
        return  # nothing is lost with it
    if not path.is_file() or not _is_ours(path):
        raise OSError(errno.EEXIST, "this is something else than a progress file")
    numbers = (f"-{i}" if i else "" for i in itertools.count())
    names = (f"{path.stem}.unreadable{number}.json" for number in numbers)
    os.replace(path, next(p for n in names if not (p := path.with_name(n)).exists()))


def _is_ours(path: Path) -> bool:
    """Return whether a file that cannot be read was a progress file of this version."""
    data = path.read_bytes()
    newer = re.search(rb'"version": (\d+)', data)
    if newer and int(newer[1]) > VERSION:
        return False
    return path.parent.name == FOLDER or b'"exercises"' in data

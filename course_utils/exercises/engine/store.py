"""The learner's own progress file: what was solved, met and asked for.

One JSON file in the user's data folder; on Google Colab, whose machines are thrown
away, beside the notebook. ``COURSE_PROGRESS`` names another file. Nothing is sent
anywhere. Nothing is lost for good with it either: running the notebooks again, or
``progress(FOLDER)``, makes it anew from the answers.

    {"version": 1, "exercises": {"attention.causal_mask":
        {"solved": true, "hints": 1, "misconceptions": ["mask transposed"],
         "source": "def causal_mask(T): ..."}}}
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_utils.files import atomic_path

VERSION = 1
PATIENCE = 5.0  # seconds; a lock that is older was left behind by a crash


def progress_path() -> Path:
    """Return where the progress file is, whether it exists or not."""
    chosen = os.environ.get("COURSE_PROGRESS")
    if chosen:
        return Path(chosen).expanduser()
    if "COLAB_RELEASE_TAG" in os.environ:
        return Path.cwd() / "course_progress.json"
    if sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Application Support"
    else:
        folder = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return folder / "gpt2-course" / "progress.json"


def load() -> dict[str, dict]:
    """Return what is recorded, by exercise; {} if there is no readable file."""
    try:
        data = json.loads(progress_path().read_text(encoding="utf-8"))
        entries = data["exercises"]
        if data["version"] != VERSION or not isinstance(entries, dict):
            return {}
        return {name: _entry(entry) for name, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _entry(entry: dict) -> dict:
    """Return an entry whose fields all have the type they should have."""
    met = entry.get("misconceptions", ())
    return {
        "solved": entry.get("solved") is True,
        "hints": max(0, int(entry.get("hints", 0))),
        "misconceptions": [str(title) for title in met],
        "source": str(entry.get("source", "")),
    }


def record(
    name: str,
    solved: bool = False,
    source: str = "",
    misconception: str = "",
    hints: int = 0,
) -> str:
    """Add what happened to the entry of one exercise; what is there stays.

    Returns "" or, where the file cannot be written, a sentence that says so: an
    exercise is not to fail because of its bookkeeping.
    """
    path = progress_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _lock(path):
            entries = load()
            old = entries.get(name, _entry({}))
            new = {
                "solved": old["solved"] or solved,
                "hints": max(old["hints"], hints),
                "misconceptions": list(
                    dict.fromkeys([*old["misconceptions"], misconception])
                ),
                "source": source or old["source"],
            }
            new["misconceptions"] = [title for title in new["misconceptions"] if title]
            if new != old:
                _save(path, entries | {name: new})
    except OSError as error:
        return f"Your progress could not be saved in {path}: {error.strerror or error}."
    return ""


def _save(path: Path, entries: dict) -> None:
    if path.exists() and not load():  # unreadable: set it aside, do not destroy it
        os.replace(path, path.with_suffix(".unreadable.json"))
    data = {"version": VERSION, "exercises": entries}
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Keep two notebooks from writing at once: what one adds the other must see."""
    lock = path.with_name(path.name + ".lock")
    end = time.monotonic() + PATIENCE
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            if time.monotonic() > end:
                break
        except PermissionError:  # on Windows: somebody is just removing it
            if os.name != "nt" or time.monotonic() > end:
                raise
        time.sleep(0.01)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.unlink()

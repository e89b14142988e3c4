"""The learner's own copy of the course, which an update never overwrites."""

import hashlib
import json
from pathlib import Path

from course_utils.files import atomic_path
from course_utils.notebooks.places import ROOT, reading_order
from course_utils.pages import page_name

COPY_FOLDER = ROOT / "my-course"
TUTORING = "AGENTS.md"  # beside notebooks/: how a coding assistant is to tutor
COPY_RECORD = ".shipped.json"  # in the learner's folder: what was shipped last time


def copy_course(target: Path, folder: Path) -> list[str]:
    """Copy the notebooks into a folder of the learner's own; say what was done.

    With them goes what tells a coding assistant how to tutor.

    A file that the learner has changed is never overwritten. When the shipped one has
    changed since the last copy, it is put beside the learner's. Raises ValueError for
    a target inside ``folder``: what lies there is validated.
    """
    if target.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"DIR must be outside {folder.name}/, got {target}")
    target.mkdir(parents=True, exist_ok=True)
    record = _read_record(target / COPY_RECORD)
    lines = []
    tutoring = folder.parent / TUTORING
    for path in reading_order(folder) + [tutoring] * tutoring.is_file():
        shipped = path.read_bytes()
        lines += _follow_a_new_number(target, path.name, record)
        lines.append(_copy_one(shipped, target / path.name, record.get(path.name)))
        record[path.name] = _digest(shipped)
    _note(target, record)
    return lines


def reset_page(target: Path, page: Path) -> str:
    """Put a page as it is shipped into a copy of the course; say what was done.

    What the learner has made of it is kept beside it, as ``02_attention.old.ipynb``.
    """
    mine, shipped = target / page.name, page.read_bytes()
    if not target.is_dir():
        raise NotADirectoryError(f"no copy of the course in {target}")
    kept = ""
    if mine.exists() and mine.read_bytes() != shipped:
        old = _free_name(mine, ".old")
        mine.rename(old)
        kept = f"; yours is kept beside it, {old.name}"
    _write(mine, shipped)
    _note(target, _read_record(target / COPY_RECORD) | {page.name: _digest(shipped)})
    return f"{mine.name}: as it is shipped{kept}"


def pages_worked_on(target: Path) -> list[Path]:
    """Return the pages of a copy that are not as they were shipped, the latest last."""
    record = _read_record(target / COPY_RECORD)
    changed = [
        target / name
        for name, shipped in record.items()
        if name != TUTORING
        and (target / name).is_file()
        and _digest((target / name).read_bytes()) != shipped
    ]
    return sorted(changed, key=lambda path: path.stat().st_mtime_ns)


def _follow_a_new_number(target: Path, name: str, record: dict[str, str]) -> list[str]:
    """Rename a page of the copy that is shipped under another number now."""
    for old in [*record]:
        same_page = page_name(Path(old).stem) == page_name(Path(name).stem)
        if same_page and (target / old).exists() and not (target / name).exists():
            (target / old).rename(target / name)
            record[name] = record.pop(old)
            return [f"{old}: is called {name} now"]
    return []


def _copy_one(shipped: bytes, mine: Path, last_shipped: str | None) -> str:
    """Copy one notebook; ``last_shipped`` is the digest of what was copied before."""
    if not mine.exists():
        _write(mine, shipped)
        return f"{mine.name}: copied"
    if mine.read_bytes() == shipped:
        return f"{mine.name}: is the newest already"
    if last_shipped == _digest(shipped):
        return f"{mine.name}: kept as you left it"
    if last_shipped == _digest(mine.read_bytes()):
        _write(mine, shipped)
        return f"{mine.name}: brought up to date; you had not changed it"
    beside = _free_name(mine, ".new")
    _write(beside, shipped)
    return (
        f"{mine.name}: kept as you left it; the newer one is beside it, {beside.name}"
    )


def _free_name(path: Path, kind: str) -> Path:
    names = [kind, *(f"{kind}-{number}" for number in range(2, 1000))]
    candidates = (path.with_name(path.stem + name + path.suffix) for name in names)
    return next(candidate for candidate in candidates if not candidate.exists())


def _write(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _note(target: Path, record: dict[str, str]) -> None:
    """Write down what was shipped last."""
    with atomic_path(target / COPY_RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_record(path: Path) -> dict[str, str]:
    """A record that is missing or damaged says nothing; then no file is overwritten."""
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}

"""Write a file whole or not at all; keep a folder to one process.

A crash, a full disk or Ctrl-C in the middle of writing must never damage the last good
file. So everything the course saves is first written under a temporary name in the same
folder and then renamed: renaming within a folder is atomic (POSIX ``rename``).
"""

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

LOCK_FILE = ".lock"
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` on success.

    If the body raises, the temporary file is removed and ``path`` stays as it was. An
    ``OSError`` (disk full, no permission) is raised again with the target's name in it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        message = f"could not write {path}: {error.strerror or error}"
        raise OSError(error.errno, message) from error
    finally:
        temporary.unlink(missing_ok=True)


def kept(path: Path, make: Callable):
    """Return (data, whether they were there): a JSON file's, or made now and kept.

    If ``make`` fails nothing is kept: the next time it is tried again.
    """
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8")), True
    data = make()
    write_json(path, data)
    return data, False


def digest(data) -> str:
    """Return eight characters that name data of JSON: other data, other characters."""
    return sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:8]


def write_json(path: str | os.PathLike, data) -> None:
    """Write plain data as JSON, indented, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


@contextmanager
def locked(folder: str | os.PathLike) -> Iterator[None]:
    """Keep all other processes out of ``folder``, which is made if it is not there.

    The operating system lets go of the lock when the process ends, however it ends.
    Raises ValueError at once if another process holds it. The holder may lock again.
    What a killed holder has left half written is cleared away, and so is the lock where
    nothing else was made.
    """
    from filelock import FileLock, Timeout  # slow to load, and seldom needed

    folder = Path(folder)
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK_FILE, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"another process is at work in {folder}: wait for it, or take another "
            "folder"
        ) from None
    try:
        remove_unfinished(folder)
        yield
    finally:
        if [path.name for path in folder.iterdir()] == [LOCK_FILE]:
            (folder / LOCK_FILE).unlink()
            if is_new:
                folder.rmdir()
        lock.release()


def remove_unfinished(folder: Path) -> None:
    """Remove what ``atomic_path`` had begun in ``folder`` when a process was killed.

    Only for a folder that is locked: another process may be writing just now.
    """
    for path in folder.iterdir():
        if TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink()

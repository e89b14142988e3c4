"""Write a file whole or not at all.

A crash, a full disk or Ctrl-C in the middle of writing must never damage the last good
file. So everything the course saves is first written under a temporary name in the same
folder and then renamed: renaming within a folder is atomic (POSIX ``rename``).
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


def write_json(path: str | os.PathLike, data) -> None:
    """Write plain data as JSON, indented, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")

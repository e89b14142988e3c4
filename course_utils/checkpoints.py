"""Checkpoints: everything a training run needs to go on, in one file.

A long run must survive a crash, a full disk and a power cut. So a checkpoint is written
whole or not at all, the one before it stays until the new one is safe, and reading goes
back to the older one if the newer is damaged.

Uses ``files``; ``training`` stands on it. Read with ``weights_only=True``, checkpoints
can hold tensors, numbers, texts, lists and dictionaries, but no code that would run.
"""

import os
import re
import zipfile
from pathlib import Path
from typing import BinaryIO, NamedTuple

import torch

from course_utils.files import atomic_path

KEPT = 2  # the newest one, and the one before in case it is damaged
FILE_NAME = re.compile(r"step-(\d+)\.pt")


class Loaded(NamedTuple):
    """A checkpoint that could be read, and the newer ones that could not."""

    path: Path
    state: dict
    damaged: list[Path]


def list_checkpoints(folder: str | os.PathLike) -> list[Path]:
    """Return the checkpoints in ``folder``, oldest first; none if it does not exist."""
    folder = Path(folder)
    if not folder.is_dir():
        return []
    return sorted(
        (path for path in folder.iterdir() if FILE_NAME.fullmatch(path.name)), key=_step
    )


def save_checkpoint(folder: str | os.PathLike, step: int, state: dict) -> Path:
    """Write ``state`` as the checkpoint of ``step``; keep it and the one before it.

    Raises OSError naming the file (disk full, no permission); the checkpoints that were
    there are then untouched.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:08d}.pt"
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):  # torch hides a failed write
                raise error.__context__ from None
            raise
        file.flush()
        os.fsync(file.fileno())  # on the disk before the older ones may go
    # A checkpoint of a later step was damaged, or this run would have started from it.
    earlier = [old for old in list_checkpoints(folder) if _step(old) < step]
    for old in set(list_checkpoints(folder)) - {path, *earlier[1 - KEPT :]}:
        old.unlink()
    for left_over in folder.glob(".step-*.tmp"):  # of a process killed while writing
        left_over.unlink()
    return path


def load_checkpoint(folder: str | os.PathLike) -> Loaded:
    """Read the newest checkpoint in ``folder`` that is whole; tensors are on the CPU.

    Raises FileNotFoundError if there is none, and ValueError if all are damaged.
    """
    paths = list_checkpoints(folder)
    if not paths:
        raise FileNotFoundError(f"there is no checkpoint in {folder}")
    damaged = []
    for path in reversed(paths):
        with open(path, "rb") as file:
            try:
                return Loaded(path, _read(file), damaged)
            except MemoryError:
                raise
            except Exception:  # torch reports damage with half a dozen types
                damaged.append(path)
    names = ", ".join(path.name for path in damaged)
    raise ValueError(f"no usable checkpoint in {folder}: damaged or cut short: {names}")


def _read(file: BinaryIO) -> dict:
    # torch.save writes a zip archive with checksums, which torch.load does not check.
    if broken := zipfile.ZipFile(file).testzip():
        raise ValueError(f"the checksum of {broken} is wrong")
    file.seek(0)
    return torch.load(file, map_location="cpu", weights_only=True)


def differences(there: dict, here: dict) -> list[str]:
    """Return one sentence part for each entry in which two settings differ.

    >>> differences({"n_layer": 2, "n_head": 4}, {"n_layer": 3, "n_head": 4})
    ['n_layer is 2 there and 3 here']
    """
    return [
        f"{name} is {there.get(name)!r} there and {here.get(name)!r} here"
        for name in sorted(there.keys() | here.keys())
        if there.get(name) != here.get(name)
    ]


def _step(path: Path) -> int:
    return int(FILE_NAME.fullmatch(path.name)[1])

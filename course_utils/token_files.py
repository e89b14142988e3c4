"""Token files: a long row of token ids on disk, written as it comes, opened at once.

A file is an ordinary .npy array, which any tool for numpy's format reads, with four
bytes more behind it: the checksum (CRC-32) of the numbers. A disk or a copy that went
wrong then shows when the file is opened, and not as a model that learns nonsense.

Uses ``files``; ``training`` writes and opens them, ``data`` cuts batches from them.
"""

import itertools
import os
import zlib
from collections.abc import Iterable

import numpy as np

from course_utils.files import atomic_path

CHUNK = 1 << 20  # bytes read at a time


def write_tokens(path: str | os.PathLike, ids: Iterable[int], vocab_size: int) -> int:
    """Write token ids to a file as they come, in constant memory; return how many.

    They are stored as 2-byte numbers (4-byte if the vocabulary needs them). Raises
    ValueError for no ids at all or an id outside 0..vocab_size-1.
    """
    dtype = np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")
    ids = iter(ids)
    n = checksum = 0
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        _write_header(file, dtype, n)
        while chunk := list(itertools.islice(ids, 1 << 16)):
            wide = np.asarray(chunk, dtype=np.int64)
            if wide.min() < 0 or wide.max() >= vocab_size:
                wrong = wide[(wide < 0) | (wide >= vocab_size)][0]
                raise ValueError(f"ids must be in 0..{vocab_size - 1}, got {wrong}")
            stored = wide.astype(dtype).tobytes()
            file.write(stored)
            checksum = zlib.crc32(stored, checksum)
            n += len(wide)
        if n == 0:
            raise ValueError("ids must hold at least one token, got none")
        file.write(checksum.to_bytes(4, "little"))
        file.seek(0)
        _write_header(file, dtype, n)  # numpy leaves room for the length to grow
        file.flush()
        os.fsync(file.fileno())  # on the disk before the run goes by it
    return n


def _write_header(file, dtype: np.dtype, n: int) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": (n,)}
    np.lib.format.write_array_header_1_0(file, header)


def open_tokens(path: str | os.PathLike) -> np.memmap:
    """Open a file of write_tokens in constant memory: the system loads what is used.

    Reads it once to check it: a second for a gigabyte. Raises ValueError for a file
    that is cut short, has changed since it was written or is not one of write_tokens.
    """
    try:
        tokens = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(
            f"{path} must be a whole token file, got a damaged one ({error})"
        ) from error
    if tokens.ndim != 1 or tokens.dtype.kind != "u":
        raise ValueError(
            f"{path} must hold a row of token ids, "
            f"got an array of shape {tokens.shape} and type {tokens.dtype}"
        )
    checksum, left = 0, tokens.nbytes
    with open(path, "rb") as file:
        file.seek(tokens.offset)
        while chunk := file.read(min(CHUNK, left)):
            checksum, left = zlib.crc32(chunk, checksum), left - len(chunk)
        stored = file.read()
    if stored != checksum.to_bytes(4, "little"):
        wrong = "its checksum is wrong" if len(stored) == 4 else "it has no checksum"
        raise ValueError(
            f"{path} must be a whole token file, got a damaged one ({wrong})"
        )
    return tokens

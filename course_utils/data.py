"""Data: from texts to the batches a model is trained on.

Every batch is a pair (inputs, targets) of the same shape (B, T): the target of a
position is the token that comes after it. There are two ways to cut texts into batches.
Documents are kept whole, each between two end-of-text tokens, and padded to equal
length. A stream is one long row of tokens from which windows of T tokens are cut.

Batch number k depends on nothing but the seed and k. So the position in the data is one
number, and a resumed run sees exactly the batches that it would have seen.

Uses ``files``, ``config`` and ``cross_entropy`` (for IGNORE); ``training`` consumes the
batches. What a row of tokens is stored in: ``token_files``.
"""

import ast
import codecs
import functools
import hashlib
import os
import random
import sysconfig
import urllib.request
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from course_utils.config import whole_number
from course_utils.cross_entropy import IGNORE
from course_utils.files import atomic_path

Batch = tuple[torch.Tensor, torch.Tensor]

TINY_SHAKESPEARE_URL = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/"
    "data/tinyshakespeare/input.txt"
)
TINY_SHAKESPEARE_SHA256 = (
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
)


# ---------------------------------------------------------------------------- texts


def text_chunks(path: str | os.PathLike, chunk_bytes: int = 1 << 20) -> Iterator[str]:
    """Yield the text of a UTF-8 file piece by piece, in constant memory.

    Raises ValueError if the file is empty or not valid UTF-8 (naming the bad byte).
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0  # bytes read so far
    with open(path, "rb") as file:
        while True:
            chunk = file.read(chunk_bytes)
            begun = len(decoder.getstate()[0])  # bytes of a character cut in two
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                position = offset - begun + error.start
                raise ValueError(
                    f"{path} must be valid UTF-8, got byte "
                    f"0x{error.object[error.start]:02x} at byte offset {position}"
                ) from None
            if text:
                yield text
            if not chunk:
                break
            offset += len(chunk)
    if offset == 0:
        raise ValueError(f"{path} must hold some text, got an empty file")


def read_text(path: str | os.PathLike) -> str:
    """Return the whole text of a UTF-8 file. Raises ValueError as text_chunks does."""
    return "".join(text_chunks(path))


def download_tiny_shakespeare(
    path: str | os.PathLike, url: str = TINY_SHAKESPEARE_URL
) -> Path:
    """Fetch Tiny Shakespeare (1.1 MB) to ``path`` unless it is there; return the path.

    The bytes must have the known SHA-256; otherwise ValueError, and nothing is written.
    Raises OSError where there is no network. Nothing else in the course downloads it.
    """
    path = Path(path)
    if path.exists() and _sha256(path.read_bytes()) == TINY_SHAKESPEARE_SHA256:
        return path
    with urllib.request.urlopen(url, timeout=60) as response:
        content = response.read()
    if _sha256(content) != TINY_SHAKESPEARE_SHA256:
        raise ValueError(
            f"{url} must have SHA-256 {TINY_SHAKESPEARE_SHA256}, "
            f"got {_sha256(content)} ({len(content)} bytes)"
        )
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return path


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def python_docstrings() -> list[str]:
    """Return the docstrings of the running Python's standard library, each once.

    Real text that every machine already has: no download. Tests and installed packages
    are left out; files come in sorted order. Versions of Python differ a little.
    """
    root = Path(sysconfig.get_path("stdlib"))
    left_out = {"test", "tests", "idle_test", "site-packages", "dist-packages"}
    paths = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = set(subfolders) - left_out  # os.walk enters only what is left
        paths += [Path(folder, name) for name in names if name.endswith(".py")]
    paths.sort(key=lambda path: path.relative_to(root).as_posix())
    # A repeated docstring must not stand in training and in validation text at once.
    return list(dict.fromkeys(text for path in paths for text in docstrings(path)))


def docstrings(path: str | os.PathLike) -> list[str]:
    """Return the docstrings of one source file; none if it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the file's code, not about ours
            tree = ast.parse(Path(path).read_bytes())
    except (SyntaxError, ValueError):
        return []
    found = []
    nodes = [tree]
    for node in nodes:  # grows while it is read; expressions define nothing: not walked
        if isinstance(node, (ast.Module, ast.ClassDef, *_FUNCTIONS)):
            found.append(ast.get_docstring(node))  # without its indentation
        nodes += [n for n in ast.iter_child_nodes(node) if isinstance(n, _STATEMENTS)]
    return [text for text in found if text]


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)


def split_documents(
    documents: Sequence, fraction: float, seed: int = 0
) -> tuple[list, list]:
    """Split at random into (training, validation); validation gets ``fraction``."""
    n_validation = round(len(documents) * fraction)
    if not 0 < n_validation < len(documents):
        raise ValueError(
            f"fraction must leave documents on both sides, "
            f"got {fraction} of {len(documents)} documents"
        )
    order = list(range(len(documents)))
    random.Random(seed).shuffle(order)
    held_out = set(order[:n_validation])
    training = [d for i, d in enumerate(documents) if i not in held_out]
    return training, [documents[i] for i in sorted(held_out)]


# -------------------------------------------------------------------------- batches


class Batches:
    """What both kinds of batches share: counting and resuming. Infinite."""

    def __init__(self, batch_size: int, seed: int):
        check_at_least_one(batch_size=batch_size)
        # Plain integers, also where numpy's were given: the state must be storable.
        self.batch_size, self.seed = int(batch_size), int(seed)
        self.n_drawn = 0

    def batch(self, k: int) -> Batch:
        """Return batch number k: (inputs, targets), both (B, T) int64."""
        raise NotImplementedError

    def next_batch(self) -> Batch:
        """Return the next batch: (inputs, targets), both (B, T) int64."""
        batch = self.batch(self.n_drawn)
        self.n_drawn += 1
        return batch

    def state_dict(self) -> dict:
        """Return the position in the data, and which data: plain numbers and names."""
        return {"n_drawn": self.n_drawn, **self._identity()}

    def load_state_dict(self, state: dict) -> None:
        """Go to a saved position. Raises ValueError if it belongs to other batches:

        of another kind, seed, size or length, or cut from other tokens.
        """
        for name, here in self._identity().items():
            if state.get(name) != here:
                raise ValueError(
                    f"state must be of batches with {name} {here}, "
                    f"got {state.get(name)}"
                )
        self.n_drawn = state["n_drawn"]

    def _identity(self) -> dict:
        """Return what must be the same for batch number k to be the same."""
        return {
            "kind": type(self).__name__,
            "seed": self.seed,
            "batch_size": self.batch_size,
            "checksum of tokens": self._checksum,
        }

    @functools.cached_property
    def _checksum(self) -> int:
        """CRC-32 of all tokens, read once, a piece at a time."""
        checksum = 0
        for row in self._rows():
            checksum = zlib.crc32(b"%d tokens" % len(row), checksum)
            for start in range(0, len(row), 1 << 16):
                piece = np.ascontiguousarray(
                    row[start : start + (1 << 16)], dtype="<i8"
                )
                checksum = zlib.crc32(piece, checksum)
        return checksum

    def _rows(self) -> Iterable[Sequence[int]]:
        """Yield the rows of numbers that the batches are made of."""
        raise NotImplementedError

    def _random(self, *purpose: object) -> random.Random:
        """Return Python's generator (the same on every machine) for one purpose."""
        return random.Random(f"{self.seed} {purpose}")


class DocumentBatches(Batches):
    """Batches of whole documents, each read as end_of_text + tokens + end_of_text.

    documents: lists of token ids. Shorter ones are padded on the right with
    end_of_text; the padding's targets are IGNORE (its inputs do no harm: causal
    attention never looks right). loss_starts: how many first tokens of each document
    are a prompt, which the model reads but is not trained to predict.

    Each epoch takes the documents in a new order and leaves out
    len(documents) % batch_size of them, others each time. Documents of similar length
    share a batch, so that little is padding.
    """

    def __init__(
        self,
        documents: Sequence[Sequence[int]],
        batch_size: int,
        end_of_text: int,
        seed: int = 0,
        n_positions: int = 1024,
        loss_starts: Sequence[int] | None = None,
    ):
        super().__init__(batch_size, seed)
        self.frames = frame_documents(documents, end_of_text, n_positions, loss_starts)
        if len(documents) < batch_size:
            raise ValueError(
                f"documents must be at least batch_size = {batch_size}, "
                f"got {len(documents)}"
            )
        self.end_of_text = end_of_text
        self._epoch, self._plan = -1, []

    def batch(self, k: int) -> Batch:
        epoch, k_in_epoch = divmod(k, len(self.frames) // self.batch_size)
        if epoch != self._epoch:
            self._epoch, self._plan = epoch, self._plan_epoch(epoch)
        frames = [self.frames[i] for i in self._plan[k_in_epoch]]
        return pad_documents(frames, self.end_of_text)

    def _rows(self):
        for frame, start in self.frames:
            yield [start, *frame]

    def _plan_epoch(self, epoch: int) -> list[list[int]]:
        """Return the epoch's batches, as lists of indices of documents."""
        rng, size = self._random("epoch", epoch), self.batch_size
        order = list(range(len(self.frames)))
        rng.shuffle(order)
        order = order[: len(order) // size * size]
        # Sorting 32 batches at a time makes lengths similar and keeps batches random.
        for start in range(0, len(order), 32 * size):
            pool = order[start : start + 32 * size]
            order[start : start + 32 * size] = sorted(pool, key=self._length)
        plan = [order[start : start + size] for start in range(0, len(order), size)]
        rng.shuffle(plan)
        return plan

    def _length(self, i: int) -> int:
        return len(self.frames[i][0])


class StreamBatches(Batches):
    """Windows of T tokens, cut anywhere from one long row of tokens.

    tokens: list, array, tensor or open_tokens file, at least T + 1 long. Every target
    counts. Windows may overlap and start inside a document.
    """

    def __init__(
        self,
        tokens: Sequence[int] | np.ndarray,
        batch_size: int,
        T: int,
        seed: int = 0,
    ):
        super().__init__(batch_size, seed)
        self.tokens = as_token_row(tokens)
        check_at_least_one(T=T)
        self.T = int(T)
        if len(self.tokens) < T + 1:
            raise ValueError(
                f"tokens must be at least T + 1 = {T + 1} (a window and the token "
                f"after it), got {len(self.tokens)}"
            )

    def batch(self, k: int) -> Batch:
        rng, n_starts = self._random("batch", k), len(self.tokens) - self.T
        starts = [rng.randrange(n_starts) for _ in range(self.batch_size)]
        windows = np.stack([self.tokens[s : s + self.T + 1] for s in starts])
        windows = torch.from_numpy(windows.astype(np.int64))  # (B, T + 1)
        return windows[:, :-1], windows[:, 1:]

    def _identity(self):
        return {**super()._identity(), "T": self.T}

    def _rows(self):
        return [self.tokens]


def evaluation_windows(
    tokens: Sequence[int] | np.ndarray, batch_size: int, T: int
) -> list[Batch]:
    """Cut a row of tokens into batches that predict every token but the first once.

    Windows follow each other without overlap. What is left at the end, shorter than T,
    is a batch of its own.
    """
    check_at_least_one(batch_size=batch_size, T=T)
    tokens = as_token_row(tokens)
    if len(tokens) < 2:
        raise ValueError(f"tokens must be at least 2, got {len(tokens)}")
    row = torch.from_numpy(tokens.astype(np.int64))
    end = (len(row) - 1) // T * T  # of the whole windows
    inputs, targets = row[:end].view(-1, T), row[1 : end + 1].view(-1, T)
    batches = [
        (inputs[start : start + batch_size], targets[start : start + batch_size])
        for start in range(0, len(inputs), batch_size)
    ]
    if end + 1 < len(row):
        batches.append((row[None, end:-1], row[None, end + 1 :]))
    return batches


def evaluation_documents(
    documents: Sequence[Sequence[int]],
    batch_size: int,
    end_of_text: int,
    n_positions: int = 1024,
    loss_starts: Sequence[int] | None = None,
) -> list[Batch]:
    """Return batches framed as in DocumentBatches, every document in them once."""
    check_at_least_one(batch_size=batch_size)
    frames = frame_documents(documents, end_of_text, n_positions, loss_starts)
    frames.sort(key=lambda frame: len(frame[0]))
    return [
        pad_documents(frames[start : start + batch_size], end_of_text)
        for start in range(0, len(frames), batch_size)
    ]


def check_at_least_one(**arguments: int) -> None:
    """Raise ValueError unless every argument is a whole number of at least 1."""
    for name, value in arguments.items():
        if whole_number(value) is None:
            raise ValueError(f"{name} must be a whole number, got {value!r}")
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")


def as_token_row(tokens: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return tokens as a 1-D array of whole numbers (a memory-mapped file as it is)."""
    row = np.asanyarray(tokens)
    if row.size == 0:
        raise ValueError("tokens must hold at least one token, got none")
    if row.ndim != 1 or row.dtype.kind not in "iu":
        raise ValueError(
            f"tokens must be a row of whole numbers, "
            f"got shape {row.shape} and type {row.dtype}"
        )
    return row


def frame_documents(
    documents: Sequence[Sequence[int]],
    end_of_text: int,
    n_positions: int,
    loss_starts: Sequence[int] | None = None,
) -> list[tuple[list[int], int]]:
    """Put each document between end-of-text tokens: pairs (frame, prompt tokens)."""
    if len(documents) == 0:
        raise ValueError("documents must hold at least one document, got none")
    if loss_starts is None:
        loss_starts = [0] * len(documents)
    if len(loss_starts) != len(documents):
        raise ValueError(
            f"loss_starts must hold one number for each of {len(documents)} documents, "
            f"got {len(loss_starts)}"
        )
    frames = []
    for i, (tokens, start) in enumerate(zip(documents, loss_starts, strict=True)):
        if len(tokens) + 1 > n_positions:
            raise ValueError(
                f"documents must have at most n_positions - 1 = {n_positions - 1} "
                f"tokens, got {len(tokens)} in document {i}"
            )
        if not 0 <= start <= len(tokens):
            raise ValueError(
                f"loss_starts must be in 0..{len(tokens)} for document {i}, got {start}"
            )
        frames.append(([end_of_text, *tokens, end_of_text], start))
    return frames


def pad_documents(frames: Sequence[tuple[list[int], int]], padding: int) -> Batch:
    """Return (inputs, targets), both (B, T), of framed documents; the longest fits."""
    T = max(len(frame) for frame, _ in frames) - 1
    inputs = torch.full((len(frames), T), padding)
    targets = torch.full((len(frames), T), IGNORE)
    for row, (frame, start) in enumerate(frames):
        ids = torch.tensor(frame)
        inputs[row, : len(ids) - 1] = ids[:-1]
        targets[row, start : len(ids) - 1] = ids[start + 1 :]
    return inputs, targets

"""The texts of a run: a file, stories of the course's world, or Python's docstrings."""

import itertools
import math
import random
from collections.abc import Iterable, Iterator

import numpy as np

from course_utils.data import python_docstrings, split_documents, text_chunks
from course_utils.tokenization import END_OF_TEXT, Tokenizer
from course_utils.world import World

Text = str | Iterable[str]  # whole, or in pieces
DIALS = ("bias", "notes", "reports")  # options that go to the World as they are
HELD_OUT = 0.1  # of the text, for validation ...
MOST_HELD_OUT = 200_000  # ... but no more characters than are read in a few seconds


def story_world(options: dict) -> World:
    """Return the world with its dials as the options set them."""
    return World(**{dial: options[dial] for dial in DIALS})


def read_corpus(options: dict) -> tuple[Iterable[Text], Iterable[Text]]:
    """Return the texts to train on and the texts held out.

    Those of a file are read piece by piece whenever they are gone through, so that a
    long text takes no memory.
    """
    if options["data"] not in ("world", "python-docs"):
        path = options["data"]
        n = sum(map(len, text_chunks(path)))
        cut = n - min(math.ceil(n * HELD_OUT), MOST_HELD_OUT)
        if cut == 0:
            [text] = text_chunks(path)
            raise ValueError(f"--data must hold at least two characters, got {text!r}")
        mark = END_OF_TEXT if options["end_of_text"] == "special" else None
        return FileTexts(path, 0, cut, mark), FileTexts(path, cut, n, mark)
    if options["data"] == "world":
        world = story_world(options)
        chance = random.Random(options["seed"])
        texts = [world.sample(chance).text for _ in range(options["stories"])]
    else:
        texts = python_docstrings()
    fraction = min(HELD_OUT, MOST_HELD_OUT / max(1, sum(map(len, texts))))
    return split_documents(texts, fraction, options["seed"])


class FileTexts:
    """The texts in a part of a file, which is read anew, in pieces, at each iteration.

    start, stop: the part, in characters. mark: what stands between two texts, if there
    are several; it belongs to none of them. Each text is an iterator over its pieces,
    to be used up before the next one is taken.
    """

    def __init__(self, path: str, start: int, stop: int, mark: str | None):
        self.path, self.start, self.stop, self.mark = path, start, stop, mark

    def __iter__(self) -> Iterator[Iterator[str]]:
        pieces = clip(text_chunks(self.path), self.start, self.stop)
        if self.mark:
            pieces = split_at_mark(pieces, self.mark)
        for between, text in itertools.groupby(pieces, key=lambda piece: piece is None):
            if not between:
                yield text

    def count(self, mark: str) -> int:
        """Return how often ``mark`` stands in this part of the file."""
        pieces = clip(text_chunks(self.path), self.start, self.stop)
        return sum(piece is None for piece in split_at_mark(pieces, mark))


def pieces_of(text: Text) -> Iterable[str]:
    """Return a text as pieces, whether it is whole or in pieces already."""
    return [text] if isinstance(text, str) else text


def count_characters(texts: Iterable[Text]) -> int:
    """Return the number of characters in all texts."""
    return sum(len(piece) for text in texts for piece in pieces_of(text))


def clip(chunks: Iterable[str], start: int, stop: int) -> Iterator[str]:
    """Yield the characters from ``start`` to before ``stop`` of the joined chunks."""
    position = 0
    for chunk in chunks:
        if part := chunk[max(0, start - position) : max(0, stop - position)]:
            yield part
        position += len(chunk)


def split_at_mark(chunks: Iterable[str], mark: str) -> Iterator[str | None]:
    """Yield the joined chunks in pieces, and None in the place of each mark.

    >>> list(split_at_mark(["one<e", "nd><end>two"], "<end>"))
    ['one', None, None, 'two']
    """
    waiting = ""
    for chunk in chunks:
        *whole, rest = (waiting + chunk).split(mark)
        for text in whole:
            yield from (text, None) if text else (None,)
        # The end may be the beginning of a mark, which goes on in the next chunk.
        keep = next(n for n in range(len(mark) - 1, -1, -1) if rest.endswith(mark[:n]))
        if ready := rest[: len(rest) - keep]:
            yield ready
        waiting = rest[len(rest) - keep :]
    if waiting:
        yield waiting


def frame(texts: Iterable[Text], tokenizer: Tokenizer) -> Iterable[int]:
    """Yield the ids of all texts, with end-of-text before, between and after them."""
    yield tokenizer.end_of_text
    for text in texts:
        yield from tokenizer.encode_iterable(pieces_of(text))
        yield tokenizer.end_of_text


def split_at_end_of_text(tokens: np.ndarray, end_of_text: int) -> list[list[int]]:
    """Inverse of ``frame``: return the ids of each text."""
    ends = np.flatnonzero(tokens == end_of_text)
    return [tokens[start + 1 : end].tolist() for start, end in itertools.pairwise(ends)]

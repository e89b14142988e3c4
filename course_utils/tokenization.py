"""Byte-level byte-pair encoding (BPE): text to token ids and back, as GPT-2 does it.

A model reads numbers, so text is cut into tokens and each token has a number, its id.
Characters make long sequences, whole words an endless list. BPE lies between:

1. Text becomes bytes (UTF-8). There are only 256, so no text is ever unknown.
2. A pattern cuts the text into words, and no token crosses a border between words.
3. Training joins the most frequent pair of neighbours to a new token, again and again.
   The pairs, in the order learnt, are the tokenizer: ``t h``, ``th e``, ...
4. Encoding repeats these merges on each word of a new text, earliest learnt first.

``data`` and ``training`` build on it. How it is stored: ``tokenizer_files``. The same
merges in less time, for words that are very short or very long and for training:
``fast_tokenization``. Sources: Sennrich, Haddow and Birch, "Neural Machine Translation
of Rare Words with Subword Units" (2016), section 3.2; Radford et al., "Language Models
are Unsupervised Multitask Learners" (2019), section 2.2.
"""

import codecs
import heapq
import operator
import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain, groupby, islice, pairwise
from pathlib import Path

import regex

from course_utils.fast_tokenization import (
    ASCII_PATTERN,
    MergeTable,
    encode_short_word,
    encode_words,
    learn_pairs,
)
from course_utils.tokenizer_files import (
    BYTE_CHARACTERS,
    END_OF_TEXT,
    read_tokenizer,
    write_tokenizer,
)

Merges = dict[tuple[int, int], int]  # pair of ids -> id of the token that joins them

# The first alternative that fits: the ends of "it's" and "we'll"; letters, digits or
# other characters, each with the space before them; spaces, leaving the last for the
# word that follows; any spaces. (What counts as a letter is as in the ``regex``
# library's version of Unicode: letters new to it may be cut off elsewhere.)
SPLIT_PATTERN = regex.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)
BLOCK = 2**16  # characters that are cut into words at a time
CACHED_WORDS = 2**16  # words whose ids are kept: about 12 MB of English, and at most
CACHED_LENGTH = 32  # 90 MB of anything, as longer words (rare) are not kept
SHORT = 32  # bytes of a word up to which it needs no queue
MANY = 2**11  # letters of new words from which all of them together are faster


BYTE_IDS = [list(BYTE_CHARACTERS).index(byte) for byte in range(256)]  # byte -> id


def word_to_ids(word: str, byte_ids: list[int] = BYTE_IDS) -> list[int]:
    """Return one id per byte of the word; ValueError for half a surrogate pair."""
    return [byte_ids[byte] for byte in word_to_bytes(word)]


def word_to_bytes(word: str) -> bytes:
    """Return the word in UTF-8; ValueError for half a surrogate pair."""
    try:
        return word.encode("utf-8")
    except UnicodeEncodeError as error:
        half = word[error.start]
        raise ValueError(
            f"text must be valid Unicode, got the lone surrogate {half!r}"
        ) from None


def split_words(chunks: Iterable[str]) -> Iterator[list[str]]:
    """Cut the joined chunks into words by SPLIT_PATTERN; yield them list by list.

    Only about one block of text is held. Its last two words wait for the next block:
    the last may go on there ("wor" + "ld", or spaces before a word), and the last but
    one may be the apostrophe of an unfinished "'re". Every word before them has been
    decided by characters already seen.
    """
    waiting, length, enough = [], 0, BLOCK
    for chunk in chunks:
        for start in range(0, len(chunk), BLOCK):
            waiting.append(chunk[start : start + BLOCK])
            length += len(waiting[-1])
            if length >= enough:
                words = cut("".join(waiting))
                yield words[:-2]
                waiting = words[-2:]
                length = sum(map(len, waiting))
                enough = max(BLOCK, 2 * length)  # so a giant word is not cut too often
    yield cut("".join(waiting))


def cut(text: str) -> list[str]:
    """Return all words of a text."""
    pattern = ASCII_PATTERN if text.isascii() else SPLIT_PATTERN
    return pattern.findall(text)


def merge_pair(ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    """Return ids with each occurrence of the pair replaced by new_id, left to right.

    >>> merge_pair([7, 7, 7, 5, 7], (7, 7), 9)
    [9, 7, 5, 7]
    """
    first, second = pair
    merged = []
    for i in ids:
        if i == second and merged and merged[-1] == first:
            merged[-1] = new_id
        else:
            merged.append(i)
    return merged


def count_pairs(
    words: list[list[int]], counts: Iterable[int]
) -> tuple[Counter, dict[tuple[int, int], set[int]]]:
    """Return how often each pair of neighbours occurs, and the indices of its words.

    ``counts`` says how often each word occurs in the text.
    """
    pair_counts, found_in = Counter(), defaultdict(set)
    for index, (word, count) in enumerate(zip(words, counts, strict=True)):
        for pair in pairwise(word):
            pair_counts[pair] += count
            found_in[pair].add(index)
    return pair_counts, found_in


def learn_merges(word_counts: Mapping[str, int], n_merges: int) -> Merges:
    """Return the merges that training learns, in order; their ids are 256, 257, ...

    Each step merges the pair with the highest count; among equals the one with the
    lowest ids, which is also the rule of the ``tokenizers`` library. Fewer than
    n_merges are returned if every word has become a single token.
    """
    words, counts = [word_to_ids(word) for word in word_counts], [*word_counts.values()]
    pair_counts, found_in = count_pairs(words, counts)
    queue = [(-count, pair) for pair, count in pair_counts.items()]
    heapq.heapify(queue)  # lowest first: the highest count, then the lowest ids

    merges = {}
    while queue and len(merges) < n_merges:
        count, pair = heapq.heappop(queue)
        if -count != pair_counts[pair]:
            # Out of date. Counts of old pairs only fall, so it came too early, never
            # too late: it goes back with its new count.
            if pair_counts[pair] > 0:
                heapq.heappush(queue, (-pair_counts[pair], pair))
            continue
        new_id = merges[pair] = 256 + len(merges)
        first, second = pair
        new_pairs = set()
        for index in found_in.pop(pair):  # no other words change
            words[index] = merge_pair(words[index], pair, new_id)
            for new in pairwise(words[index]):
                if new_id in new:
                    left, right = new
                    before = second if left == new_id else left
                    after = first if right == new_id else right
                    pair_counts[before, after] -= counts[index]
                    pair_counts[new] += counts[index]
                    found_in[new].add(index)
                    new_pairs.add(new)
        for new in new_pairs:
            heapq.heappush(queue, (-pair_counts[new], new))
    return merges


def encode_word(ids: list[int], merges: Merges) -> list[int]:
    """Return the ids of one word's bytes after all merges, earliest learnt first.

    The same as calling merge_pair with the pair learnt earliest until none is left.
    That walks through the word once a merge, too slow for very long words. Here a queue
    holds the possible merges (earliest, then leftmost, first), and each token knows its
    neighbours' positions, so a merge touches only two pairs.
    """
    ids, end = list(ids), len(ids)
    before, after = list(range(-1, end)), list(range(1, end + 1))
    queue = [(merges[p], i) for i, p in enumerate(pairwise(ids)) if p in merges]
    heapq.heapify(queue)
    while queue:
        new_id, i = heapq.heappop(queue)
        j = after[i]
        if j == end or merges.get((ids[i], ids[j])) != new_id:
            continue  # one of the two has been merged with another token since
        ids[i], ids[j] = new_id, None
        after[i] = after[j]
        before[after[i]] = i
        for left, right in ((before[i], i), (i, after[i])):
            if left >= 0 and right < end and (ids[left], ids[right]) in merges:
                heapq.heappush(queue, (merges[ids[left], ids[right]], left))
    return [i for i in ids if i is not None]


class WordCache(dict):
    """The ids of words met before; text repeats its words, so most are only looked up.

    A dictionary calls ``__missing__`` for what it does not hold: a known word costs one
    look-up and no line of Python. When full it starts afresh, so memory stays bounded.
    """

    def __init__(self, byte_ids: list[int], merges: Merges):
        self.byte_ids, self.merges = byte_ids, merges

    def __missing__(self, word: str) -> list[int]:
        ids = word_to_ids(word, self.byte_ids)
        one_by_one = encode_short_word if len(ids) <= SHORT else encode_word
        ids = one_by_one(ids, self.merges)
        if len(word) <= CACHED_LENGTH:
            self.keep({word: ids})
        return ids

    def keep(self, known: Mapping[str, list[int]]) -> None:
        if len(self) + len(known) > CACHED_WORDS:
            self.clear()
        self.update(known)

    def encode_all(self, words: list[str]) -> Iterator[list[int]]:
        """Return the ids of each word. Where much is new, all of it is encoded at once.

        Those of long words are forgotten afterwards.
        """
        new = list(set(words) - self.keys())
        if sum(map(len, new)) < MANY:
            return map(self.__getitem__, words)
        ids = encode_words(list(map(word_to_bytes, new)), self.table)
        known = dict(zip(new, ids, strict=True))
        short = (word for word in new if len(word) <= CACHED_LENGTH)
        kept = {word: known[word] for word in islice(short, CACHED_WORDS)}
        self.keep(kept)
        if len(kept) == len(known):
            return map(self.__getitem__, words)
        return (known[word] if word in known else self[word] for word in words)

    @cached_property
    def table(self) -> MergeTable:
        return MergeTable(self.merges, self.byte_ids)


def split_special(chunks: Iterable[str], special: Collection[str]) -> Iterator[str]:
    """Yield the joined chunks in pieces; a special token is a piece of its own.

    Where several special tokens fit, the longest is taken.

    >>> list(split_special(["one", "<|>two"], {"<|>"}))
    ['o', 'ne', '<|>', 't', 'wo']
    """
    longest_first = sorted(special, key=len, reverse=True)
    pattern = regex.compile("|".join(map(regex.escape, longest_first)))
    waiting = ""
    for chunk in chain(chunks, [None]):
        waiting += chunk or ""
        # What begins later may be the start of a longer token in the next chunk.
        open_from = len(waiting)
        if chunk is not None:
            open_from = max(0, len(waiting) - len(longest_first[0]) + 1)
        start = 0
        for match in pattern.finditer(waiting):
            if match.start() >= open_from:
                break
            if match.start() > start:
                yield waiting[start : match.start()]
            yield match.group()
            start = match.end()
        if start < open_from:
            yield waiting[start:open_from]
            start = open_from
        waiting = waiting[start:]


def count_words(texts: str | Iterable[str | Iterable[str]]) -> Counter:
    """Return how often each word occurs; no word goes from one text into the next."""
    counts = Counter()
    for text in [texts] if isinstance(texts, str) else texts:
        if isinstance(text, (bytes, os.PathLike)):
            raise TypeError(f"texts must be of str, got {type(text).__name__}: {text}")
        if isinstance(text, str) and len(text) < 1000 and os.path.isfile(text):
            raise ValueError(
                f"texts must be text, got the name of a file, {text!r}; "
                "course_utils.data.read_text reads it"
            )
        pieces = [text] if isinstance(text, str) else text
        counts.update(chain.from_iterable(split_words(pieces)))
    return counts


def check_special(special_tokens: Collection[str]) -> None:
    """Raise unless these are distinct texts that training cannot make by itself."""
    if isinstance(special_tokens, str):
        raise TypeError(
            f"special_tokens must be a collection of texts, got one str: "
            f"({special_tokens!r},) is meant"
        )
    parts = [len(SPLIT_PATTERN.findall(token)) for token in special_tokens]
    if len(set(special_tokens)) < len(parts) or min(parts, default=2) < 2:
        raise ValueError(
            "special_tokens must be distinct and written like '<|name|>', "
            f"got {special_tokens!r}"
        )


class Tokenizer:
    """Byte-level BPE; made by ``Tokenizer.train`` or ``Tokenizer.from_pretrained``.

    ``merges``: pair of ids -> id of the joined token, in the order learnt.
    ``vocab``: bytes of each ordinary token -> id. ``special_tokens``: text -> id.
    ``vocab_size``: the number of all tokens; the ids are 0 to vocab_size - 1.
    """

    def __init__(
        self, merges: Merges, special_tokens: dict[str, int], byte_ids=BYTE_IDS
    ):
        self.merges, self.special_tokens = merges, special_tokens
        ids = sorted([*byte_ids, *merges.values(), *special_tokens.values()])
        if ids != list(range(len(ids))):
            raise ValueError(
                "merges and special_tokens must give all tokens the ids 0, 1, 2, ..., "
                f"got {len(ids)} tokens and the highest id {ids[-1]}"
            )
        if list(merges.values()) != sorted(merges.values()):
            raise ValueError("merges must stand in the order of their ids")
        self.bytes_by_id = {i: bytes([byte]) for byte, i in enumerate(byte_ids)}
        for (left, right), i in merges.items():
            self.bytes_by_id[i] = self.bytes_by_id[left] + self.bytes_by_id[right]
        self.vocab = {token: i for i, token in self.bytes_by_id.items()}
        for text, i in special_tokens.items():
            self.bytes_by_id[i] = text.encode("utf-8")
        self.vocab_size = len(self.bytes_by_id)
        self.cache = WordCache(byte_ids, merges)

    @classmethod
    def train(
        cls,
        texts: str | Iterable[str | Iterable[str]],
        vocab_size: int,
        special_tokens: Collection[str] = (END_OF_TEXT,),
    ) -> "Tokenizer":
        """Learn a vocabulary of vocab_size tokens (fewer if the text is too short).

        texts: one text, or several; a long one may be an iterable of its pieces.
        Ids: 256 bytes in GPT-2's order, then the merges, then the special tokens. These
        must be of several words to SPLIT_PATTERN, so that no merge can make them.
        ValueError: vocab_size below 256 + special tokens, no text, the name of a file
        in its place, bad special tokens.
        """
        check_special(special_tokens)
        smallest = 256 + len(special_tokens)
        if vocab_size < smallest:
            raise ValueError(
                f"vocab_size must be at least {smallest} (256 bytes, "
                f"{len(special_tokens)} special), got {vocab_size}"
            )
        counts = count_words(texts)
        if not counts:
            raise ValueError("texts must hold some text, got none")
        words = list(map(word_to_bytes, counts))
        n_merges = operator.index(vocab_size) - smallest
        merges = learn_pairs(words, counts.values(), n_merges, BYTE_IDS)
        first_special = 256 + len(merges)
        return cls(merges, {t: first_special + i for i, t in enumerate(special_tokens)})

    def __len__(self) -> int:
        """Return vocab_size, as the tokenizers of transformers do."""
        return self.vocab_size

    @property
    def end_of_text(self) -> int:
        """The id of the end-of-text token; ValueError if this tokenizer has none."""
        if END_OF_TEXT not in self.special_tokens:
            raise ValueError(f"this tokenizer has no special token {END_OF_TEXT!r}")
        return self.special_tokens[END_OF_TEXT]

    def encode(
        self, text: str, allowed_special: Collection[str] | str = ()
    ) -> list[int]:
        """Return the ids of a text.

        A special token in the text is read as ordinary characters, so that no user can
        smuggle one in, unless allowed_special names it or is "all". ValueError:
        allowed_special names an unknown token; the text holds a lone surrogate.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a str, got {type(text).__name__}")
        return list(self.encode_iterable([text], allowed_special))

    def encode_batch(
        self, texts: Iterable[str], allowed_special: Collection[str] | str = ()
    ) -> list[list[int]]:
        """Return the ids of each text, as ``encode`` does."""
        if isinstance(texts, str):
            raise TypeError("texts must be several texts, got one str: see encode")
        return [self.encode(text, allowed_special) for text in texts]

    def encode_iterable(
        self, chunks: Iterable[str], allowed_special: Collection[str] | str = ()
    ) -> Iterator[int]:
        """Yield the ids of the joined chunks in constant memory, as ``encode`` does.

        Chunks may end anywhere, even within a word or a special token. Only a single
        word longer than a block takes more memory.
        """
        # Joined by ``chain``: a token costs no line of Python.
        return chain.from_iterable(self._encode_by_block(chunks, allowed_special))

    def _encode_by_block(self, chunks, allowed_special) -> Iterator[Iterable[int]]:
        special = self.special(allowed_special)
        chunks = [chunks] if isinstance(chunks, str) else chunks
        pieces = split_special(chunks, special) if special else chunks
        for piece, run in groupby(pieces, key=special.get):
            if piece is None:  # ordinary text
                for words in split_words(run):
                    yield chain.from_iterable(self.cache.encode_all(words))
            else:
                yield (piece for _ in run)

    def special(self, allowed: Collection[str] | str) -> dict[str, int]:
        """Return the special tokens that are allowed in a text, with their ids."""
        if isinstance(allowed, str) and allowed == "all":
            return self.special_tokens
        if isinstance(allowed, str) or not set(allowed) <= self.special_tokens.keys():
            raise ValueError(
                "allowed_special must be a collection out of "
                f"{list(self.special_tokens)}, or 'all', got {allowed!r}"
            )
        return {token: self.special_tokens[token] for token in allowed}

    def token_bytes(self, i: int) -> bytes:
        """Return the bytes of one token; ValueError for an id out of range."""
        try:
            return self.bytes_by_id[operator.index(i)]
        except KeyError:
            allowed = f"0..{self.vocab_size - 1}"
            raise ValueError(f"token id must be in {allowed}, got {i}") from None

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """Return the joined bytes of the tokens; ValueError for an id out of range."""
        return b"".join(map(self.token_bytes, ids))

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the ids; bytes that are not UTF-8 become "�".

        A character may be split over several tokens: join the bytes first, then decode.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_batch(self, batch: Iterable[Iterable[int]]) -> list[str]:
        """Return the text of each row of ids, as ``decode`` does."""
        return [self.decode(ids) for ids in batch]

    def decode_iterable(self, ids: Iterable[int]) -> Iterator[str]:
        """Yield the text of the ids piece by piece, never a part of a character."""
        return codecs.iterdecode(map(self.token_bytes, ids), "utf-8", errors="replace")

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Write vocab.json, merges.txt and the settings that transformers looks for."""
        write_tokenizer(folder, self.vocab, self.merges, self.special_tokens)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> "Tokenizer":
        """Read a tokenizer saved by save_pretrained, by OpenAI or by transformers.

        ValueError: no id for a byte, ids other than 0, 1, 2, ..., a line of the merges
        that is missing or wrong (it is named), a setting that would change the ids.
        """
        saved = read_tokenizer(Path(folder))
        return cls(saved.merges, saved.special_tokens, saved.byte_ids)

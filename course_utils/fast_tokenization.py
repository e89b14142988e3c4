"""What ``tokenization`` teaches, for texts of any size: the same results, sooner.

The taught functions take one word at a time, and one pair at a time. Here

- text of plain ASCII is cut by Python's own ``re``, twice as fast as ``regex``;
- a single short word is merged without a queue, which does not pay for a few letters;
- many new words, or a long one, are encoded together, in one long row. Of the merges
  that can be made in it a whole stretch is made at once, in a few operations on arrays;
- in training too all words stand in one row, with a table of where each pair of
  neighbours stands. A merge touches those places alone.

So a text that is one giant word (Chinese, DNA, a million digits) costs no more than
others. Equal, by test, to ``tokenization.SPLIT_PATTERN``, ``encode_word`` and
``learn_merges``. Uses nothing of the course; ``tokenization`` calls it.
"""

import heapq
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import chain, pairwise

import numpy as np

BORDER, GONE = -1, -2  # in the row: between two words; the right half of a merged pair
SHIFT = 32  # a pair is one number: left id << SHIFT | right id
NO_MERGE = 2**31 - 1  # above every id
NO_BYTE = b"\xff"  # occurs in no UTF-8 text, so it can stand between two words

# SPLIT_PATTERN for text of ASCII alone, where \p{L}, \p{N} and \s are easily listed.
ASCII_PATTERN = re.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\t-\r A-Za-z0-9]+"
    r"|[\t-\r ]+(?![^\t-\r ])|[\t-\r ]+"
)


def encode_short_word(
    ids: list[int], merges: Mapping[tuple[int, int], int]
) -> list[int]:
    """Return what ``encode_word`` returns; faster for up to some 30 bytes."""
    ids = list(ids)
    joined = [merges.get(pair, NO_MERGE) for pair in pairwise(ids)]  # pair by pair
    while joined and (new_id := min(joined)) < NO_MERGE:
        i = joined.index(new_id)
        ids[i : i + 2] = [new_id]
        del joined[i]
        if i > 0:
            joined[i - 1] = merges.get((ids[i - 1], new_id), NO_MERGE)
        if i < len(joined):
            joined[i] = merges.get((new_id, ids[i + 1]), NO_MERGE)
    return ids


class MergeTable:
    """Merges as arrays: which token a pair of neighbours makes, and what waits for it.

    ``ends``: for each token that a merge makes, the id at which a stretch of merges
    ends that begins with it: no merge before that end uses a token that another one of
    the stretch makes. So all of them may be made in one go. (GPT-2's 50,000 merges are
    122 stretches.) Each merge must use bytes or tokens of lower ids.
    """

    def __init__(self, merges: Mapping[tuple[int, int], int], byte_ids):
        self.byte_ids = byte_ids
        both = np.fromiter(chain.from_iterable(merges), np.int64, 2 * len(merges))
        pairs, made = both.reshape(-1, 2), np.fromiter(merges.values(), np.int32)
        n = 2 + max(max(byte_ids), made.max(initial=0))  # the last is for BORDER
        self.is_left, self.is_right = np.zeros(n, bool), np.zeros(n, bool)
        self.is_left[pairs[:, 0]] = self.is_right[pairs[:, 1]] = True
        joined = join_pair(pairs[:, 0], pairs[:, 1])
        order = np.argsort(joined)  # for a search by halves
        self.pairs = np.append(joined[order], -1)
        self.made = np.append(made[order], NO_MERGE)
        first_use = np.full(n, NO_MERGE)
        np.minimum.at(first_use, pairs, made[:, None])
        self.ends = np.full(n, NO_MERGE)
        late_first = np.sort(made)[::-1]
        self.ends[late_first] = np.minimum.accumulate(first_use[late_first])

    def look_up(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return the tokens that neighbours make, NO_MERGE where they make none."""
        made = np.full(len(left), NO_MERGE, np.int32)
        perhaps = np.flatnonzero(self.is_left[left] & self.is_right[right])
        pairs = join_pair(left[perhaps], right[perhaps])
        at = np.searchsorted(self.pairs[:-1], pairs)
        made[perhaps] = np.where(self.pairs[at] == pairs, self.made[at], NO_MERGE)
        return made


def merges_to_make(at: np.ndarray, made: np.ndarray) -> np.ndarray:
    """Return, in order, those places where a merge of one stretch is really made.

    ``at``: where one could be, ``made``: what it would make. Of two that share a token
    the one learnt earlier comes first; of equals, the left.
    """
    chosen = []
    while len(at):
        shared = at[1:] == at[:-1] + 1  # a token with the next place
        earlier = np.append(False, shared & (made[:-1] < made[1:]))  # the one before
        later = np.append(shared & (made[1:] < made[:-1]), False)  # than the next one
        # In a run of equals (a a a a) take the first, the third, the fifth ...
        equal = np.append(False, shared & (made[1:] == made[:-1]))
        n = np.arange(len(at))
        start = np.maximum.accumulate(np.where(equal, 0, n))
        take = ((n - start) % 2 == 0) & ~earlier[start] & ~later
        chosen.append(at[take])
        settled = take.copy()  # it is made, or shares a token with one that is
        settled[1:] |= take[:-1] & shared
        settled[:-1] |= take[1:] & shared
        at, made = at[~settled], made[~settled]
    return np.sort(np.concatenate(chosen))


def encode_row(ids: np.ndarray, table: MergeTable) -> np.ndarray:
    """Return the ids after all merges, earliest learnt first; BORDER stays as it is."""
    ids = np.concatenate([[BORDER], ids, [BORDER]]).astype(np.int32)
    made = np.append(table.look_up(ids[:-1], ids[1:]), NO_MERGE)  # with the next one
    while (earliest := made.min()) < NO_MERGE:
        at = np.flatnonzero(made < table.ends[earliest])
        at = merges_to_make(at, made[at])
        ids[at] = made[at]
        stays = np.ones(len(ids), bool)
        stays[at + 1] = False
        ids, made = ids[stays], made[stays]
        at -= np.arange(len(at))  # each merge has moved what follows it
        for left in (at - 1, at):
            made[left] = table.look_up(ids[left], ids[left + 1])
    return ids[1:-1]


def encode_words(words: Collection[bytes], table: MergeTable) -> list[list[int]]:
    """Return for each word what ``encode_word`` returns; all take part in each step."""
    row = encode_row(spell(words, table.byte_ids), table)
    borders = np.flatnonzero(row == BORDER).tolist()
    ids = row.tolist()
    return [ids[start + 1 : end] for start, end in pairwise([-1, *borders, len(ids)])]


def spell(words: Collection[bytes], byte_ids) -> np.ndarray:
    """Return the ids of the words' bytes in one row, with a BORDER between two words.

    ``byte_ids``: the id of each byte.
    """
    table = np.array(byte_ids, np.int32)
    table[NO_BYTE[0]] = BORDER
    return table[np.frombuffer(NO_BYTE.join(words), np.uint8)]


class PairRow:
    """A row of token ids, and where in it each pair of neighbours stands.

    ``ids``: the row. ``before``, ``after``: the positions of each token's neighbours.
    ``places``: pair -> arrays of the positions of its left tokens. Those where another
    merge has come first are still in it, and are left out when they are read.
    """

    def __init__(self, ids: np.ndarray):
        n = len(ids) + 2
        number = np.int32 if n < 2**31 else np.int64  # half the memory where it will do
        self.ids = np.full(n, BORDER, number)
        self.ids[1:-1] = ids
        self.before = np.arange(-1, n - 1, dtype=number)
        self.after = np.arange(1, n + 1, dtype=number)
        self.places: dict[int, list[np.ndarray]] = {}

    def all_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all pairs of a new row, and the positions of their left tokens."""
        left, right = self.ids[:-1], self.ids[1:]
        at = np.flatnonzero((left >= 0) & (right >= 0)).astype(self.ids.dtype)
        return join_pair(left[at], right[at]), at

    def note(self, pairs: np.ndarray, at: np.ndarray) -> Iterator[tuple]:
        """Note where new pairs stand; yield each different pair with its positions."""
        for pair, here in group(pairs, at):
            self.places.setdefault(pair, []).append(here)
            yield pair, here

    def merge(self, pair: int, new_id: int) -> tuple[np.ndarray, ...]:
        """Join the pair wherever it stands, from left to right.

        Returns the pairs that are gone, their positions, those that are new, and their
        positions.
        """
        first, second = split_pair(pair)
        left = self.occurrences(pair)
        right, before = self.after[left], self.before[left]
        beyond = self.after[right]
        self.ids[left] = new_id
        # A border between two places is seen from both sides and must count once.
        alone = self.ids[beyond] != new_id
        x, y = self.ids[before], self.ids[beyond]  # x first second y
        has_x, has_y = x >= 0, alone & (y >= 0)
        gone = [join_pair(x[has_x], first), join_pair(second, y[has_y])]
        gone_at = [before[has_x], right[has_y]]

        self.ids[right] = GONE
        self.after[left], self.before[beyond] = beyond, left
        before = self.before[left]
        x = self.ids[before]  # the token before may have been merged as well
        new = [join_pair(x[has_x], new_id), join_pair(new_id, y[has_y])]
        new_at = [before[has_x], left[has_y]]
        return tuple(map(np.concatenate, (gone, gone_at, new, new_at)))

    def occurrences(self, pair: int) -> np.ndarray:
        """Return where the pair stands now; of those that overlap (a a a), the left."""
        first, second = split_pair(pair)
        left = np.concatenate(self.places.pop(pair))
        left = left[self.ids[left] == first]
        left = left[self.ids[self.after[left]] == second]
        if first != second or len(left) < 2:
            return left
        left = np.unique(left)
        # In a run of pairs that overlap take the first, the third, the fifth ...
        n = np.arange(len(left))
        begins = np.append(True, self.after[left[:-1]] != left[1:])
        return left[(n - np.maximum.accumulate(n * begins)) % 2 == 0]


def join_pair(left, right) -> np.ndarray:
    """Return pairs of ids, each as one number."""
    return np.int64(left) << SHIFT | np.int64(right)


def split_pair(pair: int) -> tuple[int, int]:
    """Return the two ids of a pair."""
    return pair >> SHIFT, pair & ((1 << SHIFT) - 1)


def group(pairs: np.ndarray, at: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each different pair, lowest first, with its own part of ``at``."""
    order = np.argsort(pairs, kind="stable")
    pairs, at = pairs[order], at[order]
    differs = pairs[1:] != pairs[:-1]
    starts = np.flatnonzero(np.append(len(pairs) > 0, differs))[: len(pairs)]
    bounds = pairwise([*starts.tolist(), len(pairs)])
    for pair, (start, end) in zip(pairs[starts].tolist(), bounds, strict=True):
        yield pair, at[start:end]


def learn_pairs(
    words: Collection[bytes], counts: Collection[int], n_merges: int, byte_ids
) -> dict[tuple[int, int], int]:
    """Return what ``learn_merges`` returns, for words as bytes and their counts."""
    row = PairRow(spell(words, byte_ids))
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    weights = np.repeat(np.fromiter(counts, np.int64, len(words)), lengths + 1)
    weights = np.append(0, weights)  # the row begins with a border

    totals, queue = {}, []

    def count(pairs, at):
        for pair, here in row.note(pairs, at):
            totals[pair] = int(weights[here].sum())
            heapq.heappush(queue, (-totals[pair], pair))

    count(*row.all_pairs())
    merges = {}
    while queue and len(merges) < n_merges:
        total, pair = heapq.heappop(queue)
        if -total != totals[pair]:
            if totals[pair] > 0:  # out of date: counts only fall, so it came too early
                heapq.heappush(queue, (-totals[pair], pair))
            continue
        new_id = merges[split_pair(pair)] = 256 + len(merges)
        gone, gone_at, new, new_at = row.merge(pair, new_id)
        for old, here in group(gone, gone_at):
            totals[old] -= int(weights[here].sum())
        totals[pair] = 0
        count(new, new_at)
    return merges
